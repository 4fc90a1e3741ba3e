import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from deploy.study.plan import BETTER, WORSE, Trial
from deploy.study.store import Answer, AnswerConflict, StudyFull, StudyStore, UnknownParticipant, read_records

STUDY = {"pairs": [["a", "b"]], "seed": 1}
TRIALS = [Trial("1.png", "a", "b", None), Trial("x.png", WORSE, BETTER, 1.0), Trial("2.png", "b", "a", 0.5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def store(path: Path) -> StudyStore:
    store = StudyStore(path, STUDY)
    store.add_participant("token", 0, TRIALS, 10)
    return store


def test_an_answer_is_there_for_other_programs_when_it_is_acknowledged(store: StudyStore, path: Path) -> None:
    progress = store.add_answer("token", 0, Answer("left", 700.0))
    assert (progress.participant, progress.answered, progress.trials) == (0, 1, TRIALS)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT position, choice, reaction_ms FROM answers").fetchall() == [(0, "left", 700.0)]


def test_commits_go_to_the_log_and_wait_for_the_disk(store: StudyStore) -> None:
    pragma = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL


def test_the_same_answer_once_more_changes_nothing(store: StudyStore, path: Path) -> None:
    for reaction in (700.0, 900.0):
        assert store.add_answer("token", 0, Answer("left", reaction)).answered == 1
    assert [row["reaction_ms"] for row in read_records(path).rows] == [700.0]


@pytest.mark.parametrize(("position", "choice"), [(0, "right"), (2, "left"), (3, "left")])
def test_an_answer_to_a_pair_that_is_not_due_is_refused(store: StudyStore, position: int, choice: str) -> None:
    store.add_answer("token", 0, Answer("left", 700.0))
    with pytest.raises(AnswerConflict, match=f"found an answer to pair {position}, expected one to pair 1"):
        store.add_answer("token", position, Answer(choice, 1.0))  # type: ignore[arg-type]
    assert store.progress("token").answered == 1


def test_nobody_else_has_a_token(store: StudyStore) -> None:
    with pytest.raises(UnknownParticipant):
        store.progress("other")
    with pytest.raises(UnknownParticipant):
        store.add_answer("other", 0, Answer("left", 1.0))


def test_a_number_is_taken_once(store: StudyStore) -> None:
    assert not store.add_participant("second", 0, TRIALS, 10)
    assert store.add_participant("second", 1, TRIALS, 10)
    assert store.participant_count() == 2


def test_no_more_take_part_than_may(store: StudyStore) -> None:
    with pytest.raises(StudyFull):
        store.add_participant("second", 1, TRIALS, 1)


def test_what_was_answered_is_there_after_opening_again(store: StudyStore, path: Path) -> None:
    store.add_answer("token", 0, Answer("left", 700.0))
    store.close()
    assert StudyStore(path, STUDY).progress("token").answered == 1


def test_answers_of_another_study_are_not_mixed_in(store: StudyStore, path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{path}: found answers to another study, which differs in pictures, seed"):
        StudyStore(path, {**STUDY, "seed": 2, "pictures": "others"})


def test_a_database_of_something_else_is_refused_and_left_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE birds (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"{path}: found no such table: study, expected the database of this study"):
        StudyStore(path, STUDY)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_text("birds " * 100)
    for opened in (lambda: StudyStore(path, STUDY), lambda: read_records(path)):
        with pytest.raises(ValueError, match=rf"{path}: found file is not a database"):
            opened()


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none/study.db: found unable to open database file"):
        StudyStore(tmp_path / "none/study.db", STUDY)
    with pytest.raises(ValueError, match="none.db: no such file"):
        read_records(tmp_path / "none.db")


def test_threads_share_a_store(path: Path) -> None:
    store = StudyStore(path, STUDY)

    def take_part(number: int) -> int:
        token = f"token {number}"
        store.add_participant(token, number, TRIALS, 10)
        return [store.add_answer(token, position, Answer("left", 1.0)).answered for position in range(3)][-1]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(take_part, range(8))) == [3] * 8
    assert len(read_records(path).rows) == 24


def test_records_join_answers_with_their_trials(store: StudyStore, path: Path) -> None:
    store.add_answer("token", 0, Answer("left", 700.0))
    store.add_answer("token", 1, Answer("right", 900.0, 100.0, 1110.0, 16.7, False, 1))
    records = read_records(path)
    assert (records.definition, records.planned) == (STUDY, {0: 3})
    first, check = records.rows
    assert (first["picture"], first["left"], first["choice"], first["measured_ms"]) == ("1.png", "a", "left", None)
    assert (check["right"], check["is_check"], check["measured_ms"]) == (BETTER, 1, 1010.0)
