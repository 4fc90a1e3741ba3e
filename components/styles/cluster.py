"""K-means over the styles of each class (Wang et al. 2018, Sec. 3.4).

Shapes: n instances, K styles of a class, F feature channels.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from components.progress import track_progress
from components.styles.collect import InstanceStyles
from components.styles.config import ClusterConfig


@dataclass(frozen=True)
class ClassStyles:
    """The styles of one class.

    Attributes:
        centres: (K, F) float32, the most frequent style first.
        counts: (K,) int64, the training instances of each.
        spread: (K,) float32, the root mean square distance of these to their centre; None where they are not known.
        members: their rows in `InstanceStyles`, the nearest to the centre first, one array a style; none where they
            are not known.
    """

    centres: NDArray[np.float32]
    counts: NDArray[np.int64]
    spread: NDArray[np.float32] | None = None
    members: tuple[NDArray[np.int64], ...] = ()


def cluster_class(
    vectors: NDArray[np.float32], config: ClusterConfig, area: NDArray[np.float64] | None = None
) -> ClassStyles:
    """Cluster the vectors of one class into at most K styles.

    Args:
        vectors: (n, F), n at least 1.
        config: how; with `weight_by_area` the centres are means weighted by area. Counts and spread never are.
        area: (n,) of the instances, needed for that.

    Returns:
        The styles; their members are rows of `vectors`.
    """
    assert area is not None or not config.weight_by_area, "weights by area need areas"
    distinct = len(np.unique(vectors, axis=0))
    k_means = KMeans(n_clusters=min(config.styles_per_class, distinct), n_init=10, random_state=config.seed)
    assignment = k_means.fit_predict(vectors, sample_weight=area if config.weight_by_area else None)
    distance = np.linalg.norm(vectors - k_means.cluster_centers_[assignment], axis=1)
    counts = np.bincount(assignment, minlength=k_means.n_clusters)
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]  # vectors that hardly differ may leave some
    nearest_first = np.argsort(distance, kind="stable")
    members = tuple(nearest_first[assignment[nearest_first] == style] for style in order)
    return ClassStyles(
        centres=k_means.cluster_centers_[order].astype(np.float32),
        counts=counts[order].astype(np.int64),
        spread=np.array([np.sqrt(np.mean(distance[rows] ** 2)) for rows in members], np.float32),
        members=members,
    )


def cluster_styles(styles: InstanceStyles, config: ClusterConfig) -> dict[int, ClassStyles]:
    """Cluster each class's instances of at least `min_area`; all of them where none is so large."""
    clustered = {}
    class_indices = np.unique(styles.class_index).tolist()
    for class_index in track_progress(class_indices, total=len(class_indices), label="clustering classes"):
        of_class = styles.class_index == class_index
        large = of_class & (styles.area >= config.min_area)
        rows = np.flatnonzero(large if large.any() else of_class)
        found = cluster_class(styles.vectors[rows], config, styles.area[rows])
        clustered[class_index] = replace(found, members=tuple(rows[members] for members in found.members))
    return clustered
