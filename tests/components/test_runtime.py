import pytest
import torch

from components import runtime
from tests.tiny import tiny_runtime


def test_a_gpu_that_is_asked_for_and_missing_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="runtime.accelerator is cuda: found no GPU, .*auto takes the CPU"):
        runtime.start(tiny_runtime(accelerator="cuda"))
    assert runtime.start(tiny_runtime(accelerator="auto")).device.type == "cpu"
