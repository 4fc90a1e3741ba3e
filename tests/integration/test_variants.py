"""The stages one after the other in one process, for kinds of data and models other than the default's."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from components.data.precomputed import FEATURES_FILE
from components.data.store import ShardStore
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
    "export": {"precisions": []},
    **{name: {"epochs": 1, "epochs_decay": 0} for name in ("train_global", "train_local", "finetune")},
}
BUILD = Path("build")
SHARDS, NETWORKS, STYLES = BUILD / "shards", BUILD / "finetuned", BUILD / "styles"

pytestmark = pytest.mark.slow


def write_params(changes: dict[str, dict[str, Any]]) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for section, fields in [*TINY.items(), *changes.items()]:
        params[section] |= fields
    Path("params.yaml").write_text(yaml.safe_dump(params))


def run_stages_to_cluster() -> None:
    prepare.main(out=BUILD / "prepared")
    preprocess.main(prepared=BUILD / "prepared", out=SHARDS, state=Path("state/preprocess"))
    train_segmenter.main(shards=SHARDS, out=BUILD / "segmenter", state=Path("state/segmenter"))
    train.main("train_global", shards=SHARDS, out=BUILD / "global", state=Path("state/global"))
    train.main("train_local", shards=SHARDS, out=BUILD / "local", state=Path("state/local"), before=BUILD / "global")
    train.main("finetune", shards=SHARDS, out=NETWORKS, state=Path("state/finetune"), before=BUILD / "local")
    cluster.main(prepared=BUILD / "prepared", shards=SHARDS, networks=NETWORKS, out=STYLES)


def run_all_stages() -> None:
    run_stages_to_cluster()
    scores = Path("scores.json")
    synthesize.main(shards=SHARDS, networks=NETWORKS, styles=STYLES, out=BUILD / "synthesized")
    evaluate.main(
        shards=SHARDS,
        segmenter=BUILD / "segmenter",
        synthesized=BUILD / "synthesized",
        scores=scores,
        plots=Path("plots"),
    )
    export.main(
        shards=SHARDS,
        segmenter=BUILD / "segmenter",
        networks=NETWORKS,
        styles=STYLES,
        scores=scores,
        out=BUILD / "bundle",
    )


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
    names = ("mean_absolute_difference", "spectrum_distance")
    figures = {f"{name}{end}" for name in names for end in ("", "_low", "_high")}
    assert set(json.loads(Path("scores.json").read_text())) == figures
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


SCENES = {"prepare": {"street_scenes": {"train": 3, "val": 2, "height": 32, "width": 48, "seed": 0}}}
G1_ALONE = {"n_local_enhancers": 0, "num_D": 1}


def assert_the_bundle_serves_what_was_synthesized() -> Synthesizer:
    """Each validation picture, in the styles that its number draws, by the graph and in the stage's file."""
    synthesizer = Synthesizer(Path("build/bundle"), threads=1)
    bundle, val = synthesizer.bundle, ShardStore(Path("build/shards/val"))
    for number, (name, sample) in enumerate(zip(val.index.names, val, strict=True)):
        label, instance = sample["label"].astype(np.uint8), sample["instance"].astype(np.int32)
        inputs: dict[str, NDArray[Any]] = {"label": label[None], "instance": instance[None]}
        if bundle.style_dimension:
            inputs["styles"] = bundle.style_bank.sample(label, instance, number)[None]
        image = synthesizer.synthesize(**{key: inputs[key] for key in bundle.inputs})[0]
        synthesized = np.asarray(Image.open(f"build/synthesized/{name}.png"))
        assert synthesized.shape == image.shape == sample["image"].shape
        assert np.abs(image.astype(int) - synthesized).max() <= 1
    return synthesizer


def curves(stage: str) -> list[dict[str, str]]:
    with (Path("build") / stage / "curves.csv").open() as file:
        return list(csv.DictReader(file))


def test_features_of_labels_give_all_instances_of_a_class_a_style_together() -> None:
    write_params({**SCENES, "model": {"features": "label"}})
    run_all_stages()
    bank = assert_the_bundle_serves_what_was_synthesized().bundle.style_bank
    assert bank.drawn_for == "class"
    apart = 0
    for sample in ShardStore(Path("build/shards/val")):
        label, instance = sample["label"].astype(np.uint8), sample["instance"].astype(np.int32)
        styles = bank.sample(label, instance, 0)
        for class_index in np.unique(label):
            ids = np.unique(instance[label == class_index])
            assert len(np.unique(styles[ids], axis=0)) == 1
            apart += len(ids) > 1
    assert apart
    with Path("build/styles/instances.csv").open() as file:
        assert {row["picture"] for row in csv.DictReader(file)} == set(
            ShardStore(Path("build/shards/train")).index.names
        )


def test_features_that_an_earlier_run_clustered_take_the_place_of_an_encoder(tmp_path: Path) -> None:
    write_params({**SCENES, "model": G1_ALONE})
    run_stages_to_cluster()
    first = json.loads(Path("build/styles/styles.json").read_text())
    features = Path(shutil.copy(Path("build/styles") / FEATURES_FILE, tmp_path))
    shutil.rmtree("build")
    write_params({**SCENES, "model": {**G1_ALONE, "features": "precomputed", "features_file": str(features)}})
    run_all_stages()
    assert not Path("build/finetuned/encoder.safetensors").exists()
    assert json.loads(Path("build/styles/styles.json").read_text()) == first  # the same features, clustered again
    assert (Path("build/styles") / FEATURES_FILE).read_bytes() == features.read_bytes()
    assert_the_bundle_serves_what_was_synthesized()


def test_a_u_net_with_cross_entropy_and_l1_goes_through_the_whole_graph() -> None:
    """As the recipe pix2pix, but for the size."""
    model = {**G1_ALONE, "generator": "unet", "n_downsample_global": 4, "norm": "batch", "upsampling": "transposed"}
    write_params(
        {
            **SCENES,
            "preprocess": {"multiple": 16},
            "model": {**model, "boundary_map": False, "n_features": 0},
            "losses": {"adversarial": "cross_entropy", "lambda_feature_matching": 0, "lambda_l1": 100},
            "train_global": {"epochs": 1, "batch_size": 1},
        }
    )
    run_all_stages()
    (row,) = curves("global")
    assert float(row["generator_l1"]) > 0
    assert float(row["discriminator_real"]) > 0
    assert row["generator_feature_matching"] == ""
    assert assert_the_bundle_serves_what_was_synthesized().bundle.inputs == ("label",)


def test_a_crn_without_discriminators_goes_through_the_whole_graph() -> None:
    """As the recipe crn, with L1 in place of VGG19, for which there are no weights."""
    write_params(
        {
            **SCENES,
            "model": {"generator": "crn", "n_local_enhancers": 0, "num_D": 0, "boundary_map": False, "n_features": 0},
            "losses": {"lambda_feature_matching": 0, "lambda_l1": 1},
        }
    )
    run_all_stages()
    (row,) = curves("global")
    assert {name for name, value in row.items() if value} == {"phase", "epoch", "learning_rate", "generator_l1"}
    assert not Path("build/finetuned/discriminator.safetensors").exists()
    assert_the_bundle_serves_what_was_synthesized()


def write_labelled_folders(root: Path, generator: np.random.Generator) -> None:
    """Photos, label and instance maps of three sizes, in blocks of 8x8 pixels."""
    classes = [{"index": index, "name": name, "colour": [90 * index] * 3} for index, name in enumerate(("sky", "road"))]
    for folder, count in (("train", 4), ("val", 3)):
        for kind in ("label", "inst", "img"):
            (root / f"{folder}_{kind}").mkdir(parents=True)
        for number in range(count):
            height, width = [(40, 56), (32, 48), (37, 61)][number % 3]
            label = generator.integers(2, size=(5, 8)).repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
            photo = generator.integers(256, size=(height, width, 3), dtype=np.uint8)
            for kind, pixels in (("label", label), ("inst", label + 7), ("img", photo)):
                Image.fromarray(pixels).save(root / f"{folder}_{kind}" / f"{number}.png")
    (root / "classes.json").write_text(json.dumps(classes))


def test_pictures_of_their_own_sizes_are_trained_in_windows_and_synthesized_whole(tmp_path: Path) -> None:
    write_labelled_folders(tmp_path / "folders", np.random.default_rng(0))
    training = {"epochs": 1, "epochs_decay": 0, "crop": {"height": 16, "width": 32}, "batch_size": 3}
    write_params(
        {
            "prepare": {"reader": "labelled_folders", "root": str(tmp_path / "folders")},
            "preprocess": {"resize": "none", "height": None, "width": None},
            **{stage: training for stage in ("train_global", "train_local", "finetune")},
        }
    )
    run_all_stages()
    # 37x61 is brought to the nearest multiple of 8.
    assert set(ShardStore(Path("build/shards/val")).index.sizes) == {(40, 56), (32, 48), (40, 64)}
    assert_the_bundle_serves_what_was_synthesized()


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
