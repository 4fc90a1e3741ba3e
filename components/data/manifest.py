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
from components.data.checks import RecordFacts, files_of
from components.data.dataset import ClassInfo, Record, Split
from components.data.decoding import FileRole
from components.data.duplicates import NearDuplicate

FORMAT = 2


class ManifestEntry(Config):
    """A checked record.

    Attributes:
        name: unique within its split.
        image: the photo, a path relative to the root, as are the next three.
        label: the label map, None where the condition is a picture.
        instance: the instance map, None where there is none.
        condition: the RGB condition, None where the condition is a label map.
        made: which of these the reader made; their paths are relative to the manifest's `work`, not to the root.
        height: pixels, the same for all its files.
        width: pixels.
        sha256: the hash of each of its files.
        class_pixels: how many pixels each class has, by class index; empty without a label map.
        instance_count: how many ids the instance map has, those of stuff included; None without one.
        warnings: what is odd about a file.
    """

    name: str
    image: str
    label: str | None
    instance: str | None
    condition: str | None
    made: tuple[FileRole, ...]
    height: int
    width: int
    sha256: dict[FileRole, str]
    class_pixels: tuple[int, ...]
    instance_count: int | None
    warnings: dict[FileRole, tuple[str, ...]]

    def path(self, role: FileRole) -> str | None:
        """Give the relative path of one of its files."""
        return {"image": self.image, "label": self.label, "instance": self.instance, "condition": self.condition}[role]


class Manifest(Config):
    """A checked dataset.

    Attributes:
        format: the version of this file's format.
        reader: the name of the reader that found the files.
        root: the folder that the paths of the entries are relative to, as the parameters name it.
        work: the folder of what the reader made, None where it made nothing.
        instances_made: whether instance maps were made from the connected components of the label maps.
        classes: the classes in the order of their indices, none for RGB conditions.
        class_pixels: how many pixels each class has in a split, by class index; empty without label maps.
        train: the entries of the training split.
        val: those of the validation split.
        near_duplicates: validation pictures that look like a training picture.
        fingerprint: sha256 of the classes and of the names and files of both splits, wherever the root lies.
        validation_fingerprint: the same of the validation split alone: scores compare only where it is equal.
    """

    format: Literal[2]
    reader: str
    root: str
    work: str | None
    instances_made: bool
    classes: tuple[ClassInfo, ...]
    class_pixels: dict[Split, tuple[int, ...]]
    train: tuple[ManifestEntry, ...]
    val: tuple[ManifestEntry, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    fingerprint: str
    validation_fingerprint: str

    def split(self, name: Split) -> tuple[ManifestEntry, ...]:
        """Give the entries of `train` or `val`."""
        return self.train if name == "train" else self.val

    def records(self, split: Split) -> tuple[Record, ...]:
        """Give the files of a split's entries, with paths below the root, or `work` for what the reader made."""
        return tuple(
            Record(
                name=entry.name,
                image=self._base(entry, "image") / entry.image,
                label=self._base(entry, "label") / entry.label if entry.label else None,
                instance=self._base(entry, "instance") / entry.instance if entry.instance else None,
                condition=self._base(entry, "condition") / entry.condition if entry.condition else None,
            )
            for entry in self.split(split)
        )

    def moved(self, source: Path, target: Path) -> Self:
        """Give the manifest after `source` was renamed `target`, whether or not its folders lie in there."""
        update = {
            name: str(target / Path(folder).relative_to(source))
            for name, folder in (("root", self.root), ("work", self.work))
            if folder is not None and Path(folder).is_relative_to(source)
        }
        return self.model_copy(update=update)

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
            raise ValueError(f"{path}: not a manifest of format {FORMAT}: {error}") from error

    def _base(self, entry: ManifestEntry, role: FileRole) -> Path:
        return Path(self.work if self.work is not None and role in entry.made else self.root)


def build_manifest(
    reader: str,
    root: Path,
    classes: tuple[ClassInfo, ...],
    facts: Mapping[Split, Sequence[RecordFacts]],
    *,
    work: Path | None = None,
    instances_made: bool = False,
    near_duplicates: tuple[NearDuplicate, ...] = (),
) -> Manifest:
    """Build the manifest of checked records, all of whose files lie below the root or below `work`."""
    train = tuple(_entry(found, root, work) for found in facts["train"])
    val = tuple(_entry(found, root, work) for found in facts["val"])
    return Manifest(
        format=FORMAT,
        reader=reader,
        root=str(root),
        work=str(work) if work is not None and any(entry.made for entry in (*train, *val)) else None,
        instances_made=instances_made,
        classes=classes,
        class_pixels={"train": _histogram(train), "val": _histogram(val)},
        train=train,
        val=val,
        near_duplicates=near_duplicates,
        fingerprint=_fingerprint(classes, {"train": train, "val": val}),
        validation_fingerprint=_fingerprint(classes, {"val": val}),
    )


def _entry(facts: RecordFacts, root: Path, work: Path | None) -> ManifestEntry:
    files = files_of(facts.record)
    made = tuple(role for role, path in files.items() if work is not None and path.is_relative_to(work))
    relative = {
        role: path.relative_to(work if work is not None and role in made else root).as_posix()
        for role, path in files.items()
    }
    return ManifestEntry(
        name=facts.record.name,
        image=relative["image"],
        label=relative.get("label"),
        instance=relative.get("instance"),
        condition=relative.get("condition"),
        made=made,
        height=facts.height,
        width=facts.width,
        sha256=facts.sha256,
        class_pixels=facts.class_pixels,
        instance_count=facts.instance_count,
        warnings=facts.warnings,
    )


def _histogram(entries: Sequence[ManifestEntry]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(entry.class_pixels for entry in entries), strict=True)))


def _fingerprint(classes: tuple[ClassInfo, ...], splits: Mapping[Split, Sequence[ManifestEntry]]) -> str:
    content = {
        "classes": [asdict(each) for each in classes],
        "splits": {split: [[entry.name, entry.sha256] for entry in entries] for split, entries in splits.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
