"""What a pass of the language model costs by the numbers that its products are taken of.

    python benchmarks/language_model_products.py DATA [--texts N] [--into PAGE]

Every engine reads the same English texts of more than 150 words of DATA (a .jsonl.gz of labelled
texts), in turn. CPU is process time of a pass, scaled to 256 tokens, the median. Off: how far the
means that are read lie from those of torch in 32-bit floats with the same weights, as a share of
their length; the mean over blocks and texts.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from safetensors.numpy import load_file

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools" / "weights"))

import language_model_graph as graph  # noqa: E402
from drawing import CONTRIB, Drawing  # noqa: E402

from detectors.models.language_model import forward, network  # noqa: E402
from detectors.models.onnx_runtime import Engine  # noqa: E402
from detectors.models.quantised import GROUP, unpack  # noqa: E402
from detectors.text_model.normalise import normalise  # noqa: E402
from detectors.text_model.training.records import read, splits_of  # noqa: E402

WORDS: Final = 150
WARM: Final = 16
"""Passes of each engine before the first that counts."""
BEGIN, END = "<!-- products -->", "<!-- end of products -->"
Floats = NDArray[np.float32]


class Unlevelled(graph.ModelDrawing):
    """The graph without the tokens' own sizes."""

    def down(self, rows: str, name: str) -> str:
        """Return what comes out of the gates, multiplied as it is."""
        return self.product(rows, f"{name}.ffn_down", forward.HIDDEN, forward.WIDTH)


class ValueAlone(graph.ModelDrawing):
    """The graph with 8 bits an activation."""

    def product(self, rows: str, name: str, width: int, height: int) -> str:
        """Return a dense layer's output."""
        return self.multiplied(self.parts(rows)[:1], name, width, height, biased=False)


class FourBits(Unlevelled):
    """The graph on the 4-bit weights as they are stored: W = (q - 8) * scale + middle."""

    def __init__(self) -> None:
        """Add the shapes of groups."""
        super().__init__()
        shapes = {"inner": [2, 3]}
        for width in (forward.WIDTH, forward.HIDDEN):
            shapes[f"groups_{width}"] = [-1, width // GROUP, 2, GROUP // 2]
            shapes[f"whole_{width}"] = [1, -1, width]
        self.weights += Drawing(**shapes).weights

    def product(self, rows: str, name: str, width: int, height: int) -> str:
        """Return a dense layer's output, in 32-bit floats."""
        groups = width // GROUP
        whole = self.weight(f"{name}.q", TensorProto.UINT8, height, groups, GROUP // 2)
        scale = self.weight(f"{name}.scale", TensorProto.FLOAT, height * groups)
        middle = self.weight(f"{name}.middle", TensorProto.FLOAT, groups, height)
        apart = self.add("Reshape", [rows, f"groups_{width}"], f"{name}.groups")
        rows = self.add("Transpose", [apart], f"{name}.pairs", perm=[0, 1, 3, 2])
        rows = self.add("Reshape", [rows, f"whole_{width}"], f"{name}.ordered")
        most = self.add(
            "MatMulNBits", [rows, whole, scale], f"{name}.most", CONTRIB,
            K=width, N=height, bits=4, block_size=GROUP,
        )  # fmt: skip
        sums = self.add("ReduceSum", [apart, "inner"], f"{name}.sums", keepdims=0)
        even = self.add("MatMul", [sums, middle], f"{name}.even")
        return self.add("Add", [most, even], f"{name}.out")


def stored_weights() -> dict[str, NDArray[Any]]:
    """Return the weights of `FourBits`."""
    stored, found = load_file(forward.WEIGHTS), dict[str, NDArray[Any]]()
    for at in range(max(forward.TAPS)):
        for norm in ("attn_norm", "ffn_norm"):
            name = f"blk.{at}.{norm}.weight"
            found[name] = stored[name].astype(np.float32)
        for product, names in forward.JOINED.items():
            whole, scale, low = (
                np.concatenate([stored[f"blk.{at}.{name}.weight.{part}"] for name in names])
                for part in ("q", "scale", "min")
            )
            scale, name = scale.astype(np.float32), f"blk.{at}.{product}"
            found[f"{name}.q"] = whole.reshape(*scale.shape, -1)
            found[f"{name}.scale"] = scale.ravel()
            middle = low.astype(np.float32) + 8 * scale
            found[f"{name}.middle"] = np.ascontiguousarray(middle.T)
    return found


def engine(kind: type[graph.ModelDrawing]) -> forward.LanguageModel:
    """Return a language model with another graph."""
    made = forward.LanguageModel(forward.WEIGHTS)
    own = stored_weights() if kind is FourBits else vars(vars(made)["_engine"])["_weights"]
    vars(made)["_engine"] = Engine(graph.drawn(kind).SerializeToString(), own)
    return made


def stored_in_torch() -> network.LanguageModel:
    """Return the model in torch with its weights as they are stored, not rounded to 8 bits."""
    tensors = unpack(
        {k: v for k, v in load_file(forward.WEIGHTS).items() if k not in ("letters", "merges")}
    )
    model = network.LanguageModel()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.eval()


@torch.inference_mode()
def known(model: network.LanguageModel, tokens: list[int]) -> Floats:
    """Return what torch reads of a text."""
    streams = model(torch.tensor([tokens]))
    found: Floats = torch.stack([s[0, forward.SKIPPED :].mean(0) for s in streams]).numpy()
    return found


def table(data: Path, count: int) -> Iterator[str]:
    """Yield the lines of the table."""
    torch.set_num_threads(1)
    long = (t for t in read(data, splits_of(data)) if t.language == "en")
    texts = [t for t in long if len(t.text.split()) > WORDS]
    engines = {
        "32-bit floats, 4-bit weights (as before)": engine(FourBits),
        "two 8-bit numbers an activation (ships)": engine(graph.ModelDrawing),
        "the same, one step for what comes out of the gates": engine(Unlevelled),
        "one 8-bit number": engine(ValueAlone),
    }
    rounded, exact = network.language_model("cpu"), stored_in_torch()
    spent: dict[str, list[float]] = {name: [] for name in engines}
    off: dict[str, list[float]] = {name: [] for name in engines}
    first = next(iter(engines.values()))
    every = [first.tokens(normalise(t.text)) for t in texts[:: max(len(texts) // count, 1)][:count]]
    for model in engines.values():
        for _ in range(WARM):
            model(every[0][:40])
    for tokens in every:
        for name, model in engines.items():
            start = time.process_time()
            found = model(tokens)
            spent[name].append((time.process_time() - start) / len(tokens) * forward.LONGEST)
            aim = known(exact if model is first else rounded, tokens)
            size = np.linalg.norm(aim, axis=-1)
            off[name].append(float((np.linalg.norm(found - aim, axis=-1) / size).mean()))
    whole = float(np.median(spent[next(iter(engines))]))
    yield "| products | n | CPU of a pass | of the first | off, mean | off, most |"
    yield "|---|---|---|---|---|---|"
    for name in engines:
        cpu, far = float(np.median(spent[name])), np.array(off[name])
        yield (
            f"| {name} | {len(every)} | {1000 * cpu:.0f} ms | {cpu / whole:.2f} |"
            f" {far.mean():.6f} | {far.max():.6f} |"
        )


def main() -> None:
    """Print the table, or write it into a page between its marks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    lines = "\n".join(table(given.data, given.texts))
    print(lines)
    if given.into is not None:
        page = given.into.read_text("utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        given.into.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
