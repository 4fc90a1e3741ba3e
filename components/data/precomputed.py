"""Features of instances that were computed beforehand, in place of an encoder (`model.features: precomputed`).

The file holds n rows: features (n, F) float32, picture (n,) int64 (a place in the list of names, which is the file's
metadata) and instance (n,) int64, the dataset's own id. A name is `SPLIT/PICTURE`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from components.data.store import SplitIndex

FEATURES_FILE = "features.safetensors"


@dataclass(frozen=True)
class FeatureRows:
    """Features of a split's instances.

    Attributes:
        index: of the split.
        features: (n, F) float32.
        picture: (n,) int64 places in the index.
        instance: (n,) int64 dense ids 0..M-1 in their picture.
    """

    index: SplitIndex
    features: NDArray[np.float32]
    picture: NDArray[np.int64]
    instance: NDArray[np.int64]


def write_features(path: Path, splits: Sequence[FeatureRows]) -> None:
    """Write the features of some splits' instances."""
    names: list[str] = []
    pictures, ids = [], []
    for rows in splits:
        pictures.append(rows.picture + len(names))
        known = rows.index.instance_ids
        ids += [known[picture][instance] for picture, instance in zip(rows.picture, rows.instance, strict=True)]
        names += [f"{rows.index.split}/{name}" for name in rows.index.names]
    tensors = {
        "features": np.concatenate([rows.features for rows in splits]),
        "picture": np.concatenate(pictures),
        "instance": np.array(ids, np.int64),
    }
    save_file(tensors, path, metadata={"names": json.dumps(names)})


class PrecomputedFeatures:
    """The features of a split's instances, by position in its index."""

    def __init__(self, path: Path, index: SplitIndex, dimension: int) -> None:
        """Read a file that `write_features` wrote.

        Args:
            path: the file.
            index: of the split that is trained or sampled.
            dimension: F of the model.

        Raises:
            ValueError: naming the file, where it is not one, has another F, or lacks an instance of the split.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                names = json.loads(file.metadata()["names"])
                features, picture, instance = (file.get_tensor(key) for key in ("features", "picture", "instance"))
            rows = zip(picture.tolist(), instance.tolist(), features, strict=True)
            known = {(names[place], each): row for place, each, row in rows}
        except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: expected precomputed features of instances, found {error!r}") from error
        if features.shape[1:] != (dimension,):
            raise ValueError(f"{path}: expected {dimension} features an instance, found {features.shape[1:]}")
        self._of_picture = []
        for name, ids in zip(index.names, index.instance_ids, strict=True):
            missing = [each for each in ids if (f"{index.split}/{name}", each) not in known]
            if missing:
                raise ValueError(f"{path}: no features of {index.split} picture {name}, instances {missing}")
            self._of_picture.append(np.stack([known[f"{index.split}/{name}", each] for each in ids]))

    def styles(self, positions: Sequence[int], count: int) -> Tensor:
        """The features (B, count, F) of the pictures at these positions, zeros past a picture's last instance."""
        found = [self._of_picture[position] for position in positions]
        styles = torch.zeros(len(found), count, found[0].shape[1])
        for row, features in zip(styles, found, strict=True):
            row[: len(features)] = torch.from_numpy(features)
        return styles


def precomputed_features(path: Path | None, index: SplitIndex, dimension: int) -> PrecomputedFeatures | None:
    """The features of a split from `model.features_file`, where the model has one and takes features."""
    return PrecomputedFeatures(path, index, dimension) if path is not None and dimension else None
