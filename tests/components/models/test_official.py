import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import parity
from components.models.official import load_official
from components.models.official_options import official_options
from tests.golden.published_layout import write_reference_folder

RGB: dict[str, Any] = {
    "netG": "local",
    "label_nc": 0,
    "instance": False,
    "features": False,
    "ngf": 4,
    "n_downsample_global": 3,
    "n_blocks_global": 2,
    "n_local_enhancers": 2,
    "n_blocks_local": 1,
    "ndf": 4,
    "num_D": 2,
    "n_layers_D": 4,
    "nef": 0,
    "n_downsample_E": 0,
    "norm": "instance",
    "lambda_feat": 10.0,
}
LABELS = RGB | {
    "netG": "local",
    "label_nc": 5,
    "instance": True,
    "features": True,
    "n_downsample_global": 2,
    "n_local_enhancers": 1,
    "n_blocks_local": 2,
    "num_D": 2,
    "n_layers_D": 2,
    "nef": 4,
    "n_downsample_E": 3,
    "lambda_feat": 2.5,
}
GLOBAL = RGB | {"netG": "global", "instance": True, "n_local_enhancers": 1, "n_blocks_local": 3, "num_D": 1}


@pytest.fixture(scope="module")
def labels_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "labels"
    write_reference_folder(folder, LABELS, batch=2, height=32, width=64)
    return folder


@pytest.fixture
def folder(labels_folder: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    for path in labels_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _run_cli(*folders: Path) -> Any:
    app = typer.Typer()
    app.command()(parity.main)
    return CliRunner().invoke(app, [str(folder) for folder in folders])


def _change(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = torch.load(path, weights_only=True)
    change(weights)
    torch.save(weights, path)


@pytest.mark.parametrize(
    ("options", "height"),
    [(RGB, 64), (LABELS, 32), (LABELS | {"norm": "batch"}, 32), (GLOBAL, 32), (GLOBAL | {"label_nc": 3}, 32)],
    ids=["rgb with two enhancers", "labels and features", "batch norm", "rgb and boundary map", "labels, G1 alone"],
)
def test_a_literal_transcription_of_the_published_networks_agrees_in_every_number(
    options: dict[str, Any], height: int, tmp_path: Path
) -> None:
    write_reference_folder(tmp_path / "reference", options, batch=2, height=height, width=64)
    results = list(parity.compare_folder(tmp_path / "reference"))
    names = [result.name for result in results]
    layers = options["num_D"] * (options["n_layers_D"] + 2)
    assert sum(name.startswith("disc_fake_scale") for name in names) == layers
    assert {"boundary", "fake", "loss G_GAN", "loss G_GAN_Feat", "loss D_real", "loss D_fake"} <= set(names)
    assert ("features" in names) == options["features"]
    expected = json.loads((tmp_path / "reference" / "expected.json").read_text())
    gradients = sum(len(norms) for norms in expected["grad_norm"].values())
    assert sum(name.startswith("gradient") for name in names) == gradients
    assert [result for result in results if not result.agrees] == []


@pytest.mark.parametrize("name", ["local_features", "global_labels"])
def test_tensors_of_the_published_code_agree_in_every_number(shared_reference: Path, name: str) -> None:
    results = list(parity.compare_folder(shared_reference / name))
    assert len(results) > 50
    assert [result for result in results if not result.agrees] == []


@pytest.mark.parametrize("network", ["G", "D", "E"])
def test_a_corrupted_weight_is_found(folder: Path, network: str) -> None:
    key = "scale0_layer0.0.weight" if network == "D" else "model.1.weight"
    _change(folder / f"latest_net_{network}.pth", lambda weights: weights[key][0].mul_(1.5))
    assert not all(result.agrees for result in parity.compare_folder(folder))


def test_a_corrupted_loss_and_gradient_norm_are_found(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    expected["losses"]["D_real"] *= 1.001
    expected["grad_norm"]["G"]["model1_1.1.weight"] *= 1.001
    (folder / "expected.json").write_text(json.dumps(expected))
    differing = [result.name for result in parity.compare_folder(folder) if not result.agrees]
    assert differing == ["loss D_real", "gradient G model1_1.1.weight"]


def test_a_nan_does_not_agree() -> None:
    assert not parity.compare("x", np.array([1.0, np.nan]), np.array([1.0, 2.0])).agrees


def test_numbers_below_a_thousandth_are_compared_in_absolute_terms() -> None:
    assert parity.compare("x", 9.9e-6, 0.0).agrees
    assert not parity.compare("x", 1.1e-5, 0.0).agrees
    assert parity.compare("x", 1.00009, 1.0).agrees
    assert not parity.compare("x", 1.00011, 1.0).agrees


def test_the_command_prints_each_comparison_and_exits_with_1_where_one_differs(
    labels_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # the setting would outlast this test
    agreeing = _run_cli(labels_folder)
    assert agreeing.exit_code == 0
    assert "labels fake: relative " in agreeing.output
    assert "DIFFERS" not in agreeing.output
    _change(folder / "latest_net_D.pth", lambda weights: weights["scale1_layer1.0.weight"].add_(0.01))
    differing = _run_cli(labels_folder, folder)
    assert differing.exit_code == 1
    lines = [line for line in differing.output.splitlines() if line.endswith("DIFFERS")]
    assert any("disc_fake_scale0_layer1" in line for line in lines)
    assert not any("disc_fake_scale1_layer1" in line for line in lines)


def test_missing_and_surplus_tensors_are_named_with_their_file(folder: Path) -> None:
    def change(weights: dict[str, torch.Tensor]) -> None:
        del weights["model.1.bias"]
        weights["model.99.weight"] = torch.zeros(1)

    _change(folder / "latest_net_E.pth", change)
    with pytest.raises(ValueError, match="missing") as caught:
        load_official(folder, official_options(LABELS))
    assert re.fullmatch(
        rf"{re.escape(str(folder / 'latest_net_E.pth'))}: missing \w+\.1\.bias; surplus model\.99\.weight",
        str(caught.value),
    )


def test_options_that_do_not_fit_the_weights_are_refused_with_both_shapes(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: .*has shape \(\d+, .*expected \(\d+, "):
        load_official(folder, official_options(LABELS, {"ngf": 8}))


def test_options_that_would_fit_the_generator_are_named_last(folder: Path) -> None:
    with pytest.raises(ValueError, match="missing") as caught:
        load_official(folder, official_options(LABELS, {"netG": "global", "ngf": 8, "features": False}))
    assert str(caught.value).splitlines()[-1] == (
        "Its tensors would fit, for instance, --option netG=local --option ngf=4 --option instance_feat=True"
    )
