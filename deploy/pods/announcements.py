"""What the first pod tells the others through files of a folder that all share."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from components.atomic import atomic_file


@dataclass(frozen=True)
class Start:
    """A training stage that all pods are to start.

    Attributes:
        key: no other start has it, another one of the same stage neither.
        arguments: the module and what it is given.
    """

    key: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Announcements:
    """The files of one job: the stage that was started last, and whether the work is done."""

    folder: Path

    def start(self, arguments: list[str]) -> Start:
        """Announce a stage; it takes the place of the one before."""
        start = Start(uuid4().hex, tuple(arguments))
        with atomic_file(self._latest) as temporary:
            temporary.write_text(json.dumps(asdict(start)), encoding="utf-8")
        return start

    def latest(self) -> Start | None:
        """Give the stage that was announced last, None before the first."""
        try:
            text = self._latest.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        found = json.loads(text)
        return Start(found["key"], tuple(found["arguments"]))

    def end(self) -> None:
        """Announce that the work is done."""
        with atomic_file(self._done) as temporary:
            temporary.touch()

    def ended(self) -> bool:
        """Whether the work is done."""
        return self._done.exists()

    @property
    def _latest(self) -> Path:
        return self.folder / "latest.json"

    @property
    def _done(self) -> Path:
        return self.folder / "done"
