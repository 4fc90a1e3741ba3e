import numpy as np
import pytest
import torch

from components.evaluation.diversity import distance, segmenter_diversity, unit_features
from components.evaluation.segmenter import Segmenter
from tests.tiny import CLASSES, cpu_fabric


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(CLASSES, encoder="resnet18", channels=8).eval()


def _samples(count: int, seed: int, height: int = 32, width: int = 48) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(256, size=(count, height, width, 3), dtype=np.uint8))


def _distance(segmenter: Segmenter, first: np.ndarray, second: np.ndarray) -> float:
    """Zhang et al. 2018, eq. 1 with w = 1: of each layer, place by place."""
    images = torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        layers = segmenter.network.encoder(images)[1:]
    total = 0.0
    for layer in layers:
        _, _, height, width = layer.shape
        places = 0.0
        for row in range(height):
            for column in range(width):
                a, b = layer[:, :, row, column].double().numpy()
                places += ((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2).sum()
        total += places / (height * width)
    return total


def test_the_distance_is_that_of_a_literal_transcription(segmenter: Segmenter) -> None:
    first, second = _samples(2, seed=1, height=16, width=24)
    expected = _distance(segmenter, first, second)
    assert expected > 0.01
    assert segmenter_diversity(segmenter, [[first, second]], 1, cpu_fabric()) == pytest.approx(expected, rel=1e-4)


def test_distances_by_hand() -> None:
    # One place: unit vectors (1, 0) and (0.6, 0.8), 0.16 + 0.64 apart; two places: 2 and 0 apart, 1 in the mean.
    one = torch.tensor([[[[1.0]], [[0.0]]], [[[0.6]], [[0.8]]]])
    two = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]], [[[0.0, 0.0]], [[1.0, 1.0]]]])
    assert distance([one, two], 0, 1) == pytest.approx(1.8)
    assert distance([one, two], 1, 1) == 0


def test_equal_samples_have_no_diversity(segmenter: Segmenter) -> None:
    (sample,) = _samples(1, seed=2)
    assert segmenter_diversity(segmenter, [[sample, sample, sample]], 1, cpu_fabric()) == 0


def test_diversity_is_the_mean_over_the_pairs_of_each_map_of_any_size(segmenter: Segmenter) -> None:
    maps = [_samples(3, seed=3), _samples(2, seed=4, height=24, width=40)]
    a, b, c = maps[0]
    pairs = [
        segmenter_diversity(segmenter, [pair], 1, cpu_fabric()).item() for pair in ([a, b], [a, c], [b, c], maps[1])
    ]
    expected = [(pairs[0] + pairs[1] + pairs[2]) / 3, pairs[3]]
    assert segmenter_diversity(segmenter, maps, 2, cpu_fabric()) == pytest.approx(expected, rel=1e-4)


def test_pictures_more_alike_are_less_diverse(segmenter: Segmenter) -> None:
    (sample,) = _samples(1, seed=5)
    near = sample // 2 + 64
    (other,) = _samples(1, seed=6)
    alike, apart = (segmenter_diversity(segmenter, [[sample, each]], 1, cpu_fabric()) for each in (near, other))
    assert 0 < alike < apart


def test_features_are_of_unit_length_whatever_the_size(segmenter: Segmenter) -> None:
    for layer in unit_features(segmenter, torch.rand(2, 3, 27, 37)):
        lengths = layer.norm(dim=1)
        assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-5)
