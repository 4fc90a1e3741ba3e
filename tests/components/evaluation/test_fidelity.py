from pathlib import Path

import numpy as np
import pytest
import torch

from components.evaluation.bootstrap import Bootstrap
from components.evaluation.evaluate import photos
from components.evaluation.fidelity import (
    Gaussian,
    estimate_distances,
    features_of,
    frechet_distance,
    gaussian,
    kernel_distances,
    segmenter_features,
)
from components.evaluation.segmenter import Segmenter
from tests.tiny import CLASSES, mixed_store, tiny_maker


def _sets(pictures: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(pictures, features)), rng.normal(size=(pictures, features)) * 1.5 + 0.3


def _kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(kernel_distances(first, second, np.ones((1, len(first)), np.int64))[0])


def test_the_frechet_distance_of_normal_distributions_is_the_closed_form() -> None:
    # Covariances that share their axes: the sum over them of (sqrt(a) - sqrt(b))^2, and the means' distance.
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    first = Gaussian(np.array([1.0, 0, 0]), np.diag([1.0, 2.0, 3.0]) @ turn)  # variances 1, 4, 9
    second = Gaussian(np.array([0.0, 0, 2.0]), np.diag([5.0, 2.0, 1.0]) @ turn)  # variances 25, 4, 1
    assert frechet_distance(first, second) == pytest.approx((1 + 4) + (4**2 + 0 + 2**2))


def test_drawn_from_normal_distributions_it_comes_to_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, size=(20_000, 3)), rng.normal(1, 3, size=(20_000, 3))
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(3 * (1 + 2**2), rel=0.03)


@pytest.mark.parametrize(("pictures", "features"), [(40, 5), (6, 20), (2, 8)])
def test_it_is_the_definition_also_where_the_covariances_are_singular(pictures: int, features: int) -> None:
    first, second = _sets(pictures, features)
    covariances = [np.cov(each, rowvar=False) for each in (first, second)]
    variances, axes = np.linalg.eigh(covariances[0])
    root = axes * np.sqrt(variances.clip(0)) @ axes.T
    eigenvalues = np.linalg.eigvalsh(root @ covariances[1] @ root).clip(0)  # those of the covariances' product
    difference = first.mean(0) - second.mean(0)
    expected = difference @ difference + np.trace(sum(covariances)) - 2 * np.sqrt(eigenvalues).sum()
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(expected, rel=1e-5)


def test_equal_sets_are_no_frechet_distance_apart() -> None:
    (first, _) = _sets(6, 20)
    assert frechet_distance(gaussian(first), gaussian(first[::-1])) == pytest.approx(0, abs=1e-10)


def test_the_kernel_distance_is_that_of_a_literal_double_loop() -> None:
    first, second = _sets(7, 4)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(a * b for a, b in zip(x, y, strict=True)) / 4 + 1) ** 3)

    within = across = 0.0
    for i in range(7):
        for j in range(7):
            across += kernel(first[i], second[j]) / 49
            if i != j:
                within += (kernel(first[i], first[j]) + kernel(second[i], second[j])) / 42
    assert _kernel_distance(first, second) == pytest.approx(within - 2 * across)


def test_the_kernel_distance_has_no_bias() -> None:
    rng = np.random.default_rng(2)
    draws = [_kernel_distance(*rng.normal(size=(2, 6, 3))) for _ in range(2000)]
    assert np.mean(draws) == pytest.approx(0, abs=4 * np.std(draws) / np.sqrt(2000))
    assert min(draws) < 0 < max(draws)


def test_weights_count_a_picture_as_often_as_they_say() -> None:
    first, second = _sets(5, 3)
    weights = np.array([2, 0, 1, 1, 1])
    again = np.repeat(first, weights, 0), np.repeat(second, weights, 0)
    weighted = [gaussian(each, weights) for each in (first, second)]
    assert frechet_distance(*weighted) == pytest.approx(frechet_distance(*(gaussian(each) for each in again)))
    kernels = [(x @ y.T / 3 + 1) ** 3 for x, y in ((again[0], again[0]), (again[1], again[1]), again)]
    pictures = np.repeat(np.arange(5), weights)
    others = pictures[:, None] != pictures  # not a picture with its copy
    expected = kernels[0][others].mean() + kernels[1][others].mean() - 2 * kernels[2].mean()
    assert kernel_distances(first, second, weights[None]) == pytest.approx([expected])


def test_intervals_hold_the_distances_of_pictures_drawn_anew() -> None:
    rng = np.random.default_rng(3)

    def drawn() -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=(40, 3)), rng.normal(0.5, 1.3, size=(40, 3))

    frechet = np.mean([frechet_distance(*map(gaussian, drawn())) for _ in range(300)])
    kernel = np.mean([_kernel_distance(*drawn()) for _ in range(300)])
    found = [estimate_distances(*drawn(), Bootstrap(100, 0.9, seed)) for seed in range(60)]
    for number, truth in enumerate((frechet, kernel)):
        held = np.mean([each[number].low <= truth <= each[number].high for each in found])
        assert 0.75 <= held <= 1  # 0.9, of 60
        assert all(each[number].low < each[number].value < each[number].high for each in found)


def test_two_pictures_are_enough_for_finite_intervals() -> None:
    for found in estimate_distances(*_sets(2, 8), Bootstrap(100, 0.95, 0)):
        assert np.isfinite([found.low, found.value, found.high]).all()


def test_features_of_pictures_of_any_size_are_means_of_the_encoders_last_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    segmenter = Segmenter(CLASSES, encoder="resnet18", channels=8).eval()
    maker = tiny_maker(mixed_store(tmp_path / "val", [(32, 64), (20, 24), (20, 24)]))
    found = features_of(segmenter_features(segmenter), maker, photos)
    assert found.shape == (3, 128)
    image = torch.from_numpy(next(iter(maker.store))["image"]).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        expected = segmenter.network.encoder(image)[-1].double().mean((2, 3))[0]
    assert found[0] == pytest.approx(expected.numpy(), abs=1e-5)
