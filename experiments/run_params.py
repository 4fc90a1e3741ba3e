"""The parameters that a run was made with, as far as its stages read them."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from components.data.prepare_config import PrepareConfig
from components.data.preprocess_config import PreprocessConfig
from components.evaluation.config import EvaluateConfig, SegmenterConfig
from components.losses.config import LossesConfig
from components.models.config import ModelConfig
from components.runtime import RuntimeConfig
from components.styles.config import ClusterConfig, SynthesizeConfig
from components.training.config import PhaseConfig


class RunParams(BaseModel):
    """The sections that dvc.yaml names; others change nothing of a run, and there may be newer ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prepare: PrepareConfig
    preprocess: PreprocessConfig
    runtime: RuntimeConfig
    model: ModelConfig
    losses: LossesConfig
    train_segmenter: SegmenterConfig
    train_global: PhaseConfig
    train_local: PhaseConfig
    finetune: PhaseConfig
    cluster: ClusterConfig
    synthesize: SynthesizeConfig
    evaluate: EvaluateConfig


def load_run_params(path: Path) -> RunParams:
    """Read a run's parameters.

    Raises:
        ValueError: naming the file, where one is missing or not as this code expects it.
    """
    try:
        return RunParams.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path}: expected the parameters of a run, found {error}") from error
