"""What a bundle of published checkpoints needs beside the networks: options, picture size, styles, lineage."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from components import fingerprint
from components.data.dataset import ClassInfo
from components.export.bundle import Lineage
from components.inference import StyleBank
from components.inference.style_bank import DrawnFor
from components.models.official import checkpoint_file
from components.models.official_options import OfficialOptions, official_options, parse_assignments, read_opt_file
from components.styles.bank import bank_document
from components.styles.official_clusters import read_official_clusters

UNKNOWN = "unknown"

logger = logging.getLogger(__name__)


def options_of_folder(folder: Path, assignments: Sequence[str]) -> OfficialOptions:
    """The options of the folder's `opt.txt`, where it has one, with those of the command line (`name=value`) over them.

    Raises:
        ValueError: naming the file or the option that is not as expected.
    """
    path = folder / "opt.txt"
    if path.is_file():
        return official_options(read_opt_file(path), parse_assignments(assignments))
    logger.info("%s: no such file; the published defaults hold where --option says nothing else", path)
    return official_options(parse_assignments(assignments))


def require_generator(folder: Path, epoch: str) -> None:
    """Refuse a folder without the one checkpoint that every bundle needs.

    Raises:
        ValueError: naming the file.
    """
    path = checkpoint_file(folder, "generator", epoch)
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected the checkpoints of a published training in {folder}")


def served_checkpoints(folder: Path, options: OfficialOptions, epoch: str) -> dict[str, Path]:
    """Files of the networks that go into a bundle: the generator, and the encoder where there is one."""
    names = ["generator", "encoder"] if options.shape.model.has_encoder else ["generator"]
    files = {name: checkpoint_file(folder, name, epoch) for name in names}
    if "encoder" in files and not files["encoder"].is_file():
        logger.info("%s: no such file; the bundle cannot take styles from photos", files.pop("encoder"))
    return files


def picture_size(options: OfficialOptions, height: int | None, width: int | None) -> tuple[int, int]:
    """Height and width of the training pictures in pixels: as given, else those of the options, in whole multiples.

    Raises:
        ValueError: naming a number that is needed, or that the generator cannot take.
    """
    multiple = options.shape.model.size_multiple
    stated = options.trained_size or (None, None)

    def size(name: str, given: int | None, stated: int | None) -> int:
        if given is not None and (given % multiple or given < 2 * multiple):
            raise ValueError(f"{name}: must be a multiple of {multiple} and at least {2 * multiple}, got {given}")
        if given is None and stated is None:
            kept = f"resize_or_crop={options.resize_or_crop} kept the pictures' own size"
            raise ValueError(f"{name}: missing, and the options do not tell it: {kept}")
        return given or max(2, round((stated or 0) / multiple)) * multiple

    return size("--height", height, stated[0]), size("--width", width, stated[1])


def style_bank(
    folder: Path, options: OfficialOptions, classes: Sequence[ClassInfo], given: Path | None
) -> dict[str, Any]:
    """The content of `styles.json`, from a given file of that form or published clusters: given, or in the folder.

    Raises:
        ValueError: naming the file that is missing or does not fit the model, and how to make one.
    """
    dimension = options.n_features
    drawn_for: DrawnFor = "class" if options.label_feat else "instance"
    if not dimension:
        if given is not None:
            raise ValueError(f"--styles {given}: expected none, since the generator takes no features")
        return bank_document(0, {}, classes, drawn_for=drawn_for)
    if given is not None and given.suffix != ".npy":
        return _given_bank(given, dimension, len(classes))
    path = given or folder / f"features_clustered_{options.n_clusters:03d}.npy"
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file, and a generator with features needs the styles in it: "
            "make it with the published encode_features.py, or give --styles styles.json"
        )
    clusters = read_official_clusters(path, dimension=dimension, class_count=len(classes))
    return bank_document(dimension, clusters, classes, drawn_for=drawn_for)


def _given_bank(path: Path, dimension: int, class_count: int) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: expected JSON, found {error}") from error
    bank = StyleBank.from_document(document, class_count, str(path))
    if bank.dimension != dimension or not bank.styles:
        found = f"dimension {bank.dimension} and styles of {len(bank.styles)} classes"
        raise ValueError(f"{path}: found {found}, expected the {dimension} features of the model")
    return dict(document)


def lineage(options: OfficialOptions, checkpoints: Iterable[Path]) -> Lineage:
    """Options and weights identify the model; which data and version of the code it saw, nobody wrote down."""
    files = {path.name: fingerprint.of_file(path) for path in checkpoints}
    params = fingerprint.of_values({"options": options.model_dump(mode="json"), "files": files})
    return Lineage(recipe="published", data=UNKNOWN, validation=UNKNOWN, params=params, code=UNKNOWN)


def check_replaceable(folder: Path, mark: str, checkpoints: Path) -> None:
    """Refuse to replace what was not written by an earlier import.

    Args:
        folder: to be replaced.
        mark: the file by which such a folder is known.
        checkpoints: what must stay.

    Raises:
        ValueError: naming the folder.
    """
    if checkpoints.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{folder}: holds the checkpoints, expected another folder")
    if folder.exists() and not (folder / mark).is_file() and any(folder.iterdir()):
        raise ValueError(f"{folder}: has no {mark}, so it will not be replaced; expected a new folder")
