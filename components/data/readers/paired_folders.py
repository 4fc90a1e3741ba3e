"""Pairs of pictures, A the RGB condition and B the photo, as the published code reads them."""

from pathlib import Path

from components.data.dataset import Dataset, Split
from components.data.pairing import PHOTO_ENDINGS, Source, folder_prefix, optional_instances, read_dataset
from components.data.prepare_config import PrepareConfig

LAYOUT = (
    "train_A/NAME.png or .jpg with train_B/NAME.png or .jpg and, optionally, train_inst/NAME.png; "
    "val_* or test_* likewise"
)


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the conditions, photos and instance maps of the same stem.

    Where either split has a folder of instance maps, every picture needs one.

    Returns:
        The complete pairs, with no classes, and a line a problem.
    """

    def sources(split: Split) -> list[Source]:
        prefix = folder_prefix(root, split)
        return [
            Source("condition", root / f"{prefix}_A", PHOTO_ENDINGS),
            Source("image", root / f"{prefix}_B", PHOTO_ENDINGS),
            *optional_instances(root, split),
        ]

    return read_dataset(root, LAYOUT, (), sources)
