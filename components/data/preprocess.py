"""From a checked manifest to shards: resize, dense instance ids, boundary bits.

Shapes: H x W the size that the parameters ask for.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from components.config import Config
from components.data.dataset import Record, Split
from components.data.decoding import read_instance, read_label, read_photo
from components.data.encoding import boundary_map, dense_ids, pack_bits
from components.data.manifest import Manifest
from components.data.store import INDEX_FILE, Sample, SplitIndex, write_shard
from components.progress import track_progress

Pixel = TypeVar("Pixel", bound=np.generic)


class PreprocessConfig(Config):
    """The `preprocess` section of the parameters.

    Attributes:
        height: H in pixels, to which every picture is resized.
        width: W in pixels.
        shard_size: pictures a shard; one shard is held in memory at a time.
    """

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    shard_size: int = Field(ge=1)


def preprocess_split(manifest: Manifest, split: Split, config: PreprocessConfig, folder: Path) -> None:
    """Write a split's shards and their index into `folder`."""
    folder.mkdir(parents=True)
    records = manifest.records(split)
    instance_ids: list[tuple[int, ...]] = []
    shards: list[tuple[str, int]] = []
    encoded = track_progress(_encode(records, config, instance_ids), total=len(records), label=f"preprocessing {split}")
    for number, start in enumerate(range(0, len(records), config.shard_size)):
        count = min(config.shard_size, len(records) - start)
        name = f"shard-{number:05d}.safetensors"
        write_shard(folder / name, [next(encoded) for _ in range(count)])
        shards.append((name, count))
    next(encoded, None)  # lets the progress end
    index = SplitIndex(
        split=split,
        height=config.height,
        width=config.width,
        classes=manifest.classes,
        instance_maps=records[0].instance is not None,
        fingerprint=manifest.fingerprint if split == "train" else manifest.validation_fingerprint,
        names=tuple(record.name for record in records),
        instance_ids=tuple(instance_ids),
        shards=tuple(shards),
    )
    (folder / INDEX_FILE).write_text(index.model_dump_json(indent=1))


def _encode(
    records: Sequence[Record], config: PreprocessConfig, instance_ids: list[tuple[int, ...]]
) -> Iterator[Sample]:
    """Give each record's tensors and add its instance ids to the list."""
    for record in records:
        sample, ids = encode_record(record, config)
        instance_ids.append(ids)
        yield sample


def encode_record(record: Record, config: PreprocessConfig) -> tuple[Sample, tuple[int, ...]]:
    """Read and encode one picture.

    Label and instance maps are resized by nearest neighbour, photos and RGB conditions bicubically, as published.
    Without an instance map each class (or, for RGB conditions, the picture) is one instance.

    Returns:
        The tensors of a shard for this picture, and the dataset's own id of each dense instance id.
    """
    size = (config.width, config.height)
    sample: Sample = {"image": _resize(read_photo(record.image), size, Image.Resampling.BICUBIC)}
    source_ids: NDArray[np.int32] | None = None
    if record.instance is not None:
        source_ids = _resize(read_instance(record.instance), size, Image.Resampling.NEAREST)
    if record.label is not None:
        label = _resize(read_label(record.label), size, Image.Resampling.NEAREST)
        sample["label"] = label
        source_ids = label.astype(np.int32) if source_ids is None else source_ids
    if record.condition is not None:
        sample["condition"] = _resize(read_photo(record.condition), size, Image.Resampling.BICUBIC)
    if source_ids is None:
        source_ids = np.zeros((config.height, config.width), np.int32)
    instance = dense_ids(source_ids)
    sample["instance"] = instance
    sample["boundary"] = pack_bits(boundary_map(torch.from_numpy(instance)[None]))[0]
    return sample, tuple(np.unique(source_ids).tolist())


def _resize(pixels: NDArray[Pixel], size: tuple[int, int], method: Image.Resampling) -> NDArray[Pixel]:
    return np.asarray(Image.fromarray(pixels).resize(size, method), dtype=pixels.dtype)
