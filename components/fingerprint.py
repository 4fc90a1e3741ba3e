"""SHA-256 fingerprints of parameters, files and code."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


def of_values(values: Mapping[str, Any]) -> str:
    """Fingerprint of plain JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_files(folder: Path, pattern: str) -> str:
    """Fingerprint of the names and contents of the files below a folder that match."""
    return of_values({path.relative_to(folder).as_posix(): of_file(path) for path in folder.rglob(pattern)})


def of_code(packages: Iterable[str] = ("data", "models", "losses", "training")) -> str:
    """Fingerprint of the source of subpackages of the library."""
    return of_values({name: of_files(PACKAGE / name, "*.py") for name in packages})
