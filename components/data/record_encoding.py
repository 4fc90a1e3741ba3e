"""From the files of a picture to the tensors of a shard: resize, dense instance ids, boundary bits.

In numpy and Pillow alone: the processes that do this start in a tenth of the time that torch takes to import.

Shapes: H x W the size that the parameters ask for.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from components.data.dataset import Record
from components.data.decoding import read_instance, read_label, read_photo
from components.data.preprocess_config import PreprocessConfig
from components.data.store import Sample, Size

Pixel = TypeVar("Pixel", bound=np.generic)


def encode_record(record: Record, config: PreprocessConfig, instance_type: DTypeLike) -> tuple[Sample, tuple[int, ...]]:
    """Read and encode one picture.

    Label and instance maps are resized by nearest neighbour, photos and RGB conditions bicubically, as published.
    Without an instance map each class (or, for RGB conditions, the picture) is one instance.

    Args:
        record: the files.
        config: the size.
        instance_type: an integer type that holds the dense instance ids 0..M-1.

    Returns:
        The tensors of a shard for this picture, and the dataset's own id of each dense instance id.
    """
    photo = read_photo(record.image)
    size = config.target_size(*photo.shape[:2])
    sample: Sample = {"image": _resize(photo, size, Image.Resampling.BICUBIC)}
    source_ids: NDArray[np.integer] = np.zeros(size, np.uint8)
    if record.label is not None:
        sample["label"] = source_ids = _resize(read_label(record.label), size, Image.Resampling.NEAREST)
    if record.condition is not None:
        sample["condition"] = _resize(read_photo(record.condition), size, Image.Resampling.BICUBIC)
    if record.instance is not None:
        source_ids = _resize(read_instance(record.instance), size, Image.Resampling.NEAREST)
    sample["instance"], ids = number_ids(source_ids, instance_type)
    sample["boundary"] = np.packbits(edges(sample["instance"]), axis=-1)
    return sample, tuple(ids.tolist())


def number_ids(source: NDArray[np.integer], dtype: DTypeLike) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Number the ids of a map in their order.

    Rows of an instance map are few runs of equal ids, and only one of each is sorted.

    Args:
        source: (H, W) any ids.
        dtype: an integer type that holds M - 1.

    Returns:
        The map with ids 0..M-1, (H, W), and the M source ids, rising.
    """
    pixels = source.ravel()
    starts = np.flatnonzero(np.concatenate([[True], pixels[1:] != pixels[:-1]]))
    ids, numbers = np.unique(pixels[starts], return_inverse=True)
    lengths = np.diff(starts, append=pixels.size)
    return np.repeat(numbers.astype(dtype), lengths).reshape(source.shape), ids


def edges(instance: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where the id of a pixel differs from that of any of its 4 neighbours, (H, W): `boundary_map` without torch."""
    across = instance[:, 1:] != instance[:, :-1]
    down = instance[1:] != instance[:-1]
    edge = np.zeros(instance.shape, np.bool_)
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _resize(pixels: NDArray[Pixel], size: Size, method: Image.Resampling) -> NDArray[Pixel]:
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), method), dtype=pixels.dtype)
