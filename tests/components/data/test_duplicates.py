import io

import numpy as np
from PIL import Image

from components.data.duplicates import (
    NearDuplicate,
    exact_duplicates,
    near_duplicates,
    perceptual_hash,
    pixel_hash,
)


def scene(seed: int) -> np.ndarray:
    """Large smooth shapes, as photos have."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((128, 96), Image.Resampling.BICUBIC))


def bits(first: np.ndarray, second: np.ndarray) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


def test_pixel_hash_tells_pictures_apart_by_their_pixels_and_their_shape() -> None:
    photo = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    changed = photo.copy()
    changed[0, 0, 0] = 1
    assert pixel_hash(photo) == pixel_hash(photo.copy())
    assert len({pixel_hash(photo), pixel_hash(changed), pixel_hash(photo.reshape(4, 2, 3))}) == 3


def test_exact_duplicates_give_the_first_training_picture_of_the_same_hash() -> None:
    assert exact_duplicates(["a", "b", "c", "b"], ["x", "b", "a"]) == {1: 1, 2: 0}
    assert exact_duplicates([], ["x"]) == {}


def test_perceptual_hash_is_close_for_the_same_scene_and_far_for_another() -> None:
    photo = scene(0)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=30)
    smaller = np.asarray(Image.fromarray(photo).resize((64, 48)))
    brighter = np.minimum(photo.astype(int) + 20, 255).astype(np.uint8)
    assert max(bits(photo, np.asarray(Image.open(file))), bits(photo, smaller), bits(photo, brighter)) <= 8
    assert bits(photo, scene(1)) > 16


def test_near_duplicates_give_the_nearest_training_picture_within_the_distance() -> None:
    train = [0b1111, 2**63, 0]
    val = [0b0111, 2**63 + 0b11, 0xFFFFFFFF00000000]
    # Bits in common: 0111 differs from 1111 in 1 and from 0 in 3; the second from 2**63 in 2; the third in at least 31.
    assert near_duplicates(train, val, 2) == (
        NearDuplicate(val=0, train=0, distance=1),
        NearDuplicate(val=1, train=1, distance=2),
    )
    assert near_duplicates(train, val, 1) == (NearDuplicate(val=0, train=0, distance=1),)


def test_distance_0_turns_the_search_off_even_for_equal_hashes() -> None:
    assert near_duplicates([7], [7], 0) == ()
    assert near_duplicates([7], [7], 1) == (NearDuplicate(val=0, train=0, distance=0),)
    assert near_duplicates([], [7], 5) == ()
