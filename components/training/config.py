"""The sections of the parameters that say how to train: one a phase, and what is left on the way."""

from pydantic import Field, ValidationInfo, field_validator

from components.config import Config
from components.data.draws import CropConfig


class PhaseConfig(Config):
    """How a phase is trained (Wang et al. 2018, Sec. 3.2 and appendix).

    Attributes:
        epochs: passes over the training pictures.
        epochs_decay: of these, the last ones, in which the rate falls linearly to zero.
        batch_size: pictures a step.
        learning_rate: Adam's rate before the decay.
        beta1: Adam's decay of the first moment.
        beta2: Adam's decay of the second moment.
        crop: the window, in pixels at full resolution, that is taken of each picture at a random place; null takes
            whole pictures.
        flip: mirror each picture with probability one half.
        pool_size: earlier synthesized pictures that the discriminators are shown now and then; 0 for none.
        seed: of the initial weights and of everything that is drawn.
    """

    epochs: int = Field(ge=1)
    epochs_decay: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)
    crop: CropConfig | None
    flip: bool
    pool_size: int = Field(ge=0)
    seed: int = Field(ge=0)

    @field_validator("epochs_decay")
    @classmethod
    def _decay_within_the_epochs(cls, epochs_decay: int, info: ValidationInfo) -> int:
        if epochs_decay > info.data.get("epochs", epochs_decay):
            raise ValueError(f"must be at most epochs ({info.data['epochs']}), got {epochs_decay}")
        return epochs_decay


class ProgressConfig(Config):
    """The `progress` section: what training leaves on its way; it changes no result.

    Attributes:
        checkpoint_seconds: how much training an interruption may cost.
        keep_checkpoints: how many of the newest stay; an older one serves where the newest is damaged.
        sample_epochs: epochs between the sample pictures of a tracked run.
    """

    checkpoint_seconds: float = Field(ge=0)
    keep_checkpoints: int = Field(ge=1)
    sample_epochs: int = Field(ge=1)
