"""Pictures of the rows side by side, from the same maps.

Shapes: H x W pixels; pictures are RGB (H, W, 3) uint8.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from components.data.decoding import read_photo
from components.data.overlays import Picture, borders, resized
from components.data.pictures import GAP, colourise, draw_boundary, grid, spread_positions
from components.data.store import ShardStore
from experiments.findings import Findings

MAPS = 4
TILE_WIDTHS = (128, 192)  # smaller pictures are enlarged, by a whole factor, larger ones are shrunk to the latter
HEADING_SIZE = 11
QUALITY = 82


def write_comparison(path: Path, findings: Findings, rows: Sequence[str], build: Path, *, of_dataset: bool) -> bool:
    """Write condition, a picture of each row's first run and photo, for some validation maps below one another.

    Args:
        path: of a JPEG.
        findings: whose finished runs are shown.
        rows: names, in their order; those without a finished run are left out.
        build: the graph's folder.
        of_dataset: whether condition and photo are shown, which are the dataset's own.

    Returns:
        Whether there was any row.
    """
    finished = {name: findings.rows[name].results[0].run for name in rows if findings.rows[name].results}
    if not finished:
        return False
    lines = []
    for position in spread_positions(len(findings.val), MAPS):
        name = findings.val.index.names[position]
        synthesized = [read_photo(build / run.name / "synthesized" / f"{name}.png") for run in finished.values()]
        tiles = [_tile(each, smooth=True) for each in synthesized]
        if of_dataset:
            condition, photo = _condition_and_photo(findings.val, position)
            tiles = [_tile(condition, smooth=False), *tiles, _tile(photo, smooth=True)]
        lines.append(tiles)
    titles = ["condition", *finished, "photo"] if of_dataset else list(finished)
    headings = _headings(titles, lines[0][0].shape[1])
    Image.fromarray(np.concatenate([headings, grid(lines)])).save(path, "JPEG", quality=QUALITY)
    return True


def _condition_and_photo(store: ShardStore, position: int) -> tuple[Picture, Picture]:
    sample = store.read([position])
    photo: Picture = sample["image"][0]
    if not store.index.classes:
        return sample["condition"][0], photo
    return draw_boundary(colourise(sample["label"][0], store.index.classes), borders(sample["instance"][0])), photo


def _tile(picture: Picture, *, smooth: bool) -> Picture:
    height, width = picture.shape[:2]
    smallest, largest = TILE_WIDTHS
    factor = -(-smallest // width) if width < smallest else min(1.0, largest / width)
    return resized(picture, (round(height * factor), round(width * factor)), smooth=smooth)


def _headings(titles: Sequence[str], width: int) -> Picture:
    image = Image.new("RGB", ((width + GAP) * len(titles), HEADING_SIZE + 6), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(HEADING_SIZE)
    for number, title in enumerate(titles):
        draw.text((number * (width + GAP) + width / 2, image.height / 2), title, "black", font, anchor="mm")
    return np.asarray(image)
