"""The `prepare` stage's work: choose, or generate, a dataset and check it."""

from pathlib import Path
from typing import Literal

from components.config import Config
from components.data.manifest import Manifest, prepare
from components.data.street_scenes import StreetScenesConfig, write_street_scenes

GENERATED = "street_scenes"


class PrepareConfig(Config):
    """The `prepare` section of the parameters.

    Attributes:
        reader: the layout of the dataset, or `street_scenes` to generate the default one.
        root: the dataset's folder; unused where the dataset is generated.
        street_scenes: what to generate.
    """

    reader: Literal["street_scenes", "cityscapes", "camvid", "labelled_folders", "paired_folders"]
    root: Path
    street_scenes: StreetScenesConfig


def prepare_dataset(config: PrepareConfig, folder: Path) -> Manifest:
    """Check the dataset that the parameters choose.

    Args:
        config: the parameters.
        folder: where a generated dataset is written, in a folder of its own.

    Raises:
        DatasetError: with all problems of the dataset.
    """
    if config.reader != GENERATED:
        return prepare(config.reader, config.root)
    write_street_scenes(folder / GENERATED, config.street_scenes)
    return prepare("labelled_folders", folder / GENERATED)
