"""Segmentation scores from a confusion matrix (Wang et al. 2018, Sec. 4.1).

Shapes: C classes; a confusion matrix is (C, C) int64, rows the true classes, columns the predicted ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from components.data.dataset import ClassInfo


@dataclass(frozen=True)
class Scores:
    """Scores in 0..1.

    Attributes:
        pixel_accuracy: share of scored pixels whose class is right.
        mean_iou: mean of the intersection over union of the scored classes that occur or are predicted.
        class_iou: of each scored class by name; None where it neither occurs nor is predicted.
    """

    pixel_accuracy: float
    mean_iou: float
    class_iou: dict[str, float | None]


def confusion_matrix(predicted: Tensor, label: Tensor, classes: Sequence[ClassInfo]) -> Tensor:
    """Count the pixels of each (true, predicted) pair; pixels of ignored classes are left out.

    Args:
        predicted: (B, H, W) integer classes.
        label: (B, H, W) integer true classes.
        classes: all C classes.
    """
    count = len(classes)
    scored = torch.tensor([not each.ignored_in_scores for each in classes], device=label.device)
    label, predicted = label.long(), predicted.long()
    kept = scored[label]
    return torch.bincount(label[kept] * count + predicted[kept], minlength=count**2).view(count, count).cpu()


def scores_of(confusion: Tensor, classes: Sequence[ClassInfo]) -> Scores:
    """Pixel accuracy, mean IoU and each class's IoU.

    Raises:
        ValueError: where no pixel was scored.
    """
    if not confusion.any():
        raise ValueError("confusion matrix: no pixel of a scored class, expected at least one")
    right = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    class_iou = {
        each.name: float(right[each.index] / union[each.index]) if union[each.index] else None
        for each in classes
        if not each.ignored_in_scores
    }
    present = [value for value in class_iou.values() if value is not None]
    return Scores(
        pixel_accuracy=float(right.sum() / confusion.sum()),
        mean_iou=sum(present) / len(present),
        class_iou=class_iou,
    )
