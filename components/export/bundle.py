"""The serving bundle as a folder: graph, styles, classes, description and model card."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch

from components import fingerprint
from components.data.dataset import ClassInfo
from components.export.card import model_card
from components.export.config import ExportConfig
from components.export.onnx import check_parity, export_onnx
from components.export.serving import input_names
from components.models.networks import Networks

FORMAT = 1


@dataclass(frozen=True)
class Lineage:
    """Where a bundle comes from.

    Attributes:
        recipe: name of the parameters' recipe.
        data: fingerprint of both splits' source data.
        validation: fingerprint of the validation split's.
        params: fingerprint of the parameters.
        code: fingerprint of the library's source.
    """

    recipe: str
    data: str
    validation: str
    params: str
    code: str


def write_bundle(
    folder: Path,
    networks: Networks,
    *,
    classes: Sequence[ClassInfo],
    height: int,
    width: int,
    styles: Mapping[str, Any],
    scores: Mapping[str, float],
    lineage: Lineage,
    config: ExportConfig,
) -> dict[str, Any]:
    """Export, check against torch and describe a model.

    Args:
        folder: an empty folder.
        networks: the trained networks at full resolution.
        classes: of the label maps; none for RGB conditions.
        height: of the training pictures, in pixels.
        width: of the training pictures, in pixels.
        styles: the content of `styles.json`.
        scores: of the evaluation.
        lineage: where the model comes from.
        config: the `export` parameters.

    Returns:
        The content of `bundle.json`.

    Raises:
        ParityError: where ONNX Runtime differs from torch by more than the tolerance.
    """
    multiple = networks.shape.model.size_multiple
    export_onnx(networks, folder / "generator.onnx", opset=config.opset)
    parity = check_parity(
        networks,
        folder / "generator.onnx",
        sizes=_parity_sizes(height, width, multiple),
        tolerance=config.tolerance,
    )
    (folder / "styles.json").write_text(json.dumps(styles, indent=1))
    (folder / "classes.json").write_text(json.dumps([asdict(each) for each in classes], indent=1))
    (folder / "model_card.md").write_text(model_card(networks.shape, classes, (height, width), scores, lineage.recipe))
    description: dict[str, Any] = {
        "format": FORMAT,
        "inputs": input_names(networks),
        "class_count": len(classes),
        "style_dimension": networks.shape.model.n_features,
        "size_multiple": multiple,
        "trained_size": {"height": height, "width": width},
        "fingerprint": {"data": lineage.data, "validation": lineage.validation}
        | {"params": lineage.params, "code": lineage.code},
        "scores": {"mean_iou": None, "pixel_accuracy": None, "oracle_mean_iou": None} | dict(scores),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "opset": config.opset,
        },
        "parity": asdict(parity),
        "files": {path.name: fingerprint.of_file(path) for path in sorted(folder.iterdir())},
    }
    (folder / "bundle.json").write_text(json.dumps(description, indent=1))
    return description


def _parity_sizes(height: int, width: int, multiple: int) -> list[tuple[int, int, int]]:
    """Batch, height and width of each case: the trained size; then batches, upright and other aspects.

    The latter are of some 256 pixels: what could differ there does not depend on the size, and at 2048 x 1024 each
    picture takes 25 seconds on two cores.
    """
    shrink = max(1, max(height, width) // 256)

    def shrunk(size: int) -> int:
        return max(2, size // shrink // multiple) * multiple

    small_height, small_width = shrunk(height), shrunk(width)
    return [
        (1, height, width),
        (2, small_height, small_width),
        (1, small_width, small_height),
        (1, shrunk(height // 2), small_width),
        (3, shrunk(height // 2), shrunk(width // 2)),
    ]
