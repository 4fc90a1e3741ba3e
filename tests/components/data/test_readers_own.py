"""The worked example of docs/own_reader.md, run as it stands there."""

import re
from pathlib import Path

import pytest

from components.data import readers
from components.data.dataset import DatasetError
from components.data.manifest import Manifest
from components.data.prepare import prepare_dataset
from tests.conftest import ROOT
from tests.tiny_dataset import pixels_of, random_photo, tiny_prepare, write_picture

NAME = "drone_fields"


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the example where the project looks for readers."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/own_reader.md").read_text(), flags=re.DOTALL)
    package = tmp_path / "readers"
    package.mkdir()
    (package / f"{NAME}.py").write_text(code)
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(package)])


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    root = tmp_path / "fields"
    for seed, (split, name) in enumerate((("train", "f1"), ("val", "f7"))):
        write_picture(root / split / "photos" / f"{name}.jpg", random_photo(seed, 2, 3))
        write_picture(root / split / "masks" / f"{name}_mask.png", [[0, 100, 200], [200, 0, 100]])
    return root


def prepared(root: Path, **overrides: str) -> Manifest:
    return prepare_dataset(tiny_prepare(reader=NAME, root=root, **overrides), root.with_name("prepared"))


def test_the_example_is_chosen_by_its_name_and_gives_class_indices(fields: Path) -> None:
    manifest = prepared(fields)
    assert (manifest.reader, manifest.train[0].name, manifest.val[0].name) == (NAME, "f1", "f7")
    assert pixels_of(manifest.records("val")[0].label) == [[0, 1, 2], [2, 0, 1]]
    assert [each.name for each in manifest.classes] == ["ground", "crop", "weed"]


def test_the_example_gets_instance_maps_by_a_parameter(fields: Path) -> None:
    manifest = prepared(fields, instances="components")
    assert pixels_of(manifest.records("train")[0].instance) == [[0, 1, 256], [257, 0, 1]]


def test_the_example_names_a_mask_with_other_values(fields: Path) -> None:
    mask = write_picture(fields / "train/masks/f1_mask.png", [[0, 100, 201], [200, 7, 100]])
    with pytest.raises(DatasetError) as caught:
        prepared(fields)
    assert f"{mask}: mask has values [7, 201], expected (0, 100, 200)" in caught.value.problems
