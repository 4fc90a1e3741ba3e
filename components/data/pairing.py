"""Finding the files of a split and pairing them by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.data.dataset import ClassInfo, Dataset, Record, Split
from components.data.decoding import ROLE_NAMES, FileRole

PHOTO_ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".tif", ".tiff", ".webp")
MAP_ENDINGS = (".png",)
_LOSSY = (".jpg", ".jpeg", ".webp")


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
        return no_folder(root, layout)
    train, train_problems = _pair(sources("train"))
    val, val_problems = _pair(sources("val"))
    return found_dataset(root, layout, Dataset(classes, train, val), train_problems + val_problems)


def no_folder(root: Path, layout: str) -> tuple[Dataset, list[str]]:
    """Give what a reader returns where the dataset's folder does not exist."""
    return Dataset((), (), ()), [f"{root}: folder not found, expected {layout}"]


def found_dataset(root: Path, layout: str, dataset: Dataset, problems: list[str]) -> tuple[Dataset, list[str]]:
    """Give what a reader returns: an empty training set is a problem too."""
    missing = [] if dataset.train else [f"{root}: no training pair found, expected {layout}"]
    return dataset, problems + missing


def folder_prefix(root: Path, split: Split) -> str:
    """Give the prefix of a split's folders: the validation split is `val_*`, or `test_*` as in the published code."""
    return "test" if split == "val" and not any(root.glob("val_*")) else split


def optional_instances(root: Path, split: Split) -> list[Source]:
    """Give the source of the instance maps, none where neither split has a folder of them."""
    folders = {each: root / f"{folder_prefix(root, each)}_inst" for each in ("train", "val")}
    has_instances = any(folder.is_dir() for folder in folders.values())
    return [Source("instance", folders[split], MAP_ENDINGS)] if has_instances else []


def listed_names(path: Path, column: int = 0) -> tuple[list[str], list[str]]:
    """Read a split's list, a picture a line.

    Args:
        path: the list; empty lines do not count.
        column: which of the values between commas is the name.

    Returns:
        The names without endings of photos, and the problem where the list cannot be read or lacks the column.
    """
    try:
        lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        names = [line[column].strip() for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{path}: unreadable, expected a list of pictures, a name a line ({error})"]
    except IndexError:
        return [], [f"{path}: found a line of fewer than {column + 1} values, expected names after comma {column}"]
    return [name[: -len(ending)] if (ending := _ending(name, PHOTO_ENDINGS)) else name for name in names], []


def listed_file(folder: Path, name: str, endings: tuple[str, ...]) -> Path | None:
    """Give the file of a listed picture, None where there is none."""
    candidates = (folder / f"{name}{ending}" for ending in endings)
    return next((path for path in candidates if path.is_file()), None)


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
        ending = _ending(path.name, source.endings)
        if ending is None or path.name.startswith(".") or not path.is_file():
            continue
        key = path.relative_to(source.folder).as_posix()[: -len(ending)]
        if key in found:
            problems.append(f"{path}: has the name of {found[key]}, expected names to be unique within a split")
        else:
            found[key] = path
    return found


def _ending(name: str, endings: tuple[str, ...]) -> str | None:
    return next((ending for ending in endings if name.lower().endswith(ending.lower())), None)


def _expectation(source: Source, key: str) -> str:
    expectation = f"no {ROLE_NAMES[source.role]}, expected {source.folder / key}{' or '.join(source.endings)}"
    if source.role not in ("label", "instance"):
        return expectation
    names = (Path(f"{source.folder / key}{ending}").with_suffix(lossy) for ending in source.endings for lossy in _LOSSY)
    found = next((path for path in names if path.is_file()), None)
    return f"{expectation}; found {found}, a lossy format in which ids turn into others" if found else expectation
