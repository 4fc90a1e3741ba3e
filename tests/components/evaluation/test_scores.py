import pytest
import torch

from components.data.dataset import ClassInfo
from components.evaluation.scores import confusion_matrix, scores_of

CLASSES = (
    ClassInfo(0, "void", (0, 0, 0), ignored_in_scores=True),
    ClassInfo(1, "road", (1, 1, 1)),
    ClassInfo(2, "car", (2, 2, 2)),
    ClassInfo(3, "sky", (3, 3, 3)),
)


def test_confusion_counts_pairs_of_true_and_predicted_class_and_leaves_ignored_pixels_out() -> None:
    label = torch.tensor([[[0, 0, 1], [1, 1, 2]]], dtype=torch.uint8)
    predicted = torch.tensor([[[1, 2, 1], [1, 2, 2]]])
    confusion = confusion_matrix(predicted, label, CLASSES)
    assert confusion.dtype == torch.int64
    assert confusion.tolist() == [[0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_confusion_of_a_batch_is_the_sum_over_its_pictures() -> None:
    generator = torch.Generator().manual_seed(0)
    label, predicted = (torch.randint(4, (3, 5, 6), generator=generator) for _ in range(2))
    expected = [[0] * 4 for _ in range(4)]
    for true, found in zip(label.flatten().tolist(), predicted.flatten().tolist(), strict=True):
        if true != 0:
            expected[true][found] += 1
    assert confusion_matrix(predicted, label, CLASSES).tolist() == expected
    parts = [confusion_matrix(predicted[i : i + 1], label[i : i + 1], CLASSES) for i in range(3)]
    assert sum(parts).tolist() == expected


def test_scores_are_worked_out_by_hand() -> None:
    # road: 6 right, 2 taken for car, 1 car taken for road: 6 / (6 + 2 + 1)
    # car: 3 right, 1 taken for road, 2 road taken for it: 3 / (3 + 1 + 2)
    # sky: 4 right and nothing else
    confusion = torch.tensor([[0, 0, 0, 0], [0, 6, 2, 0], [0, 1, 3, 0], [0, 0, 0, 4]])
    scores = scores_of(confusion, CLASSES)
    assert scores.pixel_accuracy == pytest.approx(13 / 16)
    assert scores.class_iou == pytest.approx({"road": 6 / 9, "car": 0.5, "sky": 1.0})
    assert scores.mean_iou == pytest.approx((6 / 9 + 0.5 + 1.0) / 3)


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_iou_and_is_left_out_of_the_mean() -> None:
    confusion = torch.tensor([[0, 0, 0, 0], [0, 3, 1, 0], [0, 0, 4, 0], [0, 0, 0, 0]])
    scores = scores_of(confusion, CLASSES)
    assert scores.class_iou == {"road": 0.75, "car": 0.8, "sky": None}
    assert scores.mean_iou == pytest.approx((0.75 + 0.8) / 2)


def test_a_class_that_is_only_predicted_has_iou_zero() -> None:
    confusion = torch.tensor([[0, 0, 0, 0], [0, 3, 0, 1], [0, 0, 4, 0], [0, 0, 0, 0]])
    scores = scores_of(confusion, CLASSES)
    assert scores.class_iou == {"road": 0.75, "car": 1.0, "sky": 0.0}


def test_an_ignored_class_has_no_score() -> None:
    assert "void" not in scores_of(torch.eye(4, dtype=torch.int64), CLASSES).class_iou


def test_without_a_scored_pixel_there_are_no_scores() -> None:
    label = torch.zeros(1, 4, 4, dtype=torch.uint8)
    confusion = confusion_matrix(torch.ones(1, 4, 4, dtype=torch.int64), label, CLASSES)
    with pytest.raises(ValueError, match="no pixel of a scored class"):
        scores_of(confusion, CLASSES)
