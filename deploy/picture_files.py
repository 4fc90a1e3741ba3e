"""Pictures on disk that say what they were made of, so that a run can go on where another stopped."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

KEY = "semantic-synthesis"  # of the text chunk


def fingerprint(settings: Mapping[str, Any], files: Sequence[Path]) -> str:
    """Hash what a picture is made of: the content of the files, and the settings, which JSON can hold.

    Raises:
        OSError: a file cannot be read.
    """
    document = {"settings": settings, "files": [file_hash(path) for path in files]}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_made(target: Path, made_of: str) -> bool:
    """Whether a picture is there and says that it was made of this; one that cannot be read is not."""
    try:
        with Image.open(target) as image:
            return image.info.get(KEY) == made_of
    except (OSError, SyntaxError, ValueError):
        return False


def write_picture(target: Path, image_HW3: NDArray[np.uint8], made_of: str) -> None:
    """Write a PNG that appears whole or not at all.

    Args:
        target: of the picture; its folders are made.
        image_HW3: RGB.
        made_of: what `is_made` finds in it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    text = PngImagePlugin.PngInfo()
    text.add_text(KEY, made_of)
    try:
        Image.fromarray(image_HW3).save(temporary, format="PNG", pnginfo=text)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
