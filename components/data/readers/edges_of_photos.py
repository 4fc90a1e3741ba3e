"""Photos with edge maps made from them as conditions: edges to photo, as for the faces of CelebA-HQ."""

import logging
import os
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import SPLITS, Dataset, Record, Split
from components.data.decoding import read_photo
from components.data.derived import derive, write_png
from components.data.edges import EdgesConfig, edge_map
from components.data.landmarks import find_landmarks, landmark_file, load_predictor, read_landmarks
from components.data.pairing import PHOTO_ENDINGS, found_dataset, no_folder
from components.data.prepare_config import PrepareConfig

LAYOUT = "photos in train/ and val/, or photos anywhere below the folder"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _EdgedPhoto:
    record: Record
    lacks_face: bool


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Make the edge map of every photo; those of which none can be made are problems.

    A photo is named by its path: `a/b.jpg` is `a_b`. Where folders train and val do not exist, a share of the photos
    is held out for validation, chosen by name, so that adding photos hardly changes which.

    Returns:
        The pairs, with no classes, and a line a problem.
    """
    if not root.is_dir():
        return no_folder(root, LAYOUT)
    edges = config.edges
    if edges.landmark_model is not None and edges.landmarks == "dlib":
        try:
            load_predictor(edges.landmark_model)
        except ValueError as error:
            return found_dataset(root, LAYOUT, Dataset((), (), ()), [f"prepare.edges.landmark_model: {error}"])
    made: dict[Split, tuple[Record, ...]] = {}
    problems: list[str] = []
    for split, photos in _photos(root, edges.validation_share).items():
        make = partial(_make_edges, config=edges, folder=work / "edges" / split)
        pairs, lines = derive(list(photos.items()), make, label=f"making edge maps of {split}")
        made[split] = tuple(pair.record for pair in pairs)
        problems += lines
        without = [pair.record.image for pair in pairs if pair.lacks_face]
        if without:
            logger.warning(
                "%s: no face found in %d of %d photos, whose maps hold edges alone; the first is %s",
                root, len(without), len(photos), without[0],
            )  # fmt: skip
    return found_dataset(root, LAYOUT, Dataset((), made["train"], made["val"]), problems)


def _photos(root: Path, validation_share: float) -> dict[Split, dict[Path, str]]:
    """Give the photos of each split with their names."""
    folders = {split: root / split for split in SPLITS}
    if all(folder.is_dir() for folder in folders.values()):
        return {split: _names(folder) for split, folder in folders.items()}
    names = _names(root)
    by_hash = sorted(names, key=lambda path: (zlib.crc32(os.fsencode(names[path])), names[path]))
    held_out = set(by_hash[: max(1, round(validation_share * len(by_hash)))])
    return {
        "train": {path: name for path, name in names.items() if path not in held_out},
        "val": {path: name for path, name in names.items() if path in held_out},
    }


def _names(folder: Path) -> dict[Path, str]:
    return {
        path: "_".join(path.relative_to(folder).with_suffix("").parts)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PHOTO_ENDINGS and not path.name.startswith(".") and path.is_file()
    }


def _make_edges(photo: tuple[Path, str], config: EdgesConfig, folder: Path) -> _EdgedPhoto:
    path, name = photo
    pixels = read_photo(path)
    landmarks = _landmarks(path, pixels, config)
    lacks_face = landmarks is None and config.landmarks != "none"
    if lacks_face and config.detector == "none":
        raise ValueError(f"{path}: no face found, expected one where prepare.edges.detector is none")
    edges = edge_map(pixels, config, landmarks)
    if not edges.any():
        raise ValueError(f"{path}: no edge found, expected some: lower prepare.edges.high, or leave the photo out")
    condition = write_png(folder / f"{name}.png", edges)
    return _EdgedPhoto(Record(name=name, image=path, condition=condition), lacks_face)


def _landmarks(path: Path, pixels: npt.NDArray[np.uint8], config: EdgesConfig) -> npt.NDArray[np.float64] | None:
    if config.landmarks == "files":
        file = landmark_file(path)
        if file is None:
            raise ValueError(f"{path}: no landmarks, expected {path.stem}.pts or {path.stem}.json beside it")
        return read_landmarks(file)
    if config.landmarks == "dlib" and config.landmark_model is not None:
        return find_landmarks(pixels, config.landmark_model)
    return None
