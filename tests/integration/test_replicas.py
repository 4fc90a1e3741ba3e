"""The training stage under `torchrun`: processes over gloo, on the CPU."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from components.preemption import EXIT_PREEMPTED
from tests.tiny import MODEL, tiny_store

ROOT = Path(__file__).parents[2]
STAGE = ["pipelines.stages.train", "train_global", "--shards", "shards"]
TWO = ["-m", "pipelines.launch", "--standalone", "--nproc-per-node", "2", "-m"]

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working directory with shards of five pictures and parameters of a tiny model."""
    tiny_store(tmp_path / "shards" / "train", count=5)
    tiny_store(tmp_path / "shards" / "val", count=2, seed=1)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"] |= MODEL
    params["preprocess"] |= {"height": 32, "width": 64}
    params["runtime"] |= {"accelerator": "cpu", "threads": 1}
    params["progress"] |= {"checkpoint_seconds": 0}
    params["train_global"] |= {"epochs": 2, "epochs_decay": 1, "batch_size": 4}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def start(project: Path, launch: list[str], name: str) -> "subprocess.Popen[str]":
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    return subprocess.Popen(
        [sys.executable, *launch, *STAGE, "--out", name, "--state", f"{name}_state"],
        cwd=project,
        env=environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def train(project: Path, launch: list[str], name: str) -> str:
    with start(project, launch, name) as process:
        log = process.communicate(timeout=240)[1]
    assert process.returncode == 0, log
    return log


def losses(project: Path, name: str) -> list[dict[str, Any]]:
    with (project / name / "curves.csv").open() as file:
        return list(csv.DictReader(file))


def ahead_of_a_norm(key: str) -> bool:
    """Whether it is a convolution's bias that an instance norm takes out: its gradient is nothing but rounding."""
    return key.endswith(".bias") and not key.startswith("head.") and ".layers.0." not in key and ".layers.3." not in key


def test_two_processes_at_half_the_batch_train_as_one_at_the_whole(project: Path) -> None:
    # Five pictures in batches of four: the second batch has one picture, and one of the processes none.
    train(project, ["-m"], "one")
    log = train(project, TWO, "two")
    assert log.count("training global: 4 of 4 (100%)") == 1  # one process logs

    for found, expected in zip(losses(project, "two"), losses(project, "one"), strict=True):
        for name in ("generator_adversarial", "generator_feature_matching", "discriminator_real", "discriminator_fake"):
            assert float(found[name]) == pytest.approx(float(expected[name]), rel=1e-5), name
    for network in ("generator", "encoder", "discriminator"):
        found, expected = (load_file(project / name / f"{network}.safetensors") for name in ("two", "one"))
        assert found.keys() == expected.keys()
        compared = [key for key in expected if not ahead_of_a_norm(key)]
        assert compared
        for key in compared:
            torch.testing.assert_close(found[key], expected[key], rtol=1e-4, atol=2e-5, msg=key)
    assert not list((project / "two_state").glob("checkpoint-*.pt"))


def test_two_processes_asked_to_end_save_and_one_goes_on_from_there(project: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["train_global"] |= {"epochs": 30}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    with start(project, TWO, "out") as process:
        deadline = time.monotonic() + 120
        while not list((project / "out_state").glob("checkpoint-*.pt")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=120)[1]
    assert process.returncode == EXIT_PREEMPTED, log
    assert "stopped by SIGTERM in phase global" in log
    assert not (project / "out").exists()
    assert list((project / "out_state").glob("checkpoint-*.pt"))

    log = train(project, ["-m"], "out")
    assert "phase global goes on after" in log
    assert [row["epoch"] for row in losses(project, "out")] == [str(number) for number in range(1, 31)]


def test_a_process_that_fails_fails_the_stage(project: Path) -> None:
    (project / "shards" / "val" / "index.json").unlink()
    with start(project, TWO, "out") as process:
        log = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "index.json: expected the index of a preprocessed split" in log


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """The environment of a SLURM job of two nodes, both of which are this machine."""
    programs = tmp_path / "slurm"
    programs.mkdir()
    # The option's arguments are `--nodes 2 --ntasks 2 --ntasks-per-node 1`, then comes the command.
    (programs / "srun").write_text(
        '#!/bin/bash\nshift 6\n"$@" & first=$!\n"$@" & second=$!\nwait $first && wait $second\n'
    )
    (programs / "scontrol").write_text('#!/bin/bash\n[ "$*" = "show hostnames node[1-2]" ] && echo localhost\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "17",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "RENDEZVOUS_PORT": str(port),
    }


def test_a_slurm_job_trains_one_model_on_its_nodes(
    project: Path, cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    log = train(project, [str(ROOT / "deploy" / "launch_nodes.py")], "out")
    assert "MEMBER: 2/2" in log  # two processes, one a node
    assert log.count("training global: 4 of 4 (100%)") == 1
    assert len(losses(project, "out")) == 2
