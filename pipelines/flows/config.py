"""The `retrain` section of the parameters."""

from typing import Literal

from pydantic import Field

from components.config import Config


class RetrainConfig(Config):
    """When a retraining may run, what a challenger must be to become the champion, and who is told.

    Attributes:
        uncommitted: what a git tree with changes that are not committed means: `record` runs and tags the version
            with it, `refuse` ends the run.
        when_busy: what a run does while another one of the same project is going on: `wait` for its end, or `skip`.
        minimum_gain: mean IoU that the challenger must have above the champion; it must be more than this.
        maximum_class_drop: IoU that any class may lose against the champion.
        maximum_parity_difference: grey levels at any pixel by which the float32 graph may differ from torch.
        maximum_seconds: for one picture of the trained size on this machine's CPU, or null for no limit.
        maximum_megabytes: of the float32 graph, 10^6 bytes each, or null for no limit.
        shown_pictures: rows of the picture that shows challenger and champion beside each other.
        webhook: name of a Prefect block of the type `webhook` that is told the outcome, or null.
    """

    uncommitted: Literal["record", "refuse"]
    when_busy: Literal["wait", "skip"]
    minimum_gain: float = Field(ge=0, le=1)
    maximum_class_drop: float = Field(ge=0, le=1)
    maximum_parity_difference: int = Field(ge=0, le=255)
    maximum_seconds: float | None = Field(gt=0)
    maximum_megabytes: float | None = Field(gt=0)
    shown_pictures: int = Field(ge=1)
    webhook: str | None
