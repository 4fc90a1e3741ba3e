"""How the power spectrum of synthesized pictures differs from that of photos (after Durall et al. 2020).

Segmentation scores hardly see blur or a woven pattern. A spectrum does: blur has too little power at short periods, a
pattern, such as the checkerboard of an upsampling, too much at its own.

Shapes: N pictures, B in a batch, H x W pixels; 2 directions, down and across; K bands of frequency.
"""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.evaluation.bootstrap import Bootstrap, Estimate

Floats = NDArray[np.float64]
BORDERS = np.linspace(1 / 16, 1 / 2, 15)  # of the K = 14 bands, in cycles a pixel: periods of 16 to 2 pixels
ROUNDING = 1 / 12  # variance in grey levels² of rounding to them, white: power below it is not in the pictures
LEAST_LENGTH = 64  # of a transform, in pixels: each band has a frequency of it


def band_powers(images: Tensor) -> Tensor:
    """Power (B, 2, K) of images (B, 3, H, W) in [-1, 1] down and across, in grey levels².

    It is the mean of the power spectrum of the grey picture over the frequencies whose component in that direction
    lies in the band, in the unit in which the mean over all frequencies is the picture's variance: it does not depend
    on the size. A Hann window keeps what the picture's borders cut off out of it.
    """
    grey = images.mean(1) * 127.5
    _, height, width = grey.shape
    grey = grey - grey.mean((1, 2), keepdim=True)
    window = _hann(height, grey)[:, None] * _hann(width, grey)
    lengths = (max(height, LEAST_LENGTH), max(width, LEAST_LENGTH))
    power = torch.fft.fft2(grey * window, s=lengths).abs().square() / (height * width)
    return torch.stack([_in_bands(power.mean(2)), _in_bands(power.mean(1))], dim=1)


def decibels(real: Floats, synthesized: Floats) -> Floats:
    """How far power (..., 2, K) is above that of the photos: 0 where they agree, below it where detail is missing."""
    return np.asarray(10 * np.log10((synthesized + ROUNDING) / (real + ROUNDING)))


def spectrum_distance(real: Floats, synthesized: Floats, bootstrap: Bootstrap) -> Estimate:
    """Mean over directions and bands of the absolute difference in decibels of the sets' mean powers (N, 2, K)."""
    weights = np.vstack([np.ones(len(real), np.int64), bootstrap.weights(len(real))])
    first, second = (np.tensordot(weights, powers, 1) / len(real) for powers in (real, synthesized))
    distances = np.abs(decibels(first, second)).mean((1, 2))
    return bootstrap.around(float(distances[0]), distances[1:])


def _hann(length: int, like: Tensor) -> Tensor:
    """A Hann window (length,) whose mean square is 1."""
    window = torch.hann_window(length + 2, periodic=False, dtype=like.dtype, device=like.device)[1:-1]
    return window / window.square().mean().sqrt()


def _in_bands(power: Tensor) -> Tensor:
    """The mean of power (B, frequencies) over each band, (B, K)."""
    frequency = torch.fft.fftfreq(power.shape[1]).abs()
    bands = [(frequency > low) & (frequency <= high) for low, high in pairwise(BORDERS)]
    return torch.stack([power[:, band.to(power.device)].mean(1) for band in bands], dim=1)
