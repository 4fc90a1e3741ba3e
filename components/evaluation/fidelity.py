"""Distances between two sets of pictures: Fréchet (Heusel et al. 2017) and kernel (Bińkowski et al. 2018).

On Inception's features they are FID and KID. Both compare sets, not pairs of pictures.

Shapes: N pictures, D features, S resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.data.loader import BatchMaker
from components.evaluation.bootstrap import Bootstrap, Estimate
from components.evaluation.evaluate import BATCH_SIZE, Images
from components.evaluation.segmenter import Segmenter

Features = Callable[[Tensor], Tensor]  # images (B, 3, H, W) in [-1, 1] to (B, ...), for the distances (B, D)
Floats = NDArray[np.float64]
FEWEST_PICTURES = 2  # of which there is a covariance


@dataclass(frozen=True)
class Gaussian:
    """The normal distribution of a set's features.

    Attributes:
        mean: (D,).
        root: (R, D), R at most D or the number of pictures; its transpose times itself is the covariance.
    """

    mean: Floats
    root: Floats


def segmenter_features(segmenter: Segmenter) -> Features:
    """The last layer of the evaluator's encoder, averaged over the picture."""
    return lambda images: segmenter.features(images)[-1].mean((2, 3))


def features_of(extract: Features, maker: BatchMaker, images: Images) -> Floats:
    """Features (N, ...) of the images of all pictures of a split."""
    batches = maker.in_order(BATCH_SIZE)
    return torch.cat([extract(images(batch)).cpu() for batch in batches]).double().numpy()


def gaussian(features: Floats, weights: NDArray[np.int64] | None = None) -> Gaussian:
    """Fit a normal distribution to features (N, D), each counted as often as its weight (N,) says, or once."""
    counts = np.ones(len(features)) if weights is None else weights
    mean = counts @ features / counts.sum()
    present = counts > 0
    rows = (features[present] - mean) * np.sqrt(counts[present, None] / (counts.sum() - 1))
    return Gaussian(mean, np.asarray(np.linalg.qr(rows, mode="r")) if len(rows) > rows.shape[1] else rows)


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), of means m and covariances C.

    With C = RᵀR, the eigenvalues of C1 C2 are those of R1 R2ᵀ (R1 R2ᵀ)ᵀ, so that the trace of its root is the sum of
    the singular values of R1 R2ᵀ: real and exact also where there are fewer pictures than features and the covariances
    are singular, where the root of the matrix itself need not exist.
    """
    difference = first.mean - second.mean
    trace_of_root = np.linalg.svd(first.root @ second.root.T, compute_uv=False).sum()
    spread = (first.root**2).sum() + (second.root**2).sum() - 2 * trace_of_root
    return float(difference @ difference + max(0.0, spread))


def kernel_distances(first: Floats, second: Floats, weights: NDArray[np.int64]) -> Floats:
    """Unbiased squared maximum mean discrepancy (S,) with the kernel (x·y / D + 1)³; it can be negative.

    Args:
        first: features (N, D).
        second: features (N, D).
        weights: (S, N), how often each row of both counts. A picture is never compared with its own copies in the
            same set; with other weights than ones the distance is nan where nothing else is left.
    """
    drawn = weights.sum(1).astype(np.float64)
    pairs = drawn**2 - (weights**2).sum(1)
    distances = -2 * _mean_kernel(first, second, weights, drawn**2)
    for features in (first, second):
        distances += _mean_kernel(features, features, weights, pairs)
    return distances


def estimate_distances(first: Floats, second: Floats, bootstrap: Bootstrap) -> tuple[Estimate, Estimate]:
    """Fréchet and kernel distance of features (N, D) of the same N pictures, resampled together."""
    weights = bootstrap.weights(len(first))
    frechet = [frechet_distance(gaussian(first, each), gaussian(second, each)) for each in weights]
    (kernel,) = kernel_distances(first, second, np.ones((1, len(first)), np.int64))
    return (
        bootstrap.around(frechet_distance(gaussian(first), gaussian(second)), np.array(frechet)),
        bootstrap.around(float(kernel), kernel_distances(first, second, weights)),
    )


def _mean_kernel(first: Floats, second: Floats, weights: NDArray[np.int64], pairs: Floats) -> Floats:
    kernel = (first @ second.T / first.shape[1] + 1) ** 3
    if first is second:
        np.fill_diagonal(kernel, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ kernel * weights).sum(1) / pairs)
