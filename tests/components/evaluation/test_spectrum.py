import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from components.evaluation.bootstrap import Bootstrap
from components.evaluation.evaluate import photos
from components.evaluation.fidelity import features_of
from components.evaluation.spectrum import (
    BORDERS,
    ROUNDING,
    band_powers,
    decibels,
    spectrum_distance,
)
from tests.tiny import mixed_store, tiny_maker

GREY_LEVEL = 1 / 127.5
BANDS = len(BORDERS) - 1


def noise(deviation: float, *, count: int = 64, height: int = 64, width: int = 128, seed: int = 0) -> Tensor:
    """White noise, the same in the three colours: images (count, 3, height, width) of a deviation in grey levels."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.randn(count, 1, height, width, generator=generator) * deviation * GREY_LEVEL
    return grey.expand(-1, 3, -1, -1)


def mean_powers(images: Tensor) -> np.ndarray:
    return band_powers(images).double().mean(0).numpy()


@pytest.mark.parametrize(("height", "width"), [(64, 128), (24, 40), (100, 36)])
def test_white_noise_has_its_variance_in_each_band_whatever_the_size(height: int, width: int) -> None:
    powers = mean_powers(noise(20, count=256, height=height, width=width))
    np.testing.assert_allclose(powers, np.full((2, BANDS), 20.0**2), rtol=0.12)


@pytest.mark.parametrize("direction", [0, 1])
def test_a_pattern_of_stripes_is_in_the_band_of_its_period_and_direction(direction: int) -> None:
    band, amplitude, variance = 6, 20.0, 10.0**2
    frequency = (BORDERS[band] + BORDERS[band + 1]) / 2
    stripes = amplitude * GREY_LEVEL * torch.sin(2 * math.pi * frequency * torch.arange(256))
    images = noise(10, count=8, height=256, width=256)
    striped = images + (stripes[:, None] if direction == 0 else stripes)
    found = decibels(mean_powers(images), mean_powers(striped))
    # Its power, half the squared amplitude, lies in the share of all frequencies that the band has: two in 32.
    assert found[direction, band] == pytest.approx(10 * math.log10(1 + amplitude**2 / 2 * 16 / variance), abs=0.4)
    found[direction, band] = 0
    assert np.abs(found).max() < 0.5


def test_blur_across_takes_what_the_cosine_of_the_mean_of_two_pixels_takes() -> None:
    images = noise(40, width=129)
    blurred = (images[..., 1:] + images[..., :-1]) / 2
    found = decibels(mean_powers(images[..., 1:]), mean_powers(blurred))
    frequency = np.arange(1, 65) / 128
    bands = [frequency[(frequency > low) & (frequency <= high)] for low, high in pairwise(BORDERS)]
    left = np.array([(np.cos(math.pi * band) ** 2).mean() for band in bands])
    expected = 10 * np.log10((left * 40**2 + ROUNDING) / (40**2 + ROUNDING))
    np.testing.assert_allclose(
        found[1, :-1], expected[:-1], atol=0.4
    )  # the last one ends at 2 pixels, where nothing is
    assert found[1, -1] < -15
    np.testing.assert_allclose(found[0], np.full(BANDS, 10 * math.log10(1 / 2)), atol=0.4)


def test_pictures_without_any_detail_are_alike() -> None:
    flat = torch.full((2, 3, 32, 32), 0.25)
    assert np.abs(decibels(mean_powers(flat), mean_powers(flat * 2))).max() < 1e-6


def test_the_distance_is_the_mean_size_of_the_differences_and_spreads_with_the_pictures() -> None:
    real = np.full((4, 2, BANDS), 100 - ROUNDING)
    above, below = np.full((4, 1, BANDS), 1000 - ROUNDING), np.full((4, 1, BANDS), 10 - ROUNDING)
    synthesized = np.concatenate([above, below], axis=1)
    estimate = spectrum_distance(real, synthesized, Bootstrap(50, 0.9, 0))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((10, 10, 10))
    synthesized[0] *= 3
    uneven = spectrum_distance(real, synthesized, Bootstrap(50, 0.9, 0))
    assert uneven.low < uneven.value < uneven.high


def test_equal_sets_are_no_distance_apart() -> None:
    powers = band_powers(noise(10, count=3)).double().numpy()
    estimate = spectrum_distance(powers, powers.copy(), Bootstrap(20, 0.9, 0))
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_pictures_of_several_sizes_have_a_spectrum_each(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "val", [(32, 64), (20, 24), (20, 24)]))
    found = features_of(band_powers, maker, photos)
    assert found.shape == (len(maker.store), 2, BANDS)
    for row, sample in zip(found, maker.store, strict=True):
        image = torch.from_numpy(sample["image"]).permute(2, 0, 1)[None].float() / 127.5 - 1
        np.testing.assert_allclose(row, band_powers(image)[0].double().numpy(), rtol=1e-3)
