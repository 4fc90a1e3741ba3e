"""Agreement of exported graphs with torch.

Shapes: N pictures, M instances a picture, F feature channels, H x W pixels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from components.data.encoding import to_signed_unit
from components.data.loader import Batch
from components.export.encoder import EncoderGraph
from components.export.serving import ServingGraph, example_inputs
from components.models.networks import Networks

Size = tuple[int, int, int]  # batch, height and width
CASES = 20
LONGEST_SIDE = 256  # pixels, of all cases but the one at the trained size
ENCODER_TOLERANCE = 1e-4  # of a style's numbers, which lie in [-1, 1]
CPU = "CPUExecutionProvider"


class ParityError(ValueError):
    """ONNX Runtime and torch differ by more than is allowed."""


@dataclass(frozen=True)
class Case:
    """Inputs of a graph and what torch makes of them.

    Attributes:
        name: "batch x height x width".
        inputs: by their names.
        expected: torch's output in float32 arithmetic.
    """

    name: str
    inputs: Mapping[str, NDArray[Any]]
    expected: NDArray[Any]


@dataclass(frozen=True)
class Parity:
    """Agreement of a generator's graph with torch.

    Attributes:
        cases: compared inputs, as "batch x height x width".
        largest_difference: grey levels, at any pixel.
        mean_difference: grey levels.
        provider: of ONNX Runtime, that computed the graph.
    """

    cases: tuple[str, ...]
    largest_difference: int
    mean_difference: float
    provider: str


@dataclass(frozen=True)
class EncoderParity:
    """Agreement of an encoder's graph with torch.

    Attributes:
        cases: compared inputs, as "batch x height x width".
        largest_difference: at any number of a style; they lie in [-1, 1].
    """

    cases: tuple[str, ...]
    largest_difference: float


def parity_sizes(height: int, width: int, multiple: int) -> list[Size]:
    """The trained size once; then batches of 1 to 3 of all shapes that four sides of at most 256 pixels make.

    What could differ there does not depend on the size, and at 2048 x 1024 each picture takes 25 seconds on two
    cores. A side has at least two multiples, and there are at least two sides, however large the multiple is.
    """
    steps = max(3, min(LONGEST_SIDE, max(height, width)) // multiple)
    sides = sorted({max(2, steps * quarter // 4) * multiple for quarter in (1, 2, 3, 4)})
    shapes = [(a, b) for a in sides for b in sides]
    rounds = [divmod(case, len(shapes)) for case in range(CASES - 1)]
    return [(1, height, width), *((1 + (again + number) % 3, *shapes[number]) for again, number in rounds)]


def generator_cases(networks: Networks, sizes: Sequence[Size]) -> list[Case]:
    """Random maps and styles of these sizes, and torch's pictures of them, uint8 (N, H, W, 3)."""
    graph = ServingGraph(networks.cpu()).eval()
    cases = []
    for number, size in enumerate(sizes):
        tensors = _example(networks, size, number, graph.inputs)
        with torch.no_grad():
            cases.append(_case(size, graph.inputs, tensors, graph(*tensors)))
    return cases


def encoder_cases(networks: Networks, sizes: Sequence[Size]) -> list[Case]:
    """Random pictures and maps of these sizes, and the styles (N, M, F) that the networks find in training."""
    networks.cpu().eval()
    names = EncoderGraph(networks).inputs
    cases = []
    for number, size in enumerate(sizes):
        tensors = _example(networks, size, number, names)
        named = dict(zip(names, tensors, strict=True))
        batch = Batch(
            names=(),
            positions=(),
            condition=torch.empty(0),
            image=to_signed_unit(named["image"]),
            label=named.get("label"),
            instance=named["instance"].long(),
            instance_count=int(named["instance"].max()) + 1,
        )
        with torch.no_grad():
            styles = networks.styles(batch)
        assert styles is not None, "only a model with an encoder has its graph"
        cases.append(_case(size, names, tensors, styles))
    return cases


def check_generator(path: Path, cases: Sequence[Case], *, tolerance: int | None, on_gpu: bool = False) -> Parity:
    """Compare a graph with torch.

    Args:
        path: the ONNX file.
        cases: of `generator_cases`.
        tolerance: grey levels; None only measures.
        on_gpu: computes on a GPU where there is one.

    Raises:
        ParityError: naming file and size where they differ by more than the tolerance.
    """
    gpu = ["CUDAExecutionProvider"] if on_gpu and torch.cuda.is_available() else []
    session = onnxruntime.InferenceSession(path, providers=[*gpu, CPU])
    differences = []
    for case in cases:
        (found,) = session.run(["image"], dict(case.inputs))
        difference = np.abs(found.astype(np.int16) - case.expected)
        if tolerance is not None and difference.max() > tolerance:
            raise ParityError(
                f"{path}: at {case.name} ONNX Runtime differs from torch by {difference.max()} grey levels, "
                f"expected at most {tolerance}"
            )
        differences.append((int(difference.max()), float(difference.mean())))
    return Parity(
        cases=tuple(case.name for case in cases),
        largest_difference=max(largest for largest, _ in differences),
        mean_difference=float(np.mean([mean for _, mean in differences])),
        provider=session.get_providers()[0],
    )


def check_encoder(path: Path, cases: Sequence[Case]) -> EncoderParity:
    """Compare an encoder's graph with torch.

    Raises:
        ParityError: naming file and size where a number differs by more than 1e-4, or by infinity where the shape does.
    """
    session = onnxruntime.InferenceSession(path, providers=[CPU])
    largest = 0.0
    for case in cases:
        (found,) = session.run(["styles"], dict(case.inputs))
        same_shape = found.shape == case.expected.shape
        difference = float(np.abs(found - case.expected).max()) if same_shape else math.inf
        if not difference <= ENCODER_TOLERANCE:  # nor is NaN
            raise ParityError(
                f"{path}: at {case.name} ONNX Runtime differs from torch by {difference}, "
                f"expected at most {ENCODER_TOLERANCE}"
            )
        largest = max(largest, difference)
    return EncoderParity(cases=tuple(case.name for case in cases), largest_difference=largest)


def _example(networks: Networks, size: Size, number: int, names: Sequence[str]) -> Sequence[torch.Tensor]:
    batch, height, width = size
    return example_inputs(
        networks, batch=batch, height=height, width=width, instances=3 + number, seed=number, names=names
    )


def _case(size: Size, names: Sequence[str], inputs: Sequence[torch.Tensor], expected: torch.Tensor) -> Case:
    arrays = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    return Case(" x ".join(map(str, size)), arrays, expected.numpy())
