"""The serving graph in each precision: written, compared with torch, kept where it is good enough."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from components.export.config import ExportConfig
from components.export.float16 import Kind, write_float16
from components.export.int8 import Int8Trial, write_int8
from components.export.onnx import export_onnx
from components.export.parity import Case, Parity, check_generator
from components.models.networks import Networks

NO_TRIAL = "there is no validation set with label maps to measure its loss on"


@dataclass(frozen=True)
class Precisions:
    """The graphs of a bundle, in the form of `bundle.json`.

    Attributes:
        graphs: by precision.
        left_out: why, of each precision that was asked for and not kept.
    """

    graphs: dict[str, dict[str, Any]]
    left_out: dict[str, str]


def write_graphs(
    folder: Path, networks: Networks, cases: Sequence[Case], config: ExportConfig, int8_trial: Int8Trial | None
) -> Precisions:
    """Write the graph in float32 and in the other precisions that the parameters ask for.

    Args:
        folder: of the bundle.
        networks: the trained networks.
        cases: of `generator_cases` on these networks.
        config: the `export` parameters.
        int8_trial: what int8 is judged by; None leaves it out.

    Raises:
        ParityError: where the float32 graph differs from torch by more than the tolerance.
    """
    float32 = folder / "generator.onnx"
    export_onnx(networks, float32, opset=config.opset)
    graphs = {"float32": _described(float32, check_generator(float32, cases, tolerance=config.tolerance))}
    left_out = {}
    if "float16" in config.precisions:
        graphs["float16"] = _float16(float32, cases)
    if "int8" in config.precisions:
        outcome = _int8(float32, cases, int8_trial, config.int8_max_loss) if int8_trial else NO_TRIAL
        if isinstance(outcome, str):
            left_out["int8"] = outcome
        else:
            graphs["int8"] = outcome
    return Precisions(graphs, left_out)


def _described(file: Path, parity: Parity, **more: Any) -> dict[str, Any]:
    return {"file": file.name, "parity": asdict(parity), **more}


def _float16(float32: Path, cases: Sequence[Case]) -> dict[str, Any]:
    """Write the kind of float16 that is closer to torch on average; of equals the mixed one, which cannot overflow."""
    tried: dict[Kind, tuple[Path, Parity]] = {}
    for kind in get_args(Kind):
        path = float32.with_name(f"generator-{kind}.onnx")
        write_float16(float32, path, kind)
        tried[kind] = path, check_generator(path, cases, tolerance=None, on_gpu=True)
    kept: Kind = "float16" if tried["float16"][1].mean_difference < tried["mixed"][1].mean_difference else "mixed"
    file = float32.with_name("generator-float16.onnx")
    if kept == "mixed":
        tried["mixed"][0].replace(file)
    else:
        tried["mixed"][0].unlink()
    return _described(file, tried[kept][1], kind=kept)


def _int8(float32: Path, cases: Sequence[Case], trial: Int8Trial, max_loss: float) -> dict[str, Any] | str:
    """Write the int8 graph if the mean IoU falls by at most `max_loss`; else say by how much it falls."""
    file = float32.with_name("generator-int8.onnx")
    write_int8(float32, file, trial.maps)
    before, after = trial.mean_iou(float32), trial.mean_iou(file)
    if before - after > max_loss:
        file.unlink()
        return (
            f"mean IoU {after:.4f}, with float32 {before:.4f}: it falls by {before - after:.4f}, allowed is {max_loss}"
        )
    parity = check_generator(file, cases, tolerance=None)
    return _described(file, parity, mean_iou=after, float32_mean_iou=before)
