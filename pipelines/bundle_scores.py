"""Scores of a serving bundle on a validation set, with the bounds of their confidence intervals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from components.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class BundleScores:
    """Scores in 0..1.

    Attributes:
        pixel_accuracy: share of scored pixels whose class is right.
        mean_iou: mean intersection over union of the scored classes.
        class_iou: of each scored class by name; None where it neither occurs nor is predicted.
    """

    pixel_accuracy: Estimate
    mean_iou: Estimate
    class_iou: Mapping[str, Estimate | None]

    def as_document(self) -> dict[str, Any]:
        """Give the scores as plain JSON values, which `from_document` reads."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "BundleScores":
        """Read what `as_document` gave."""
        return cls(
            pixel_accuracy=Estimate(**document["pixel_accuracy"]),
            mean_iou=Estimate(**document["mean_iou"]),
            class_iou={name: iou and Estimate(**iou) for name, iou in document["class_iou"].items()},
        )
