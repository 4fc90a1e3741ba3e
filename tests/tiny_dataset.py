"""Parameters and files of tiny datasets, for tests of whatever reads or prepares one."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.data.dataset import Dataset
from components.data.edges import EdgesConfig
from components.data.manifest import Manifest
from components.data.prepare import PrepareConfig, prepare_dataset
from components.data.readers import READERS
from components.data.street_scenes import StreetScenesConfig


def tiny_edges(**overrides: Any) -> EdgesConfig:
    """Canny edges without blur and landmarks, half of the photos held out."""
    values: dict[str, Any] = {"detector": "canny", "sigma": 0, "low": 100, "high": 200}
    values |= {"landmarks": "none", "landmark_model": None, "validation_share": 0.5}
    return EdgesConfig(**(values | overrides))


def tiny_prepare(**overrides: Any) -> PrepareConfig:
    """Three generated scenes of 32x64 pixels; instance maps from the dataset; no search for near duplicates."""
    scenes = StreetScenesConfig(train=2, val=1, height=32, width=64, seed=1)
    values: dict[str, Any] = {"reader": "street_scenes", "root": Path("unused"), "street_scenes": scenes}
    values |= {"instances": "dataset", "edges": tiny_edges(), "near_duplicate_distance": 0}
    return PrepareConfig(**(values | overrides))


def tiny_manifest(reader: str, root: Path) -> Manifest:
    """The manifest of a dataset; what its reader makes lies beside its folder."""
    return prepare_dataset(tiny_prepare(reader=reader, root=root), root.with_name(f"{root.name}_prepared"))


def read_dataset(reader: str, root: Path, **overrides: Any) -> tuple[Dataset, list[str]]:
    """What a reader gives; what it makes lies in the folder `work` beside the dataset's."""
    return READERS[reader](root, root.with_name("work"), tiny_prepare(reader=reader, root=root, **overrides))


def write_picture(path: Path, pixels: npt.ArrayLike) -> Path:
    """Write uint8 pixels, (H, W) or (H, W, 3), and the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(pixels, dtype=np.uint8)).save(path)
    return path


def random_photo(seed: int, height: int = 4, width: int = 6) -> npt.NDArray[np.uint8]:
    """RGB noise, (H, W, 3), different for each seed."""
    return np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)


def pixels_of(path: Path | None) -> list[Any]:
    """The pixels of a file as nested lists."""
    assert path is not None
    with Image.open(path) as image:
        pixels: list[Any] = np.array(image).tolist()
    return pixels
