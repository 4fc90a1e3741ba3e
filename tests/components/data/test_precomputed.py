import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.precomputed import FeatureRows, PrecomputedFeatures, precomputed_features, write_features
from components.data.store import SplitIndex
from tests.given import given
from tests.tiny import CPU, tiny_store

# Two pictures of three and two instances, the dataset's own ids; and another split with a picture of the same name.
TRAIN = SplitIndex(
    split="train",
    classes=(),
    instance_maps=True,
    fingerprint="",
    names=("a", "b"),
    instance_ids=((7, 26001, 26002), (7, 11)),
    shards=(),
)
VAL = TRAIN.model_copy(update={"split": "val", "names": ("a",), "instance_ids": ((7, 8),)})


def _rows(index: SplitIndex, picture: list[int], instance: list[int], first: float) -> FeatureRows:
    """Features [n, -n] from a number on, a row an instance."""
    numbers = first + np.arange(len(picture), dtype=np.float32)
    return FeatureRows(index, np.stack([numbers, -numbers], axis=1), np.array(picture), np.array(instance))


def _write(path: Path) -> Path:
    write_features(path, [_rows(TRAIN, [0, 0, 0, 1, 1], [0, 1, 2, 0, 1], 1), _rows(VAL, [0, 0], [0, 1], 21)])
    return path


def test_what_was_written_is_read_back_at_positions_with_zeros_past_the_last_instance(tmp_path: Path) -> None:
    features = PrecomputedFeatures(_write(tmp_path / "features.safetensors"), TRAIN, 2)
    styles = features.styles([1, 0, 1], 4)
    assert styles.dtype == torch.float32
    assert styles[..., 0].tolist() == [[4, 5, 0, 0], [1, 2, 3, 0], [4, 5, 0, 0]]
    assert torch.equal(styles[..., 1], -styles[..., 0])


def test_splits_with_pictures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    features = PrecomputedFeatures(_write(tmp_path / "features.safetensors"), VAL, 2)
    assert features.styles([0], 2)[0, :, 0].tolist() == [21, 22]


def test_instances_are_found_by_the_datasets_ids_in_pictures_of_any_order(tmp_path: Path) -> None:
    path = _write(tmp_path / "features.safetensors")
    # As another preprocessing would have it: other positions, and one instance less, so other dense ids.
    index = TRAIN.model_copy(update={"names": ("b", "a"), "instance_ids": ((11,), (7, 26002))})
    assert PrecomputedFeatures(path, index, 2).styles([0, 1], 2)[..., 0].tolist() == [[5, 0], [1, 3]]


@pytest.mark.parametrize(
    ("names", "instance_ids", "missing"),
    [
        (("a", "c"), ((7,), (7, 11)), "no features of train picture c, instances [7, 11]"),
        (("a", "b"), ((7,), (7, 12, 11, 13)), "no features of train picture b, instances [12, 13]"),
    ],
    ids=["picture", "instances"],
)
def test_a_file_that_lacks_instances_is_refused_with_what_is_missing(
    tmp_path: Path, names: tuple[str, ...], instance_ids: tuple[tuple[int, ...], ...], missing: str
) -> None:
    path = _write(tmp_path / "features.safetensors")
    index = TRAIN.model_copy(update={"names": names, "instance_ids": instance_ids})
    with pytest.raises(ValueError, match=re.escape(f"{path}: {missing}")):
        PrecomputedFeatures(path, index, 2)


def test_another_number_of_features_is_refused_with_both(tmp_path: Path) -> None:
    path = _write(tmp_path / "features.safetensors")
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: expected 3 features an instance, found .*2"):
        PrecomputedFeatures(path, TRAIN, 3)


TENSORS = {
    "features": np.zeros((1, 2), np.float32),
    "picture": np.zeros(1, np.int64),
    "instance": np.zeros(1, np.int64),
}
NAMES = {"names": json.dumps(["train/a"])}


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({"weight": np.zeros(3, np.float32)}, None),
        (TENSORS, None),
        (TENSORS, {"names": "no json"}),
        ({name: TENSORS[name] for name in ("features", "picture")}, NAMES),
        (TENSORS | {"picture": np.ones(1, np.int64)}, NAMES),
        (TENSORS | {"instance": np.zeros(2, np.int64)}, NAMES),
    ],
    ids=["weights", "no names", "names are no json", "no instances", "unknown picture", "other count"],
)
def test_another_safetensors_file_is_refused_by_name(
    tmp_path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None
) -> None:
    path = tmp_path / "features.safetensors"
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected precomputed features of instances, found")):
        PrecomputedFeatures(path, TRAIN, 2)


@pytest.mark.parametrize("content", [None, b"", b"no tensors"])
def test_a_missing_or_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "features.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected precomputed features of instances, found")):
        PrecomputedFeatures(path, TRAIN, 2)


def test_a_model_without_features_or_file_reads_none(tmp_path: Path) -> None:
    path = _write(tmp_path / "features.safetensors")
    assert precomputed_features(None, TRAIN, 2) is None
    assert precomputed_features(path, TRAIN, 0) is None
    assert precomputed_features(path, TRAIN, 2) is not None


def test_a_batch_carries_the_features_of_its_pictures(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=3)
    places = [
        (picture, instance) for picture, ids in enumerate(store.index.instance_ids) for instance in range(len(ids))
    ]
    path = tmp_path / "features.safetensors"
    write_features(
        path, [_rows(store.index, [picture for picture, _ in places], [instance for _, instance in places], 1)]
    )
    features = PrecomputedFeatures(path, store.index, 2)
    maker = BatchMaker(store, scale=2, use_boundary_map=True, device=CPU, features=features)
    batch = maker.make([Draw(2), Draw(0, flipped=True)])
    counts = [len(store.index.instance_ids[position]) for position in (2, 0)]
    styles = given(batch.styles)
    assert styles.shape == (2, max(counts), 2)
    for row, (picture, count) in enumerate(zip((2, 0), counts, strict=True)):
        expected = [float(1 + places.index((picture, instance))) for instance in range(count)]
        assert styles[row, :count, 0].tolist() == expected
        assert not styles[row, count:].any()
