"""Writes the operations of the encoder as an ONNX graph without weights, `graph.onnx`.

`python tools/weights/encoder_graph.py` writes it anew, with the package `onnx`; a test holds it to
this description. Weights are named in it and handed over when it is loaded (`forward.py`).

Matrix products run on integers. An activation is two 8-bit numbers, a value and what it leaves
over, so that 16 bits of each are multiplied; weights have 8 bits (`quantised.steps`). That is exact
enough to equal 32-bit floats to 1e-3 in the tokens, and takes half their time.
"""

import onnx
from drawing import CONTRIB, Drawing
from onnx import TensorProto, helper

from detectors.models.encoder.forward import (
    BLOCKS,
    EPSILON,
    GRAPH,
    HEADS,
    HIDDEN,
    PATCH,
    SIDE,
    WIDTH,
)
from detectors.storing.atomic import atomic_write

TOKENS = (SIDE // PATCH) ** 2 + 1


class EncoderDrawing(Drawing):
    """The graph of the encoder as it grows."""

    def __init__(self) -> None:
        """Begin with the three numbers that cut out the class token."""
        super().__init__(first=[0], second=[1], along=[1])

    def first(self, tokens: str, out: str) -> str:
        """Return the class token alone."""
        return self.add("Slice", [tokens, "first", "second", "along"], out)

    def normed(self, tokens: str, name: str) -> str:
        """Return tokens after a layer norm."""
        gain = self.weight(f"{name}.weight", TensorProto.FLOAT, WIDTH)
        shift = self.weight(f"{name}.bias", TensorProto.FLOAT, WIDTH)
        return self.add(
            "LayerNormalization", [tokens, gain, shift], f"{name}.out", axis=-1, epsilon=EPSILON
        )

    def product(self, parts: list[list[str]], name: str, width: int, height: int) -> str:
        """Return a dense layer's output, (1, n, height), of one part of a factor or two."""
        return self.multiplied(parts, name, width, height, biased=True)

    def block(self, tokens: str, at: int) -> str:
        """Return the tokens after a block; after the last, the class token alone."""
        name, last = f"blocks.{at}", at == BLOCKS - 1
        parts = self.parts(asking := self.normed(tokens, f"{name}.layer_norm1"))
        asked = self.parts(self.first(asking, f"{name}.asking")) if last else parts
        query = self.product(asked, f"{name}.q_proj", WIDTH, WIDTH)
        key, value = (self.product(parts, f"{name}.{x}_proj", WIDTH, WIDTH) for x in "kv")
        mixed = self.add(
            "MultiHeadAttention", [query, key, value], f"{name}.mixed", CONTRIB, num_heads=HEADS
        )
        mixed = self.product(self.parts(mixed), f"{name}.out_proj", WIDTH, WIDTH)
        kept = self.first(tokens, f"{name}.first") if last else tokens
        tokens = self.add("Add", [kept, mixed], f"{name}.attended")
        parts = self.parts(self.normed(tokens, f"{name}.layer_norm2"))
        hidden = self.product(parts, f"{name}.fc1", WIDTH, HIDDEN)
        hidden = self.add("QuickGelu", [hidden], f"{name}.gated", CONTRIB, alpha=1.702)
        hidden = self.product(self.parts(hidden), f"{name}.fc2", HIDDEN, WIDTH)
        return self.add("Add", [tokens, hidden], f"{name}.tokens")


def drawn(kind: type[EncoderDrawing] = EncoderDrawing) -> onnx.ModelProto:
    """Build the graph: `tokens` (1, 197, 768) to `found` (1, 8, 768), class tokens.

    Args:
        kind: another drawing, for measurements.
    """
    drawing, tokens = kind(), "tokens"
    found = []
    for at in range(BLOCKS):
        tokens = drawing.block(tokens, at)
        found.append(drawing.first(tokens, f"found.{at}"))
    drawing.add("Concat", found, "found", axis=1)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, WIDTH])
        for name, count in (("tokens", TOKENS), ("found", BLOCKS))
    ]
    return drawing.model("encoder", ends[:1], ends[1:])


if __name__ == "__main__":
    atomic_write(GRAPH, drawn().SerializeToString())
