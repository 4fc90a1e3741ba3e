"""The graph in dvc.yaml, and several of its runs at the same time."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, main_thread

import pytest

from components.preemption import Preempted
from experiments import graph
from experiments.compose import Run, write_runs
from experiments.rows import FOLDER, Rows, Setting
from pipelines.flows.dvc_process import DvcError
from tests.table_runs import MACHINE

RUNS = [Run("pix2pix", 0, "train_global"), Run("gan_only", 0, "finetune")]


@pytest.mark.parametrize("weights", [False, True])
def test_every_planned_run_is_in_the_graph_with_its_stages_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Rows, setting: Setting, weights: bool
) -> None:
    from dvc.repo import Repo

    project = tmp_path / "experiments"
    project.mkdir()
    shutil.copy(FOLDER / "dvc.yaml", project)
    (project / ".dvc").mkdir()
    shutil.copy(FOLDER / ".dvc" / "config", project / ".dvc")
    overrides = ["losses.vgg_weights=vgg19.pth"] if weights else []
    runs = write_runs(rows, setting, overrides, project / "build")
    monkeypatch.chdir(project)
    with Repo() as repo:
        found = repo.index.graph
        upstream = {node.addressing: {other.addressing for other in found.successors(node)} for node in found}

    assert set(upstream) == {"prepare", "preprocess", "train_segmenter"} | {name for run in runs for name in run.stages}
    assert any(run.row == "ours" for run in runs) is weights
    for run in runs:
        *training, cluster, synthesize, evaluate = run.stages
        for before, stage in zip([None, *training], training, strict=False):
            assert upstream[stage] == {"preprocess"} | ({before} if before else set())
        assert upstream[cluster] == {"prepare", "preprocess", training[-1]}
        assert upstream[synthesize] == {"preprocess", training[-1], cluster}
        assert upstream[evaluate] == {"preprocess", "train_segmenter", synthesize}


def replace_dvc(
    monkeypatch: pytest.MonkeyPatch, build: Path, run: Callable[[list[str], Callable[[str], None]], None]
) -> None:
    class Process:
        def run(self, arguments: list[str], report: Callable[[str], None]) -> None:
            run(arguments, report)

        def close(self) -> None:
            pass

    monkeypatch.setattr(graph, "DvcProcess", Process)
    monkeypatch.setattr(graph, "BUILD", build)
    monkeypatch.setattr(graph, "this_machine", lambda processes: MACHINE)


def test_a_run_that_fails_does_not_keep_others_from_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def dvc(arguments: list[str], report: Callable[[str], None]) -> None:
        called.append(arguments)
        if "evaluate@pix2pix-0" in arguments:
            raise DvcError("it broke")

    replace_dvc(monkeypatch, tmp_path, dvc)
    ((run, error),) = graph.reproduce_all(RUNS, 1)
    assert (run, str(error)) == (RUNS[0], "it broke")
    assert [arguments[-1] for arguments in called] == ["evaluate@pix2pix-0", "evaluate@gan_only-0"]
    assert all("--single-item" in arguments and "--wait-for-lock" in arguments for arguments in called)


def test_the_machine_is_noted_beside_what_it_trains_and_not_beside_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pix2pix-0").mkdir()
    (tmp_path / "pix2pix-0" / "scores.json").write_text("{}")
    replace_dvc(monkeypatch, tmp_path, lambda arguments, report: None)
    assert graph.reproduce_all(RUNS, 2) == []
    assert [path.parent.name for path in tmp_path.glob("*/machine.json")] == ["gan_only-0"]


def test_an_interrupt_ends_the_runs_that_go_on_and_begins_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ended = [], []
    planned, goes_on = Event(), Event()

    def runs() -> Iterator[Run]:
        yield from RUNS
        planned.set()

    def dvc(arguments: list[str], report: Callable[[str], None]) -> None:
        started.append(arguments[-1])
        planned.wait(60)  # interrupted while it starts this thread, the pool would not know that it has it
        identifier = main_thread().ident
        assert identifier is not None
        signal.pthread_kill(identifier, signal.SIGUSR1)
        try:
            while not goes_on.wait(0.01):
                report("training: 1 of 2")
        except Preempted:
            ended.append(arguments[-1])
            raise

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    replace_dvc(monkeypatch, tmp_path, dvc)
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            graph.reproduce_all(runs(), 1)
    finally:
        goes_on.set()
        signal.signal(signal.SIGUSR1, before)
    assert started == ended == ["evaluate@pix2pix-0"]
