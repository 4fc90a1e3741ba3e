import json
from pathlib import Path

import pytest

from components.inference import Bundle, BundleError
from tests.tiny_bundle import write_tiny_bundle


def _change(folder: Path, **fields: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_bundle_gives_what_its_files_say(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path / "bundle"))
    assert bundle.inputs == ("label", "instance", "styles")
    assert bundle.trained_size == (8, 16)
    assert bundle.size_multiple == 4
    assert [entry.name for entry in bundle.classes] == ["road", "car", "sky"]
    assert bundle.classes[1].colour == (1, 0, 0)
    assert bundle.scores["mean_iou"] == 0.5
    assert bundle.scores["pixel_accuracy"] is None
    assert bundle.fingerprint["validation"] == "validation-a"
    assert bundle.style_bank.style(1, 0).tolist() == [30.0, 3.0]


def test_a_changed_byte_in_the_graph_is_refused_with_both_hashes(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    expected = json.loads((folder / "bundle.json").read_text())["files"]["generator.onnx"]
    graph = folder / "generator.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    with pytest.raises(BundleError, match=rf"generator\.onnx: found sha256 [0-9a-f]{{64}}, expected {expected}"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", ["bundle.json", "generator.onnx", "classes.json", "styles.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_tiny_bundle(tmp_path)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: no such file"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 2}, "found format 2, expected 1"),
        ({"inputs": ["labels"]}, r"found inputs \['labels'\]"),
        ({"size_multiple": 0}, "found size_multiple 0, expected 1 or more"),
        ({"class_count": 2}, r"found classes \[0, 1, 2\], expected the 2"),
        ({"style_dimension": 3}, "found dimension 2, expected 3"),
        ({"trained_size": {"height": 8}}, "KeyError"),
        ({"files": {}}, r"found files \[\], expected generator.onnx"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    folder = write_tiny_bundle(tmp_path)
    _change(folder, **fields)
    with pytest.raises(BundleError, match=message):
        Bundle.load(folder)


def test_a_file_outside_the_bundle_is_never_read(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    files = json.loads((folder / "bundle.json").read_text())["files"]
    (tmp_path / "secret").write_text("s")
    _change(folder, files=files | {"../secret": "0"})
    with pytest.raises(BundleError, match=r"found file '\.\./secret', expected one inside the bundle"):
        Bundle.load(folder)


def test_files_may_be_links_into_a_cache(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    (folder / "generator.onnx").rename(tmp_path / "cached")
    (folder / "generator.onnx").symlink_to(tmp_path / "cached")
    assert Bundle.load(folder).graph.read_bytes() == (tmp_path / "cached").read_bytes()


def test_text_that_is_not_json_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match=r"bundle\.json: found .*, expected JSON"):
        Bundle.load(tmp_path)
