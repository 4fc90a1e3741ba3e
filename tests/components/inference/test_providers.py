from pathlib import Path

import onnxruntime
import pytest

from components.inference import Bundle, Synthesizer, providers
from components.inference.providers import CPU, CUDA, TENSORRT, choose
from components.inference.tensorrt import cache_folder, tensorrt_options
from tests.tiny_bundle import write_tiny_bundle

NO_DEVICE = "the NVIDIA driver finds no device"


@pytest.fixture
def _build_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)


@pytest.fixture
def _with_device(_build_for_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_obstacle_of_cuda", lambda: None)


@pytest.fixture
def _without_device(_build_for_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_obstacle_of_cuda", lambda: NO_DEVICE)


@pytest.mark.usefixtures("_with_device")
def test_with_a_device_cuda_is_chosen_and_tensorrt_only_where_it_is_asked_for() -> None:
    choice = choose(None)
    assert choice.names == (CUDA, CPU)
    assert choice.unused == {TENSORRT: "not asked for; it builds an engine for minutes first"}
    assert choose([TENSORRT, CUDA, CPU]).unused == {}
    assert choose([CPU]).unused.keys() == {TENSORRT, CUDA}


@pytest.mark.usefixtures("_without_device")
def test_without_a_device_the_cpu_is_chosen_and_the_report_says_why() -> None:
    choice = choose(None)
    assert choice.names == (CPU,)
    assert choice.unused == {TENSORRT: NO_DEVICE, CUDA: NO_DEVICE}


@pytest.mark.usefixtures("_without_device")
@pytest.mark.parametrize("asked", [[CUDA], [CUDA, CPU], [CPU, TENSORRT]])
def test_a_provider_that_is_asked_for_and_does_not_work_is_an_error(asked: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"providers: .* does not work here: {NO_DEVICE}; found \['{CPU}'\]"):
        choose(asked)


def test_a_build_for_cpus_has_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    assert choose(None).unused[CUDA] == "this build of ONNX Runtime does not have it"
    with pytest.raises(ValueError, match="providers: CUDAExecutionProvider does not work here: this build"):
        choose([CUDA])


def test_unknown_and_no_providers_are_errors() -> None:
    with pytest.raises(ValueError, match=r"providers: found 'NoSuchProvider', expected some of \['Tensorrt"):
        choose(["NoSuchProvider"])
    with pytest.raises(ValueError, match="providers: found none, expected some of"):
        choose([])


@pytest.mark.usefixtures("_without_device")
def test_a_synthesizer_reports_what_it_runs_on_and_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert Synthesizer(write_tiny_bundle(tmp_path), threads=1).report().splitlines() == [
        f"precision float32, generator.onnx: {CPU}, ONNX Runtime {onnxruntime.__version__}, threads: 1",
        f"{TENSORRT} is not used: {NO_DEVICE}",
        f"{CUDA} is not used: {NO_DEVICE}",
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_with_device")
def test_a_device_whose_libraries_do_not_load_is_an_error_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda graph, options, providers: session(graph, options, providers=[CPU])
    )
    with pytest.raises(ValueError, match=rf"providers: found \['{CPU}'\] working here, expected {CUDA}"):
        Synthesizer(write_tiny_bundle(tmp_path), providers=[CUDA, CPU])


def test_tensorrt_builds_for_the_sizes_of_the_bundle_and_keeps_engines_by_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = Bundle.load(write_tiny_bundle(tmp_path / "bundle"))
    options = tensorrt_options(bundle, bundle.graphs["float32"])
    assert options["trt_profile_min_shapes"] == "label:1x8x8,instance:1x8x8,styles:1x1x2"
    assert options["trt_profile_opt_shapes"] == "label:1x8x16,instance:1x8x16,styles:1x32x2"
    assert options["trt_profile_max_shapes"] == "label:4x16x32,instance:4x16x32,styles:4x1024x2"
    assert "trt_fp16_enable" not in options
    folder = Path(options["trt_engine_cache_path"])
    assert folder == tmp_path / "cache/semantic-synthesis/tensorrt" / bundle.files["generator.onnx"][:16]
    assert tensorrt_options(bundle, bundle.graphs["float16"])["trt_fp16_enable"] == "True"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/semantic-synthesis/tensorrt"


def test_tensorrt_of_a_model_of_pictures_has_their_channels(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path, inputs=("picture",)))
    assert tensorrt_options(bundle, bundle.graphs["float32"])["trt_profile_opt_shapes"] == "picture:1x8x16x3"
