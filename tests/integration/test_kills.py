"""Training killed at any moment, in the middle of a save too, ends as if never interrupted.

The kills are done by this file run as a program: it imports everything once, starts no thread, and forks a child for
each attempt, so that an attempt costs no start-up. Every step of training is followed by a save.
"""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from random import Random

import pytest

from components.checkpoint import TEMPORARY_FILE
from components.data.store import ShardStore
from tests.tiny import tiny_store
from tests.training_run import phase_config, train_stage

ROOT = Path(__file__).parents[2]
KILLS = 50
SHARE_IN_SAVES = 0.4  # of the kills, that wait for a save


def _train(folder: Path, state: Path) -> str:
    """Two local phases of three epochs, and the history of images; gives a checksum of all weights and losses."""
    result = train_stage(
        ShardStore(folder / "train"),
        ShardStore(folder / "val"),
        state,
        config=phase_config(epochs=3, pool_size=3),
        checkpoint_seconds=0,
    )
    checksum = hashlib.sha256(json.dumps(result.history).encode())
    for name, tensor in sorted(result.networks.state_dict().items()):
        checksum.update(name.encode() + tensor.numpy().tobytes())
    return checksum.hexdigest()


def _fork(folder: Path, state: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        (state.parent / f"{state.name}.result").write_text(_train(folder, state))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _ended(pid: int, *, wait: bool = False) -> bool:
    found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    if found and status:
        raise SystemExit(f"training ended with status {os.waitstatus_to_exitcode(status)}, expected 0")
    return bool(found)


def _kill(pid: int, seconds: float, awaited: Path | None) -> bool:
    """Kill a child after so many seconds and then as soon as a file is there; False where it ended before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or (awaited is not None and not awaited.exists()):
        if _ended(pid):
            return False
        time.sleep(0.0001)
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def kill_trainings(folder: Path) -> dict[str, object]:
    """Train again and again, killing each until it gets through, for `KILLS` kills and to the end of the last."""
    random = Random(7)
    started = time.monotonic()
    _ended(_fork(folder, folder / "whole"), wait=True)
    seconds = time.monotonic() - started
    kills = in_saves = trainings = 0
    while kills < KILLS:
        trainings += 1
        state = folder / str(trainings)
        temporary = state / TEMPORARY_FILE
        pid = _fork(folder, state)
        while kills < KILLS:
            awaited = temporary if random.random() < SHARE_IN_SAVES else None
            if not _kill(pid, random.uniform(0, seconds), awaited):
                break
            kills += 1
            in_saves += temporary.exists()
            pid = _fork(folder, state)
        else:
            _ended(pid, wait=True)
    return {
        "kills": kills,
        "in_saves": in_saves,
        "expected": (folder / "whole.result").read_text(),
        "results": [(folder / f"{number + 1}.result").read_text() for number in range(trainings)],
        "seconds": time.monotonic() - started,
    }


@pytest.mark.slow
def test_training_killed_fifty_times_ends_with_the_same_weights_to_the_last_bit(tmp_path: Path) -> None:
    tiny_store(tmp_path / "train", count=5, seed=1)
    tiny_store(tmp_path / "val", count=3, seed=2)
    run = subprocess.run(
        [sys.executable, __file__, tmp_path],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-5000:]
    found = json.loads(run.stdout)
    assert found["kills"] == KILLS
    assert found["in_saves"] >= 10
    assert found["results"]
    assert set(found["results"]) == {found["expected"]}
    assert run.stderr.count("goes on after") >= KILLS / 2, "training starts afresh in place of going on"
    assert "damaged" not in run.stderr


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    json.dump(kill_trainings(Path(sys.argv[1])), sys.stdout)
