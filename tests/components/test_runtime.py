import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from components import runtime
from tests.tiny import tiny_runtime


def test_a_gpu_that_is_asked_for_and_missing_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="runtime.accelerator is cuda: found no GPU, .*auto takes the CPU"):
        runtime.start(tiny_runtime(accelerator="cuda"))
    assert runtime.start(tiny_runtime(accelerator="auto")).device.type == "cpu"


def test_a_process_leaves_the_others_before_it_ends() -> None:
    # What is registered first is run last: this tells what the end of the process finds.
    program = """
import atexit, torch
from components.runtime import start
from tests.tiny import tiny_runtime
atexit.register(lambda: print(torch.distributed.is_initialized()))
start(tiny_runtime())
assert torch.distributed.is_initialized()
"""
    alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "GROUP_RANK": "0"}
    meeting = {"TORCHELASTIC_RUN_ID": "alone", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | alone | meeting,
        capture_output=True,
        text=True,
    )
    assert found.stdout.splitlines()[-1:] == ["False"], found.stderr
