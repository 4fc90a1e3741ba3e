"""The serving graph in float16, whole or with the parts kept in float32 that lose most by it."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

Kind = Literal["float16", "mixed"]
CONVOLUTIONS = ("Conv", "ConvTranspose")
NORMS = ("InstanceNormalization", "BatchNormalization", "GroupNormalization", "LayerNormalization")
FLOAT32_INPUTS = {"Resize": (2,)}  # its scales have no other type


def write_float16(source: Path, target: Path, kind: Kind) -> None:
    """Write a float32 graph in float16; its inputs and outputs keep their types.

    onnxruntime.transformers.float16 is not used: it makes an invalid graph where nodes that stay in float32 share
    an input, and rounds to float16 between two of them.

    Args:
        source: a graph that `export_onnx` wrote.
        target: the file to write.
        kind: `mixed` keeps norms, and what follows the last convolution, in float32.
    """
    model = onnx.load(source)
    kept = set()
    if kind == "mixed":
        kept = {node.name for node in model.graph.node if node.op_type in NORMS} | _after_last_convolution(model.graph)
    _Reduction(model.graph, kept).run()
    onnx.save(model, target)


def _after_last_convolution(graph: GraphProto) -> set[str]:
    """Names of the nodes between the output and the convolutions next to it."""
    maker = {output: node for node in graph.node for output in node.output}
    names = set()
    waiting = [output.name for output in graph.output]
    while waiting:
        node = maker.get(waiting.pop())
        if node is not None and node.op_type not in CONVOLUTIONS and node.name not in names:
            names.add(node.name)
            waiting += node.input
    return names


class _Reduction:
    """Goes along a graph's nodes, and casts where a tensor has not the type that a node needs."""

    def __init__(self, graph: GraphProto, kept: Collection[str]) -> None:
        self.graph = graph
        self.kept = kept
        self.weights = {each.name: each for each in graph.initializer if each.data_type == TensorProto.FLOAT}
        typed = (*graph.value_info, *graph.input, *graph.output)
        self.floats = {each.name for each in typed if each.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.floats |= self.weights.keys()
        self.halves: set[str] = set()
        self.casts: dict[str, str] = {}
        self.nodes: list[NodeProto] = []

    def run(self) -> None:
        """Change the graph."""
        for node in self.graph.node:
            to_float = node.op_type == "Cast" and node.output[0] in self.floats
            reduced = node.name not in self.kept and (to_float or not self.floats.isdisjoint(node.input))
            for index, name in enumerate(node.input):
                needs_half = reduced and index not in FLOAT32_INPUTS.get(node.op_type, ())
                if name in self.floats and needs_half != (name in self.halves):
                    node.input[index] = self._cast(name, TensorProto.FLOAT16 if needs_half else TensorProto.FLOAT)
            if reduced:
                self.halves |= self.floats.intersection(node.output)
                if to_float:
                    node.attribute[0].i = TensorProto.FLOAT16
            self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        weights = [each for each in self.graph.initializer if each.name in used]
        for field, content in (("node", self.nodes), ("initializer", weights), ("value_info", [])):
            self.graph.ClearField(field)
            getattr(self.graph, field).extend(content)

    def _cast(self, name: str, to: int) -> str:
        """The name of the same tensor in the other type; it is made once."""
        if name not in self.casts:
            self.casts[name] = f"{name}_{'float16' if to == TensorProto.FLOAT16 else 'float32'}"
            if name in self.weights:
                values = numpy_helper.to_array(self.weights[name]).astype(np.float16)
                self.graph.initializer.append(numpy_helper.from_array(values, self.casts[name]))
            else:
                cast = helper.make_node("Cast", [name], [self.casts[name]], name=f"cast_{self.casts[name]}", to=to)
                self.nodes.append(cast)
        return self.casts[name]
