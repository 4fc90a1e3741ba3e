"""From a checked manifest to shards: resize, dense instance ids, boundary bits.

Shapes: H x W the size that the parameters ask for.
"""

from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationInfo, field_validator

from components.config import Config
from components.data.dataset import Record, Split
from components.data.decoding import read_instance, read_label, read_photo
from components.data.encoding import boundary_map, dense_ids, pack_bits
from components.data.manifest import Manifest
from components.data.store import INDEX_FILE, Sample, ShardWriter, Size, SplitIndex
from components.progress import track_progress

Pixel = TypeVar("Pixel", bound=np.generic)
_SIZES_OF_MODE = {"fixed": ("height", "width"), "scale_width": ("width",), "none": ()}


class PreprocessConfig(Config):
    """The `preprocess` section of the parameters.

    Attributes:
        resize: `fixed` resizes every picture to `height` x `width`; `scale_width` to `width`, the height following the
            picture's aspect ratio; `none` leaves each its own size. What follows the picture is then rounded to the
            nearest multiple of `multiple`, as published by resizing, not by cutting.
        multiple: what heights and widths are multiples of, in pixels: at least the model's.
        height: H in pixels for `fixed`, else null.
        width: W in pixels for `fixed` and `scale_width`, else null.
        shard_size: pictures a shard; one shard is held in memory at a time. A shard ends early where the size changes.
    """

    resize: Literal["fixed", "scale_width", "none"]
    multiple: int = Field(ge=1)
    height: int | None = Field(ge=1)
    width: int | None = Field(ge=1)
    shard_size: int = Field(ge=1)

    @field_validator("height", "width")
    @classmethod
    def _given_where_the_mode_needs_it(cls, pixels: int | None, info: ValidationInfo) -> int | None:
        resize, multiple = info.data.get("resize"), info.data.get("multiple", 1)
        if resize is None:
            return pixels  # what is wrong is `resize`
        needed = info.field_name in _SIZES_OF_MODE[resize]
        if needed and pixels is None:
            raise ValueError(f"must be a number of pixels where resize is {resize}, got None")
        if not needed and pixels is not None:
            raise ValueError(f"must be null where resize is {resize}, got {pixels}")
        if pixels is not None and pixels % multiple:
            raise ValueError(f"must be a multiple of {multiple} (preprocess.multiple), got {pixels}")
        return pixels

    def target_size(self, height: int, width: int) -> Size:
        """The size (H, W) to which a picture of `height` x `width` pixels is resized."""
        target_width = self.width or width
        target_height = self.height or height * target_width / width
        return self._nearest_multiple(target_height), self._nearest_multiple(target_width)

    def _nearest_multiple(self, pixels: float) -> int:
        return max(1, round(pixels / self.multiple)) * self.multiple


def preprocess_split(manifest: Manifest, split: Split, config: PreprocessConfig, folder: Path) -> None:
    """Write a split's shards and their index into `folder`."""
    folder.mkdir(parents=True)
    records = manifest.records(split)
    writer = ShardWriter(folder, config.shard_size)
    instance_ids: list[tuple[int, ...]] = []
    for record in track_progress(records, total=len(records), label=f"preprocessing {split}"):
        sample, ids = encode_record(record, config)
        writer.add(sample)
        instance_ids.append(ids)
    index = SplitIndex(
        split=split,
        classes=manifest.classes,
        instance_maps=records[0].instance is not None,
        fingerprint=manifest.fingerprint if split == "train" else manifest.validation_fingerprint,
        names=tuple(record.name for record in records),
        instance_ids=tuple(instance_ids),
        shards=writer.finish(),
    )
    (folder / INDEX_FILE).write_text(index.model_dump_json(indent=1))


def encode_record(record: Record, config: PreprocessConfig) -> tuple[Sample, tuple[int, ...]]:
    """Read and encode one picture.

    Label and instance maps are resized by nearest neighbour, photos and RGB conditions bicubically, as published.
    Without an instance map each class (or, for RGB conditions, the picture) is one instance.

    Returns:
        The tensors of a shard for this picture, and the dataset's own id of each dense instance id.
    """
    photo = read_photo(record.image)
    size = config.target_size(*photo.shape[:2])
    sample: Sample = {"image": _resize(photo, size, Image.Resampling.BICUBIC)}
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
        source_ids = np.zeros(size, np.int32)
    instance = dense_ids(source_ids)
    sample["instance"] = instance
    sample["boundary"] = pack_bits(boundary_map(torch.from_numpy(instance)[None]))[0]
    return sample, tuple(np.unique(source_ids).tolist())


def _resize(pixels: NDArray[Pixel], size: Size, method: Image.Resampling) -> NDArray[Pixel]:
    height, width = size
    return np.asarray(Image.fromarray(pixels).resize((width, height), method), dtype=pixels.dtype)
