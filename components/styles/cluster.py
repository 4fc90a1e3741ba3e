"""K-means over the styles of each class (Wang et al. 2018, Sec. 3.4).

Shapes: n instances, K styles of a class, F feature channels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from components.styles.collect import InstanceStyles
from components.styles.config import ClusterConfig


@dataclass(frozen=True)
class ClassStyles:
    """The styles of one class.

    Attributes:
        centres: (K, F) float32, the most frequent style first.
        counts: (K,) int64, the training instances of each.
    """

    centres: NDArray[np.float32]
    counts: NDArray[np.int64]


def cluster_class(vectors: NDArray[np.float32], config: ClusterConfig) -> ClassStyles:
    """Cluster the vectors (n, F) of one class, n at least 1, into at most K styles."""
    distinct = len(np.unique(vectors, axis=0))
    k_means = KMeans(n_clusters=min(config.styles_per_class, distinct), n_init=10, random_state=config.seed)
    assignment = k_means.fit_predict(vectors)
    counts = np.bincount(assignment, minlength=k_means.n_clusters)
    order = np.argsort(-counts, kind="stable")
    return ClassStyles(
        centres=k_means.cluster_centers_[order].astype(np.float32),
        counts=counts[order].astype(np.int64),
    )


def cluster_styles(styles: InstanceStyles, config: ClusterConfig) -> dict[int, ClassStyles]:
    """Cluster each class's instances of at least `min_area`; all of them where none is so large."""
    clustered = {}
    for class_index in np.unique(styles.class_index).tolist():
        of_class = styles.class_index == class_index
        large = of_class & (styles.area >= config.min_area)
        clustered[class_index] = cluster_class(styles.vectors[large if large.any() else of_class], config)
    return clustered
