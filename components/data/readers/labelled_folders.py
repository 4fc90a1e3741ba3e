"""Folders of label maps, instance maps and photos, as the published code reads them, and a list of the classes."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from components.config import Config
from components.data.dataset import ClassInfo, Dataset, Split
from components.data.pairing import (
    MAP_ENDINGS,
    PHOTO_ENDINGS,
    Source,
    folder_prefix,
    optional_instances,
    read_dataset,
)
from components.data.prepare_config import PrepareConfig

LAYOUT = (
    "classes.json and train_label/NAME.png with train_img/NAME.png or .jpg and, optionally, train_inst/NAME.png; "
    "val_* or test_* likewise"
)

Channel = Annotated[int, Field(ge=0, le=255)]


class _ClassEntry(Config):
    """An entry of classes.json."""

    index: int
    name: Annotated[str, Field(min_length=1)]
    colour: tuple[Channel, Channel, Channel]
    has_instances: bool = False
    ignored_in_scores: bool = False


_CLASS_LIST = TypeAdapter(Annotated[list[_ClassEntry], Field(min_length=1, max_length=256)])


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the label maps, photos and instance maps of the same stem.

    Where either split has a folder of instance maps, every picture needs one.

    Returns:
        The complete pairs, and a line a problem, those of classes.json included.
    """

    def sources(split: Split) -> list[Source]:
        prefix = folder_prefix(root, split)
        return [
            Source("label", root / f"{prefix}_label", MAP_ENDINGS),
            Source("image", root / f"{prefix}_img", PHOTO_ENDINGS),
            *optional_instances(root, split),
        ]

    classes, class_problems = read_classes(root / "classes.json") if root.is_dir() else ((), [])
    dataset, problems = read_dataset(root, LAYOUT, classes, sources)
    return dataset, class_problems + problems


def read_classes(path: Path) -> tuple[tuple[ClassInfo, ...], list[str]]:
    """Read classes.json; give no classes where it has problems."""
    try:
        entries = _CLASS_LIST.validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        return (), [f"{path}: unreadable, expected the list of classes ({error.strerror})"]
    except ValidationError as error:
        return (), [
            f"{path}: {_field(problem['loc'])}: {problem['msg']}, got {problem['input']!r:.80}"
            for problem in error.errors()
        ]
    problems = []
    indices = [entry.index for entry in entries]
    if sorted(indices) != list(range(len(entries))):
        problems.append(f"{path}: index: expected each of 0..{len(entries) - 1} once, got {indices}")
    names = [entry.name for entry in entries]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.append(f"{path}: name: expected unique names, got more than one {', '.join(repeated)}")
    if problems:
        return (), problems
    return tuple(ClassInfo(**entry.model_dump()) for entry in sorted(entries, key=lambda entry: entry.index)), []


def _field(location: tuple[int | str, ...]) -> str:
    """Name a place in the file, as in `[2].colour[1]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts) or "classes"
