"""The pictures of a study: found and checked once, and served by name of method and file only.

Shapes: H x W pixels.
"""

import colorsys
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deploy.study.definition import StudyDefinition
from deploy.study.plan import BETTER, WORSE

BYTE_LIMIT = 64 * 2**20
PIXEL_LIMIT = 2**26
MUD_CELLS = 8  # along a side
SHOWN_NAMES = 5  # of missing files

_BROKEN_FILE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for them

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class StudyPictures:
    """Files that were there when the study began; nothing else can be asked for.

    Attributes:
        names: of the pictures to compare; the same in each method's folder.
        check_names: of the pictures for attention checks.
        digest: SHA-256 over names and contents of all of them: other pictures are another study.
    """

    names: tuple[str, ...]
    check_names: tuple[str, ...]
    digest: str
    _folders: Mapping[str, Path]
    _reference: Path | None
    _references: frozenset[str]
    _colours: NDArray[np.uint8] | None
    _seed: int

    @classmethod
    def find(cls, definition: StudyDefinition) -> "StudyPictures":
        """Find and check the pictures of a study.

        Raises:
            ValueError: a folder has none or lacks some, a file is no PNG or too large, or two pictures that are
                shown together differ in size; all are told at once.
        """
        first = next(iter(definition.methods.values()))
        is_photo = definition.reference_kind == "photo"
        checks = {BETTER: definition.attention_better or (definition.reference if is_photo else None) or first}
        if definition.attention_worse:
            checks[WORSE] = definition.attention_worse
        folders = [*definition.methods.values(), *checks.values(), definition.reference]
        found = {folder: _names_in(folder) for folder in folders if folder}
        _told([f"{folder}: found no PNG file, expected a folder with some" for folder in found if not found[folder]])

        names, check_names = found[first], found[checks[BETTER]]
        references = found[definition.reference] if definition.reference else set()
        problems = []
        for folder in definition.methods.values():
            problems += _differing(folder, found[folder] ^ names, first)
        for folder in checks.values():
            problems += _differing(folder, check_names - found[folder], checks[BETTER])
        if definition.reference:
            problems += _differing(definition.reference, names - references, first)
        _told(problems)

        digest = hashlib.sha256(repr((sorted(names), sorted(check_names))).encode())
        together = [[folder / name for folder in definition.methods.values()] for name in sorted(names)]
        together += [[folder / name for folder in checks.values()] for name in sorted(check_names)]
        if definition.reference:
            together += [[definition.reference / name] for name in sorted(references & (names | check_names))]
        for paths in together:
            problems += _check_together(paths, digest)
        _told(problems)
        return cls(
            names=tuple(sorted(names)),
            check_names=tuple(sorted(check_names)),
            digest=digest.hexdigest(),
            _folders=definition.methods | checks,
            _reference=definition.reference,
            _references=frozenset(references & (names | check_names)),
            _colours=None if is_photo else _class_colours(definition.bundle),
            _seed=definition.seed,
        )

    def picture(self, method: str, name: str) -> bytes:
        """Give the PNG of a method, or of a side of an attention check.

        Raises:
            KeyError: there is no such one.
            OSError: the file has gone.
        """
        known = self.check_names if method in (BETTER, WORSE) else self.names
        if name not in known:
            raise KeyError(name)
        if method == WORSE and WORSE not in self._folders:
            return mud(self._folders[BETTER] / name, self._seed)
        return (self._folders[method] / name).read_bytes()

    def reference(self, name: str) -> bytes | None:
        """Give the PNG of what a picture was made of, label maps in colours; None where there is none.

        Raises:
            OSError: the file has gone.
        """
        if self._reference is None or name not in self._references:
            return None
        return coloured(self._reference / name, self._colours)


@lru_cache(maxsize=32)
def mud(path: Path, seed: int) -> bytes:
    """Make a picture that nobody takes for real: the colours of another one in shuffled, blurred blots.

    Args:
        path: of the other picture.
        seed: of the order.

    Returns:
        A PNG of the same size.
    """
    with Image.open(path) as image:
        cells = np.array(image.convert("RGB").resize((MUD_CELLS, MUD_CELLS), Image.Resampling.BOX)).reshape(-1, 3)
        size = image.size
    order = list(range(len(cells)))
    Random(f"{seed} {path.name}").shuffle(order)
    shuffled = cells[order].reshape(MUD_CELLS, MUD_CELLS, 3)
    return _png(Image.fromarray(shuffled).resize(size, Image.Resampling.BICUBIC))


def coloured(path: Path, colours: NDArray[np.uint8] | None) -> bytes:
    """Read a PNG; one with an index a pixel is given in colours, as browsers would show it near black.

    Args:
        path: of the file.
        colours: of each index, [256, 3] RGB; None leaves all files as they are.
    """
    if colours is not None:
        with Image.open(path) as image:
            if image.mode in ("L", "I", "I;16"):
                return _png(Image.fromarray(colours[np.array(image).astype(np.int64) & 255]))
    return path.read_bytes()


def _class_colours(bundle: Path | None) -> NDArray[np.uint8]:
    """Give colours [256, 3]: the bundle's, and of what it does not name ones that are easy to tell apart."""
    turns = [(index * 0.618034 % 1, 0.45 + 0.1 * (index % 3), 0.85 - 0.12 * (index % 4)) for index in range(256)]
    colours = np.array([[round(255 * part) for part in colorsys.hsv_to_rgb(*turn)] for turn in turns], dtype=np.uint8)
    if bundle:
        from components.inference import Bundle

        for each in Bundle.load(bundle).classes:
            colours[each.index] = each.colour
    return colours


def _names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() == ".png"}


def _told(problems: Sequence[str]) -> None:
    if problems:
        raise ValueError("\n".join(problems))


def _differing(folder: Path, names: Iterable[str], other: Path) -> list[str]:
    found = sorted(names)
    if not found:
        return []
    listed = ", ".join(found[:SHOWN_NAMES]) + (f" and {len(found) - SHOWN_NAMES} more" if found[SHOWN_NAMES:] else "")
    return [f"{folder}: found other names than in {other}, expected the same; not in both are {listed}"]


def _check_together(paths: Iterable[Path], digest: "hashlib._Hash") -> list[str]:
    """Check files that are shown together and add them to the digest; give the problems."""
    problems = []
    sizes: dict[Size, Path] = {}
    for path in paths:
        try:
            content = path.read_bytes() if path.stat().st_size <= BYTE_LIMIT else b""
            if not content:
                raise ValueError(f"{path.stat().st_size} bytes")
            digest.update(hashlib.sha256(content).digest())
            with Image.open(BytesIO(content), formats=["PNG"]) as image:
                size = image.size
                image.verify()
            if size[0] * size[1] > PIXEL_LIMIT:
                raise ValueError(f"{size[0]}x{size[1]}")
        except _BROKEN_FILE as error:
            limits = f"at most {BYTE_LIMIT >> 20} MB and {PIXEL_LIMIT:,} pixels"
            problems.append(f"{path}: found {error}, expected a whole PNG of {limits}")
            continue
        sizes.setdefault(size, path)
    if len(sizes) > 1:
        described = " and ".join(f"{path} with {width}x{height}" for (width, height), path in sizes.items())
        problems.append(f"found {described}, expected one size: it would tell the methods apart")
    return problems


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
