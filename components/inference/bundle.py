"""The serving bundle: a folder with the ONNX graph and all that a client must know about it."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.inference.style_bank import StyleBank

FORMAT = 1
GRAPH = "generator.onnx"
INPUTS = ("label", "picture", "instance", "styles")


class BundleError(ValueError):
    """A bundle's file is missing, damaged or not as expected; the message names it."""


@dataclass(frozen=True)
class BundleClass:
    """One semantic class: its index in label maps, its name, and its RGB colour (0..255) in pictures of them."""

    index: int
    name: str
    colour: tuple[int, int, int]
    has_instances: bool
    ignored_in_scores: bool


@dataclass(frozen=True)
class Bundle:
    """What a serving bundle says of itself.

    Attributes:
        folder: where it lies.
        inputs: names of the graph's inputs, of `label`, `picture`, `instance`, `styles`.
        class_count: C; labels are 0..C-1. 0 where the condition is a picture.
        style_dimension: F; 0 without a `styles` input.
        size_multiple: pixels; heights and widths must be multiples of it.
        trained_size: height and width in pixels of the training pictures.
        fingerprint: hashes of the `data`, `validation` set, `params` and `code` it came from.
        scores: `mean_iou` and others on the validation set; a score that was not measured is None.
        classes: the classes in order of their index; none where the condition is a picture.
        style_bank: the styles that `styles` may be filled with.
    """

    folder: Path
    inputs: tuple[str, ...]
    class_count: int
    style_dimension: int
    size_multiple: int
    trained_size: tuple[int, int]
    fingerprint: Mapping[str, str]
    scores: Mapping[str, float | None]
    classes: tuple[BundleClass, ...]
    style_bank: StyleBank

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.folder / GRAPH

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read a bundle and verify the hash of each file that its `bundle.json` lists.

        Raises:
            BundleError: a file is missing, differs from its hash, or holds something unexpected.
        """
        folder = Path(folder)
        source = folder / "bundle.json"
        document = _read_json(source)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, dict) else type(document).__name__
            raise BundleError(f"{source}: found format {found!r}, expected {FORMAT}")
        try:
            _verify(folder, document["files"])
            classes = tuple(
                BundleClass(
                    index=int(entry["index"]),
                    name=str(entry["name"]),
                    colour=(int(entry["colour"][0]), int(entry["colour"][1]), int(entry["colour"][2])),
                    has_instances=bool(entry["has_instances"]),
                    ignored_in_scores=bool(entry["ignored_in_scores"]),
                )
                for entry in _read_json(folder / "classes.json")
            )
            bundle = cls(
                folder=folder,
                inputs=tuple(document["inputs"]),
                class_count=int(document["class_count"]),
                style_dimension=int(document["style_dimension"]),
                size_multiple=int(document["size_multiple"]),
                trained_size=(int(document["trained_size"]["height"]), int(document["trained_size"]["width"])),
                fingerprint=dict(document["fingerprint"]),
                scores=dict(document["scores"]),
                classes=classes,
                style_bank=_read_styles(folder / "styles.json", int(document["class_count"])),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise BundleError(f"{source} or classes.json beside it: missing or malformed field: {error!r}") from error
        bundle._check(source)
        return bundle

    def _check(self, source: Path) -> None:
        unknown = [name for name in self.inputs if name not in INPUTS]
        if unknown or not self.inputs:
            raise BundleError(f"{source}: found inputs {list(self.inputs)}, expected some of {list(INPUTS)}")
        if self.size_multiple < 1:
            raise BundleError(f"{source}: found size_multiple {self.size_multiple}, expected 1 or more")
        indices = [entry.index for entry in self.classes]
        if indices != list(range(self.class_count)):
            expected = f"expected the {self.class_count} of bundle.json, counted from 0"
            raise BundleError(f"{self.folder / 'classes.json'}: found classes {indices}, {expected}")
        if self.style_bank.dimension != self.style_dimension:
            raise BundleError(
                f"{self.folder / 'styles.json'}: found dimension {self.style_bank.dimension}, "
                f"expected {self.style_dimension}, the style_dimension of bundle.json"
            )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"{path}: no such file, expected a JSON file of a serving bundle") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: found {error}, expected JSON") from error


def _read_styles(path: Path, class_count: int) -> StyleBank:
    document = _read_json(path)
    try:
        return StyleBank.from_document(document, class_count, str(path))
    except ValueError as error:
        raise BundleError(str(error)) from error


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    if GRAPH not in files:
        raise BundleError(f"{folder / 'bundle.json'}: found files {sorted(files)}, expected {GRAPH} among them")
    for name, expected in files.items():
        path = folder / name
        # By their names: the file itself may be a link into the cache of DVC.
        if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):
            raise BundleError(f"{folder / 'bundle.json'}: found file {name!r}, expected one inside the bundle")
        if not path.is_file():
            raise BundleError(f"{path}: no such file, expected one with sha256 {expected}")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected:
            raise BundleError(f"{path}: found sha256 {found}, expected {expected}")
