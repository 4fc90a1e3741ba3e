"""The pods of a training job, here processes of this machine that share a folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from components.preemption import EXIT_PREEMPTED
from deploy.pods.announcements import Announcements
from deploy.pods.pod import Pod

ROOT = Path(__file__).parents[3]
SECONDS = 600  # the machine may be busy
POD = {"JOB_COMPLETION_INDEX": "1", "JOB_ID": "job", "PODS": "2", "PROCESSES_PER_POD": "gpu", "FIRST_POD": "first.pods"}

# Stands for pipelines.launch where torch has nothing to say: notes its start, and stays if asked to.
LAUNCH = """
import os, signal, sys, time
name, pod = sys.argv[-1], os.environ["JOB_COMPLETION_INDEX"]
if name == "endless":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(75))
open(f"{name}-{pod}", "w").write(" ".join(sys.argv[-3:]))
if name == "endless":
    signal.pause()
while not all(os.path.exists(f"{name}-{other}") for other in "01"):
    time.sleep(0.05)
"""

# A training stage in miniature: all processes stop after the same step, once one of them was asked to.
STAGE = """
import signal, sys, time
import torch.distributed
torch.distributed.init_process_group("gloo")
asked = []
signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
open(f"endless-{torch.distributed.get_rank()}", "w").write(str(torch.distributed.get_world_size()))
stop = torch.zeros(1)
while stop == 0:
    time.sleep(0.05)
    stop = torch.tensor([float(len(asked))])
    torch.distributed.all_reduce(stop)
torch.distributed.destroy_process_group()
sys.exit(75)
"""


def test_a_pod_starts_its_processes_and_meets_the_others_at_the_first(tmp_path: Path) -> None:
    pod = Pod.of(POD)
    start = Announcements(tmp_path).start(["pipelines.stages.train", "finetune"])
    assert pod.torchrun(start) == [
        *[sys.executable, "-m", "pipelines.launch", "--nnodes", "2", "--nproc-per-node", "gpu"],
        *["--rdzv-backend", "c10d", "--rdzv-endpoint", "first.pods:29500", "--rdzv-id", start.key],
        *["--rdzv-conf", "is_host=False,join_timeout=3600", "-m", "pipelines.stages.train", "finetune"],
    ]


def test_all_that_a_pod_lacks_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"found no JOB_ID, PODS, expected those of a pod of an indexed Job"):
        Pod.of({**POD, "JOB_ID": "", "PODS": ""})


def test_a_count_that_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match=r"PODS: found 'two', expected a number"):
        Pod.of({**POD, "PODS": "two"})


def test_the_stage_that_was_announced_last_is_known_and_differs_from_the_same_one_before(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "job")
    assert announcements.latest() is None
    first = announcements.start(["module", "--out", "a b"])
    assert announcements.latest() == first
    assert first.arguments == ("module", "--out", "a b")
    assert announcements.start(["module", "--out", "a b"]) != first


def test_the_work_is_done_only_when_that_was_announced(tmp_path: Path) -> None:
    announcements = Announcements(tmp_path / "job")
    announcements.start(["module"])
    assert not announcements.ended()
    announcements.end()
    assert announcements.ended()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that the pods share, in which stages are started by the stand-in."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__init__.py").touch()
    (tmp_path / "pipelines" / "launch.py").write_text(LAUNCH)
    return tmp_path


@pytest.fixture
def environment(project: Path) -> Mapping[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"FIRST_POD": first, "PROCESSES_PER_POD": "1", "PYTHONPATH": f"{ROOT}:{project}", "OMP_NUM_THREADS": "1"}
    return os.environ | POD | settings


@pytest.fixture
def start(project: Path, environment: Mapping[str, str]) -> Iterator[Start]:
    """Starts a pod; all pods of a job get the same command."""
    pods: list[subprocess.Popen[bytes]] = []

    def start_pod(index: int, *command: str) -> "subprocess.Popen[bytes]":
        pods.append(
            subprocess.Popen(
                [sys.executable, "-m", "deploy.pods", *command],
                cwd=project,
                env={**environment, "JOB_COMPLETION_INDEX": str(index)},
            )
        )
        return pods[-1]

    yield start_pod
    for pod in pods:  # those that a failed test leaves behind
        pod.terminate()
    for pod in pods:
        pod.wait(SECONDS)


def launch(name: str) -> str:
    return f"{sys.executable} -m deploy.pods.launch stage {name}"


def wait_for(*files: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < deadline, f"not all of {files} were written"
        time.sleep(0.1)


@pytest.mark.slow
def test_pods_run_each_stage_together_and_end_with_the_work(project: Path, start: Start) -> None:
    command = ["sh", "-ec", f"{launch('one')}; {launch('two')}"]
    first = start(0, *command)
    wait_for(project / "one-0")  # the second pod comes when it is waited for
    second = start(1, *command)
    assert (first.wait(SECONDS), second.wait(SECONDS)) == (0, 0)
    started = {f"{name}-{pod}": f"-m stage {name}" for name in ("one", "two") for pod in (0, 1)}
    assert {name: (project / name).read_text() for name in started} == started


@pytest.mark.slow
def test_a_first_pod_that_is_taken_away_is_waited_for(project: Path, start: Start) -> None:
    command = ["sh", "-c", f"exec {launch('endless')}"]
    first, second = start(0, *command), start(1, *command)
    wait_for(project / "endless-0", project / "endless-1")
    first.terminate()
    assert first.wait(SECONDS) == EXIT_PREEMPTED
    assert second.poll() is None
    second.terminate()  # its part of the stage is still going on
    assert second.wait(SECONDS) == EXIT_PREEMPTED


@pytest.mark.slow
def test_a_pod_that_is_taken_away_ends_the_stage_on_all_pods(project: Path, start: Start) -> None:
    shutil.rmtree(project / "pipelines")  # torchrun itself
    (project / "stage.py").write_text(STAGE)
    command = ["sh", "-c", f"exec {launch('endless')}"]
    first, second = start(0, *command), start(1, *command)
    wait_for(project / "endless-0", project / "endless-1")
    assert (project / "endless-0").read_text() == "2"
    second.terminate()
    assert first.wait(SECONDS) == EXIT_PREEMPTED  # what the flow takes as a reason to run the stage again
    assert second.wait(SECONDS) == EXIT_PREEMPTED


def test_a_command_that_fails_does_not_end_the_other_pods_work(project: Path, start: Start) -> None:
    assert start(0, "sh", "-c", "exit 3").wait(SECONDS) == 3
    assert not Announcements(project / "state" / "pods" / "job").ended()


@pytest.mark.parametrize("index", ["1", "2"])
def test_only_the_first_pod_starts_a_stage(project: Path, environment: Mapping[str, str], index: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "deploy.pods.launch", "miniature"],
        cwd=project,
        env={**environment, "JOB_COMPLETION_INDEX": index},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert f"JOB_COMPLETION_INDEX: found {index}, expected 0" in found.stderr
