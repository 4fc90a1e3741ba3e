"""The serving bundle: a folder with the ONNX graphs and all that a client must know about them.

`bundle.schema.json` beside this file says what `bundle.json` holds.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.inference.style_bank import StyleBank

FORMAT = 2
SCHEMA = Path(__file__).with_name("bundle.schema.json")
FLOAT32 = "float32"
INPUTS = ("label", "picture", "instance", "styles")
ENCODER_INPUTS = ("image", "instance", "label")


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
class Graph:
    """The generator in one precision.

    Attributes:
        file: the ONNX file.
        kind: of a reduced precision: `float16`, or `mixed` where a part is kept in float32; None of others.
        largest_difference: to torch in float32, in grey levels at any pixel; None where nobody measured it.
        mean_difference: to torch in float32, in grey levels; None where nobody measured it.
    """

    file: Path
    kind: str | None
    largest_difference: int | None
    mean_difference: float | None


@dataclass(frozen=True)
class EncoderGraph:
    """The encoder, which takes the styles from a photo.

    Attributes:
        file: the ONNX file.
        inputs: names of the graph's inputs: `image`, `instance` and, where styles belong to classes, `label`.
    """

    file: Path
    inputs: tuple[str, ...]


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
        graphs: the generator in each precision: `float32` always, of `float16` and `int8` those that were kept.
        left_out: of each precision that was asked for and not kept, why.
        encoder: where the bundle has one.
        files: sha256 of each file by its name.
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
    graphs: Mapping[str, Graph]
    left_out: Mapping[str, str]
    encoder: EncoderGraph | None
    files: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read a bundle and verify the hash of each file that its `bundle.json` lists but the graphs.

        Graphs may be large, and a client uses one or two of them: that each is there is checked here, its hash by
        `verified`, which who makes a session from one calls, or by `verify`.

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
            files = dict(document["files"])
            graphs = _graphs(folder, document["graphs"])
            encoder = _encoder(folder, document["encoder"])
            _check_files(folder, files, [each.file for each in (*graphs.values(), encoder) if each is not None])
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
                graphs=graphs,
                left_out=dict(document["left_out"]),
                encoder=encoder,
                files=files,
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise BundleError(f"{source} or classes.json beside it: missing or malformed field: {error!r}") from error
        bundle._check(source)
        return bundle

    def verified(self, file: Path) -> Path:
        """Give a file of the bundle back if its content has the hash that `bundle.json` states.

        Raises:
            BundleError: it is missing, or differs from its hash.
        """
        _verify(file, self.files[file.name])
        return file

    def verify(self) -> None:
        """Verify the hash of every file, the graphs' too.

        Raises:
            BundleError: one is missing, or differs from its hash.
        """
        for name in self.files:
            self.verified(self.folder / name)

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


def _graphs(folder: Path, document: Mapping[str, Any]) -> dict[str, Graph]:
    if FLOAT32 not in document:
        raise BundleError(f"{folder / 'bundle.json'}: found graphs {sorted(document)}, expected {FLOAT32} among them")
    return {
        precision: Graph(
            file=folder / entry["file"],
            kind=entry.get("kind"),
            largest_difference=entry["parity"].get("largest_difference"),
            mean_difference=entry["parity"].get("mean_difference"),
        )
        for precision, entry in document.items()
    }


def _encoder(folder: Path, document: Mapping[str, Any] | None) -> EncoderGraph | None:
    if document is None:
        return None
    encoder = EncoderGraph(file=folder / document["file"], inputs=tuple(document["inputs"]))
    if encoder.inputs not in (ENCODER_INPUTS, ENCODER_INPUTS[:2]):
        found = f"found inputs {list(encoder.inputs)} of the encoder"
        raise BundleError(f"{folder / 'bundle.json'}: {found}, expected the first two or all of {list(ENCODER_INPUTS)}")
    return encoder


def _check_files(folder: Path, files: Mapping[str, str], graphs: Sequence[Path]) -> None:
    """That all are there, inside the folder, and all but the graphs as their hash says."""
    source = folder / "bundle.json"
    for needed in (*(path.name for path in graphs), "classes.json", "styles.json"):
        if needed not in files:
            raise BundleError(f"{source}: found files {sorted(files)}, expected {needed} among them")
    for name, expected in files.items():
        if name != Path(name).name:
            raise BundleError(f"{source}: found file {name!r}, expected one inside the bundle")
        path = folder / name
        if path in graphs:
            _check_exists(path, expected)
        else:
            _verify(path, expected)


def _check_exists(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BundleError(f"{path}: no such file, expected one with sha256 {expected}")


def _verify(path: Path, expected: str) -> None:
    _check_exists(path, expected)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise BundleError(f"{path}: found sha256 {found}, expected {expected}")
