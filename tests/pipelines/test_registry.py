import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines import registry
from pipelines.registry.__main__ import app
from tests.given import given
from tests.tiny_bundle import write_tiny_bundle

NAME = "street"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with two registered versions: an empty database takes a second to make."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        write_tiny_bundle(folder / "bundle", mean_iou=0.5)
        assert registry.register(folder / "bundle", NAME, tags={"night": "1"}) == 1
        better = write_tiny_bundle(folder / "better", mean_iou=0.75, validation="validation-b")
        # As in a working copy where DVC links to a cache on another disk.
        (better / "styles.json").rename(folder / "cached")
        (better / "styles.json").symlink_to(folder / "cached")
        assert registry.register(folder / "better", NAME) == 2
    return folder


@pytest.fixture
def project(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with version 1 as its champion."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts a loaded model's code before ours, and leaves it
    monkeypatch.chdir(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
    client = mlflow.MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    for alias in (registry.PREVIOUS, registry.CHALLENGER):
        client.delete_registered_model_alias(NAME, alias)
    client.set_registered_model_alias(NAME, registry.CHAMPION, "1")
    return store


def _cli(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments, "--name", NAME])
    return result.exit_code, result.output


def test_a_version_carries_lineage_scores_and_model_card(project: Path) -> None:
    newest, oldest = registry.versions(NAME)
    assert (int(newest.version), int(oldest.version)) == (2, 1)
    assert registry.score(newest) == 0.75
    assert "pixel_accuracy" not in newest.tags
    expected = {"data": "data-a", "validation": "validation-b", "params": "params-a", "code": "code-a"}
    assert {name: newest.tags[f"{name}_fingerprint"] for name in expected} == expected
    assert newest.tags["git_commit"]
    assert oldest.tags["night"] == "1"
    assert given(newest.description).startswith("# A tiny model")


def test_the_model_asks_for_three_packages_and_carries_only_the_inference_code(project: Path) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1"))
    packages = [line.split("==")[0] for line in (folder / "requirements.txt").read_text().split()]
    assert sorted(packages) == ["mlflow", "numpy", "onnxruntime", "pillow"]
    code = {path.relative_to(folder / "code") for path in (folder / "code").rglob("*") if path.is_file()}
    inference = {path.relative_to(ROOT) for path in (ROOT / "components/inference").rglob("*") if path.is_file()}
    expected = {path for path in inference if "__pycache__" not in path.parts} | {Path("components/__init__.py")}
    assert {path for path in code if "__pycache__" not in path.parts} == expected
    assert {"bundle.schema.json", "completion.py"} <= {path.name for path in code}


def test_only_the_condition_is_required_and_the_seed_is_a_parameter(project: Path) -> None:
    model = mlflow.models.get_model_info(f"models:/{NAME}/1")
    assert model.signature.inputs.required_input_names() == ["label"]
    assert model.signature.inputs.optional_input_names() == ["instance", "styles"]
    (image,) = model.signature.outputs.inputs
    assert (image.type, image.shape) == (np.uint8, (-1, -1, -1, 3))
    assert model.signature.params.to_dict() == [{"name": "seed", "default": 0, "shape": None, "type": "long"}]
    types = {name: text.split("]")[0] + "]" for name, text in given(model.metadata)["inputs"].items()}
    assert types == {"label": "uint8 [N,H,W]", "instance": "int32 [N,H,W]", "styles": "float32 [N,M,F]"}


def test_a_model_of_rgb_conditions_asks_for_pictures(project: Path) -> None:
    assert registry.register(write_tiny_bundle(project / "edges", inputs=("picture",)), "edges") == 1
    model = mlflow.pyfunc.load_model("models:/edges/1")
    assert model.metadata.get_input_schema().required_input_names() == ["picture"]
    picture = np.arange(96, dtype=np.uint8).reshape(1, 4, 8, 3)
    assert np.array_equal(model.predict({"picture": picture}), picture)


def test_a_loaded_model_takes_label_maps_alone_and_any_instance_ids(project: Path) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    label = np.zeros((2, 4, 8), np.uint8)
    label[0, :, 4:] = 1
    alone = model.predict({"label": label})
    assert alone.shape == (2, 4, 8, 3)
    assert alone[0, :, 4:].reshape(-1, 3).tolist() == [[1, 1, 30]] * 16  # of class 1, the second region, its only style
    ids = np.where(label == 1, 26001, 24).astype(np.int64)
    assert np.array_equal(model.predict({"label": label, "instance": ids}), alone)
    drawn = {seed: model.predict({"label": label}, params={"seed": seed})[:, 0, 0, 2].tolist() for seed in range(12)}
    assert all(first == second for first, second in drawn.values())  # whatever is beside it in the batch
    assert {first for first, _ in drawn.values()} == {10, 20}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.zeros((4, 8), np.uint8)}, r"label: found uint8 of shape \(4, 8\), expected uint8 \[N,H,W\]"),
        ({"label": np.zeros((1, 4, 8))}, "label: found float64 of shape"),
        ({"label": np.full((1, 4, 8), 300)}, r"label: found 300\.\.300, expected 0\.\.255"),
        ({"label": np.zeros((0, 4, 8), np.uint8)}, "found numbers of pictures {'label': 0"),
        ({"instance": np.zeros((2, 4, 8), np.int32)}, "found numbers of pictures {'label': 1, 'instance': 2}"),
        ({"instance": [[[0], [0, 1]]]}, r"instance: found lists of several lengths, expected an array \[N,H,W\]"),
        ({"styles": np.zeros((1, 1, 2), np.float32)}, "styles: found without instance"),
    ],
)
def test_a_wrong_input_of_the_model_is_named(project: Path, change: dict[str, object], message: str) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    with pytest.raises(ValueError, match=message):
        model.predict({"label": np.zeros((1, 4, 8), np.uint8)} | change)


@pytest.mark.slow
def test_a_consumer_without_repository_and_torch_loads_the_champion(project: Path, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
import mlflow, numpy as np
model = mlflow.pyfunc.load_model("models:/{NAME}@champion")
label = np.full((1, 4, 8), 1, np.uint8)
image = model.predict({{
    "label": label, "instance": np.zeros((1, 4, 8), np.int32), "styles": np.array([[[30, 3]]], np.float32)
}})
assert image.dtype == np.uint8 and image.shape == (1, 4, 8, 3), image
print(image[0, 0, 0].tolist())
try:
    model.predict({{"label": label + 9, "instance": np.zeros((1, 4, 8), np.int32),
                    "styles": np.zeros((1, 1, 2), np.float32)}})
except ValueError as error:
    print(error)
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["[1, 0, 30]", "label: found 10, expected 0..2"]
    assert "mismatch" not in result.stderr
    assert "hint" not in result.stderr.lower()


def test_promote_and_rollback_swap_the_champion_and_the_one_before(project: Path) -> None:
    assert _cli("promote", "2") == (0, f"{NAME} version 2 is champion\n")
    assert registry.aliases(NAME) == {"champion": 2, "previous": 1}
    assert _cli("rollback") == (0, f"{NAME} version 1 is champion again\n")
    assert registry.aliases(NAME) == {"champion": 1, "previous": 2}
    assert _cli("rollback")[0] == 0
    assert registry.aliases(NAME) == {"champion": 2, "previous": 1}


def test_promoting_the_champion_again_keeps_the_one_before(project: Path) -> None:
    registry.promote(2, NAME, why="it is better")
    registry.promote(2, NAME, why="once more")
    assert registry.aliases(NAME) == {"champion": 2, "previous": 1}


def test_an_unknown_version_or_a_missing_predecessor_is_an_error(project: Path) -> None:
    status, output = _cli("promote", "7")
    assert status == 1
    assert f"{NAME}: found versions [1, 2], expected version 7 among them" in output
    status, output = _cli("rollback")
    assert status == 1
    assert "found no alias 'previous'" in output
    assert registry.aliases(NAME) == {"champion": 1}


def test_list_shows_versions_with_aliases_and_scores(project: Path) -> None:
    status, output = _cli("list")
    assert status == 0
    header, newest, oldest = output.splitlines()
    assert header.split() == ["version", "aliases", "mean", "IoU", "created", "data"]
    assert newest.split()[:2] == ["2", "0.7500"]
    assert oldest.split()[:3] == ["1", "champion", "0.5000"]
    assert oldest.split()[-1] == "data-a"
    other = CliRunner().invoke(app, ["list", "--name", "nothing"])
    assert (other.exit_code, other.output) == (0, "nothing has no versions\n")


def test_a_damaged_bundle_is_not_registered(project: Path, tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "damaged")
    (folder / "styles.json").write_text("{}")
    status, output = _cli("register", str(folder))
    assert status == 1
    assert "styles.json: found sha256" in output.replace("\n", "")
    assert len(registry.versions(NAME)) == 2


def test_the_champions_bundle_comes_back_as_it_was(project: Path, tmp_path: Path) -> None:
    assert registry.champion_bundle("nothing") is None
    copy = registry.champion_bundle(NAME, tmp_path / "copy")
    assert copy is not None
    assert copy.is_relative_to(tmp_path)
    names = sorted(path.name for path in copy.iterdir())
    assert names == sorted(path.name for path in (project / "bundle").iterdir())
    assert all((copy / name).read_bytes() == (project / "bundle" / name).read_bytes() for name in names)


def test_a_version_holds_files_and_no_links(project: Path) -> None:
    bundle = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/2/artifacts/bundle"))
    styles = bundle / "styles.json"
    assert not styles.is_symlink()
    assert styles.read_bytes() == (project / "cached").read_bytes()


def test_a_bundle_is_found_by_its_content(project: Path, tmp_path: Path) -> None:
    assert registry.find(project / "better", NAME) == 2
    assert registry.find(write_tiny_bundle(tmp_path, mean_iou=0.6), NAME) is None
