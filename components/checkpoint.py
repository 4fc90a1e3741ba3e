"""A training stage's state on disk, from which the stage goes on as if never interrupted."""

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from components import fingerprint as fingerprints
from components.atomic import sync

logger = logging.getLogger(__name__)

CHECKPOINT_FILE = "checkpoint-{number:08d}-{checksum:.16}.pt"  # the checksum tells whether the file is whole
CHECKPOINT_NAME = re.compile(r"checkpoint-\d{8}-[0-9a-f]{16}\.pt")
TEMPORARY_FILE = ".checkpoint.tmp"
FINISHED_FILE = "finished"


class DiskFull(OSError):
    """There is no room for a checkpoint; those before it are as they were."""


class CheckpointFolder:
    """Where a stage keeps its state while it runs: the newest checkpoints, each written whole or not at all."""

    def __init__(self, folder: Path, fingerprint: str, keep: int) -> None:
        """Use a folder.

        Args:
            folder: kept by DVC when the stage starts again.
            fingerprint: of all that the result depends on; a state with another one is not continued.
            keep: how many checkpoints stay, at least 1; an older one serves where the newest is damaged.
        """
        self.folder = folder
        self.fingerprint = fingerprint
        self.keep = keep
        self._damaged: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def run_file(self) -> Path:
        """Where the id of the stage's tracked run is kept: another fingerprint is another run."""
        return self.folder / f"run_{self.fingerprint[:16]}"

    def files(self) -> list[Path]:
        """Give the checkpoints, the newest first."""
        return sorted((path for path in self.folder.iterdir() if CHECKPOINT_NAME.fullmatch(path.name)), reverse=True)

    def save(self, packed: Mapping[str, Any]) -> None:
        """Write a state of tensors and plain values; it is on the disk when this returns.

        Raises:
            DiskFull: where there is no room, or the quota is used up.
            OSError: where the file cannot be written for another reason.
        """
        state = {"fingerprint": self.fingerprint, **packed}
        temporary = self.folder / TEMPORARY_FILE
        before = self.files()
        number = int(before[0].name.split("-")[1]) + 1 if before else 1
        try:
            checksum = _write(temporary, state)
            os.replace(temporary, self.folder / CHECKPOINT_FILE.format(number=number, checksum=checksum))
            sync(self.folder)
        except OSError as error:
            name, reason = str(self.folder / f"checkpoint-{number:08d}"), f"checkpoint not written: {error.strerror}"
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(error.errno, reason, name) from error
            needed, free = _size(state), shutil.disk_usage(self.folder).free
            raise DiskFull(error.errno, f"{reason}; found {free:,} bytes free, expected {needed:,}", name) from error
        intact = [path for path in self.files() if path not in self._damaged]
        for path in (*self._damaged, *intact[self.keep :]):
            path.unlink(missing_ok=True)
        self._damaged = []

    def load(self) -> dict[str, Any] | None:
        """Give the newest intact state of this fingerprint, or None where there is none to go on from.

        Raises:
            ValueError: where there are checkpoints and all are damaged.
        """
        (self.folder / TEMPORARY_FILE).unlink(missing_ok=True)  # of a process that was killed while it saved
        files = self.files()
        self._damaged = []
        other: str | None = None
        for path in files:
            checksum = fingerprints.of_file(path)
            if not checksum.startswith(path.stem.split("-")[2]):
                logger.warning("%s: damaged: its content has the checksum %.16s; it is not used", path, checksum)
                self._damaged.append(path)
                continue
            packed: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            if packed["fingerprint"] == self.fingerprint:
                return packed
            other = other or packed["fingerprint"]
        if files and other is None:
            names = ", ".join(path.name for path in files)
            raise ValueError(f"{self.folder}: {names}: damaged, expected a checkpoint; remove them to train afresh")
        if other is not None:
            logger.warning(
                "%s: made with other parameters, data or code (%.12s, now %.12s): training starts afresh",
                self.folder,
                other,
                self.fingerprint,
            )
        return None

    def finish(self) -> None:
        """Leave nothing but a note: the stage is finished, and its state of no use to another run."""
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / FINISHED_FILE).write_text(self.fingerprint + "\n")  # DVC warns of an empty folder


class _ChecksumFile:
    """A file for `torch.save` that hashes and counts what is written, and keeps the error that torch hides."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.size = 0
        self.error: OSError | None = None

    def write(self, content: memoryview) -> int:
        self.size += len(content)
        if self.file is None:
            return len(content)
        self.hash.update(content)
        try:
            return self.file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        if self.file is not None:
            self.file.flush()


def _write(path: Path, state: Mapping[str, Any]) -> str:
    """Write and sync a state, and give the SHA-256 of the file; a failure leaves no file.

    Raises:
        OSError: where it cannot be written.
    """
    try:
        with path.open("wb") as file:
            checked = _ChecksumFile(file)
            try:
                torch.save(state, checked)  # type: ignore[arg-type]  # it writes and flushes, no more
            except RuntimeError as error:  # torch puts it in the place of the system's own
                if checked.error is None:
                    raise
                raise checked.error from error
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return checked.hash.hexdigest()


def _size(state: Mapping[str, Any]) -> int:
    """How many bytes the file of a state has."""
    counted = _ChecksumFile(None)
    torch.save(state, counted)  # type: ignore[arg-type]
    return counted.size
