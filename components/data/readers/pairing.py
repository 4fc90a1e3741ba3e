"""Finding the files of a split and pairing them by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.data.dataset import ClassInfo, Dataset, Record, Split
from components.data.decoding import ROLE_NAMES, FileRole

PHOTO_ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".tif", ".tiff", ".webp")
MAP_ENDINGS = (".png",)


@dataclass(frozen=True)
class Source:
    """Where the files of one role lie.

    Attributes:
        role: what the files are.
        folder: the folder of the split.
        endings: how their names end, in any case of letters; what stands before it pairs a file with its partners.
        pattern: a glob below the folder, `*/*` where pictures lie in a folder a city.
    """

    role: FileRole
    folder: Path
    endings: tuple[str, ...]
    pattern: str = "*"


def read_dataset(
    root: Path, layout: str, classes: tuple[ClassInfo, ...], sources: Callable[[Split], list[Source]]
) -> tuple[Dataset, list[str]]:
    """Pair the files of both splits.

    Args:
        root: the folder of the dataset.
        layout: the files expected in it, for messages.
        classes: the classes of its label maps.
        sources: gives the sources of a split.

    Returns:
        The complete records, sorted by name, and a line a problem: a missing folder, a file without a partner, two
        files of one name, or no training pair at all.
    """
    if not root.is_dir():
        return Dataset(classes, (), ()), [f"{root}: folder not found, expected {layout}"]
    train, train_problems = _pair(sources("train"))
    val, val_problems = _pair(sources("val"))
    problems = train_problems + val_problems
    if not train:
        problems.append(f"{root}: no training pair found, expected {layout}")
    return Dataset(classes, train, val), problems


def folder_prefix(root: Path, split: Split) -> str:
    """Give the prefix of a split's folders: the validation split is `val_*`, or `test_*` as in the published code."""
    return "test" if split == "val" and not any(root.glob("val_*")) else split


def optional_instances(root: Path, split: Split) -> list[Source]:
    """Give the source of the instance maps, none where neither split has a folder of them."""
    folders = {each: root / f"{folder_prefix(root, each)}_inst" for each in ("train", "val")}
    has_instances = any(folder.is_dir() for folder in folders.values())
    return [Source("instance", folders[split], MAP_ENDINGS)] if has_instances else []


def _pair(sources: list[Source]) -> tuple[tuple[Record, ...], list[str]]:
    records: list[Record] = []
    problems: list[str] = []
    found = {source.role: _find(source, problems) for source in sources}
    for key in sorted({key for files in found.values() for key in files}):
        files = {role: found[role][key] for role in found if key in found[role]}
        missing = [_expectation(source, key) for source in sources if source.role not in files]
        if missing:
            problems.append(f"{next(iter(files.values()))}: {', '.join(missing)}")
            continue
        records.append(
            Record(
                name=key.rpartition("/")[2],
                image=files["image"],
                label=files.get("label"),
                instance=files.get("instance"),
                condition=files.get("condition"),
            )
        )
    return tuple(records), problems


def _find(source: Source, problems: list[str]) -> dict[str, Path]:
    """Give the files of a source by the part of their path that pairs them; report those of equal name."""
    found: dict[str, Path] = {}
    for path in sorted(source.folder.glob(source.pattern)):
        ending = next((ending for ending in source.endings if path.name.lower().endswith(ending.lower())), None)
        if ending is None or path.name.startswith(".") or not path.is_file():
            continue
        key = path.relative_to(source.folder).as_posix()[: -len(ending)]
        if key in found:
            problems.append(f"{path}: has the name of {found[key]}, expected names to be unique within a split")
        else:
            found[key] = path
    return found


def _expectation(source: Source, key: str) -> str:
    return f"no {ROLE_NAMES[source.role]}, expected {source.folder / key}{' or '.join(source.endings)}"
