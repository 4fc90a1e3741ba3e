"""Segmentation scores from confusion matrices (Wang et al. 2018, Sec. 4.1; Long et al. 2015, Sec. 5).

A pixel of an ignored class is left out; where a pixel of a scored class was taken for an ignored one, the scored class
misses it. This is the rule of the Cityscapes benchmark.

Shapes: B or N pictures, C classes, K of them scored; a confusion matrix is (C, C), rows the true classes, columns the
predicted ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.data.dataset import ClassInfo
from components.evaluation.bootstrap import Bootstrap, Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Scores in 0..1.

    Attributes:
        pixel_accuracy: share of scored pixels whose class is right.
        mean_iou: mean of the intersection over union of the scored classes that occur or are predicted.
        frequency_weighted_iou: that mean, each class weighted by its share of the scored pixels.
        class_accuracy: of each scored class by name, the share of its pixels that is right; None where it has none.
        class_iou: of each scored class by name; None where it neither occurs nor is predicted.
    """

    pixel_accuracy: float
    mean_iou: float
    frequency_weighted_iou: float
    class_accuracy: dict[str, float | None]
    class_iou: dict[str, float | None]


@dataclass(frozen=True)
class ScoreEstimates:
    """Scores over all pictures, and the bounds of their confidence intervals."""

    value: Scores
    low: Scores
    high: Scores

    def overall(self, name: str) -> Estimate:
        """One of the scores over all classes, by its field's name."""
        return Estimate(*(float(getattr(each, name)) for each in (self.value, self.low, self.high)))

    def of_class(self, kind: str, name: str) -> Estimate | None:
        """`class_accuracy` or `class_iou` of a class; None where it has none."""
        value, low, high = (getattr(each, kind)[name] for each in (self.value, self.low, self.high))
        return None if value is None else Estimate(value, low, high)


@dataclass(frozen=True)
class Rates:
    """Scores of many sets of pixels at once, in 0..1: (...) each, of the classes (..., K); nan where there is none."""

    pixel_accuracy: Floats
    mean_iou: Floats
    frequency_weighted_iou: Floats
    class_accuracy: Floats
    class_iou: Floats


def confusion_matrices(
    predicted: Tensor, label: Tensor, classes: Sequence[ClassInfo], where: Tensor | None = None
) -> Tensor:
    """Count the pixels of each (true, predicted) pair; pixels of ignored classes are left out.

    Args:
        predicted: (B, H, W) integer classes.
        label: (B, H, W) integer true classes.
        classes: all C classes.
        where: (B, H, W) bool, the pixels that count; None takes all.

    Returns:
        (B, C, C) int32 on the CPU.
    """
    pictures, count = len(label), len(classes)
    kept = torch.tensor([not each.ignored_in_scores for each in classes], device=label.device)[label.long()]
    if where is not None:
        kept &= where
    picture = torch.arange(pictures, device=label.device).view(-1, 1, 1)
    cell = (picture * count + label.long()) * count + predicted.long()
    counted = torch.bincount(cell[kept], minlength=pictures * count**2)
    return counted.view(pictures, count, count).int().cpu()


def scores_of(confusion: Tensor, classes: Sequence[ClassInfo]) -> Scores:
    """Scores from one confusion matrix (C, C).

    Raises:
        ValueError: where no pixel was scored.
    """
    if not confusion.any():
        raise ValueError("confusion matrix: no pixel of a scored class, expected at least one")
    return _named(rates_of(_counts(confusion, classes)), classes)


def score_estimates(confusions: Tensor, classes: Sequence[ClassInfo], bootstrap: Bootstrap) -> ScoreEstimates:
    """Scores over N pictures with their confidence intervals, from the pictures' confusion matrices (N, C, C).

    A class that few pictures have is missing in some resamples; its interval is that of the others.

    Raises:
        ValueError: where no pixel was scored.
    """
    value = scores_of(confusions.sum(0), classes)
    counts = _counts(confusions, classes)
    resampled = rates_of(np.tensordot(bootstrap.weights(len(counts)), counts, 1))
    bounds = {field.name: bootstrap.bounds(getattr(resampled, field.name)) for field in fields(Rates)}
    low, high = (Rates(**{name: bound[side] for name, bound in bounds.items()}) for side in (0, 1))
    return ScoreEstimates(value, low=_named(low, classes), high=_named(high, classes))


def picture_mean_ious(confusions: Tensor, classes: Sequence[ClassInfo]) -> Floats:
    """Mean IoU of each picture (N,), nan where it has no scored pixel, from the confusion matrices (N, C, C)."""
    return rates_of(_counts(confusions, classes)).mean_iou


def rates_of(counts: Floats) -> Rates:
    """Scores from numbers of pixels (..., 3, K): right, true and predicted ones of each scored class."""
    right, true, predicted = np.moveaxis(counts, -2, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the nan of a class, or picture, that there is not
        iou, accuracy = right / (true + predicted - right), right / true
        return Rates(
            pixel_accuracy=right.sum(-1) / true.sum(-1),
            mean_iou=np.nansum(iou, -1) / np.count_nonzero(~np.isnan(iou), -1),
            frequency_weighted_iou=np.nansum(true * iou, -1) / true.sum(-1),
            class_accuracy=accuracy,
            class_iou=iou,
        )


def _counts(confusion: Tensor, classes: Sequence[ClassInfo]) -> Floats:
    """Give the right, true and predicted pixels (..., 3, K) of each scored class, all that the scores depend on."""
    matrix = confusion.numpy()
    pixels = np.stack([np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1), matrix.sum(-2)], axis=-2)
    scored = [each.index for each in classes if not each.ignored_in_scores]
    return pixels[..., scored].astype(np.float64)


def _named(rates: Rates, classes: Sequence[ClassInfo]) -> Scores:
    names = [each.name for each in classes if not each.ignored_in_scores]

    def by_name(values: Floats) -> dict[str, float | None]:
        return {name: None if np.isnan(value) else value for name, value in zip(names, values.tolist(), strict=True)}

    return Scores(
        pixel_accuracy=float(rates.pixel_accuracy),
        mean_iou=float(rates.mean_iou),
        frequency_weighted_iou=float(rates.frequency_weighted_iou),
        class_accuracy=by_name(rates.class_accuracy),
        class_iou=by_name(rates.class_iou),
    )
