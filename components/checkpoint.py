"""A training stage's state in one file, from which the stage goes on as if never interrupted."""

import logging
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from components.atomic import atomic_file

logger = logging.getLogger(__name__)

CHECKPOINT_FILE = "checkpoint.pt"
FINISHED_FILE = "finished"


class CheckpointFolder:
    """Where a stage keeps its state while it runs."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Use a folder.

        Args:
            folder: kept by DVC when the stage starts again.
            fingerprint: of all that the result depends on; a state with another one is not continued.
        """
        self.folder = folder
        self.path = folder / CHECKPOINT_FILE
        self.fingerprint = fingerprint
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def run_file(self) -> Path:
        """Where the id of the stage's tracked run is kept: another fingerprint is another run."""
        return self.folder / f"run_{self.fingerprint[:16]}"

    def save(self, packed: Mapping[str, Any]) -> None:
        """Write a state of tensors and plain values, whole or not at all."""
        with atomic_file(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, **packed}, temporary)

    def load(self) -> dict[str, Any] | None:
        """Give the packed state to go on from, or None where there is none for this fingerprint.

        Raises:
            ValueError: where the file is damaged.
        """
        if not self.path.exists():
            return None
        try:
            packed: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise ValueError(
                f"{self.path}: damaged, expected a checkpoint; remove it to train afresh: {error}"
            ) from error
        if packed["fingerprint"] != self.fingerprint:
            logger.warning(
                "%s: made with other parameters, data or code (%.12s, now %.12s): training starts afresh",
                self.path,
                packed["fingerprint"],
                self.fingerprint,
            )
            return None
        return packed

    def finish(self) -> None:
        """Leave nothing but a note: the stage is finished, and its state of no use to another run."""
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / FINISHED_FILE).write_text(self.fingerprint + "\n")  # DVC warns of an empty folder
