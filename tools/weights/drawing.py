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

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the whole."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        opsets = [helper.make_opsetid(*item) for item in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=VERSION)
