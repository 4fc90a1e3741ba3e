"""How much samples of the same map differ, as the evaluator's encoder sees them.

The distance is LPIPS's (Zhang et al. 2018, eq. 1) on another network and without its learned weights, so its figures
compare with each other under one evaluator only, and never with LPIPS.

Shapes: S samples of a map, H x W pixels.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from components.data.encoding import to_signed_unit
from components.evaluation.segmenter import Segmenter
from components.progress import track_progress


def segmenter_diversity(
    segmenter: Segmenter, pictures: Iterable[Sequence[NDArray[np.uint8]]], total: int, fabric: Fabric
) -> NDArray[np.float64]:
    """Mean distance between two samples of the same map, over all its pairs, for each map.

    Args:
        segmenter: the evaluator.
        pictures: for each map its samples, at least two, each (H, W, 3) uint8.
        total: how many maps there are.
        fabric: the device.
    """
    segmenter.to(fabric.device).eval()
    distances = []
    for samples in track_progress(pictures, total=total, label="measuring diversity"):
        images = to_signed_unit(torch.from_numpy(np.stack(samples))).to(fabric.device)
        layers = unit_features(segmenter, images)
        distances.append(np.mean([distance(layers, *pair) for pair in combinations(range(len(samples)), 2)]))
    return np.array(distances)


def unit_features(segmenter: Segmenter, images: Tensor) -> list[Tensor]:
    """Encoder features of images (S, 3, H, W) in [-1, 1], of each layer (S, C, h, w) with unit length everywhere."""
    return [normalize(layer, dim=1) for layer in segmenter.features(images)]


def distance(layers: Sequence[Tensor], first: int, second: int) -> float:
    """Squared differences of two samples: summed over channels, averaged over places, summed over layers."""
    return sum(float((layer[first] - layer[second]).square().sum(0).mean()) for layer in layers)
