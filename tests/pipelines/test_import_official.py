import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from components.data.record_encoding import number_ids
from components.inference import Synthesizer
from components.models.networks import Networks, load_networks
from components.models.official_options import official_options
from pipelines import import_official, registry
from tests.conftest import ROOT
from tests.golden.published_layout import PublishedEncoder, PublishedGenerator, write_reference_folder

OPTIONS: dict[str, Any] = {
    **{"netG": "local", "label_nc": 5, "instance": True, "features": True, "norm": "instance", "ngf": 4},
    **{"n_downsample_global": 2, "n_blocks_global": 2, "n_local_enhancers": 1, "n_blocks_local": 2},
    **{"num_D": 2, "ndf": 4, "n_layers_D": 2, "nef": 4, "n_downsample_E": 3, "lambda_feat": 10.0},
}


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # where params.yaml is


def _run(*arguments: Any) -> Result:
    app = typer.Typer()
    app.command()(import_official.main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _published_folder(reference: Path, folder: Path) -> dict[str, Any]:
    """Make of reference vectors what a published training and clustering leave, without D; give the options."""
    config: dict[str, Any] = json.loads((reference / "expected.json").read_text())["config"]
    folder.mkdir()
    for path in reference.glob("latest_net_[GE].pth"):
        (folder / path.name).write_bytes(path.read_bytes())
    options = {name: value for name, value in config.items() if name not in ("instance", "features", "lambda_feat")}
    options |= {"no_instance": not config["instance"], "instance_feat": config["features"], "loadSize": 128}
    lines = [f"{name}: {value}" for name, value in sorted(options.items())]
    (folder / "opt.txt").write_text("\n".join(["--- Options ---", *lines, "isTrain: True", "--- End ---\n"]))
    if config["features"]:
        centres = {2: np.array([[0.5, -0.5, 0.25]]), 4: np.zeros((2, 3))}
        np.save(folder / "features_clustered_010.npy", np.array(centres))
    return config


def _inputs(reference: Path) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """What the bundle takes, each instance in the style that the reference gave it, and the reference's pixels."""
    with np.load(reference / "tensors.npz") as archive:
        tensors = dict(archive)
    instance = np.stack([number_ids(ids[0], np.int32)[0] for ids in tensors["instance"]])
    inputs = {"label": tensors["label"][:, 0].astype(np.uint8), "instance": instance}
    if "features" in tensors:
        styles = np.zeros((len(instance), instance.max() + 1, 3), np.float32)
        for picture, ids in enumerate(instance):
            for number in range(ids.max() + 1):
                row, column = np.argwhere(ids == number)[0]
                styles[picture, number] = tensors["features"][picture, :, row, column]
        inputs["styles"] = styles
    return inputs, np.round((tensors["fake"].transpose(0, 2, 3, 1) + 1) * 127.5)


def _assert_serves_the_reference(bundle: Path, reference: Path) -> None:
    inputs, expected = _inputs(reference)
    synthesizer = Synthesizer(bundle, threads=1, providers=["CPUExecutionProvider"])
    found = synthesizer.synthesize(**{name: inputs[name] for name in synthesizer.bundle.inputs})
    assert expected.std() > 10, "a flat picture would prove nothing"
    assert np.abs(found - expected).max() <= 1


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of a literal transcription of the published networks, and what they gave."""
    folder = tmp_path_factory.mktemp("literal") / "reference"
    write_reference_folder(folder, OPTIONS, batch=2, height=32, width=64)
    return folder


@pytest.fixture
def checkpoints(reference: Path, tmp_path: Path) -> Path:
    _published_folder(reference, tmp_path / "label2city")
    return tmp_path / "label2city"


@pytest.mark.slow
def test_a_folder_of_a_published_training_becomes_a_bundle_that_serves_its_pictures(
    reference: Path, checkpoints: Path, tmp_path: Path
) -> None:
    result = _run(checkpoints, "--out", tmp_path / "bundle")
    assert result.exit_code == 0
    _assert_serves_the_reference(tmp_path / "bundle", reference)
    bundle = Synthesizer(tmp_path / "bundle").bundle
    assert bundle.trained_size == (64, 128)
    assert (bundle.size_multiple, bundle.style_dimension) == (8, 3)
    assert [each.name for each in bundle.classes] == [f"class {index}" for index in range(5)]
    np.testing.assert_allclose(bundle.style_bank.style(2, 0), [0.5, -0.5, 0.25])
    assert set(bundle.scores.values()) == {None}
    assert bundle.fingerprint["data"] == "unknown"
    assert "not measured" in (tmp_path / "bundle" / "model_card.md").read_text()
    assert bundle.graphs.keys() == {"float32", "float16"}
    assert "no validation set" in bundle.left_out["int8"]
    assert bundle.encoder is not None
    _assert_encodes_as_published(bundle.encoder.file, reference)


def _assert_encodes_as_published(encoder: Path, reference: Path) -> None:
    published = PublishedEncoder(OPTIONS)
    published.load_state_dict(torch.load(reference / "latest_net_E.pth", weights_only=True))
    ids = np.load(reference / "tensors.npz")["instance"]
    instance = np.stack([number_ids(each[0], np.int32)[0] for each in ids])
    image = np.random.default_rng(0).integers(256, size=(*instance.shape, 3), dtype=np.uint8)
    with torch.no_grad():
        features = published(torch.from_numpy(image / 127.5 - 1).float().permute(0, 3, 1, 2), torch.from_numpy(ids))
    session = onnxruntime.InferenceSession(encoder, providers=["CPUExecutionProvider"])
    (styles,) = session.run(["styles"], {"image": image, "instance": instance})
    painted = styles[np.arange(len(ids))[:, None, None], instance]
    np.testing.assert_allclose(painted, features.permute(0, 2, 3, 1).numpy(), atol=1e-4)


def test_without_its_checkpoint_the_encoder_is_not_exported(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def write_bundle(_folder: Path, networks: Networks, **_: Any) -> None:
        assert networks.encoder is None
        raise Stop

    monkeypatch.setattr(import_official, "write_bundle", write_bundle)
    (checkpoints / "latest_net_E.pth").unlink()
    assert isinstance(_run(checkpoints, "--out", tmp_path / "bundle").exception, Stop)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local_features", "global_labels"])
def test_checkpoints_of_the_published_code_serve_its_pictures(
    shared_reference: Path, name: str, tmp_path: Path
) -> None:
    _published_folder(shared_reference / name, tmp_path / name)
    result = _run(tmp_path / name, "--out", tmp_path / "bundle")
    assert result.exit_code == 0
    _assert_serves_the_reference(tmp_path / "bundle", shared_reference / name)


@pytest.mark.slow
def test_a_generator_alone_that_takes_rgb_pictures_is_imported_by_command_line_options(tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = OPTIONS | {"netG": "global"}
    published = PublishedGenerator(options, 3)
    torch.save(published.state_dict(), tmp_path / "40_net_G.pth")
    chosen = ["label_nc=0", "no_instance=True", "ngf=4", "n_downsample_global=2", "n_blocks_global=2"]
    arguments = [argument for each in chosen for argument in ("--option", each)]
    size = ("--height", 32, "--width", 64)
    result = _run(tmp_path, "--out", tmp_path / "bundle", "--epoch", 40, *size, *arguments)
    assert result.exit_code == 0
    picture = np.random.default_rng(0).integers(256, size=(1, 16, 24, 3), dtype=np.uint8)
    with torch.no_grad():
        image = published(torch.from_numpy(picture / 127.5 - 1).float().permute(0, 3, 1, 2))
    expected = np.round((image.permute(0, 2, 3, 1).numpy() + 1) * 127.5)
    assert np.abs(Synthesizer(tmp_path / "bundle").synthesize(picture=picture) - expected).max() <= 1


@pytest.mark.slow
def test_with_all_networks_training_can_go_on_and_the_registry_takes_the_bundle(
    reference: Path, checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    (checkpoints / "latest_net_D.pth").write_bytes((reference / "latest_net_D.pth").read_bytes())
    result = _run(checkpoints, "--out", tmp_path / "bundle", "--networks", tmp_path / "networks")
    assert result.exit_code == 0
    networks = load_networks(tmp_path / "networks", official_options(OPTIONS).shape.model)
    with torch.no_grad():
        published = torch.load(reference / "latest_net_D.pth", weights_only=True)["scale1_layer0.0.weight"]
        moved = networks.get_parameter("discriminator.discriminators.1.layers.0.0.weight")
        assert torch.equal(moved, published)
    assert registry.register(tmp_path / "bundle", "moved") == 1
    assert registry.tag(1, "moved", "data_fingerprint") == "unknown"


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "arguments", "message"),
    [
        (lambda folder: (folder / "latest_net_G.pth").unlink(), [], r"latest_net_G\.pth: no such file, expected the"),
        (lambda folder: (folder / "latest_net_G.pth").write_text("<html>"), [], r"latest_net_G\.pth: .*an HTML page"),
        (lambda folder: (folder / "features_clustered_010.npy").unlink(), [], "encode_features.py"),
        (lambda _: None, ["--option", "ngf=8"], r"would fit, for instance, --option ngf=4$"),
        (lambda _: None, ["--option", "size=8"], "--option size=8: expected NAME=VALUE"),
        (lambda _: None, ["--option", "norm=layer"], "norm: must be 'instance' or 'batch', got 'layer'"),
        (lambda _: None, ["--width", "100"], "--width: must be a multiple of 8 and at least 16, got 100"),
        (lambda _: None, ["--networks", "NEW"], r"latest_net_D\.pth: no such file"),
    ],
)
def test_what_cannot_be_imported_is_refused_by_name_and_leaves_nothing(
    damage: Damage, arguments: list[str], message: str, checkpoints: Path, tmp_path: Path
) -> None:
    damage(checkpoints)
    arguments = [str(tmp_path / "new") if each == "NEW" else each for each in arguments]
    result = _run(checkpoints, "--out", tmp_path / "bundle", *arguments)
    assert isinstance(result.exception, ValueError)
    assert re.search(message, str(result.exception))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["label2city"]


def test_a_folder_that_is_no_bundle_is_never_replaced(checkpoints: Path, tmp_path: Path) -> None:
    before = sorted(checkpoints.iterdir())
    for out in (checkpoints, tmp_path, checkpoints / ".."):
        result = _run(checkpoints, "--out", out)
        assert re.search("holds the checkpoints, expected another folder", str(result.exception))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("dear")
    result = _run(checkpoints, "--out", tmp_path / "notes")
    assert re.search(r"notes: has no bundle\.json, so it will not be replaced", str(result.exception))
    result = _run(checkpoints, "--out", tmp_path / "bundle", "--networks", tmp_path / "notes")
    assert re.search(r"notes: has no networks\.json, so it will not be replaced", str(result.exception))
    assert sorted(checkpoints.iterdir()) == before
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "dear"
