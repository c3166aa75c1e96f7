"""Writes the operations of the language model as an ONNX graph without weights, `graph.onnx`.

`python tools/weights/language_model_graph.py` writes it anew, with the package `onnx`; a test holds
it to this description. Weights are named in it and handed over when it is loaded (`forward.py`).

Matrices stay as they are stored: W = (q - 8) * scale + middle, in groups of 32 inputs. The first
part is a product with 4-bit integers, in 32-bit floats; the second one with the sums of the groups.
So the numbers are those of the stored matrices, and nothing is unpacked when the model is loaded.
"""

import onnx
from drawing import CONTRIB, Drawing
from onnx import TensorProto, helper

from detectors.models.language_model.forward import (
    EPSILON,
    GRAPH,
    HEAD,
    HEADS,
    HIDDEN,
    KEYS,
    TAPS,
    WIDTH,
)
from detectors.models.quantised import GROUP
from detectors.storing.atomic import atomic_write


class ModelDrawing(Drawing):
    """The graph of the language model as it grows; n tokens stand in rows."""

    def __init__(self) -> None:
        """Begin with the shapes that tensors are given, and where they are parted."""
        super().__init__(
            gated=[HIDDEN, HIDDEN],
            inner=[2, 3],
            groups_576=[-1, WIDTH // GROUP, 2, GROUP // 2],
            groups_1536=[-1, HIDDEN // GROUP, 2, GROUP // 2],
            whole_576=[1, -1, WIDTH],
            whole_1536=[1, -1, HIDDEN],
        )

    def split(self, tensor: str, sizes: str, axis: int) -> list[str]:
        """Return the two parts of a tensor."""
        names = [f"{tensor}.{part}" for part in ("left", "right")]
        self.nodes.append(helper.make_node("Split", [tensor, sizes], names, axis=axis))
        return names

    def product(self, rows: str, name: str, width: int, height: int) -> str:
        """Return a dense layer's output, (n, height).

        A byte of ours holds the inputs j and j + 16 of a group, one of onnxruntime's neighbours: so
        the inputs are put in that order, which costs less than unpacking the matrix.
        """
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

    def normed(self, tokens: str, name: str) -> str:
        """Return tokens with mean square 1, times the gain."""
        gain = self.weight(f"{name}.weight", TensorProto.FLOAT, WIDTH)
        kind = "SimplifiedLayerNormalization"
        return self.add(kind, [tokens, gain], f"{name}.out", axis=-1, epsilon=EPSILON)

    def attended(self, rows: str, name: str) -> str:
        """Return causal attention of turned heads, three of queries to one of keys."""
        inputs = [rows, "", "", "", "", "last", "length", "cos", "sin"]
        outputs = [f"{name}.{part}" for part in ("mixed", "keys", "values")]
        self.nodes.append(
            helper.make_node(
                "GroupQueryAttention", inputs, outputs, domain=CONTRIB,
                num_heads=HEADS, kv_num_heads=KEYS, do_rotary=1, rotary_interleaved=1,
            )
        )  # fmt: skip
        return outputs[0]

    def block(self, tokens: str, at: int) -> str:
        """Return the tokens after a block."""
        name = f"blk.{at}"
        rows = self.normed(tokens, f"{name}.attn_norm")
        rows = self.product(rows, f"{name}.qkv", WIDTH, (HEADS + 2 * KEYS) * HEAD)
        mixed = self.product(self.attended(rows, name), f"{name}.attn_output", WIDTH, WIDTH)
        tokens = self.add("Add", [tokens, mixed], f"{name}.attended")
        rows = self.normed(tokens, f"{name}.ffn_norm")
        rows = self.product(rows, f"{name}.ffn_up", WIDTH, 2 * HIDDEN)
        gate, up = self.split(rows, "gated", 2)
        gate = self.add("QuickGelu", [gate], f"{name}.gate", CONTRIB, alpha=1.0)  # SiLU
        rows = self.add("Mul", [gate, up], f"{name}.gated")
        down = self.product(rows, f"{name}.ffn_down", HIDDEN, WIDTH)
        return self.add("Add", [tokens, down], f"{name}.tokens")


def drawn() -> onnx.ModelProto:
    """Build the graph: `tokens` (1, n, 576) to the taps, the same.

    `cos`, `sin` (n, 32) turn queries and keys; `length` (1,) is n, `last` (1,) one less.
    """
    drawing, tokens, found = ModelDrawing(), "tokens", []
    for at in range(max(TAPS)):
        tokens = drawing.block(tokens, at)
        if at + 1 in TAPS:
            found.append(tokens)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.FLOAT, [1, "n", WIDTH]),
        *(
            helper.make_tensor_value_info(wave, TensorProto.FLOAT, ["n", HEAD // 2])
            for wave in ("cos", "sin")
        ),
        *(
            helper.make_tensor_value_info(size, TensorProto.INT32, [1])
            for size in ("last", "length")
        ),
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, "n", WIDTH]) for n in found]
    return drawing.model("language model", inputs, outputs)


if __name__ == "__main__":
    atomic_write(GRAPH, drawn().SerializeToString())
