"""Export of a module to ONNX."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from onnxscript.ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn
from torch.export import Dim

from components.export.output_layer import with_output_of_four_pixels
from components.export.serving import ServingGraph, example_inputs
from components.models.networks import Networks


def export_onnx(networks: Networks, path: Path, *, opset: int) -> None:
    """Write the serving graph, its weights inside, with dynamic batch, height, width and instance count."""
    graph = ServingGraph(networks.cpu()).eval()
    graph.generator = with_output_of_four_pixels(graph.generator)
    multiple = networks.shape.model.size_multiple
    inputs = example_inputs(networks, batch=2, height=4 * multiple, width=6 * multiple, instances=5, seed=0)
    export_module(graph, path, inputs=inputs, names=graph.inputs, output="image", multiple=multiple, opset=opset)


def export_module(
    graph: nn.Module,
    path: Path,
    *,
    inputs: Sequence[Tensor],
    names: Sequence[str],
    output: str,
    multiple: int,
    opset: int,
) -> None:
    """Write a module of maps, pictures and styles, its weights inside, with every size dynamic.

    Args:
        graph: takes the inputs one after the other, and gives one tensor.
        path: the ONNX file.
        inputs: an example of each.
        names: of the inputs.
        output: name of the output.
        multiple: what heights and widths are multiples of, in pixels.
        opset: of ONNX.
    """
    batch, instances = Dim("N"), Dim("M")
    picture = {0: batch, 1: multiple * Dim("H"), 2: multiple * Dim("W")}
    sizes: tuple[dict[int, Any], ...] = tuple(
        {0: batch, 1: instances} if name == "styles" else picture for name in names
    )
    for name, level in (("torch.onnx", logging.ERROR), ("onnx_ir", logging.WARNING), ("onnxscript", logging.WARNING)):
        logging.getLogger(name).setLevel(level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph,
            tuple(inputs),
            input_names=names,
            output_names=[output],
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=(sizes,),
            verbose=False,
        )
    assert program is not None  # as dynamo=True promises
    ClearMetadataAndDocStringPass()(program.model)  # its traces of the stack name this machine's folders
    program.save(path, external_data=False)
