"""That shards are the same bytes however they are made: at once, in processes, by jobs, or after an interruption."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from components.data import shard_making
from components.data.dataset import Record
from components.data.manifest import Manifest
from components.data.preprocess import PreprocessConfig, make_shards, preprocess
from components.data.record_encoding import encode_record
from components.data.shard_making import find_shard, make_shard, shard_path
from components.data.shard_plan import Job, plan_shards
from components.data.store import Sample, cut_into_shards, open_shard
from tests.tiny import tiny_samples
from tests.tiny_dataset import random_photo, tiny_manifest, write_picture

CONFIG = PreprocessConfig(resize="fixed", multiple=1, height=4, width=6, shard_size=2)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Seven pictures of a photo and an RGB condition: three shards of train, one of val."""
    for number in range(7):
        split = "train" if number < 6 else "val"
        for kind, seed in (("A", number), ("B", 100 + number)):
            write_picture(tmp_path / "data" / f"{split}_{kind}" / f"p{number}.png", random_photo(seed))
    return tiny_manifest("paired_folders", tmp_path / "data")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(path: Path, samples: list[Sample]) -> None:
    with open_shard(path, len(samples)) as file:
        for sample in samples:
            file.add(sample)


def _at_once(manifest: Manifest, folder: Path) -> dict[str, bytes]:
    preprocess(manifest, CONFIG, out=folder / "once", state=folder / "state_of_once", processes=1)
    return _files(folder / "once")


@pytest.mark.parametrize("rgb", [False, True], ids=["labels", "rgb"])
@pytest.mark.parametrize("instance_type", [np.uint8, np.int16, np.int32])
def test_a_shard_has_the_bytes_that_safetensors_writes(tmp_path: Path, rgb: bool, instance_type: type) -> None:
    samples, _ = tiny_samples(3, 5, 9, rgb=rgb, seed=0)
    samples = [{**sample, "instance": sample["instance"].astype(instance_type)} for sample in samples]
    _write(tmp_path / "ours", samples)
    save_file({key: np.stack([sample[key] for sample in samples]) for key in samples[0]}, tmp_path / "theirs")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_pictures_share_a_shard_while_their_size_stays_and_it_is_not_full() -> None:
    shards = cut_into_shards([(4, 6)] * 3 + [(2, 6)] + [(4, 6)] * 2, shard_size=2)
    assert [(shard.count, shard.height, shard.width) for shard in shards] == [
        (2, 4, 6),
        (1, 4, 6),
        (1, 2, 6),
        (2, 4, 6),
    ]
    assert [shard.file for shard in shards] == [f"shard-0000{number}.safetensors" for number in range(4)]


@pytest.mark.slow
def test_two_and_four_processes_write_the_bytes_of_one(manifest: Manifest, tmp_path: Path) -> None:
    expected = _at_once(manifest, tmp_path)
    assert len(expected) == 6  # 3 + 1 shards, 2 indices
    for processes in (2, 4):
        folder = tmp_path / f"{processes}"
        preprocess(manifest, CONFIG, out=folder / "out", state=folder / "state", processes=processes)
        assert _files(folder / "out") == expected


def test_jobs_write_the_bytes_of_one_run_and_leave_nothing_to_the_last(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _at_once(manifest, tmp_path)
    plans, state = plan_shards(manifest, CONFIG), tmp_path / "state"
    shares = [Job(number, 3).share(plans) for number in (3, 1, 2)]
    assert sorted(len(share) for share in shares) == [1, 1, 2]
    for share in shares:
        make_shards(share, state, processes=1)
    monkeypatch.setattr(shard_making, "encode_record", None)
    preprocess(manifest, CONFIG, out=tmp_path / "out", state=state, processes=1)
    assert _files(tmp_path / "out") == expected
    assert _files(state) == {}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_every_shard_is_of_one_job(manifest: Manifest, count: int) -> None:
    plans = plan_shards(manifest, CONFIG)
    assert sum((Job(number, count).share(plans) for number in range(1, count + 1)), ()) == plans


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "-1/2", "a/b", "1/2/3", ""])
def test_a_job_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"--job: expected i/n with i in 1..n, as in 2/8, got {text}")):
        Job.parse(text)
    assert Job.parse("2/8") == Job(2, 8)


def test_interrupted_it_goes_on_with_the_shards_that_are_missing(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _at_once(manifest, tmp_path)
    seen: list[str] = []

    def interrupted(record: Record, *args: Any) -> tuple[Sample, tuple[int, ...]]:
        seen.append(record.name)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return encode_record(record, *args)

    monkeypatch.setattr(shard_making, "encode_record", interrupted)
    out, state = tmp_path / "out", tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        preprocess(manifest, CONFIG, out=out, state=state, processes=1)
    assert not out.exists()
    assert sorted(_files(state)) == ["train/shard-00000.json", "train/shard-00000.safetensors"]
    preprocess(manifest, CONFIG, out=out, state=state, processes=1)
    assert seen == ["p0", "p1", "p2", "p3", "p2", "p3", "p4", "p5", "p6"]
    assert _files(out) == expected


@pytest.mark.parametrize("damage", ["one bit", "cut off", "no note", "half a note", "other parameters"])
def test_a_shard_that_is_not_whole_or_of_something_else_is_made_again(
    manifest: Manifest, tmp_path: Path, damage: str
) -> None:
    plan, *_ = plan_shards(manifest, CONFIG)
    note = make_shard(plan, tmp_path)
    path = shard_path(plan, tmp_path)
    content = path.read_bytes()
    assert find_shard(plan, tmp_path) == note
    if damage == "one bit":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut off":
        path.write_bytes(content[:-1])
    elif damage == "no note":
        path.with_suffix(".json").unlink()
    elif damage == "half a note":
        path.with_suffix(".json").write_text(path.with_suffix(".json").read_text()[:20])
    else:
        (other, *_) = plan_shards(manifest, CONFIG.model_copy(update={"width": 8}))
        make_shard(other, tmp_path)
    assert find_shard(plan, tmp_path) is None
    assert make_shard(plan, tmp_path) == note
    assert path.read_bytes() == content


def test_a_picture_that_changed_since_it_was_checked_is_named(manifest: Manifest, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"resize": "none", "height": None, "width": None})
    plan, *_ = plan_shards(manifest, config)
    path = write_picture(tmp_path / "data" / "train_B" / "p1.png", random_photo(0, height=5))
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected a picture that becomes 4 x 6 pixels")):
        make_shard(plan, tmp_path / "state")
    assert _files(tmp_path / "state") == {}


def test_a_full_disk_is_reported_with_the_shard(tmp_path: Path) -> None:
    samples, _ = tiny_samples(3, 32, 64, rgb=False, seed=0)
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        _write(Path("/dev/full"), samples)


@pytest.mark.parametrize(("most", "name"), [(None, "uint8"), (256, "uint8"), (257, "int16"), (2**15 + 1, "int32")])
def test_ids_have_the_smallest_type_that_holds_those_of_the_split(
    manifest: Manifest, most: int | None, name: str
) -> None:
    entries = tuple(entry.model_copy(update={"instance_count": most}) for entry in manifest.train)
    plan, *_ = plan_shards(manifest.model_copy(update={"train": entries}), CONFIG)
    assert plan.instance_type == name
