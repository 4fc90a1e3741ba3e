import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from components.inference import BundleClass, StyleBank

PAGE = Path(__file__).parents[3] / "docs" / "editing.md"
BANK = StyleBank(1, {1: np.array([[3], [4]], dtype=np.float32)}, {1: np.array([1, 1])})


def test_the_example_of_the_page_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    classes = [BundleClass(k, name, (0, 0, 0), name == "car", False) for k, name in enumerate(("road", "car"))]
    seen = SimpleNamespace()

    def synthesize(**inputs: np.ndarray) -> np.ndarray:
        seen.inputs = inputs
        return np.zeros((1, 64, 80, 3), dtype=np.uint8)

    synthesizer = SimpleNamespace(bundle=SimpleNamespace(classes=classes, style_bank=BANK), synthesize=synthesize)
    exec(example, {"synthesizer": synthesizer, "label": np.zeros((64, 80), dtype=np.uint8)})
    assert seen.inputs["styles"].tolist() == [[[0], [4]]]
    y, x = np.nonzero(seen.inputs["label"][0])
    assert (y.min(), y.max(), x.min(), x.max()) == (34, 50, 0, 36)  # the move was taken back
    assert (seen.inputs["instance"][0] == seen.inputs["label"][0]).all()
