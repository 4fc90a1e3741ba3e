"""What serves is installed without the training side: numpy, pillow and onnxruntime are all that it may import."""

import pkgutil
import subprocess
import sys
from pathlib import Path

from components import inference
from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[3]
MODULES = sorted(module.name for module in pkgutil.walk_packages(inference.__path__, "components.inference."))
# Anything else that is installed is found by no import.
PRELUDE = """
import sys
class OnlyTheNeeded:
    allowed = {"components", "numpy", "PIL", "onnxruntime"}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in self.allowed or top in sys.stdlib_module_names or top.startswith("_"):
            return None
        raise ModuleNotFoundError(f"{name} is blocked", name=name)
sys.meta_path.insert(0, OnlyTheNeeded())
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PRELUDE + code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_block_stops_torch() -> None:
    assert "torch is blocked" in _run("import torch").stderr


def test_every_module_of_inference_imports_without_the_training_side() -> None:
    assert "components.inference.editing" in MODULES
    result = _run("import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in MODULES))
    assert result.returncode == 0, result.stderr


def test_pictures_and_styles_are_made_without_the_training_side(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    code = (
        "import numpy as np\n"
        "from components.inference import StyleEncoder, Synthesizer, complete_inputs\n"
        f"model = Synthesizer({str(folder)!r}, threads=1)\n"
        "made = complete_inputs(model.bundle, label=np.zeros((4, 4), np.uint8), seed=0)\n"
        "image = model.synthesize(**{name: array[None] for name, array in made.items()})\n"
        f"styles = StyleEncoder({str(folder)!r}, threads=1).encode(image, made['instance'][None])\n"
        "sys.stdout.write(f'{image[0, 0, 0, 2]} {styles.shape}')\n"
    )
    result = _run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout in ("10 (1, 1, 2)", "20 (1, 1, 2)")
