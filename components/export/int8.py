"""The serving graph in int8, for CPUs, and what its loss is measured with.

Shapes: B pictures, M instances of a picture, F style dimension, H x W pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import GraphProto
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from torch import Tensor

from components.data.draws import Draw
from components.data.encoding import to_signed_unit
from components.data.loader import Batch, BatchMaker
from components.data.pictures import spread_positions
from components.export.float16 import CONVOLUTIONS
from components.inference import StyleBank
from components.styles.synthesize import draw_styles

Inputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Int8Trial:
    """What int8 is calibrated on and judged by.

    Attributes:
        maps: inputs of the graph for training pictures.
        mean_iou: of a graph's file, on the validation set that it synthesizes, in 0..1.
    """

    maps: Iterable[Inputs]
    mean_iou: Callable[[Path], float]


def write_int8(source: Path, target: Path, maps: Iterable[Inputs]) -> None:
    """Quantise the convolutions of a float32 graph: weights to int8 a channel, what goes in and out to uint8.

    The convolutions that see the condition, and those that make the picture, stay in float32: in uint8 the former
    were slower than that, the latter no faster. Transposed convolutions stay too, for which ONNX Runtime has no int8
    kernel.

    Args:
        source: a graph that `export_onnx` wrote.
        target: the file to write.
        maps: inputs by which the ranges are found.
    """
    model = onnx.load(source)
    add_pre_process_metadata(model)  # there is nothing left to do that its warning advises
    quantize_static(
        model,
        target,
        _Reader(maps),
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=outer_convolutions(model.graph),
        per_channel=True,
        reduce_range=True,  # CPUs without VNNI instructions add up products of 8 x 8 bits in 16, and overflow
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def outer_convolutions(graph: GraphProto) -> list[str]:
    """Names of the convolutions before which, or after which, there is no other."""
    after = {each.name: False for each in (*graph.input, *graph.initializer)}  # whether a convolution came before
    first = []
    for node in graph.node:
        behind = any(after[name] for name in node.input if name)
        if node.op_type in CONVOLUTIONS and not behind:
            first.append(node.name)
        after |= dict.fromkeys(node.output, behind or node.op_type in CONVOLUTIONS)
    before: dict[str, bool] = {}  # whether a convolution comes after
    last = []
    for node in reversed(graph.node):
        ahead = any(before.get(name, False) for name in node.output)
        if node.op_type in CONVOLUTIONS and not ahead:
            last.append(node.name)
        for name in node.input:
            before[name] = before.get(name, False) or ahead or node.op_type in CONVOLUTIONS
    return [*first, *(name for name in last if name not in first)]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, maps: Iterable[Inputs]) -> None:
        self._maps = iter(maps)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        inputs = next(self._maps, None)
        return None if inputs is None else dict(inputs)


def training_maps(
    maker: BatchMaker, bank: StyleBank, names: Sequence[str], *, count: int, seed: int
) -> Iterator[Inputs]:
    """Inputs of a graph for at most `count` pictures spread over a split, in styles drawn from the bank."""
    for position in spread_positions(len(maker.store), count):
        yield _served_inputs(maker.make([Draw(position)]), bank, names, seed)


def served_images(graph: Path, bank: StyleBank, *, seed: int) -> Callable[[Batch], Tensor]:
    """What a graph makes of batches, on the CPU: images (B, 3, H, W) in [-1, 1] on the device of the batch.

    The styles are those of stage `synthesize` with the same seed.
    """
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def images(batch: Batch) -> Tensor:
        (pixels,) = session.run(["image"], _served_inputs(batch, bank, names, seed))
        return to_signed_unit(torch.from_numpy(pixels)).to(batch.image.device)

    return images


def _served_inputs(batch: Batch, bank: StyleBank, names: Sequence[str], seed: int) -> dict[str, NDArray[Any]]:
    assert batch.label is not None, "only what is made from label maps is scored"
    inputs = {"label": batch.label, "instance": batch.instance.int()}
    if "styles" in names:
        inputs["styles"] = draw_styles(batch, bank, seed + batch.positions[0])
    return {name: inputs[name].cpu().numpy() for name in names}
