import torch

from components.data.encoding import boundary_map
from components.evaluation.boundary import boundary_band


def test_the_band_reaches_its_half_width_to_either_side_of_a_boundary() -> None:
    instance = torch.tensor([[[7, 7, 7, 7, 8, 8, 8, 8, 8]]])
    for half_width, expected in ((1, "...##...."), (2, "..####..."), (4, "########.")):
        found = "".join("#" if near else "." for near in boundary_band(instance, half_width)[0, 0])
        assert found == expected


def test_around_a_corner_the_band_is_square() -> None:
    instance = torch.zeros(1, 5, 5, dtype=torch.int64)
    instance[0, 0, 0] = 1
    rows = ["".join("#" if near else "." for near in row) for row in boundary_band(instance, 2)[0]]
    assert rows == ["###..", "###..", "##...", ".....", "....."]


def test_a_half_width_of_one_gives_the_boundary_map() -> None:
    instance = torch.randint(3, (2, 6, 9), generator=torch.Generator().manual_seed(0))
    assert torch.equal(boundary_band(instance, 1), boundary_map(instance)[:, 0].bool())


def test_a_picture_of_one_instance_has_no_band() -> None:
    assert not boundary_band(torch.ones(1, 4, 4, dtype=torch.int64), 3).any()
