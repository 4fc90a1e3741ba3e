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

PARAMS_FILE = Path("params.yaml")


class ParamsError(ValueError):
    """All problems of a params file, a line each."""


class Params(Config):
    """Every section of `params.yaml`; what each field means stands in its section's class."""

    recipe: str
    prepare: PrepareConfig
    preprocess: PreprocessConfig
    runtime: RuntimeConfig
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
    """Whether the size fits the networks, where both sections are right in themselves."""
    try:
        model = ModelConfig.model_validate(content.get("model"))
        preprocess = PreprocessConfig.model_validate(content.get("preprocess"))
    except ValidationError:
        return []
    return model.phase_problems(preprocess.height, preprocess.width)


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
