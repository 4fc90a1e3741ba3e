"""What the pages' examples in Python expect: a bundle of street scenes, and the arrays that the text names."""

import hashlib
import json
from pathlib import Path

from tests.tiny_bundle import write_tiny_bundle

CLASSES = ["sky", "building", "tree", "road", "pavement", "car", "pedestrian"]
# Said before each example that has no test of its own: a picture of 8 x 16 pixels, a road with two cars.
PREAMBLE = """
import numpy as np

from components.inference import Synthesizer, synthesize_tiled

label = np.full((8, 16), 3, np.uint8)
label[2:6, 1:5] = label[2:6, 9:13] = 5
instance = np.zeros((8, 16), np.int32)
instance[2:6, 1:5], instance[2:6, 9:13], instance[7] = 1, 2, 3
photo = np.random.default_rng(0).integers(256, size=(8, 16, 3), dtype=np.uint8)
other_label, other_instance = label[:, ::-1].copy(), instance[:, ::-1].copy()
other_styles = np.zeros((4, 2), np.float32)
synthesizer = Synthesizer("build/bundle")
inputs = {"label": label, "instance": instance, "styles": other_styles}
styles = other_styles
"""
# Said after it: what it makes is a picture of the maps' size.
CHECK = """
assert image.shape == (8, 16, 3) and image.dtype == np.uint8, (image.shape, image.dtype)
"""


def write_street_bundle(folder: Path) -> Path:
    """Write a tiny bundle whose seven classes all have five styles, as pages number them."""
    write_tiny_bundle(folder, class_names=CLASSES)
    bank = {
        str(index): {
            "name": name,
            "styles": [[10.0 * index + number, number] for number in range(5)],
            "counts": [5, 4, 3, 2, 1],
        }
        for index, name in enumerate(CLASSES)
    }
    text = json.dumps({"dimension": 2, "classes": bank})
    (folder / "styles.json").write_text(text, encoding="utf-8")
    document = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    document["files"]["styles.json"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
