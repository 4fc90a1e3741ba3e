"""The stages one after the other in one process, for kinds of data and models other than the default's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from components.inference import Synthesizer
from pipelines.stages import (
    cluster,
    evaluate,
    export,
    prepare,
    preprocess,
    synthesize,
    train,
    train_segmenter,
)

REPOSITORY = Path(__file__).parents[2]
TINY: dict[str, dict[str, Any]] = {
    "preprocess": {"height": 32, "width": 48, "shard_size": 3},
    "runtime": {"threads": 1, "accelerator": "cpu"},
    "model": {
        "ngf": 4,
        "n_downsample_global": 1,
        "n_blocks_global": 1,
        "n_blocks_local": 1,
        "nef": 4,
        "n_downsample_encoder": 1,
        "ndf": 4,
        "n_layers_D": 2,
    },
    "train_segmenter": {"channels": 16, "epochs": 1, "batch_size": 2},
    **{name: {"epochs": 1, "epochs_decay": 0} for name in ("train_global", "train_local", "finetune")},
}

pytestmark = pytest.mark.slow


def write_params(changes: dict[str, dict[str, Any]]) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for section, fields in [*TINY.items(), *changes.items()]:
        params[section] |= fields
    Path("params.yaml").write_text(yaml.safe_dump(params))


def run_all_stages() -> None:
    build = Path("build")
    shards, networks, styles, scores = build / "shards", build / "finetuned", build / "styles", Path("scores.json")
    prepare.main(out=build / "prepared")
    preprocess.main(prepared=build / "prepared", out=shards)
    train_segmenter.main(shards=shards, out=build / "segmenter", state=Path("state/segmenter"))
    train.main("train_global", shards=shards, out=build / "global", state=Path("state/global"))
    train.main("train_local", shards=shards, out=build / "local", state=Path("state/local"), before=build / "global")
    train.main("finetune", shards=shards, out=networks, state=Path("state/finetune"), before=build / "local")
    cluster.main(shards=shards, networks=networks, out=styles)
    synthesize.main(shards=shards, networks=networks, styles=styles, out=build / "synthesized")
    evaluate.main(
        shards=shards,
        segmenter=build / "segmenter",
        synthesized=build / "synthesized",
        scores=scores,
        plots=Path("plots"),
    )
    export.main(shards=shards, networks=networks, styles=styles, scores=scores, out=build / "bundle")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def write_pairs(root: Path, generator: np.random.Generator) -> None:
    for folder in ("train_A", "train_B", "test_A", "test_B"):
        (root / folder).mkdir(parents=True)
        for number in range(5 if folder.startswith("train") else 2):
            pixels = generator.integers(0, 256, (40, 60, 3), np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{number}.png")


def test_rgb_conditions_go_through_the_whole_graph(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", np.random.default_rng(0))
    write_params(
        {
            "prepare": {"reader": "paired_folders", "root": str(tmp_path / "pairs")},
            "model": {"n_features": 0, "boundary_map": False},
        }
    )
    run_all_stages()
    assert set(json.loads(Path("scores.json").read_text())) == {"mean_absolute_difference"}
    synthesizer = Synthesizer(Path("build/bundle"))
    picture = np.asarray(Image.open(tmp_path / "pairs/test_A/0.png").resize((48, 32), Image.Resampling.BICUBIC))
    image = synthesizer.synthesize(picture=picture[None])[0]
    synthesized = np.asarray(Image.open("build/synthesized/0.png"))
    assert np.abs(image.astype(int) - synthesized).max() <= 1


@pytest.mark.parametrize("enhancers", [0, 2])
def test_g1_alone_and_two_enhancers_go_through_the_whole_graph(enhancers: int) -> None:
    write_params(
        {
            "prepare": {"street_scenes": {"train": 3, "val": 2, "height": 32, "width": 48, "seed": 0}},
            "model": {"n_local_enhancers": enhancers, "num_D": enhancers + 1},
        }
    )
    run_all_stages()
    bundle = json.loads(Path("build/bundle/bundle.json").read_text())
    assert bundle["size_multiple"] == 2 ** (1 + enhancers)
    assert json.loads(Path("scores.json").read_text())["mean_iou"] >= 0
    phases = {line.split(",")[0] for line in Path("build/local/curves.csv").read_text().splitlines()[1:]}
    assert phases == ({"local_1", "local_2"} if enhancers else set())


def test_a_broken_dataset_stops_prepare_with_every_problem_and_leaves_nothing(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", np.random.default_rng(0))
    (tmp_path / "pairs/train_B/0.png").write_bytes(b"no picture")
    (tmp_path / "pairs/test_B/1.png").unlink()
    write_params({"prepare": {"reader": "paired_folders", "root": str(tmp_path / "pairs")}})
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.stages.prepare", "--out", "build/prepared"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "2 problems in the dataset" in result.stderr
    assert "train_B/0.png: unreadable or truncated" in result.stderr
    assert "test_A/1.png" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "build").iterdir())
