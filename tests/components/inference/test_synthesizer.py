import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from components.inference import BundleError, Synthesizer, providers
from components.inference import synthesizer as synthesizer_module
from components.inference.providers import CPU, CUDA, TENSORRT, Choice
from tests.tiny_bundle import write_tiny_bundle


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
    inputs: dict[str, np.ndarray] = {
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


def test_the_number_of_threads_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="threads: found 0, expected 1 or more"):
        Synthesizer(write_tiny_bundle(tmp_path), threads=0)


def test_a_precision_is_one_of_the_graphs(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    reduced = Synthesizer(folder, precision="float16", threads=1)
    assert "precision float16, generator-float16.onnx: CPUExecutionProvider" in reduced.report()
    assert reduced.synthesize(**_inputs())[1, 3, 7].tolist() == [2, 1, 40]
    message = (
        r"precision: found 'int8', expected 'auto' or one of \['float32', 'float16'\] \(int8 was left out: it was not"
    )
    with pytest.raises(ValueError, match=message):
        Synthesizer(folder, precision="int8")


def test_without_a_gpu_auto_takes_float32(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    assert Synthesizer(folder, precision="auto", threads=1, providers=[CPU]).precision == "float32"


def test_on_a_gpu_auto_takes_float16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_gpu(graph: Path, options: Any, providers: Any) -> SimpleNamespace:
        real = session(graph, options, providers=[CPU])
        return SimpleNamespace(get_providers=lambda: [CUDA, CPU], get_inputs=real.get_inputs)

    session = onnxruntime.InferenceSession
    monkeypatch.setattr(synthesizer_module, "choose", lambda providers: Choice((CUDA, CPU), asked=False, unused={}))
    monkeypatch.setattr(onnxruntime, "InferenceSession", on_gpu)
    folder = write_tiny_bundle(tmp_path)
    assert (
        Synthesizer(folder, precision="auto").report().startswith(f"precision float16, generator-float16.onnx: {CUDA}")
    )
    assert Synthesizer(folder).precision == "float32"


def test_where_cuda_does_not_load_auto_falls_back_to_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    choice = Choice((TENSORRT, CPU), asked=False, unused={})
    monkeypatch.setattr(synthesizer_module, "choose", lambda providers: choice)
    monkeypatch.setattr(onnxruntime, "InferenceSession", _without_gpu(onnxruntime.InferenceSession))
    model = Synthesizer(write_tiny_bundle(tmp_path), precision="auto", threads=1)
    assert (model.precision, model.providers) == ("float32", (CPU,))
    assert f"{TENSORRT} does not work here; using {CPU}" in caplog.text
    assert f"{TENSORRT} is not used: its libraries do not load" in model.report()


def _without_gpu(session: Any) -> Any:
    """What ONNX Runtime does where a provider's libraries do not load."""
    return lambda graph, options, providers: session(graph, options, providers=[CPU])


def test_warming_up_makes_a_picture_of_a_size_that_the_bundle_allows(
    synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    monkeypatch.setattr(synthesizer, "synthesize", lambda **inputs: sizes.append(inputs["label"].shape))
    synthesizer.warm_up()
    synthesizer.warm_up(height=12, width=4)
    assert sizes == [(1, 8, 16), (1, 12, 4)]
    monkeypatch.undo()
    synthesizer.warm_up()
    with pytest.raises(ValueError, match=r"found 1 pictures of 8x6 \(HxW\), expected 1 or more of multiples of 4"):
        synthesizer.warm_up(height=8, width=6)


def test_a_picture_too_small_for_the_graph_is_named(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path, inputs=("picture",))
    _pad_by_reflection(folder, pixels=4)
    model = Synthesizer(folder, threads=1)
    assert model.synthesize(picture=np.zeros((1, 8, 8, 3), np.uint8)).shape == (1, 16, 8, 3)
    with pytest.raises(ValueError, match=r"generator\.onnx: found .*\(1, 4, 8, 3\).*, expected larger pictures: "):
        model.synthesize(picture=np.zeros((1, 4, 8, 3), np.uint8))


def _pad_by_reflection(folder: Path, pixels: int) -> None:
    """Give the bundle a graph that pads heights as generators pad feature maps."""
    path = folder / "generator.onnx"
    model = onnx.load(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    amounts = [0, pixels, 0, 0, 0, pixels, 0, 0]
    model.graph.initializer.append(onnx.helper.make_tensor("amounts", onnx.TensorProto.INT64, [8], amounts))
    del model.graph.node[:]
    model.graph.node.append(onnx.helper.make_node("Pad", ["picture", "amounts"], ["image"], mode="reflect"))
    model.opset_import[0].version = 18
    onnx.save(model, path)
    document = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(document.replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))


def test_bound_to_a_device_the_picture_is_the_same_and_stays(synthesizer: Synthesizer) -> None:
    inputs = _inputs()
    image = synthesizer._session.run_bound(inputs, "cpu")
    synthesizer._session.run_bound(inputs | {"label": np.zeros_like(inputs["label"])}, "cpu")
    assert np.array_equal(image, synthesizer.synthesize(**inputs))


def test_on_a_gpu_inputs_and_output_are_bound_to_it(synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []
    session = synthesizer._session
    monkeypatch.setattr(session, "providers", (CUDA, CPU))
    monkeypatch.setattr(session, "run_bound", lambda inputs, device: devices.append(device))
    synthesizer.synthesize(**_inputs())
    assert devices == ["cuda"]


def test_threads_share_a_synthesizer(synthesizer: Synthesizer) -> None:
    wanted = [_inputs() | {"styles": np.full((2, 2, 2), number, np.float32)} for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda inputs: synthesizer.synthesize(**inputs), wanted))
    assert [int(image[0, 0, 0, 2]) for image in images] == list(range(8))


@pytest.mark.gpu
@pytest.mark.parametrize("provider", [CUDA, TENSORRT])
def test_a_gpu_gives_the_same_picture(tmp_path: Path, provider: str) -> None:
    reason = providers.obstacle(provider)
    if reason is not None:
        pytest.skip(f"{provider}: {reason}")
    model = Synthesizer(write_tiny_bundle(tmp_path), providers=[provider, CPU])
    assert model.providers[0] == provider
    assert model.synthesize(**_inputs())[1, 3, 7].tolist() == [2, 1, 40]
