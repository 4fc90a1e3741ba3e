"""Write the generated street scenes to disk in the layout of a real dataset."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import Field

from components.config import Config
from components.data.dataset import SPLITS
from components.data.street_scenes.catalogue import CLASSES, STYLES
from components.data.street_scenes.scene import Scene, render_scene


class StreetScenesConfig(Config):
    """How many street scenes to generate, how large, and from which seed."""

    train: int = Field(ge=1)
    val: int = Field(ge=1)
    height: int = Field(ge=32)
    width: int = Field(ge=32)
    seed: int = Field(ge=0)


def write_street_scenes(folder: Path, config: StreetScenesConfig) -> None:
    """Generate the dataset into a new or empty folder.

    Each split has `*_label/` (8-bit PNG of class indices), `*_inst/` (16-bit PNG of instance ids) and `*_img/`
    (RGB photos). Beside them are `classes.json` and `true_styles.json`, which gives the names of each class's
    styles and, by split, picture and instance id, the index of the style in which the instance is drawn.
    A picture depends on the seed, its split and its number only, never on how many there are.

    Raises:
        ValueError: the folder holds files, which a reader would take for a part of the dataset.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: holds {next(folder.iterdir()).name!r}, expected a new or empty folder")
    true_styles: dict[str, object] = {"styles": {info.name: list(STYLES[info.index]) for info in CLASSES}}
    for split_number, split in enumerate(SPLITS):
        for kind in ("label", "inst", "img"):
            (folder / f"{split}_{kind}").mkdir(parents=True)
        styles_by_name = {}
        for number in range(config.train if split == "train" else config.val):
            rng = np.random.default_rng([config.seed, split_number, number])
            scene, name = render_scene(rng, config.height, config.width), f"{split}_{number:04d}"
            _write_scene(folder, split, name, scene)
            styles_by_name[name] = {str(instance): style for instance, style in scene.styles.items()}
        true_styles[split] = styles_by_name
    _write_json(folder / "classes.json", [asdict(info) for info in CLASSES])
    _write_json(folder / "true_styles.json", true_styles)


def _write_scene(folder: Path, split: str, name: str, scene: Scene) -> None:
    Image.fromarray(scene.label).save(folder / f"{split}_label" / f"{name}.png")
    Image.fromarray(scene.instance).save(folder / f"{split}_inst" / f"{name}.png")
    Image.fromarray(scene.photo).save(folder / f"{split}_img" / f"{name}.png")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
