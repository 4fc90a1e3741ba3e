"""What is told while the store does not answer: with a stand-in for the store, and with a real server."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import typer
from mlflow import MlflowClient
from typer.testing import CliRunner

from pipelines import outbox
from pipelines.outbox import Outbox, TrackingError, entries, send_all
from pipelines.tracking import start_run, tracking_uri

ROOT = Path(__file__).parents[2]
# the discard port: nothing listens there
NOBODY = "http://user:secret@127.0.0.1:9"  # pragma: allowlist secret


def _wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.02)


class Store:
    """Stands for a tracking store that can go away, and keeps what it is told."""

    def __init__(self) -> None:
        self.up = True
        self.told: list[object] = []

    def deliver(self, client: object, run_id: str, entry: outbox.Entry, files: Path) -> None:
        if not self.up:
            raise ConnectionRefusedError(111, "Connection refused")
        self.told.append(entry.get("step", entry.get("status", entry.get("artifacts"))))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outbox, "_deliver", store.deliver)
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(outbox, "PATIENCE_SECONDS", 1)
    return store


def _metrics(step: int) -> outbox.Entry:
    return {"metrics": {"loss": 0.5}, "step": step, "time": 1000 + step}


def test_everything_is_sent_in_order_and_nothing_stays_on_the_disk(store: Store, tmp_path: Path) -> None:
    box = Outbox("run", "http://tracking")
    for step in range(20):
        box.add(_metrics(step))
    box.add({"artifacts": "samples"}, lambda folder: (folder / "a.png").touch())
    box.add({"status": "FINISHED", "time": 5})
    box.close()
    assert store.told == [*range(20), "samples", "FINISHED"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_goes_away_costs_one_warning_and_is_told_all_when_it_answers_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    box = Outbox("run", "http://tracking")
    box.add(_metrics(1))
    _wait_for(lambda: store.told == [1])
    store.up = False
    with caplog.at_level(logging.INFO):
        box.add(_metrics(2))
        box.add(_metrics(3))
        time.sleep(0.3)  # several tries
        assert [path.name for path in entries(box.folder)] == ["00000002.json", "00000003.json"]
        store.up = True
        _wait_for(lambda: store.told == [1, 2, 3])
        box.close()
    assert [record.getMessage() for record in caplog.records] == [
        "tracking server http://tracking does not answer: [Errno 111] Connection refused; "
        f"what it is not told stays in {box.folder}",
        "tracking server http://tracking answers again",
    ]


def test_what_is_not_sent_when_a_stage_ends_is_sent_by_the_next_one(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.up = False
    box = Outbox("run", "http://tracking")
    box.add(_metrics(1))
    box.add({"status": "FINISHED", "time": 5})
    box.close()
    assert f"{box.folder}: not sent yet: 2;" in caplog.text
    with pytest.raises(TrackingError):
        send_all("http://tracking")
    store.up = True
    send_all("http://elsewhere")
    assert store.told == [], "another store does not know the run"
    send_all("http://tracking")
    assert store.told == [1, "FINISHED"]
    assert not box.folder.parent.exists()


def test_a_resumed_run_is_told_what_it_had_left_before_what_comes_new(store: Store) -> None:
    store.up = False
    interrupted = Outbox("run", "http://tracking")
    interrupted.add(_metrics(1))
    interrupted.close()
    store.up = True
    resumed = Outbox("run", "http://tracking")
    resumed.add(_metrics(2))
    resumed.close()
    assert store.told == [1, 2]


def test_a_store_that_hangs_is_waited_for_only_briefly_at_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.up = False
    box = Outbox("run", "http://tracking")
    box.add(_metrics(1))
    _wait_for(lambda: box._failing)
    monkeypatch.setattr(outbox, "_deliver", lambda *arguments: time.sleep(5))
    started = time.monotonic()
    box.close()
    assert time.monotonic() - started < 3


def test_a_full_disk_loses_the_entry_with_a_warning_but_not_the_training(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    box = Outbox("run", "http://tracking")
    (box.folder / ".00000001.json.tmp").symlink_to("/dev/full")
    box.add(_metrics(1))
    box.add(_metrics(2))
    box.close()
    assert store.told == [2]
    assert f"{box.folder}/00000001.json: not recorded: [Errno 28] No space left on device" in caplog.text


def test_nothing_listens_and_the_stage_does_not_start_but_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    message = (
        r"^tracking server http://127\.0\.0\.1:9 does not answer: .*Connection refused; "
        "start it, name another in MLFLOW_TRACKING_URI, or unset that to record in mlflow.db$"
    )
    with pytest.raises(OSError, match=message), start_run("train_global", {}, "data-a"):
        pytest.fail("the stage must not start")


def test_metrics_of_a_deleted_run_are_refused_kept_and_do_not_stand_in_the_way(
    project_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with start_run("train_global", {}, "data-a") as run:
        MlflowClient(tracking_uri()).delete_run(run.run_id)
        run.log_metrics({"loss": 1.0}, step=1)
    folder = project_folder / "outbox" / run.run_id
    assert (folder / "00000001.refused").is_file()
    assert entries(folder) == []
    assert f"{folder}/00000001.json: refused by the tracking server: " in caplog.text


def test_equal_metrics_sent_twice_are_kept_once_and_each_keeps_its_time(project_folder: Path) -> None:
    with start_run("train_global", {}, "data-a") as run:
        for _ in range(2):
            run._outbox.add({"metrics": {"loss": 0.5, "other": float("nan")}, "step": 3, "time": 1234})
    client = MlflowClient(tracking_uri())
    (found,) = client.get_metric_history(run.run_id, "loss")
    assert (found.step, found.timestamp, found.value) == (3, 1234, 0.5)
    assert len(client.get_metric_history(run.run_id, "other")) == 1


def test_a_local_store_is_told_all_before_the_run_ends_and_without_a_wait(project_folder: Path) -> None:
    with start_run("train_global", {}, "data-a"):
        pass  # what MLflow does once
    started = time.monotonic()
    with start_run("train_global", {}, "data-a") as run:
        for step in range(5):
            run.log_metrics({"loss": 1.0}, step)
    assert time.monotonic() - started < 3
    client = MlflowClient(tracking_uri())
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert len(client.get_metric_history(run.run_id, "loss")) == 5
    assert not (project_folder / "outbox").exists()


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@contextmanager
def _server(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A real tracking server, one worker, until it is killed."""
    arguments = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/store"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *arguments],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=log,
            stderr=log,
            start_new_session=True,  # its worker ends with it
        )
    try:
        _wait_for(lambda: _answers(port) or process.poll() is not None, 120)
        assert process.poll() is None, (folder / "server.log").read_text()
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_a_real_server_killed_in_mid_training_and_started_again_has_all_metrics_and_pictures(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = _free_port()
    uri = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.2)
    picture = project_folder / "picture.png"
    with ExitStack() as stage:
        with _server(project_folder, port):
            run = stage.enter_context(start_run("train_global", {"epochs": 4}, "data-a"))
            run.log_metrics({"loss": 1.0}, step=1)
            _wait_for(lambda: not entries(run._outbox.folder))
        started = time.monotonic()
        for step in (2, 3, 4):
            run.log_metrics({"loss": 1 / step}, step)
        picture.write_bytes(b"of epoch 4")
        run.log_picture(picture, "samples/epoch_4.png")
        picture.write_bytes(b"of a later one")
        assert time.monotonic() - started < 0.5, "training waits for the server"
        _wait_for(lambda: "does not answer" in caplog.text)
    assert time.monotonic() - started < 15
    assert len(entries(run._outbox.folder)) == 5

    command = CliRunner()
    failed = command.invoke(_app(), [])
    assert failed.exit_code == 1
    assert f"run {run.run_id}: sent 0 of 5" in failed.output
    assert f"error: tracking server {uri} does not answer" in failed.output
    with _server(project_folder, port):
        sent = command.invoke(_app(), [])
        assert sent.exit_code == 0
        assert sent.output.endswith(f"run {run.run_id}: sent 5 of 5\n")
        client = MlflowClient(uri)
        history = client.get_metric_history(run.run_id, "loss")
        assert [(entry.step, entry.value) for entry in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
        assert client.get_run(run.run_id).info.status == "FINISHED"
        kept = client.download_artifacts(run.run_id, "samples/epoch_4.png", str(project_folder))
        assert Path(kept).read_bytes() == b"of epoch 4"
    assert caplog.text.count("does not answer") == 1
    assert not (project_folder / "outbox").exists()


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(outbox.main)
    return app
