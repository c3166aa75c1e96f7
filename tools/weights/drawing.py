"""What both graphs are drawn with: operations one after the other, and weights that come later."""

from typing import Any

import onnx
from onnx import TensorProto, helper

CONTRIB = "com.microsoft"
"""Domain of the operations that onnxruntime adds to the standard."""
OPSETS = {"": 18, CONTRIB: 1}
VERSION = 9
"""Of the file format; every onnxruntime since 1.16 reads it."""


class Drawing:
    """A graph that grows by one operation after the other."""

    def __init__(self, **numbers: list[int]) -> None:
        """Begin with numbers that operations take, by their names."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = [
            helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
            for name, values in numbers.items()
        ]

    def add(self, kind: str, inputs: list[str], out: str, domain: str = "", **more: Any) -> str:
        """Return the name of what an operation makes."""
        self.nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **more))
        return out

    def weight(self, name: str, kind: int, *shape: int) -> str:
        """Return the name of a tensor that is handed over later."""
        tensor = TensorProto(name=name, data_type=kind, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="handed over")
        self.weights.append(tensor)
        return name

    def parts(self, rows: str) -> list[list[str]]:
        """Return the factors of a product: integers, their step and zero, of rows and their rest.

        A number is two 8-bit ones, a value and what it leaves over.
        """
        found = []
        for part in (rows, f"{rows}.rest"):
            names = [f"{part}.{ending}" for ending in ("whole", "step", "zero")]
            self.nodes.append(helper.make_node("DynamicQuantizeLinear", [part], names))
            found.append(names)
            if part == rows:
                near = self.add("DequantizeLinear", names, f"{part}.near")
                self.add("Sub", [part, near], f"{part}.rest")
        return found

    def multiplied(
        self, parts: list[list[str]], name: str, width: int, height: int, *, biased: bool
    ) -> str:
        """Return a dense layer's output, (1, n, height), of one part of a factor or two."""
        matrix = self.weight(f"{name}.weight", TensorProto.INT8, width, height)
        step = self.weight(f"{name}.step", TensorProto.FLOAT, height)
        bias = [self.weight(f"{name}.bias", TensorProto.FLOAT, height)] if biased else []
        sums = []
        for (whole, scale, zero), ending in zip(parts, ("most", "rest"), strict=False):
            inputs = [whole, matrix, scale, step, zero]
            inputs += ["", *bias] if bias and ending == "most" else []
            sums.append(self.add("MatMulIntegerToFloat", inputs, f"{name}.{ending}", CONTRIB))
        return self.add("Add", sums, f"{name}.out") if len(sums) > 1 else sums[0]

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the whole."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        opsets = [helper.make_opsetid(*item) for item in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=VERSION)
