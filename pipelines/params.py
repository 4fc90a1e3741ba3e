"""`params.yaml`, parsed whole and checked before a stage does anything."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import ValidationError, model_validator
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

    @model_validator(mode="after")
    def _size_fits_the_networks(self) -> Self:
        self.model.check_size(self.preprocess.height, self.preprocess.width)
        return self


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check all parameters.

    Raises:
        ParamsError: naming the file, and every field that is unknown, missing or out of range with the value found.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ParamsError(f"{path}: expected a YAML file of parameters, found {error}") from error
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        lines = "\n".join(f"  {_describe(each)}" for each in error.errors())
        raise ParamsError(f"{path}: {error.error_count()} problems:\n{lines}") from error


def _describe(error: ErrorDetails) -> str:
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{field}: unknown parameter, got {error['input']!r}"
    if error["type"] == "missing":
        return f"{field}: missing"
    if error["type"] == "value_error":  # a validator of ours, whose message names the field within its section
        message = str(error["ctx"]["error"]) if "ctx" in error else error["msg"]
        return "\n  ".join(f"{field}.{line}" if field else line for line in message.splitlines())
    message = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    message = message.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return f"{field}: must be {message}, got {error['input']!r}"
