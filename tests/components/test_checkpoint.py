import logging
from pathlib import Path

import pytest
import torch
from torch.optim import Adam

from components import checkpoint
from components.checkpoint import CheckpointFolder
from components.training.state import TrainingState
from components.training.step import synthesizing_parameters
from tests.tiny import tiny_model, tiny_networks


def _state(seed: int = 0, *, epoch: int = 0) -> TrainingState:
    networks = tiny_networks(tiny_model(), seed=seed)
    state = TrainingState(
        networks=networks,
        generator_optimizer=Adam(synthesizing_parameters(networks), lr=0.01),
        discriminator_optimizer=Adam(networks.discriminator.parameters(), lr=0.01),
        phase=1,
        epoch=epoch,
        batch=3,
        loss_sums={"generator_adversarial": 0.1 + 0.2},
        history=[{"phase": "local_1", "epoch": 1, "learning_rate": 0.01}],
    )
    for parameter in networks.parameters():
        parameter.grad = torch.ones_like(parameter)
    state.generator_optimizer.step()
    state.discriminator_optimizer.step()
    return state


def _equal(ours: object, theirs: object) -> bool:
    if isinstance(ours, torch.Tensor):
        return torch.equal(ours, theirs)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_equal(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    return ours == theirs


def test_a_state_is_taken_up_whole(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "state", "abc")
    state = _state()
    torch.manual_seed(11)
    folder.save(state.pack())
    expected_draw = torch.rand(3)
    other = _state(seed=1)
    assert not _equal(other.pack(), state.pack())
    packed = CheckpointFolder(tmp_path / "state", "abc").load()
    assert packed["phase"] == 1
    other.unpack(packed)
    assert torch.equal(torch.rand(3), expected_draw)
    packed_again = {**other.pack(), "rng": None}
    assert _equal(packed_again, {**state.pack(), "rng": None})


def test_the_file_holds_tensors_and_plain_values_only(tmp_path: Path) -> None:
    CheckpointFolder(tmp_path, "abc").save(_state().pack())
    packed = torch.load(tmp_path / "checkpoint.pt", weights_only=True)  # refuses any other object
    assert packed["fingerprint"] == "abc"


def test_a_failing_save_leaves_the_state_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path, "abc")
    folder.save(_state(epoch=4).pack())

    def write_half(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint.torch, "save", write_half)
    with pytest.raises(OSError, match="disk full"):
        folder.save(_state(epoch=5).pack())
    monkeypatch.undo()
    assert folder.load()["epoch"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_folder_without_state_gives_none(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path / "new" / "state", "abc").load() is None


def test_a_state_of_another_fingerprint_is_not_continued_and_it_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    CheckpointFolder(tmp_path, "a" * 64).save(_state().pack())
    with caplog.at_level(logging.WARNING):
        assert CheckpointFolder(tmp_path, "b" * 64).load() is None
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(str(tmp_path / "checkpoint.pt"))
    assert "aaaaaaaaaaaa, now bbbbbbbbbbbb" in message
    assert "starts afresh" in message
    assert CheckpointFolder(tmp_path, "a" * 64).load() is not None


def test_finishing_removes_the_state_and_may_be_done_twice(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, "abc")
    folder.save(_state().pack())
    (tmp_path / "run_0123").write_text("of the finished stage")
    folder.finish()
    folder.finish()
    assert folder.load() is None
    assert [path.name for path in tmp_path.iterdir()] == ["finished"]


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_damaged_checkpoint_is_named_and_how_to_go_on(tmp_path: Path, keep: float) -> None:
    folder = CheckpointFolder(tmp_path, "abc")
    folder.save(_state().pack())
    content = folder.path.read_bytes()
    folder.path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(ValueError, match=r"checkpoint\.pt: damaged, .*remove it to train afresh"):
        folder.load()
