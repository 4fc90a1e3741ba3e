import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from components.inference import BundleError, Synthesizer
from components.inference import synthesizer as module
from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return Synthesizer(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), threads=1)


def _inputs() -> dict[str, np.ndarray]:
    label = np.zeros((2, 4, 8), dtype=np.uint8)
    label[1] = 2
    instance = np.zeros((2, 4, 8), dtype=np.int32)
    instance[:, :, 4:] = 1
    styles = np.array([[[10, 0], [20, 0]], [[30, 0], [40, 0]]], dtype=np.float32)
    return {"label": label, "instance": instance, "styles": styles}


def test_the_picture_is_that_of_the_graph(synthesizer: Synthesizer) -> None:
    image = synthesizer.synthesize(**_inputs())
    assert image.dtype == np.uint8
    assert image.shape == (2, 4, 8, 3)
    assert image[0, 0, 0].tolist() == [0, 0, 10]
    assert image[0, 3, 7].tolist() == [0, 1, 20]
    assert image[1, 0, 0].tolist() == [2, 0, 30]
    assert image[1, 3, 7].tolist() == [2, 1, 40]


def test_inputs_are_left_as_they_were(synthesizer: Synthesizer) -> None:
    inputs, untouched = _inputs(), _inputs()
    synthesizer.synthesize(**inputs)
    assert all(np.array_equal(inputs[name], untouched[name]) for name in inputs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label", np.zeros((2, 4, 8), np.int64), "label: found int64, expected an array of uint8"),
        ("label", [[0]], "label: found list, expected an array of uint8"),
        ("label", np.zeros((4, 8), np.uint8), r"label: found shape \(4, 8\), expected \[N,H,W\]"),
        ("label", np.full((2, 4, 8), 3, np.uint8), r"label: found 3, expected 0\.\.2"),
        ("label", np.zeros((2, 6, 8), np.uint8), r"instance: found \(2, 4, 8\) for N, H, W, expected \(2, 6, 8\)"),
        ("instance", np.full((2, 4, 8), 2, np.int32), r"instance: found id 2, expected 0\.\.1, the rows of styles"),
        ("instance", np.full((2, 4, 8), -1, np.int32), "instance: found id -1, expected 0 or more"),
        ("styles", np.zeros((1, 2, 2), np.float32), r"styles: found shape \(1, 2, 2\), expected \(2, M, 2\)"),
        ("styles", np.zeros((2, 2, 3), np.float32), r"styles: found shape \(2, 2, 3\), expected \(2, M, 2\)"),
        ("styles", np.full((2, 2, 2), np.nan, np.float32), "styles: found NaN or infinity"),
        ("picture", np.zeros((2, 4, 8, 3), np.uint8), r"inputs: found .*'picture'.*, expected"),
    ],
)
def test_a_wrong_input_is_named(synthesizer: Synthesizer, name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthesizer.synthesize(**_inputs() | {name: value})


def test_a_missing_input_is_named(synthesizer: Synthesizer) -> None:
    inputs = _inputs()
    del inputs["styles"]
    with pytest.raises(ValueError, match=r"found \['instance', 'label'\], expected \['instance', 'label', 'styles'\]"):
        synthesizer.synthesize(**inputs)


@pytest.mark.parametrize(("count", "height", "width"), [(1, 4, 6), (1, 3, 8), (0, 4, 8), (1, 0, 8)])
def test_sizes_must_be_multiples_and_not_empty(synthesizer: Synthesizer, count: int, height: int, width: int) -> None:
    inputs = {
        "label": np.zeros((count, height, width), np.uint8),
        "instance": np.zeros((count, height, width), np.int32),
        "styles": np.zeros((count, 1, 2), np.float32),
    }
    with pytest.raises(ValueError, match=f"label: found {count} pictures of {height}x{width} .*multiples of 4"):
        synthesizer.synthesize(**inputs)


def test_a_model_of_labels_alone_needs_nothing_else(tmp_path: Path) -> None:
    model = Synthesizer(write_tiny_bundle(tmp_path, inputs=("label",)), threads=1)
    assert model.synthesize(label=np.full((1, 4, 4), 2, np.uint8))[0, 0, 0].tolist() == [2, 0, 0]


def test_a_model_of_pictures_has_no_classes(tmp_path: Path) -> None:
    model = Synthesizer(write_tiny_bundle(tmp_path, inputs=("picture",)), threads=1)
    picture = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    assert np.array_equal(model.synthesize(picture=picture), picture)
    with pytest.raises(ValueError, match=r"picture: found shape \(1, 4, 4, 4\)"):
        model.synthesize(picture=np.zeros((1, 4, 4, 4), np.uint8))


def test_a_graph_with_other_inputs_than_the_bundle_says_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    document = (folder / "bundle.json").read_text().replace('"instance",\n', "")
    (folder / "bundle.json").write_text(document)
    with pytest.raises(
        BundleError, match=r"generator\.onnx: found inputs .*'instance'.*, expected \['label', 'styles'\]"
    ):
        Synthesizer(folder)


def test_threads_and_providers_are_checked(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    with pytest.raises(ValueError, match="threads: found 0, expected 1 or more"):
        Synthesizer(folder, threads=0)
    with pytest.raises(ValueError, match=r"providers: found \['NoSuchProvider'\], expected some of"):
        Synthesizer(folder, providers=["NoSuchProvider"])
    assert Synthesizer(folder, providers=["CPUExecutionProvider"]).providers == ("CPUExecutionProvider",)


def test_without_a_device_a_build_for_gpus_takes_the_cpu_and_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_has_cuda_device", lambda: False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [module.CUDA, module.CPU])
    model = Synthesizer(write_tiny_bundle(tmp_path), threads=1)
    assert model.providers == (module.CPU,)
    assert capfd.readouterr() == ("", "")


@pytest.mark.gpu
def test_with_a_device_cuda_gives_the_same_picture(tmp_path: Path) -> None:
    if not module._has_cuda_device():
        pytest.skip("no CUDA device")
    model = Synthesizer(write_tiny_bundle(tmp_path))
    assert model.providers[0] == module.CUDA
    assert model.synthesize(**_inputs())[1, 3, 7].tolist() == [2, 1, 40]


def test_inference_works_where_there_is_no_torch(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    code = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'pydantic', 'sklearn', 'mlflow'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from components.inference import Synthesizer\n"
        "zeros = np.zeros((1, 4, 4))\n"
        f"model = Synthesizer({str(folder)!r}, threads=1)\n"
        "styles = model.bundle.style_bank.sample(zeros[0].astype('uint8'), zeros[0].astype('int32'), seed=0)[None]\n"
        "image = model.synthesize(label=zeros.astype('uint8'), instance=zeros.astype('int32'), styles=styles)\n"
        "print(int(image[0, 0, 0, 2]))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() in ("10", "20")
