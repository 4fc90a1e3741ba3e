"""Training on a disk that really runs full: a small one in memory, mounted for a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOUNTED = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m disk "$0" && exec "$@"']
TRAINING = """
import logging
import sys
from contextlib import suppress
from pathlib import Path

from components.checkpoint import CheckpointFolder
from tests.tiny import tiny_store
from tests.training_run import RecordingRecorder, assert_equal, train_stage

disk, elsewhere = map(Path, sys.argv[1:])
logging.basicConfig(level=logging.WARNING)
train, val = tiny_store(elsewhere / "train", count=5), tiny_store(elsewhere / "val", count=3)
checkpoints = CheckpointFolder(disk / "state", "same", keep=2)
newest = {}

class Filler(RecordingRecorder):
    "Fills the disk after the first epoch and empties it after the third; an epoch has three steps."

    def epoch(self, row, pace, number):
        newest[number] = [path.name for path in checkpoints.files()]
        if number == 1:
            with (disk / "another").open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
        if number == 3:
            assert [path.suffix for path in checkpoints.folder.iterdir()] == [".pt", ".pt"]
            assert checkpoints.load()["batch"] == 2
            (disk / "another").unlink()

def train_on(folder, recorder):
    try:
        return train_stage(train, val, folder, recorder=recorder)
    except OSError as error:
        sys.exit(f"training ended: {error}")

result = train_on(disk / "state", Filler())
assert_equal(result, train_on(elsewhere / "state", RecordingRecorder()))
assert newest[1] == newest[2] == newest[3] != newest[4]
"""


@pytest.mark.slow
def test_training_warns_of_a_full_disk_keeps_its_checkpoints_and_saves_again_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    tried = subprocess.run([*MOUNTED, disk, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")
    result = subprocess.run(
        [*MOUNTED, disk, sys.executable, "-c", TRAINING, disk, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if "No space left on device" in line]
    assert len(warnings) >= 6, "each step is followed by a save, and two epochs of three steps had no room"
    for line in warnings:
        assert f"'{disk}/state/checkpoint-00000003'" in line
        assert " bytes free, expected " in line
