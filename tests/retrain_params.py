"""The `retrain` section of the parameters, for tests of the gate, the judge and the flow."""

from typing import Any

from pipelines.flows.config import RetrainConfig


def retrain_config(**overrides: Any) -> RetrainConfig:
    """The default limits."""
    values: dict[str, Any] = {
        "uncommitted": "record",
        "when_busy": "wait",
        "minimum_gain": 0.0,
        "maximum_class_drop": 0.1,
        "maximum_parity_difference": 1,
        "maximum_seconds": None,
        "maximum_megabytes": None,
        "shown_pictures": 4,
        "webhook": None,
    }
    return RetrainConfig(**(values | overrides))
