"""What a command line says of sizes: of pictures and of the tiles that they are made in."""

import re

from deploy.map_files import Size


def parse_size(text: str | None, multiple: int) -> Size | None:
    """Read `HxW`.

    Raises:
        ValueError: it is written otherwise, or not in multiples of what the model takes.
    """
    if text is None:
        return None
    if (parts := re.fullmatch(r"(\d+)x(\d+)", text)) is None:
        raise ValueError(f"--size {text}: expected HxW, as in 512x1024")
    height, width = int(parts[1]), int(parts[2])
    if not height or not width or height % multiple or width % multiple:
        raise ValueError(f"--size {text}: expected multiples of {multiple}")
    return height, width


def parse_overlap(tile: int | None, overlap: int | None, multiple: int) -> int:
    """Give the overlap of tiles in pixels.

    Raises:
        ValueError: the model takes no such tiles, or they do not go on by a multiple of what it takes.
    """
    if tile is None:
        return 0
    overlap = min(tile // 4, tile - multiple) if overlap is None else overlap
    if tile % multiple or not 0 <= overlap <= tile - multiple:
        raise ValueError(
            f"--tile {tile} --overlap {overlap}: expected multiples of {multiple} and an overlap that is lower by one"
        )
    return overlap
