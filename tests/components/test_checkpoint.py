import errno
import logging
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Adam

from components.checkpoint import TEMPORARY_FILE, CheckpointFolder, DiskFull
from components.training.history_pool import HistoryPool
from components.training.state import TrainingState
from components.training.step import synthesizing_parameters
from tests.given import given
from tests.tiny import tiny_model, tiny_networks


def _state(seed: int = 0) -> TrainingState:
    networks = tiny_networks(tiny_model(), seed=seed)
    pool = HistoryPool(2)
    pool.exchange(torch.ones(1, 5, 8, 8), torch.full((1, 3, 8, 8), float(seed)))
    state = TrainingState(
        networks=networks,
        generator_optimizer=Adam(synthesizing_parameters(networks), lr=0.01),
        discriminator_optimizer=Adam(given(networks.discriminator).parameters(), lr=0.01),
        pool=pool,
        phase=1,
        epoch=4,
        batch=3,
        loss_sums={"generator_adversarial": 0.1 + 0.2},
        history=[{"phase": "local_1", "epoch": 1, "learning_rate": 0.01}],
    )
    for parameter in networks.parameters():
        parameter.grad = torch.ones_like(parameter)
    state.generator_optimizer.step()
    given(state.discriminator_optimizer).step()
    return state


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, torch.Tensor):
        return torch.equal(ours, theirs)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_equal(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    return bool(ours == theirs)


def _folder(path: Path, fingerprint: str = "abc", *, keep: int = 2) -> CheckpointFolder:
    return CheckpointFolder(path, fingerprint, keep)


def _packed(epoch: int) -> dict[str, object]:
    return {"epoch": epoch, "weights": torch.full((1000,), float(epoch))}


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # one bit, in the middle of the weights
    path.write_bytes(content)


def test_a_state_is_taken_up_whole(tmp_path: Path) -> None:
    state, other = _state(), _state(seed=1)
    assert not _equal(other.pack(), state.pack())
    _folder(tmp_path / "state").save(state.pack())
    packed = given(_folder(tmp_path / "state").load())
    assert packed["phase"] == 1
    other.unpack(packed)
    assert _equal(other.pack(), state.pack())


def test_the_file_holds_tensors_and_plain_values_only_and_its_checksum_is_in_its_name(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.save(_state().pack())
    (path,) = tmp_path.iterdir()
    packed = torch.load(path, weights_only=True)  # refuses any other object
    assert packed["fingerprint"] == "abc"
    checksum = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert path.name == f"checkpoint-00000001-{checksum[:16]}.pt"


def test_the_newest_checkpoints_stay_and_the_newest_of_them_is_loaded(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        _folder(tmp_path, keep=3).save(_packed(epoch))
    assert [int(path.name.split("-")[1]) for path in _folder(tmp_path).files()] == [5, 4, 3]
    assert len(list(tmp_path.iterdir())) == 3
    assert given(_folder(tmp_path).load())["epoch"] == 5


def test_a_folder_without_state_gives_none(tmp_path: Path) -> None:
    assert _folder(tmp_path / "new" / "state").load() is None


def test_what_a_process_killed_in_a_save_left_is_removed(tmp_path: Path) -> None:
    _folder(tmp_path).save(_packed(1))
    (tmp_path / TEMPORARY_FILE).write_bytes(b"half")
    assert given(_folder(tmp_path).load())["epoch"] == 1
    assert not (tmp_path / TEMPORARY_FILE).exists()


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for epoch in (1, 2):
        _folder(tmp_path).save(_packed(epoch))
    newest = _folder(tmp_path).files()[0]
    _damage(newest)
    folder = _folder(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert given(folder.load())["epoch"] == 1
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"{newest}: damaged")
    assert newest.exists()
    folder.save(_packed(3))
    assert not newest.exists(), "the next save removes it; it does not count among those that stay"
    assert given(_folder(tmp_path).load())["epoch"] == 3
    _damage(_folder(tmp_path).files()[0])
    assert given(_folder(tmp_path).load())["epoch"] == 1


@pytest.mark.parametrize("length", [0, 100])
def test_where_all_checkpoints_are_damaged_each_is_named_and_how_to_go_on(tmp_path: Path, length: int) -> None:
    for epoch in (1, 2):
        _folder(tmp_path).save(_packed(epoch))
    newest, oldest = _folder(tmp_path).files()
    _damage(oldest)
    newest.write_bytes(newest.read_bytes()[:length])
    with pytest.raises(ValueError, match=f"{tmp_path}: {newest.name}, {oldest.name}: damaged, .*remove them"):
        _folder(tmp_path).load()


def test_a_state_of_another_fingerprint_is_not_continued_and_it_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _folder(tmp_path, "a" * 64).save(_packed(1))
    with caplog.at_level(logging.WARNING):
        assert _folder(tmp_path, "b" * 64).load() is None
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(str(tmp_path))
    assert "aaaaaaaaaaaa, now bbbbbbbbbbbb" in message
    assert "starts afresh" in message
    _folder(tmp_path, "b" * 64).save(_packed(2))
    assert given(_folder(tmp_path, "a" * 64).load())["epoch"] == 1, "older, but of these parameters"


def test_finishing_removes_the_state_and_may_be_done_twice(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.save(_packed(1))
    (tmp_path / "run_0123").write_text("of the finished stage")
    folder.finish()
    folder.finish()
    assert folder.load() is None
    assert [path.name for path in tmp_path.iterdir()] == ["finished"]


def _assert_a_failed_save_changes_nothing(folder: CheckpointFolder, epoch: int) -> None:
    assert given(folder.load())["epoch"] == epoch
    assert [path.suffix for path in folder.folder.iterdir()] == [".pt"]


def test_a_full_disk_is_an_error_that_names_the_file_and_the_bytes(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.save(_packed(4))
    size = folder.files()[0].stat().st_size
    (tmp_path / TEMPORARY_FILE).symlink_to("/dev/full")
    with pytest.raises(DiskFull) as caught:
        folder.save(_packed(5))
    assert caught.value.errno == errno.ENOSPC
    assert "No space left on device; found " in str(caught.value)
    assert str(caught.value).endswith(f"bytes free, expected {size:,}: '{tmp_path}/checkpoint-00000002'")
    _assert_a_failed_save_changes_nothing(folder, epoch=4)


@contextmanager
def _file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_save_that_fails_half_way_leaves_the_state_before_and_nothing_else(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.save(_packed(4))
    with _file_size_limit(2000), pytest.raises(OSError, match="File too large.*checkpoint-00000002") as caught:
        folder.save(_packed(5))
    assert not isinstance(caught.value, DiskFull)
    _assert_a_failed_save_changes_nothing(folder, epoch=4)
    folder.save(_packed(5))
    assert given(folder.load())["epoch"] == 5
