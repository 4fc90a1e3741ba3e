"""Participants, their trials and answers in SQLite: each answer is on disk before the next pair is given."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from deploy.study.plan import Trial

Side = Literal["left", "right"]

SCHEMA = """
CREATE TABLE study (definition TEXT NOT NULL);
CREATE TABLE participants (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, began TEXT NOT NULL);
CREATE TABLE trials (
    participant INTEGER NOT NULL REFERENCES participants, position INTEGER NOT NULL, picture TEXT NOT NULL,
    left TEXT NOT NULL, right TEXT NOT NULL, exposure REAL, is_check INTEGER NOT NULL,
    PRIMARY KEY (participant, position)
) WITHOUT ROWID;
CREATE TABLE answers (
    participant INTEGER NOT NULL, position INTEGER NOT NULL, choice TEXT NOT NULL CHECK (choice IN ('left', 'right')),
    reaction_ms REAL NOT NULL, shown_ms REAL, masked_ms REAL, frame_ms REAL, exposure_off INTEGER NOT NULL,
    showings INTEGER NOT NULL, answered TEXT NOT NULL,
    PRIMARY KEY (participant, position), FOREIGN KEY (participant, position) REFERENCES trials
) WITHOUT ROWID;
"""


class UnknownParticipant(LookupError):
    """No participant has this token."""


class StudyFull(RuntimeError):
    """As many take part as may."""


class AnswerConflict(RuntimeError):
    """The answer is not to the pair that is due."""


@dataclass(frozen=True)
class Answer:
    """A choice and what the page measured.

    Attributes:
        choice: the side.
        reaction_ms: from the pair's appearing, or in limited time from its end, to the choice.
        shown_ms: time of the first frame with the pair, on the page's clock; None where time is unlimited.
        masked_ms: time of the first frame without it.
        frame_ms: between two frames.
        exposure_off: the pair was seen for a time too different from the one intended, or more than once.
        showings: how often it was shown; more than once where the page was loaded again.
    """

    choice: Side
    reaction_ms: float
    shown_ms: float | None = None
    masked_ms: float | None = None
    frame_ms: float | None = None
    exposure_off: bool = False
    showings: int = 1


@dataclass(frozen=True)
class Progress:
    """Where a participant stands: number, count of answers, and all trials."""

    participant: int
    answered: int
    trials: Sequence[Trial]


class StudyStore:
    """The database of a study, open for its server. Threads may share one."""

    def __init__(self, path: Path, definition: Mapping[str, Any]) -> None:
        """Open a database, or make it.

        Args:
            path: of the file.
            definition: what the answers depend on, which JSON can hold.

        Raises:
            ValueError: the file is no such database, or holds answers to another study.
        """
        self._lock = Lock()
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        except sqlite3.Error as error:
            raise ValueError(f"{path}: found {error}, expected a file that can be made") from error
        try:
            self._prepare(json.dumps(definition, sort_keys=True))
        except (sqlite3.Error, ValueError) as error:
            self._connection.close()
            raise ValueError(f"{path}: found {error}, expected the database of this study, or no file yet") from error

    def _prepare(self, described: str) -> None:
        """Make the tables of a new database, and see whose answers an old one holds."""
        with self._transaction() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in filter(str.strip, SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute("INSERT INTO study VALUES (?)", [described])
            (found,) = connection.execute("SELECT definition FROM study").fetchone()
        if found != described:
            old, new = json.loads(found), json.loads(described)
            changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            raise ValueError(f"answers to another study, which differs in {', '.join(changed)}")
        # Not before it is known to be ours. From here on each commit waits until it is on the disk.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Close the database; what was committed is there in any case."""
        with self._lock:
            self._connection.close()

    def participant_count(self) -> int:
        """Count those who began."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM participants").fetchone()[0])

    def add_participant(self, token: str, number: int, trials: Sequence[Trial], limit: int) -> bool:
        """Add a participant with all trials.

        Args:
            token: that nobody else knows.
            number: the count of those who began before.
            trials: in their order.
            limit: of participants.

        Returns:
            False where somebody else has taken the number.

        Raises:
            StudyFull: the limit is reached.
        """
        if number >= limit:
            raise StudyFull
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM participants WHERE number = ?", [number]).fetchone():
                return False
            connection.execute("INSERT INTO participants VALUES (?, ?, ?)", [number, token, _now()])
            rows = [
                (number, position, each.picture, each.left, each.right, each.exposure, each.is_check)
                for position, each in enumerate(trials)
            ]
            connection.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return True

    def progress(self, token: str) -> Progress:
        """Say where a participant stands.

        Raises:
            UnknownParticipant: nobody has this token.
        """
        with self._lock:
            return self._progress(token)

    def add_answer(self, token: str, position: int, answer: Answer) -> Progress:
        """Commit the answer to the pair that is due; the same once more changes nothing.

        Raises:
            UnknownParticipant: nobody has this token.
            AnswerConflict: another pair is due, or this one was answered otherwise.
        """
        with self._transaction() as connection:
            progress = self._progress(token)
            if position == progress.answered < len(progress.trials):
                numbers = [answer.reaction_ms, answer.shown_ms, answer.masked_ms, answer.frame_ms]
                row = [progress.participant, position, answer.choice, *numbers, answer.exposure_off, answer.showings]
                connection.execute(f"INSERT INTO answers VALUES ({', '.join('?' * 10)})", [*row, _now()])
                return Progress(progress.participant, position + 1, progress.trials)
            query = "SELECT choice FROM answers WHERE participant = ? AND position = ?"
            if connection.execute(query, [progress.participant, position]).fetchone() != (answer.choice,):
                raise AnswerConflict(f"found an answer to pair {position}, expected one to pair {progress.answered}")
            return progress

    def _progress(self, token: str) -> Progress:
        row = self._connection.execute("SELECT number FROM participants WHERE token = ?", [token]).fetchone()
        if row is None:
            raise UnknownParticipant
        query = "SELECT picture, left, right, exposure FROM trials WHERE participant = ? ORDER BY position"
        trials = [Trial(*found) for found in self._connection.execute(query, row)]
        (answered,) = self._connection.execute("SELECT count(*) FROM answers WHERE participant = ?", row).fetchone()
        return Progress(row[0], answered, trials)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:  # something failed, perhaps the commit itself
                    self._connection.execute("ROLLBACK")


@dataclass(frozen=True)
class Records:
    """What a database holds.

    Attributes:
        definition: of the study, as far as answers depend on it.
        rows: of each trial that was answered, by name of column, in order of participant and position.
        planned: count of each participant's trials.
    """

    definition: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    planned: Mapping[int, int]


def read_records(path: Path) -> Records:
    """Read all answers; a server may go on with the database meanwhile.

    Raises:
        ValueError: there is no such file, or it is no database of a study.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected the database of a study")
    query = """
        SELECT participant, token, position, picture, left, right, exposure, is_check, choice, reaction_ms, shown_ms,
            masked_ms, frame_ms, masked_ms - shown_ms AS measured_ms, exposure_off, showings, began, answered
        FROM answers JOIN trials USING (participant, position) JOIN participants ON number = participant
        ORDER BY participant, position
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")  # all of one moment
            (definition,) = connection.execute("SELECT definition FROM study").fetchone()
            rows = [dict(row) for row in connection.execute(query)]
            planned = dict(
                connection.execute("SELECT participant, count(*) FROM trials GROUP BY participant").fetchall()
            )
    except sqlite3.Error as error:
        raise ValueError(f"{path}: found {error}, expected the database of a study") from error
    return Records(json.loads(definition), rows, planned)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
