import base64
import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.inference import Bundle, BundleError
from components.inference.samples import Samples
from tests.tiny_bundle import write_tiny_bundle

Change = Callable[[dict[str, Any]], object]


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


def _document() -> dict[str, Any]:
    """A scene of 4 x 8 with ids 0 and 258 = 0x0102 in classes 2 and 1, and a mask of 2 x 5."""
    label = bytes(8 * [2] + 24 * [1])
    instance = bytes(8 * [0, 0] + 24 * [2, 1])
    bits = bytes([0b10110010, 0b01000000])  # rows 10110 and 01001
    return {
        "scenes": [{"name": "a_1", "height": 4, "width": 8, "label": _packed(label), "instance": _packed(instance)}],
        "gallery": [{"class": 1, "height": 2, "width": 5, "bits": _packed(bits)}],
    }


def _bundle(folder: Path, text: str, *, inputs: tuple[str, ...] = ("label", "instance", "styles")) -> Bundle:
    write_tiny_bundle(folder, inputs=inputs)
    (folder / "samples.json").write_text(text)
    document = json.loads((folder / "bundle.json").read_text())
    document["files"]["samples.json"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(document))
    return Bundle.load(folder)


def test_scenes_and_masks_are_what_the_file_says(tmp_path: Path) -> None:
    samples = Samples.load(_bundle(tmp_path, json.dumps(_document())))
    (scene,), (mask,) = samples.scenes, samples.gallery
    assert scene.name == "a_1"
    assert scene.label.dtype == np.uint8
    assert scene.instance.dtype == np.int32
    assert mask.mask.dtype == bool
    assert scene.label.tolist() == [8 * [2], 8 * [1], 8 * [1], 8 * [1]]
    assert scene.instance.tolist() == [8 * [0], 8 * [258], 8 * [258], 8 * [258]]
    assert mask.class_index == 1
    assert mask.mask.astype(int).tolist() == [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1]]


def test_a_bundle_without_the_file_has_no_samples(tmp_path: Path) -> None:
    assert Samples.load(Bundle.load(write_tiny_bundle(tmp_path))) == Samples((), ())


def test_a_file_that_changed_is_refused_with_its_hash(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, json.dumps(_document()))
    (tmp_path / "samples.json").write_text("{}")
    with pytest.raises(BundleError, match=r"samples\.json: found sha256 [0-9a-f]{64}, expected "):
        Samples.load(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("gallery"), r"the whole: found \['scenes'\], expected an object with 'gallery'"),
        (lambda d: d.update(scenes={}), r"scenes: found dict, expected a list"),
        (lambda d: d["scenes"].append(3), r"scenes\[1\]: found int, expected an object with 'name'"),
        (lambda d: d["scenes"].append(d["scenes"][0]), r"scenes: found names \['a_1', 'a_1'\], expected each once"),
        (lambda d: d["scenes"][0].update(name="../a"), r"scenes\[0\]\.name: found \.\./a, expected a name of the form"),
        (lambda d: d["scenes"][0].update(name=".."), r"scenes\[0\]\.name: found \.\., expected"),
        (
            lambda d: d["scenes"][0].update(height=0),
            r"scenes\[0\]\.height: found 0, expected a whole number, 1 or more",
        ),
        (lambda d: d["scenes"][0].update(height=True), r"scenes\[0\]\.height: found True, expected a whole number"),
        (lambda d: d["scenes"][0].update(width=8.0), r"scenes\[0\]\.width: found 8\.0, expected a whole number"),
        (lambda d: d["scenes"][0].update(width=6), r"scenes\[0\]: found 4x6 pixels \(HxW\), expected multiples of 4"),
        (lambda d: d["scenes"][0].update(width=4), r"scenes\[0\]\.label: found more than 16 bytes, expected 16"),
        (lambda d: d["scenes"][0].update(width=12), r"scenes\[0\]\.label: found 32 bytes, expected 48"),
        (lambda d: d["scenes"][0].update(label=_packed(bytes(31) + b"\3")), r"\.label: found 3, expected 0\.\.2"),
        (lambda d: d["scenes"][0].update(label=7), r"scenes\[0\]\.label: found int, expected text in base64"),
        (lambda d: d["scenes"][0].update(label="%"), r"scenes\[0\]\.label: found .*, expected base64 of zlib"),
        (lambda d: d["scenes"][0].update(label="AAAA"), r"scenes\[0\]\.label: found Error -3.*, expected base64 of"),
        (lambda d: d["scenes"][0].update(instance=_packed(bytes(63))), r"\.instance: found 63 bytes, expected 64"),
        (lambda d: d["scenes"][0].update(height=2**14, width=2**14), r"found 268435456 pixels up to here, expected at"),
        (lambda d: d["gallery"][0].update({"class": 3}), r"gallery\[0\]\.class: found 3, expected 0\.\.2"),
        (lambda d: d["gallery"][0].update({"class": -1}), r"gallery\[0\]\.class: found -1, expected a whole number"),
        (lambda d: d["gallery"][0].update(bits=_packed(bytes(2))), r"\.bits: found no pixel that is set, expected one"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_field(tmp_path: Path, change: Change, message: str) -> None:
    document = _document()
    change(document)
    with pytest.raises(BundleError, match=rf"samples\.json: .*{message}"):
        Samples.load(_bundle(tmp_path, json.dumps(document)))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]"])
def test_what_is_no_json_object_of_this_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BundleError, match=r"samples\.json: "):
        Samples.load(_bundle(tmp_path, text))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    document = _document()
    document["scenes"][0]["label"] = _packed(bytes(2**28))  # 261 kB of base64 that would take 268 MB
    bundle = _bundle(tmp_path, json.dumps(document))
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match=r"scenes\[0\]\.label: found more than 32 bytes, expected 32"):
            Samples.load(bundle)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_stream_that_is_cut_short_or_followed_by_more_is_refused(tmp_path: Path) -> None:
    for number, (cut, after) in enumerate([(-4, b""), (None, b"more")]):
        document = _document()
        content = zlib.compress(bytes(32))[:cut] + after
        document["scenes"][0]["label"] = base64.b64encode(content).decode()
        with pytest.raises(BundleError, match=r"scenes\[0\]\.label: found zlib that does not end with its content"):
            Samples.load(_bundle(tmp_path / str(number), json.dumps(document)))


def test_a_model_that_takes_pictures_has_no_samples(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, json.dumps(_document()), inputs=("picture",))
    with pytest.raises(BundleError, match=r"samples\.json: scenes: found samples of a model that takes pictures"):
        Samples.load(bundle)
