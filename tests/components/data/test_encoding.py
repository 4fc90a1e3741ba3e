import numpy as np
import pytest
import torch

from components.data.encoding import (
    boundary_map,
    check_labels,
    one_hot,
    pack_bits,
    to_bytes,
    to_signed_unit,
    unpack_bits,
)
from components.data.record_encoding import number_ids
from tests.golden.published_layout import boundary_by_loop


def test_one_hot_marks_each_pixels_class() -> None:
    label = torch.tensor([[[0, 2], [1, 0]]], dtype=torch.uint8)
    encoded = one_hot(label, 3)
    assert encoded.dtype == torch.float32
    assert encoded.tolist() == [[[[1, 0], [0, 1]], [[0, 0], [1, 0]], [[0, 1], [0, 0]]]]


def test_one_hot_keeps_255_apart_from_other_classes() -> None:
    encoded = one_hot(torch.tensor([[[255, 0]]], dtype=torch.uint8), 256)
    assert encoded.sum() == 2
    assert encoded[0, 255, 0, 0] == 1


def test_further_channels_follow_those_of_the_classes() -> None:
    label = torch.tensor([[[0, 1]]], dtype=torch.uint8)
    extra = torch.tensor([[[[1.0, 0.0]], [[0.0, 0.5]]]])
    assert one_hot(label, 2, extra).tolist() == [[[[1, 0]], [[0, 1]], [[1, 0]], [[0, 0.5]]]]


def test_a_label_past_the_classes_is_refused_with_its_picture_and_value() -> None:
    label = np.array([[[0, 2]], [[3, 255]]], np.uint8)
    check_labels(label, 256, ["a", "b"])
    check_labels(label[:1], 3, ["a"])
    with pytest.raises(ValueError, match=r"^b: label map: expected classes 0\.\.2, found 255"):
        check_labels(label, 3, ["a", "b"])
    with pytest.raises(ValueError, match=r"^a: label map: expected classes 0\.\.1, found 2"):
        check_labels(label[:1], 2, ["a"])


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_labels_are_not_checked_under_more_or_fewer_names_than_pictures(names: list[str]) -> None:
    with pytest.raises(ValueError, match="zip"):
        check_labels(np.zeros((2, 1, 1), np.uint8), 1, names)


def test_boundary_marks_both_sides_of_an_edge() -> None:
    instance = torch.tensor([[[1, 1, 2, 2], [1, 1, 2, 2], [1, 1, 1, 1]]])
    assert boundary_map(instance).tolist() == [[[[0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]]]


def test_boundary_takes_no_diagonal_neighbour_and_no_border_for_an_edge() -> None:
    # The 5 touches the last pixel of the middle row only across a corner; the picture's border is no edge.
    instance = torch.tensor([[[5, 0, 0], [0, 0, 0], [0, 0, 0]]])
    assert boundary_map(instance).tolist() == [[[[1, 1, 0], [1, 0, 0], [0, 0, 0]]]]
    assert not boundary_map(torch.full((1, 4, 4), 9)).any()


@pytest.mark.parametrize(("height", "width"), [(1, 6), (6, 1), (1, 1), (9, 13)])
def test_boundary_is_that_of_a_loop_over_pixels_and_neighbours(height: int, width: int) -> None:
    instance = np.random.default_rng(0).integers(0, 3, (2, 1, height, width), dtype=np.int32)
    found = boundary_map(torch.from_numpy(instance[:, 0]))
    assert np.array_equal(found.numpy(), boundary_by_loop(instance))


def test_bits_are_packed_with_the_leftmost_pixel_highest() -> None:
    boundary = torch.tensor([[[[1, 0, 0, 0, 0, 0, 0, 1, 1, 0]]]]).float()
    packed = pack_bits(boundary)
    assert packed.dtype == np.uint8
    assert packed.tolist() == [[[0b10000001, 0b10000000]]]


@pytest.mark.parametrize("width", [1, 7, 8, 9, 64])
def test_unpacking_gives_back_what_was_packed(width: int) -> None:
    boundary = torch.randint(2, (2, 1, 3, width), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(unpack_bits(torch.from_numpy(pack_bits(boundary)), width), boundary)


def test_what_is_encoded_stays_on_its_device() -> None:
    # Tensors of the meta device have a shape and no values, so this needs no GPU.
    label = torch.zeros(2, 3, 9, dtype=torch.uint8, device="meta")
    packed = torch.zeros(2, 3, 2, dtype=torch.uint8, device="meta")
    found = one_hot(label, 4), boundary_map(label), unpack_bits(packed, 9)
    assert [each.device.type for each in found] == ["meta"] * 3
    assert [each.shape for each in found] == [(2, 4, 3, 9), (2, 1, 3, 9), (2, 1, 3, 9)]


def test_bytes_span_minus_one_to_one() -> None:
    pixels = torch.tensor([[[[0, 255, 51], [102, 153, 204]]]], dtype=torch.uint8)  # one picture of 1x2
    image = to_signed_unit(pixels)
    assert image.shape == (1, 3, 1, 2)
    # 51 / 127.5 - 1 = -0.6 and so on
    expected = torch.tensor([[[[-1.0, -0.2]], [[1.0, 0.2]], [[-0.6, 0.6]]]])
    torch.testing.assert_close(image, expected)


def test_every_byte_survives_the_way_through_signed_unit() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).repeat(1, 1, 1, 3)
    back = to_bytes(to_signed_unit(pixels))
    assert back.dtype == torch.uint8
    assert torch.equal(back, pixels)


def test_bytes_are_rounded_to_the_nearest_and_held_in_range() -> None:
    image = torch.tensor([-1.5, -1.0, 0.004, 0.0117, 1.0, 2.0]).view(1, 1, 1, 6).repeat(1, 3, 1, 1)
    # 127.5 + 0.51 = 128.01 and 127.5 + 1.49 = 128.99
    assert to_bytes(image)[0, 0, :, 0].tolist() == [0, 0, 128, 129, 255, 255]


def test_ids_become_dense_in_their_own_order() -> None:
    instance = np.array([[26001, 7, 7], [40000, 26001, 7]], np.int32)
    dense = number_ids(instance, np.int32)[0]
    assert dense.dtype == np.int32
    assert dense.tolist() == [[1, 0, 0], [2, 1, 0]]
