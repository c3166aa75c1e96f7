"""Writes the operations of the language model as an ONNX graph without weights, `graph.onnx`.

`python tools/weights/language_model_graph.py` writes it anew, with the package `onnx`; a test holds
it to this description. Weights are named in it and handed over when it is loaded (`forward.py`).

Matrix products run on integers, as the picture encoder's do: an activation is two 8-bit numbers, a
value and what it leaves over, and weights have 8 bits (`quantised.steps`). The step of activations
is one for all tokens, but what comes out of the gates is huge in a few tokens, the first above all:
there each token is divided by its largest number before the product and multiplied by it after.
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
from detectors.storing.atomic import atomic_write


class ModelDrawing(Drawing):
    """The graph of the language model as it grows; n tokens stand in rows."""

    def __init__(self) -> None:
        """Begin with the shapes that tensors are given, and where they are parted."""
        super().__init__(gated=[HIDDEN, HIDDEN], along=[-1])

    def split(self, tensor: str, sizes: str, axis: int) -> list[str]:
        """Return the two parts of a tensor."""
        names = [f"{tensor}.{part}" for part in ("left", "right")]
        self.nodes.append(helper.make_node("Split", [tensor, sizes], names, axis=axis))
        return names

    def product(self, rows: str, name: str, width: int, height: int) -> str:
        """Return a dense layer's output, (1, n, height)."""
        return self.multiplied(self.parts(rows), name, width, height, biased=False)

    def down(self, rows: str, name: str) -> str:
        """Return what comes out of the gates of a block brought down to the tokens' width."""
        size = self.add("Abs", [rows], f"{rows}.size")
        most = self.add("ReduceMax", [size, "along"], f"{rows}.largest", keepdims=1)
        rows = self.add("Div", [rows, most], f"{rows}.level")
        rows = self.product(rows, f"{name}.ffn_down", HIDDEN, WIDTH)
        return self.add("Mul", [rows, most], f"{name}.down")

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
        down = self.down(self.add("Mul", [gate, up], f"{name}.gated"), name)
        return self.add("Add", [tokens, down], f"{name}.tokens")


def drawn(kind: type[ModelDrawing] = ModelDrawing) -> onnx.ModelProto:
    """Build the graph: `tokens` (1, n, 576) to the taps, the same.

    `cos`, `sin` (n, 32) turn queries and keys; `length` (1,) is n, `last` (1,) one less.

    Args:
        kind: another drawing, for measurements.
    """
    drawing, tokens, found = kind(), "tokens", []
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
