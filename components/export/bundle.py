"""The serving bundle as a folder: graphs, styles, classes, description and model card."""

import json
import platform
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from components import fingerprint
from components.data.dataset import ClassInfo
from components.export.card import model_card
from components.export.config import ExportConfig
from components.export.encoder import export_encoder
from components.export.int8 import Int8Trial
from components.export.parity import check_encoder, encoder_cases, generator_cases, parity_sizes
from components.export.precisions import write_graphs
from components.export.serving import input_names
from components.inference.bundle import FORMAT, SCHEMA
from components.inference.samples import SAMPLES_FILE
from components.models.networks import Networks

PROJECT = fingerprint.PACKAGE.parent / "pyproject.toml"


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
    int8_trial: Int8Trial | None,
    samples: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Export, check against torch and describe a model.

    Beside the generator in each precision there is a graph of the encoder, where the networks have one.

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
        int8_trial: what int8 is judged by; None leaves it out.
        samples: the content of `samples.json`; None leaves the file out.

    Returns:
        The content of `bundle.json`.

    Raises:
        ParityError: where ONNX Runtime differs from torch by more than the tolerance.
    """
    multiple = networks.shape.model.size_multiple
    cases = generator_cases(networks, parity_sizes(height, width, multiple))
    precisions = write_graphs(folder, networks, cases, config, int8_trial)
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
        "versions": _versions() | {"opset": config.opset},
        "producer": _producer(),
        **asdict(precisions),
        "encoder": _encoder(folder, networks, height, width, config),
    }
    contents = {"styles.json": styles, "classes.json": [asdict(each) for each in classes], SAMPLES_FILE: samples}
    for name, content in contents.items():
        if content is not None:
            (folder / name).write_text(json.dumps(content, indent=1))
    megabytes = {path.name: path.stat().st_size / 1e6 for path in folder.glob("*.onnx")}
    card = model_card(networks.shape, classes, scores, lineage.recipe, description, megabytes)
    (folder / "model_card.md").write_text(card)
    description["files"] = {path.name: fingerprint.of_file(path) for path in sorted(folder.iterdir())}
    text = json.dumps(description, indent=1)
    document: dict[str, Any] = json.loads(text)
    check_document(document)
    (folder / "bundle.json").write_text(text)
    return document


def check_document(document: Mapping[str, Any]) -> None:
    """Check the content of a `bundle.json` against its schema.

    Raises:
        ValueError: a line for each field that is missing, unknown or not as the schema says.
    """
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    if problems:
        raise ValueError("bundle.json differs from its schema:\n" + "\n".join(problems))


def _encoder(folder: Path, networks: Networks, height: int, width: int, config: ExportConfig) -> dict[str, Any] | None:
    if networks.encoder is None:
        return None
    model = networks.shape.model
    multiple = max(model.size_multiple, int(2**model.n_downsample_encoder))  # both powers of two
    height, width = (-(-size // multiple) * multiple for size in (height, width))
    file = folder / "encoder.onnx"
    inputs = export_encoder(networks, file, opset=config.opset)
    parity = check_encoder(file, encoder_cases(networks, parity_sizes(height, width, multiple)))
    return {"file": file.name, "inputs": inputs, "parity": asdict(parity)}


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _producer() -> str:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return f"{project['name']} {project['version']}"
