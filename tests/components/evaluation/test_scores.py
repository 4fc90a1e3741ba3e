import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score, recall_score

from components.data.dataset import ClassInfo
from components.data.readers.cityscapes import CLASSES as CITYSCAPES
from components.evaluation.bootstrap import Bootstrap
from components.evaluation.scores import confusion_matrices, picture_mean_ious, score_estimates, scores_of
from tests.given import given

CLASSES = (
    ClassInfo(0, "void", (0, 0, 0), ignored_in_scores=True),
    ClassInfo(1, "road", (1, 1, 1)),
    ClassInfo(2, "car", (2, 2, 2)),
    ClassInfo(3, "sky", (3, 3, 3)),
)


def test_confusion_counts_pairs_of_true_and_predicted_class_and_leaves_ignored_pixels_out() -> None:
    label = torch.tensor([[[0, 0, 1], [1, 1, 2]]], dtype=torch.uint8)
    predicted = torch.tensor([[[1, 2, 1], [1, 2, 2]]])
    (confusion,) = confusion_matrices(predicted, label, CLASSES)
    assert confusion.tolist() == [[0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_only_the_pixels_asked_for_count() -> None:
    label = torch.tensor([[[1, 1, 0]], [[2, 1, 2]]], dtype=torch.uint8)
    predicted = torch.tensor([[[1, 2, 1]], [[2, 2, 1]]])
    where = torch.tensor([[[True, False, True]], [[False, True, True]]])
    first, second = confusion_matrices(predicted, label, CLASSES, where)
    assert first.nonzero().tolist() == [[1, 1]]
    assert second.nonzero().tolist() == [[1, 2], [2, 1]]


def test_each_picture_of_a_batch_has_its_own_confusion() -> None:
    label, predicted = _maps(pictures=3, classes=4)
    found = confusion_matrices(predicted, label, CLASSES)
    assert found.shape == (3, 4, 4)
    for picture in range(3):
        scored = label[picture] != 0
        expected = confusion_matrix(label[picture][scored], predicted[picture][scored], labels=range(4))
        assert found[picture].tolist() == expected.tolist()


def _maps(*, pictures: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Label maps and predictions of 6x7 pixels, of which about half are right."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=(pictures, 6, 7))
    predicted = np.where(rng.random(label.shape) < 0.5, label, rng.integers(classes, size=label.shape))
    return torch.from_numpy(label), torch.from_numpy(predicted)


def test_all_scores_are_those_of_scikit_learn() -> None:
    label, predicted = _maps(pictures=4, classes=4)
    scores = scores_of(confusion_matrices(predicted, label, CLASSES).sum(0), CLASSES)
    kept = label != 0
    true, found, names = label[kept], predicted[kept], ["road", "car", "sky"]
    iou = jaccard_score(true, found, labels=[1, 2, 3], average=None)
    assert scores.class_iou == pytest.approx(dict(zip(names, iou, strict=True)))
    accuracy = recall_score(true, found, labels=[1, 2, 3], average=None)
    assert scores.class_accuracy == pytest.approx(dict(zip(names, accuracy, strict=True)))
    assert scores.pixel_accuracy == pytest.approx(accuracy_score(true, found))
    assert scores.mean_iou == pytest.approx(jaccard_score(true, found, labels=[1, 2, 3], average="macro"))
    weighted = jaccard_score(true, found, labels=[1, 2, 3], average="weighted")
    assert scores.frequency_weighted_iou == pytest.approx(weighted)


def test_cityscapes_is_scored_over_its_19_training_ids_by_the_rule_of_the_benchmark() -> None:
    # The ids that the benchmark's labels.py gives a trainId of 0..18.
    training_ids = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert [each.index for each in CITYSCAPES if not each.ignored_in_scores] == training_ids
    label, predicted = _maps(pictures=40, classes=len(CITYSCAPES))  # predictions of ignored classes too
    scores = scores_of(confusion_matrices(predicted, label, CITYSCAPES).sum(0), CITYSCAPES)
    for index in training_ids:  # evalPixelLevelSemanticLabeling.py, pixel by pixel
        true_positives = int(((label == index) & (predicted == index)).sum())
        false_negatives = int(((label == index) & (predicted != index)).sum())
        of_others = torch.isin(label, torch.tensor([each for each in training_ids if each != index]))
        false_positives = int((of_others & (predicted == index)).sum())
        expected = true_positives / (true_positives + false_positives + false_negatives)
        assert scores.class_iou[CITYSCAPES[index].name] == pytest.approx(expected)
    assert len(scores.class_iou) == 19
    assert scores.mean_iou == pytest.approx(sum(map(given, scores.class_iou.values())) / 19)


def test_a_hand_made_cityscapes_map_leaves_out_what_the_benchmark_ignores() -> None:
    # Road (7) and car (26); the ego vehicle (1), parking (9), a caravan (29) and unlabeled pixels (0) count nowhere.
    label = torch.tensor([[[7, 7, 7, 26, 26, 1, 9, 29, 0]]])
    predicted = torch.tensor([[[7, 7, 26, 26, 7, 7, 7, 26, 26]]])
    scores = scores_of(confusion_matrices(predicted, label, CITYSCAPES).sum(0), CITYSCAPES)
    found = {name: iou for name, iou in scores.class_iou.items() if iou is not None}
    assert found == pytest.approx({"road": 2 / 4, "car": 1 / 3})
    assert scores.pixel_accuracy == pytest.approx(3 / 5)


def test_scores_are_worked_out_by_hand() -> None:
    # road: 6 right, 2 taken for car, 1 car taken for road: 6 / (6 + 2 + 1)
    # car: 3 right, 1 taken for road, 2 road taken for it: 3 / (3 + 1 + 2)
    # sky: 4 right and nothing else
    confusion = torch.tensor([[0, 0, 0, 0], [0, 6, 2, 0], [0, 1, 3, 0], [0, 0, 0, 4]])
    scores = scores_of(confusion, CLASSES)
    assert scores.pixel_accuracy == pytest.approx(13 / 16)
    assert scores.class_iou == pytest.approx({"road": 6 / 9, "car": 0.5, "sky": 1.0})
    assert scores.mean_iou == pytest.approx((6 / 9 + 0.5 + 1.0) / 3)
    assert scores.class_accuracy == pytest.approx({"road": 6 / 8, "car": 3 / 4, "sky": 1.0})
    assert scores.frequency_weighted_iou == pytest.approx((8 * 6 / 9 + 4 * 0.5 + 4 * 1.0) / 16)


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_iou_and_is_left_out_of_the_mean() -> None:
    confusion = torch.tensor([[0, 0, 0, 0], [0, 3, 1, 0], [0, 0, 4, 0], [0, 0, 0, 0]])
    scores = scores_of(confusion, CLASSES)
    assert scores.class_iou == {"road": 0.75, "car": 0.8, "sky": None}
    assert scores.mean_iou == pytest.approx((0.75 + 0.8) / 2)


def test_a_class_that_is_only_predicted_has_iou_zero() -> None:
    confusion = torch.tensor([[0, 0, 0, 0], [0, 3, 0, 1], [0, 0, 4, 0], [0, 0, 0, 0]])
    scores = scores_of(confusion, CLASSES)
    assert scores.class_iou == {"road": 0.75, "car": 1.0, "sky": 0.0}
    assert scores.class_accuracy == {"road": 0.75, "car": 1.0, "sky": None}


def test_an_ignored_class_has_no_score() -> None:
    assert "void" not in scores_of(torch.eye(4, dtype=torch.int64), CLASSES).class_iou


def test_without_a_scored_pixel_there_are_no_scores() -> None:
    label = torch.zeros(1, 4, 4, dtype=torch.uint8)
    (confusion,) = confusion_matrices(torch.ones(1, 4, 4, dtype=torch.int64), label, CLASSES)
    with pytest.raises(ValueError, match="no pixel of a scored class"):
        scores_of(confusion, CLASSES)


def test_intervals_are_the_percentiles_of_resampled_pictures() -> None:
    label, predicted = _maps(pictures=5, classes=4)
    confusions = confusion_matrices(predicted, label, CLASSES)
    bootstrap = Bootstrap(samples=100, confidence=0.9, seed=3)
    found = score_estimates(confusions, CLASSES, bootstrap)
    assert found.value == scores_of(confusions.sum(0), CLASSES)
    resampled = []
    for times in bootstrap.weights(5):  # the literal bootstrap: pictures put together anew
        pictures = [picture for picture, count in enumerate(times) for _ in range(count)]
        matrices = confusion_matrices(predicted[pictures], label[pictures], CLASSES)
        resampled.append(scores_of(matrices.sum(0), CLASSES))
    for name in ("pixel_accuracy", "mean_iou", "frequency_weighted_iou"):
        low, high = np.percentile([getattr(each, name) for each in resampled], [5, 95])
        estimate = found.overall(name)
        assert (estimate.low, estimate.high) == pytest.approx((low, high))
        assert low < estimate.value < high
    for kind in ("class_iou", "class_accuracy"):
        low, high = np.percentile([getattr(each, kind)["car"] for each in resampled], [5, 95])
        car = given(found.of_class(kind, "car"))
        assert (car.low, car.high) == pytest.approx((low, high))


def test_a_class_of_few_pictures_has_the_interval_of_the_resamples_that_have_it() -> None:
    # Only the second picture has a car, right in 1 of 2 pixels; no picture has sky.
    confusions = torch.zeros(3, 4, 4, dtype=torch.int32)
    confusions[:, 1, 1] = 5
    confusions[1, 2, 2] = confusions[1, 2, 1] = 1
    found = score_estimates(confusions, CLASSES, Bootstrap(samples=100, confidence=0.95, seed=0))
    car = found.of_class("class_accuracy", "car")
    assert car is not None
    assert (car.value, car.low, car.high) == (0.5, 0.5, 0.5)
    assert found.of_class("class_iou", "sky") is None


def test_each_picture_has_the_mean_iou_of_its_own_classes() -> None:
    confusions = torch.zeros(3, 4, 4, dtype=torch.int32)
    confusions[0, 1, 1], confusions[0, 1, 2] = 3, 1  # road 3 / 4, car 0 / 1
    confusions[1, 3, 3] = 7
    found = picture_mean_ious(confusions, CLASSES)
    assert found[:2] == pytest.approx([0.375, 1.0])
    assert np.isnan(found[2])
