"""Export of the serving graph to ONNX, and its agreement with torch."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch.export import Dim

from components.export.serving import ServingGraph, example_inputs
from components.models.networks import Networks


class ParityError(ValueError):
    """ONNX Runtime and torch differ by more than is allowed."""


@dataclass(frozen=True)
class Parity:
    """Agreement of ONNX Runtime with torch.

    Attributes:
        cases: compared inputs, as "batch x height x width".
        largest_difference: grey levels, at any pixel.
        mean_difference: grey levels.
    """

    cases: tuple[str, ...]
    largest_difference: int
    mean_difference: float


def export_onnx(networks: Networks, path: Path, *, opset: int) -> None:
    """Write the serving graph, its weights inside, with dynamic batch, height, width and instance count."""
    graph = ServingGraph(networks.cpu()).eval()
    multiple = networks.shape.model.size_multiple
    inputs = example_inputs(networks, batch=2, height=4 * multiple, width=6 * multiple, instances=5, seed=0)
    batch, height, width, instances = Dim("N"), multiple * Dim("H"), multiple * Dim("W"), Dim("M")
    shapes = {
        "label": {0: batch, 1: height, 2: width},
        "picture": {0: batch, 1: height, 2: width},
        "instance": {0: batch, 1: height, 2: width},
        "styles": {0: batch, 1: instances},
    }
    for name, level in (("torch.onnx", logging.ERROR), ("onnx_ir", logging.WARNING), ("onnxscript", logging.WARNING)):
        logging.getLogger(name).setLevel(level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            tuple(inputs),
            path,
            input_names=graph.inputs,
            output_names=["image"],
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=(tuple(shapes[name] for name in graph.inputs),),
            external_data=False,
            verbose=False,
        )


def check_parity(networks: Networks, path: Path, *, sizes: Sequence[tuple[int, int, int]], tolerance: int) -> Parity:
    """Compare ONNX Runtime with torch on random maps.

    Args:
        networks: that were exported.
        path: the ONNX file.
        sizes: batch, height and width of each case.
        tolerance: grey levels.

    Raises:
        ParityError: naming the size at which they differ by more than the tolerance.
    """
    graph = ServingGraph(networks.cpu()).eval()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    differences = []
    for case, (batch, height, width) in enumerate(sizes):
        inputs = example_inputs(networks, batch=batch, height=height, width=width, instances=3 + case, seed=case)
        with torch.no_grad():
            expected = graph(*inputs).numpy().astype(int)
        feed = {name: tensor.numpy() for name, tensor in zip(graph.inputs, inputs, strict=True)}
        difference = np.abs(session.run(["image"], feed)[0].astype(int) - expected)
        if difference.max() > tolerance:
            raise ParityError(
                f"{path}: at {batch} x {height} x {width} ONNX Runtime differs from torch by {difference.max()} "
                f"grey levels, expected at most {tolerance}"
            )
        differences.append(difference)
    return Parity(
        cases=tuple(f"{batch} x {height} x {width}" for batch, height, width in sizes),
        largest_difference=int(max(difference.max() for difference in differences)),
        mean_difference=float(np.mean([difference.mean() for difference in differences])),
    )
