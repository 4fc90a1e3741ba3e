"""Pictures that both splits hold: scores on them would flatter the model.

Exact duplicates have the same decoded pixels, in whatever format they are stored. Near-duplicates, such as neighbours
in a video, have perceptual hashes (imagehash's pHash, 64 bits) that differ in few bits.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.config import Config

HASH_BITS = 64


class NearDuplicate(Config):
    """A validation picture and the training picture that looks most like it.

    Attributes:
        val: index of the picture in the validation split.
        train: index of the picture in the training split.
        distance: bits in which their perceptual hashes differ, 0..64.
    """

    val: int
    train: int
    distance: int


def pixel_hash(photo: npt.NDArray[np.uint8]) -> str:
    """SHA-256 of the size and the pixels of a photo (H, W, 3)."""
    return hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest()


def perceptual_hash(photo: npt.NDArray[np.uint8]) -> int:
    """The 64-bit pHash of a photo (H, W, 3)."""
    import imagehash  # with scipy, half a second that those who read manifests do not need

    return int(str(imagehash.phash(Image.fromarray(photo))), 16)


def exact_duplicates(train: Sequence[str], val: Sequence[str]) -> Mapping[int, int]:
    """Find equal hashes in both splits; give the training index of each validation index that has one."""
    first = {value: index for index, value in reversed(list(enumerate(train)))}
    return {index: first[value] for index, value in enumerate(val) if value in first}


def near_duplicates(train: Sequence[int], val: Sequence[int], distance: int) -> tuple[NearDuplicate, ...]:
    """Find, for each validation picture, the training picture that looks most like it.

    Args:
        train: perceptual hashes of the training split.
        val: those of the validation split.
        distance: bits in which two hashes may differ to be listed; 0 turns the search off.

    Returns:
        One entry a validation picture that has a likeness, in the order of the split.
    """
    if distance == 0 or not train:
        return ()
    hashes = np.array(train, dtype=np.uint64)
    found = []
    for index, value in enumerate(val):  # a row at a time: the whole table may not fit memory
        bits = np.bitwise_count(hashes ^ np.uint64(value))
        nearest = int(bits.argmin())
        if bits[nearest] <= distance:
            found.append(NearDuplicate(val=index, train=nearest, distance=int(bits[nearest])))
    return tuple(found)
