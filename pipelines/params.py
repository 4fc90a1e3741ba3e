"""`params.yaml`, parsed whole and checked before a stage does anything."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.config import Config
from components.data.prepare import PrepareConfig
from components.data.preprocess import PreprocessConfig
from components.evaluation.config import EvaluateConfig, SegmenterConfig
from components.export.config import ExportConfig
from components.losses.config import LossesConfig
from components.models.config import ModelConfig
from components.runtime import RuntimeConfig
from components.styles.config import ClusterConfig, SynthesizeConfig
from components.training.config import PhaseConfig, ProgressConfig
from pipelines.flows.config import RetrainConfig

PARAMS_FILE = Path("params.yaml")


class ParamsError(ValueError):
    """All problems of a params file, a line each."""


class Params(Config):
    """Every section of `params.yaml`; what each field means stands in its section's class."""

    recipe: str
    prepare: PrepareConfig
    preprocess: PreprocessConfig
    runtime: RuntimeConfig
    launch: str
    progress: ProgressConfig
    model: ModelConfig
    losses: LossesConfig
    train_segmenter: SegmenterConfig
    train_global: PhaseConfig
    train_local: PhaseConfig
    finetune: PhaseConfig
    cluster: ClusterConfig
    synthesize: SynthesizeConfig
    evaluate: EvaluateConfig
    export: ExportConfig
    retrain: RetrainConfig


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check all parameters.

    Raises:
        ParamsError: naming the file, and every field that is unknown, missing or out of range with the value found.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ParamsError(f"{path}: expected a YAML file of parameters, found {error}") from error
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: expected a mapping of sections to parameters, got {content!r}")
    problems: list[str] = []
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        problems += [_describe(each) for each in error.errors()]
    problems += _problems_between_sections(content)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ParamsError(f"{path}: {count}:\n" + "\n".join(f"  {line}" for line in problems))
    return params


def _problems_between_sections(content: dict[str, Any]) -> list[str]:
    """What contradicts itself across the sections that are right in themselves."""
    sections = {name: _parsed(field.annotation, content.get(name)) for name, field in Params.model_fields.items()}
    model, losses, runtime = sections["model"], sections["losses"], sections["runtime"]
    if model is None:
        return []
    problems: list[str] = model.problems() + model.size_problems(_sizes(sections))
    preprocess = sections["preprocess"]
    if preprocess is not None and preprocess.resize != "fixed" and preprocess.multiple % model.training_multiple:
        problems.append(
            f"preprocess.multiple: must be a multiple of {model.training_multiple}, what the networks need, "
            f"got {preprocess.multiple}"
        )
    if losses is not None and not model.num_D:
        problems += _problems_without_discriminators(losses)
    if runtime is not None and runtime.gradient_checkpointing and model.norm == "batch":
        problems.append("runtime.gradient_checkpointing: must be false where model.norm is batch, got true")
    return problems


def _parsed(section: Any, content: Any) -> Any:
    if section is str:
        return content
    try:
        return section.model_validate(content)
    except ValidationError:
        return None


def _sizes(sections: dict[str, Any]) -> dict[str, int]:
    """Heights and widths that pictures and windows have, by field."""
    sizes = {}
    preprocess = sections["preprocess"]
    if preprocess is not None:
        sizes = {f"preprocess.{name}": getattr(preprocess, name) for name in ("height", "width")}
    for name in ("train_global", "train_local", "finetune"):
        if sections[name] is not None and sections[name].crop is not None:
            sizes |= {f"{name}.crop.{side}": pixels for side, pixels in sections[name].crop}
    return {field: pixels for field, pixels in sizes.items() if pixels is not None}


def _problems_without_discriminators(losses: LossesConfig) -> list[str]:
    problems = []
    if losses.lambda_feature_matching:
        problems.append(
            "losses.lambda_feature_matching: must be 0 where model.num_D is 0: there is no discriminator whose "
            f"features could match, got {losses.lambda_feature_matching:g}"
        )
    if not losses.lambda_l1 and not (losses.vgg_weights and losses.lambda_perceptual):
        problems.append(
            "losses: nothing to train on: model.num_D is 0, lambda_l1 is 0, and vgg_weights or lambda_perceptual are "
            "not given; expected one of them"
        )
    return problems


def _describe(error: ErrorDetails) -> str:
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{field}: unknown parameter, got {error['input']!r}"
    if error["type"] == "missing":
        return f"{field}: missing"
    if error["type"] == "value_error":  # a validator of ours, whose message says what was found
        return f"{field}: {error['ctx']['error']}"
    message = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    message = message.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return f"{field}: must be {message}, got {error['input']!r}"
