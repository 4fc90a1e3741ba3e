"""The stage `preprocess` as one job of several, and as the run that needs no more pictures."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from components.data.preprocess import PreprocessConfig
from components.data.store import ShardStore
from pipelines import params
from pipelines.stages import preprocess
from tests.tiny_dataset import random_photo, tiny_manifest, write_picture


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of three training pictures and one of validation, and parameters that make three shards of them."""
    for number in range(4):
        for kind, seed in (("A", number), ("B", 100 + number)):
            folder = f"{'train' if number < 3 else 'val'}_{kind}"
            write_picture(tmp_path / "data" / folder / f"p{number}.png", random_photo(seed))
    tiny_manifest("paired_folders", tmp_path / "data").write(tmp_path / "prepared" / "manifest.json")
    config = PreprocessConfig(resize="none", multiple=2, height=None, width=None, shard_size=2)
    monkeypatch.setattr(params, "load_params", lambda: SimpleNamespace(preprocess=config))
    return tmp_path / "prepared"


def test_jobs_fill_the_state_and_the_run_without_a_job_writes_the_output(prepared: Path, tmp_path: Path) -> None:
    out, state = tmp_path / "shards", tmp_path / "state"
    for job, shards in (("2/2", 2), ("1/2", 3)):
        preprocess.main(prepared=prepared, out=out, state=state, job=job, processes=1)
        assert len(list(state.rglob("*.safetensors"))) == shards
        assert not out.exists()
    for picture in (tmp_path / "data").rglob("*.png"):
        picture.unlink()
    preprocess.main(prepared=prepared, out=out, state=state)
    assert [len(ShardStore(out / split)) for split in ("train", "val")] == [3, 1]
    assert list(state.iterdir()) == []
