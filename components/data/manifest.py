"""The manifest: the checked dataset as one file, which later stages read instead of the folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from components.atomic import atomic_file
from components.config import Config
from components.data.checks import RecordFacts, check_dataset, files_of
from components.data.dataset import ClassInfo, DatasetError, Record, Split
from components.data.decoding import FileRole
from components.data.readers import READERS


class ManifestEntry(Config):
    """A checked record.

    Attributes:
        name: unique within its split.
        image: the photo, a path relative to the root, as are the next three.
        label: the label map, None where the condition is a picture.
        instance: the instance map, None where there is none.
        condition: the RGB condition, None where the condition is a label map.
        height: pixels, the same for all its files.
        width: pixels.
        sha256: the hash of each of its files.
        class_pixels: how many pixels each class has, by class index; empty without a label map.
        instance_count: how many ids the instance map has, those of stuff included; None without one.
    """

    name: str
    image: str
    label: str | None
    instance: str | None
    condition: str | None
    height: int
    width: int
    sha256: dict[FileRole, str]
    class_pixels: tuple[int, ...]
    instance_count: int | None


class Manifest(Config):
    """A checked dataset.

    Attributes:
        format: the version of this file's format.
        reader: the name of the reader that found the files.
        root: the folder that the paths of the entries are relative to, as the parameters name it.
        classes: the classes in the order of their indices, none for RGB conditions.
        train: the entries of the training split.
        val: those of the validation split.
        fingerprint: sha256 of the classes and of the names and files of both splits, wherever the root lies.
        validation_fingerprint: the same of the validation split alone: scores compare only where it is equal.
    """

    format: Literal[1]
    reader: str
    root: str
    classes: tuple[ClassInfo, ...]
    train: tuple[ManifestEntry, ...]
    val: tuple[ManifestEntry, ...]
    fingerprint: str
    validation_fingerprint: str

    def split(self, name: Split) -> tuple[ManifestEntry, ...]:
        """Give the entries of `train` or `val`."""
        return self.train if name == "train" else self.val

    def records(self, split: Split) -> tuple[Record, ...]:
        """Give the files of a split's entries, with paths below the root."""
        root = Path(self.root)
        return tuple(
            Record(
                name=entry.name,
                image=root / entry.image,
                label=root / entry.label if entry.label else None,
                instance=root / entry.instance if entry.instance else None,
                condition=root / entry.condition if entry.condition else None,
            )
            for entry in self.split(split)
        )

    def moved(self, source: Path, target: Path) -> Self:
        """Give the manifest after `source` was renamed `target`, whether or not its root lies in there."""
        root = Path(self.root)
        return (
            self.model_copy(update={"root": str(target / root.relative_to(source))})
            if root.is_relative_to(source)
            else self
        )

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with atomic_file(path) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a manifest.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no manifest of this format; the message names the file and its fields.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{path}: not a manifest of format 1: {error}") from error


def prepare(reader: str, root: Path) -> Manifest:
    """Read a dataset and check every pair.

    Args:
        reader: a name of `READERS`.
        root: the folder of the dataset.

    Raises:
        ValueError: there is no such reader.
        DatasetError: files are missing or broken, or a split is empty; it holds all problems together.
    """
    if reader not in READERS:
        raise ValueError(f"reader: expected one of {', '.join(READERS)}, got {reader}")
    dataset, problems = READERS[reader](root)
    if root.is_dir() and not dataset.val:
        problems.append(f"{root}: no validation pair found, expected at least one, as scores are measured on it")
    facts, found = check_dataset(dataset)
    problems += found
    if problems:
        raise DatasetError(problems)
    return build_manifest(reader, root, dataset.classes, facts)


def build_manifest(
    reader: str, root: Path, classes: tuple[ClassInfo, ...], facts: Mapping[Split, Sequence[RecordFacts]]
) -> Manifest:
    """Build the manifest of checked records, all of whose files lie below the root."""
    train = tuple(_entry(found, root) for found in facts["train"])
    val = tuple(_entry(found, root) for found in facts["val"])
    return Manifest(
        format=1,
        reader=reader,
        root=str(root),
        classes=classes,
        train=train,
        val=val,
        fingerprint=_fingerprint(classes, {"train": train, "val": val}),
        validation_fingerprint=_fingerprint(classes, {"val": val}),
    )


def _entry(facts: RecordFacts, root: Path) -> ManifestEntry:
    files = {role: path.relative_to(root).as_posix() for role, path in files_of(facts.record).items()}
    return ManifestEntry(
        name=facts.record.name,
        image=files["image"],
        label=files.get("label"),
        instance=files.get("instance"),
        condition=files.get("condition"),
        height=facts.height,
        width=facts.width,
        sha256=facts.sha256,
        class_pixels=facts.class_pixels,
        instance_count=facts.instance_count,
    )


def _fingerprint(classes: tuple[ClassInfo, ...], splits: Mapping[Split, Sequence[ManifestEntry]]) -> str:
    content = {
        "classes": [asdict(each) for each in classes],
        "splits": {split: [[entry.name, entry.sha256] for entry in entries] for split, entries in splits.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
