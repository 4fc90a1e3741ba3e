import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.models.networks import PhaseShape
from pipelines import cost
from pipelines.cost import Network, networks_of
from pipelines.params import ParamsError
from tests.tiny import tiny_model, tiny_runtime, tiny_store

ROOT = Path(__file__).parents[2]
# As published for Cityscapes: 35 classes and the boundary map are 36 input channels.
PUBLISHED = {"n_downsample_global": 4, "n_blocks_global": 9, "n_blocks_local": 3, "n_features": 0, "ndf": 64} | {
    "n_layers_D": 3
}


def _counted(height: int, width: int, **overrides: Any) -> dict[str, Network]:
    model = tiny_model(**(PUBLISHED | overrides))
    shape = PhaseShape(model=model, class_count=35, n_local_enhancers=model.n_local_enhancers)
    assert shape.condition_channels == 36
    return networks_of(shape, height, width)


def test_the_published_networks_at_2048x1024_have_the_known_cost() -> None:
    counted = _counted(1024, 2048, ngf=32, n_local_enhancers=1, num_D=3)
    assert counted.keys() == {"generator", "discriminators"}
    assert counted["generator"].parameters / 1e6 == pytest.approx(182.9, abs=0.05)
    assert counted["generator"].multiply_accumulates / 1e9 == pytest.approx(748, abs=0.5)
    assert counted["discriminators"].multiply_accumulates / 1e9 == pytest.approx(167, abs=0.5)


def test_g1_alone_at_1024x512_has_the_known_cost() -> None:
    counted = _counted(512, 1024, ngf=64, n_local_enhancers=0, num_D=1)
    assert counted["generator"].multiply_accumulates / 1e9 == pytest.approx(489, abs=0.5)


def test_a_small_discriminator_is_counted_by_hand() -> None:
    counted = networks_of(
        PhaseShape(
            model=tiny_model(n_local_enhancers=0, num_D=1, n_layers_D=1, ndf=4, n_features=0),
            class_count=4,
            n_local_enhancers=0,
        ),
        8,
        16,
    )["discriminators"]
    # 4x4 convolutions: 5 condition and 3 image channels to 4 at 5x9, to 8 at 6x10, to 1 at 7x11.
    first, second, last = 8 * 4 * 16, 4 * 8 * 16, 8 * 1 * 16
    assert counted.parameters == first + 4 + second + 8 + last + 1
    assert counted.multiply_accumulates == first * 5 * 9 + second * 6 * 10 + last * 7 * 11


def test_only_the_networks_that_a_model_has_are_counted() -> None:
    def names(**overrides: Any) -> set[str]:
        model = tiny_model(n_local_enhancers=0, **overrides)
        return set(networks_of(PhaseShape(model=model, class_count=4, n_local_enhancers=0), 32, 64))

    assert names() == {"generator", "encoder", "discriminators"}
    assert names(num_D=0) == {"generator", "encoder"}
    assert names(features="precomputed", features_file="features.safetensors") == {"generator", "discriminators"}
    assert names(n_features=0, num_D=0, generator="crn") == {"generator"}


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    """A tiny model in three phases, in batches of two."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"] |= tiny_model().model_dump(mode="json")
    params["runtime"] |= tiny_runtime().model_dump(mode="json")
    params["preprocess"] |= {"resize": "fixed", "multiple": 8, "height": 32, "width": 64}
    for stage, epochs in {"train_global": 40, "train_local": 3, "finetune": 20}.items():
        params[stage] |= {"epochs": epochs, "epochs_decay": 0, "batch_size": 2}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    return path


def _change(params_file: Path, section: str, **fields: Any) -> None:
    params = yaml.safe_load(params_file.read_text())
    params[section] |= fields
    params_file.write_text(yaml.safe_dump(params))


def _blocks(text: str) -> list[list[str]]:
    """The lines of each phase."""
    return [("phase " + block).splitlines() for block in text.split("phase ")[1:]]


def test_each_phase_is_printed_with_its_networks_step_and_epochs(
    params_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "measure_step", lambda *_: cost.Step(seconds=90.0, memory=1_500_000_000))
    tiny_store(tmp_path / "shards" / "train", count=5)
    cost.main(params_file=params_file, shards=tmp_path / "shards", steps=1)
    blocks = _blocks(capsys.readouterr().out)
    assert [block[0] for block in blocks] == [
        "phase global: 32x16 pixels, 2 pictures a step",
        "phase local_1: 64x32 pixels, 2 pictures a step",
        "phase joint: 64x32 pixels, 2 pictures a step",
    ]
    for block in blocks:
        assert [line.split()[0] for line in block[1:4]] == ["generator:", "encoder:", "discriminators:"]
        assert all("M parameters" in line and "GMAC a picture" in line for line in block[1:4])
        assert "a step: 90.000 s, 1.50 GB at most on cpu" in block[4]
    # Five pictures in steps of two are three steps of 90 s: 4.5 min, rounded to even; 40, 3 and 20 epochs.
    assert [block[5].split("pictures: ")[1] for block in blocks] == [
        "4 min; 40: 3 h 00 min",
        "4 min; 3: 14 min",
        "4 min; 20: 1 h 30 min",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"features": "label"}},
        {"model": {"features": "precomputed", "features_file": "not/there.safetensors"}},
        {"model": {"num_D": 0}, "losses": {"lambda_feature_matching": 0, "lambda_l1": 1}},
        {"model": {"generator": "unet", "n_local_enhancers": 0}, "train_global": {"pool_size": 1}},
    ],
    ids=str,
)
def test_steps_are_measured_on_random_pictures(
    changes: dict[str, dict[str, Any]], params_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for section, fields in changes.items():
        _change(params_file, section, **fields)
    cost.main(params_file=params_file, classes=4, pictures=10, steps=1)
    blocks = _blocks(capsys.readouterr().out)
    assert len(blocks) == (1 if changes.get("model", {}).get("generator") == "unet" else 3)
    for block in blocks:
        step = next(line.split() for line in block if line.startswith("  a step:"))
        assert float(step[2]) > 0
        assert float(step[4]) > 0.05  # GB: python and torch


def test_rgb_conditions_are_zero_classes(params_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _change(params_file, "model", n_features=0, boundary_map=False, n_local_enhancers=0)
    cost.main(params_file=params_file, classes=0, pictures=10, steps=1)
    (block,) = _blocks(capsys.readouterr().out)
    assert block[0] == "phase global: 64x32 pixels, 2 pictures a step"


def test_the_size_of_a_crop_is_that_of_the_pictures(
    params_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "measure_step", lambda *_: cost.Step(seconds=1.0, memory=10**9))
    for stage in ("train_global", "train_local"):
        _change(params_file, stage, crop={"height": 16, "width": 32})
    cost.main(params_file=params_file, classes=4, pictures=10)
    sizes = [block[0].split()[2] for block in _blocks(capsys.readouterr().out)]
    assert sizes == ["16x8", "32x16", "64x32"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (59 * 60, "59 min"),
        (3600, "1 h 00 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_a_duration_is_in_the_unit_that_a_person_would_use(seconds: float, words: str) -> None:
    assert cost._duration(seconds) == words


def test_without_a_dataset_it_says_what_it_expects(params_file: Path, tmp_path: Path) -> None:
    for classes, pictures in ((None, None), (4, None), (None, 10)):
        with pytest.raises(ValueError, match="expected --shards, or --classes and --pictures"):
            cost.main(params_file=params_file, classes=classes, pictures=pictures)
    with pytest.raises(ValueError, match=r"nowhere/train/index\.json: expected the index of a preprocessed split"):
        cost.main(params_file=params_file, shards=tmp_path / "nowhere")
    _change(params_file, "preprocess", resize="none", height=None, width=None)
    with pytest.raises(ValueError, match=r"preprocess\.resize is none: the size is known from --shards only"):
        cost.main(params_file=params_file, classes=4, pictures=10)


def test_parameters_are_checked_as_for_training(params_file: Path) -> None:
    _change(params_file, "model", num_D=0)
    with pytest.raises(ParamsError, match=r"losses\.lambda_feature_matching: must be 0 where model\.num_D is 0"):
        cost.main(params_file=params_file, classes=4, pictures=10)


@pytest.mark.slow
def test_the_command_ends_with_1_and_the_message_where_the_dataset_is_missing(params_file: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pipelines.cost", "--params", str(params_file), "--shards", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "nowhere/train/index.json: expected the index of a preprocessed split" in result.stderr
    assert "Traceback" not in result.stderr
