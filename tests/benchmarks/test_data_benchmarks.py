"""The benchmarks of preprocessing and of the loader, on pictures of 32x64 in the layout of Cityscapes."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import cityscapes_files, loader, preprocess
from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.preprocess import PreprocessConfig
from components.data.preprocess import preprocess as write_shards
from components.data.store import ShardStore
from tests.tiny import CPU

HEIGHT, WIDTH = 32, 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    cityscapes_files.write_files(tmp_path / "cityscapes", 2, HEIGHT, WIDTH)
    return tmp_path / "cityscapes"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (preprocess, loader):
        monkeypatch.setattr(module, "HEIGHT", HEIGHT)
        monkeypatch.setattr(module, "WIDTH", WIDTH)


def _lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(list(line) == ["case", "unit", "value", "baseline", "ratio"] for line in lines)
    return lines


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("size", [(32, 64), (16, 32)])
def test_both_ways_of_the_loader_give_the_same_tensors(
    root: Path, tmp_path: Path, size: tuple[int, int], flipped: bool
) -> None:
    manifest = cityscapes_files.make_manifest(root, 2)
    config = PreprocessConfig(resize="fixed", multiple=1, height=size[0], width=size[1], shard_size=2)
    write_shards(manifest, config, out=tmp_path / "out", state=tmp_path / "state", processes=1)
    maker = BatchMaker(ShardStore(tmp_path / "out" / "train"), scale=1, use_boundary_map=True, device=CPU)
    for position, record in enumerate(manifest.records("train")):
        batch = maker.make([Draw(position, flipped)])
        condition, image = loader.read_published(record, flipped, size, len(manifest.classes))
        assert torch.equal(batch.condition, condition)
        torch.testing.assert_close(batch.image, image, rtol=0, atol=1e-6)


def test_pictures_come_again_until_there_are_enough(root: Path, tmp_path: Path) -> None:
    names = [entry.name for entry in cityscapes_files.make_manifest(root, 5).train]
    assert names == ["city_000000_000019", "city_000001_000019"] * 2 + names[:1]
    cityscapes_files.copy_files(root, tmp_path / "copies", 3)
    copies = cityscapes_files.find_records(tmp_path / "copies")
    assert [record.name for record in copies] == ["copy_000000", "copy_000001", "copy_000002"]
    assert copies[2].image.read_bytes() == cityscapes_files.find_records(root)[0].image.read_bytes()
    with pytest.raises(ValueError, match="expected CITY/NAME_leftImg8bit.png, found none"):
        cityscapes_files.find_records(tmp_path / "nothing")


def test_of_times_the_least_counts_and_each_run_has_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, left = [0.0], {"a": [3.0, 1.0], "b": [5.0, 9.0]}

    def run(name: str, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        (folder / "file").touch()
        now[0] += left[name].pop(0)

    monkeypatch.setattr(preprocess, "perf_counter", lambda: now[0])
    runs = {name: partial(run, name) for name in left}
    assert preprocess.measure(runs, 2, tmp_path) == {"a": 1, "b": 5}


@pytest.mark.slow
def test_preprocess_prints_a_json_line_a_case(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    preprocess.main(root=root, quick=True)
    lines = _lines(capsys.readouterr().out)
    assert [line["unit"] for line in lines] == ["s", "s", "MB"]
    assert lines[2]["ratio"] < 1.2


def test_loader_prints_a_json_line_a_case(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loader.main(root=root, device="cpu", quick=True)
    lines = _lines(capsys.readouterr().out)
    assert [line["unit"] for line in lines] == (["samples a second"] * 3 + ["MB a sample"]) * 2
    assert lines[3]["baseline"] == pytest.approx(4 * 35 * HEIGHT * WIDTH / 1e6, abs=1e-3)
