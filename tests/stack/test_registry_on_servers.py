"""The model registry on an MLflow server with PostgreSQL and S3, while parts of it fail."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from mlflow import MlflowClient

from pipelines import registry
from pipelines.outbox import TrackingError
from pipelines.registry import lock, registration
from pipelines.tracking import EXPERIMENT, start_run
from tests.stack.conftest import Mlflow
from tests.stack.consumers import consume
from tests.stack.project import REPOSITORY
from tests.stack.service import wait_for
from tests.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.slow

WRITES = 3  # of an upload, before something happens to it; it has over ten files
REGISTRAR = """
import sys
from functools import partial
from pathlib import Path
from pipelines import registry
from pipelines.registry import lock, registration
registration.changing = partial(lock.changing, lease_seconds=2)
registry.register(Path(sys.argv[1]), sys.argv[2])
"""
PROMOTER = """
import json, sys
from pipelines import registry
name, version = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    try:
        registry.promote(version, name, why="it is better", expected_champion=int(line))
        print(json.dumps("promoted"), flush=True)
    except registry.ChampionChanged as error:
        print(json.dumps(str(error)), flush=True)
"""


@pytest.fixture
def champion(mlflow_stack: Mlflow, tmp_path: Path) -> str:
    """Name of a model whose version 1 is the champion; each test has a model of its own."""
    name = f"model-{uuid4().hex[:8]}"
    registry.register(write_tiny_bundle(tmp_path / "champion"), name)
    registry.promote(1, name, why="it is the first")
    return name


@pytest.fixture
def challenger(tmp_path: Path) -> Path:
    """Another bundle, not registered yet."""
    return write_tiny_bundle(tmp_path / "challenger", mean_iou=0.6)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock whose holder lost its server is taken over after two seconds."""
    monkeypatch.setattr(registration, "changing", partial(lock.changing, lease_seconds=2))


def logged_models(name: str) -> list[str]:
    """Give the ids of all that was uploaded for a model and not removed."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return [model.model_id for model in client.search_logged_models([experiment.experiment_id], f"name = '{name}'")]


def assert_unchanged(name: str) -> None:
    """Version 1 is the champion, whole, and nothing else is there."""
    assert [int(entry.version) for entry in registry.versions(name)] == [1]
    assert registry.aliases(name) == {"champion": 1}
    assert len(logged_models(name)) == 1
    assert registry.champion_bundle(name) is not None


def assert_registered_once(bundle: Path, name: str) -> None:
    """The next registration needs no repair by hand, and nothing is left of one before."""
    assert registry.register(bundle, name) == 2
    assert registry.aliases(name) == {"champion": 1, "challenger": 2}
    assert len(logged_models(name)) == 2


@contextmanager
def upload_under_way(stack: Mlflow, bundle: Path, name: str) -> Iterator[Future[int]]:
    """Register in a thread, which waits after some files until the block ends."""
    before = len(stack.store.names())
    with ThreadPoolExecutor(1) as threads, stack.store.troubled("hold", after=WRITES):
        upload = threads.submit(registry.register, bundle, name)
        wait_for(lambda: upload.done() or len(stack.store.names()) == before + WRITES, 60)
        assert not upload.done()
        yield upload


def test_a_consumer_loads_the_champion_through_the_server_while_its_files_lie_in_s3(
    champion: str, mlflow_stack: Mlflow, tmp_path: Path
) -> None:
    found = consume(f"models:/{champion}@champion", tmp_path / "elsewhere")
    assert found.returncode == 0, found.stderr
    assert found.stdout == "uint8 (1, 32, 64, 3) [1, 0, 30]\n", "label 1, instance 0, the only style of class 1"
    assert {"MLmodel", "generator.onnx", "bundle.json"} <= {Path(key).name for key in mlflow_stack.store.names()}
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(("status", "after"), [("503", 0), ("503", WRITES), ("403", WRITES)])
def test_a_store_that_refuses_files_leaves_nothing_half_registered(
    champion: str, challenger: Path, mlflow_stack: Mlflow, status: str, after: int
) -> None:
    with (
        mlflow_stack.store.troubled(status, after=after),
        pytest.raises(TrackingError, match=f"tracking server {mlflow_stack.uri} does not answer: "),
    ):
        registry.register(challenger, champion)
    assert_unchanged(champion)
    assert_registered_once(challenger, champion)


def test_a_server_killed_in_mid_upload_leaves_nothing_half_registered(
    champion: str, challenger: Path, mlflow_stack: Mlflow, short_lease: None
) -> None:
    with upload_under_way(mlflow_stack, challenger, champion) as upload:
        mlflow_stack.service.kill()
    assert isinstance(upload.exception(), TrackingError)
    for ask in (lambda: registry.aliases(champion), lambda: start_run("train", {}, "data").__enter__()):
        with pytest.raises(TrackingError, match=f"tracking server {mlflow_stack.uri} does not answer: .*refused"):
            ask()
    mlflow_stack.service.start()
    assert registry.aliases(champion) == {"champion": 1}
    assert len(registry.versions(champion)) == 1
    assert_registered_once(challenger, champion)


def test_a_registrar_killed_in_mid_upload_leaves_nothing_half_registered(
    champion: str, challenger: Path, mlflow_stack: Mlflow
) -> None:
    before = len(mlflow_stack.store.names())
    with mlflow_stack.store.troubled("hold", after=WRITES):
        registrar = subprocess.Popen([sys.executable, "-c", REGISTRAR, challenger, champion], cwd=REPOSITORY)
        try:
            wait_for(lambda: len(mlflow_stack.store.names()) == before + WRITES, 60)
        finally:
            registrar.kill()
            registrar.wait()
    assert registry.aliases(champion) == {"champion": 1}
    assert len(registry.versions(champion)) == 1
    assert_registered_once(challenger, champion)


def test_a_database_restarted_in_mid_upload_costs_at_most_that_upload(
    champion: str, challenger: Path, mlflow_stack: Mlflow, short_lease: None
) -> None:
    with upload_under_way(mlflow_stack, challenger, champion) as upload:
        mlflow_stack.postgres.service.restart()
    assert upload.exception() is None or isinstance(upload.exception(), TrackingError)
    assert registry.champion_bundle(champion) is not None, "MLflow's server connects anew"
    assert_registered_once(challenger, champion)


def test_a_database_that_is_down_is_named_and_costs_nothing_once_it_is_back(
    champion: str, challenger: Path, mlflow_stack: Mlflow
) -> None:
    mlflow_stack.postgres.service.kill()
    with pytest.raises(TrackingError, match=f"tracking server {mlflow_stack.uri} does not answer"):
        registry.register(challenger, champion)
    mlflow_stack.postgres.service.start()
    assert_unchanged(champion)
    assert_registered_once(challenger, champion)


def test_a_champion_whose_files_were_deleted_is_named_and_another_takes_its_place(
    champion: str, challenger: Path, mlflow_stack: Mlflow, tmp_path: Path
) -> None:
    (model_id,) = logged_models(champion)
    mlflow_stack.store.delete([key for key in mlflow_stack.store.names() if model_id in key])
    with pytest.raises(registry.FilesGone, match=f"{champion} version 1: its files are gone from the artifact store"):
        registry.champion_bundle(champion)
    assert_registered_once(challenger, champion)
    registry.promote(2, champion, why="the champion's files are gone", expected_champion=1)
    assert consume(f"models:/{champion}@champion", tmp_path / "elsewhere").returncode == 0
    with pytest.raises(registry.FilesGone):
        registry.version_bundle(1, champion)


ROUNDS = 5


def test_of_two_processes_that_promote_at_once_one_wins_and_the_other_is_told(
    champion: str, challenger: Path, tmp_path: Path
) -> None:
    registry.register(challenger, champion)
    registry.register(write_tiny_bundle(tmp_path / "other", mean_iou=0.7), champion)
    outcomes: Counter[str] = Counter()
    with promoter(champion, 2) as second, promoter(champion, 3) as third:
        for number in range(ROUNDS):
            for process in (second, third):
                send(process, "1")
            answers = {2: receive(second), 3: receive(third)}
            (winner,) = [version for version, answer in answers.items() if answer == "promoted"]
            (loser,) = set(answers) - {winner}
            assert answers[loser] == (
                f"{champion}: found champion version {winner}, expected 1, which version {loser} was judged against; "
                "judge it anew"
            )
            marks = registry.aliases(champion)
            assert (marks["champion"], marks["previous"]) == (winner, 1)
            assert registry.tag(winner, champion, "replaces") == "1"
            assert registry.rollback(champion, why=f"round {number}") == 1
            outcomes[f"version {winner} won"] += 1
    changes = registry.history(champion)
    assert Counter(change.action for change in changes) == {"promote": ROUNDS + 1, "rollback": ROUNDS}
    assert {change.state for change in changes} == {"FINISHED"}
    assert outcomes.total() == ROUNDS


@contextmanager
def promoter(name: str, version: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that promotes a version each time it is told which champion to expect."""
    command = [sys.executable, "-c", PROMOTER, name, str(version)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def send(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def receive(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline()))
