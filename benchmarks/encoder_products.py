"""What the picture encoder would cost and lose with half of its products of integers.

    python benchmarks/encoder_products.py DATA [--split dev] [--every N] [--into PAGE]

An activation is two 8-bit numbers, a value and what it leaves over, and each is multiplied. Tried:
the value alone in every product; and in most of them, after the norms' channels were evened out
against the weights' (SmoothQuant, arXiv 2211.10438, from the gains alone). The scores are those of
the shipped probe. CPU is process time, engines in turn on each picture, the median; intervals are
paired bootstraps over pictures.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools" / "weights"))

import encoder_graph  # noqa: E402

from detectors.image_model.forward import Probes  # noqa: E402
from detectors.image_model.model import SHIPPED, load_model  # noqa: E402
from detectors.models.encoder import forward  # noqa: E402
from detectors.models.encoder.features import opened, rows  # noqa: E402
from detectors.models.encoder.tokens import square  # noqa: E402
from detectors.models.onnx_runtime import Engine  # noqa: E402
from detectors.models.quantised import steps, unpack  # noqa: E402

Floats = NDArray[np.float64]
DRAWS: Final = 1000
EVENED: Final = 0.75
"""Power of a channel's size by which it is evened out."""
EXACT: Final = ("blocks.5.fc2", "blocks.6.fc2", "out_proj")
"""Products that lose most by the value alone, and some that cost little."""
BEGIN, END = "<!-- products -->", "<!-- end of products -->"


class ValueAlone(encoder_graph.EncoderDrawing):
    """The graph with the value alone, but for the products that are named."""

    exact: tuple[str, ...] = ()

    def product(self, parts: list[list[str]], name: str, width: int, height: int) -> str:
        """Return a dense layer's output."""
        kept = parts if name.endswith(self.exact) else parts[:1]
        return super().product(kept, name, width, height)


class MostAlone(ValueAlone):
    """The graph with the value alone, but where that loses most."""

    exact = EXACT


def evened() -> dict[str, NDArray[Any]]:
    """Return the weights with the channels of each norm evened out against the matrices behind."""
    stored, found = load_file(forward.WEIGHTS), dict[str, NDArray[Any]]()
    for at in range(forward.BLOCKS):
        prefix = f"blocks.{at}."
        block = unpack({name: value for name, value in stored.items() if name.startswith(prefix)})
        for norm, behind in ((1, ("q_proj", "k_proj", "v_proj")), (2, ("fc1",))):
            gain, shift = (f"{prefix}layer_norm{norm}.{part}" for part in ("weight", "bias"))
            size = (np.abs(block[shift]) + 3 * np.abs(block[gain])) ** np.float32(EVENED)
            size /= np.exp(np.log(size).mean())
            block[gain], block[shift] = block[gain] / size, block[shift] / size
            for name in behind:
                block[f"{prefix}{name}.weight"] = block[f"{prefix}{name}.weight"] * size
        for name, value in block.items():
            if value.ndim == 1:
                found[name] = value
            else:
                whole, step = steps(value)
                found[name] = np.ascontiguousarray(whole.T)
                found[name.removesuffix("weight") + "step"] = step
    return found


def engine(kind: type[encoder_graph.EncoderDrawing], weights: dict[str, NDArray[Any]]) -> Any:
    """Return an encoder with another graph, and other weights of its blocks."""
    made = forward.Encoder(forward.WEIGHTS)
    weights = weights or vars(vars(made)["_engine"])["_weights"]
    vars(made)["_engine"] = Engine(encoder_graph.drawn(kind).SerializeToString(), weights)
    return made


def auroc(scores: Floats, ai: NDArray[np.bool_]) -> float:
    """Return the chance that an AI picture scores above a real one."""
    order = scores.argsort(kind="stable").argsort(kind="stable")
    n = int(ai.sum())
    return float((order[ai].sum() - n * (n - 1) / 2) / (n * (len(ai) - n)))


def table(data: Path, split: str, every: int) -> Iterator[str]:
    """Yield the lines of the table."""
    model = load_model(SHIPPED)
    probes = Probes(SHIPPED, model.config.blocks)
    engines = {
        "value and rest in every product (ships)": engine(encoder_graph.EncoderDrawing, {}),
        "value alone in every product": engine(ValueAlone, {}),
        "value alone in most, channels evened out": engine(MostAlone, evened()),
    }
    pictures = rows(data, (split,))[::every]
    ai = np.array([row.ai for row in pictures])
    scores = {name: np.empty(len(pictures)) for name in engines}
    spent = {name: np.empty(len(pictures)) for name in engines}
    for at, row in enumerate(pictures):
        pixels = square(opened(data, row))
        for name, encoder in engines.items():
            began = time.process_time()
            tokens = encoder(pixels)
            spent[name][at] = time.process_time() - began
            scores[name][at] = probes.generated(tokens)
    yield "| products | n | CPU of a pass | AUROC | difference (95 %) | scores move by (sd; most) |"
    yield "|---|---|---|---|---|---|"
    draws = np.random.default_rng(1).integers(0, len(ai), (DRAWS, len(ai)))
    first = next(iter(engines))
    for name, mine in scores.items():
        apart = [auroc(mine[d], ai[d]) - auroc(scores[first][d], ai[d]) for d in draws]
        low, high = np.percentile(apart, [2.5, 97.5])
        off = mine - scores[first]
        moved = f"{off.mean():+.2f} ({off.std():.2f}; {np.abs(off).max():.2f})"
        share = np.median(spent[name]) / np.median(spent[first])
        yield (
            f"| {name} | {len(ai)} | {share:.2f} | {auroc(mine, ai):.3f}"
            f" | {auroc(mine, ai) - auroc(scores[first], ai):+.4f} [{low:+.4f}, {high:+.4f}]"
            f" | {moved if off.any() else 'not'} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="labelled pictures")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--into", type=Path, help="page whose table is written anew")
    given = parser.parse_args()
    lines = []
    for line in table(given.data, given.split, given.every):
        print(line, flush=True)
        lines.append(line)
    if given.into:
        head, _, rest = given.into.read_text("utf-8").partition(BEGIN)
        page = "\n".join([f"{head}{BEGIN}", "", *lines, "", f"{END}{rest.partition(END)[2]}"])
        given.into.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
