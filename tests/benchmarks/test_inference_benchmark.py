import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import inference
from benchmarks.inference_sides import Job, make_inputs
from benchmarks.random_bundle import write_random_bundle

HEIGHT, WIDTH = 64, 128  # the least that the published depths allow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    write_random_bundle(folder, ngf=1, height=HEIGHT, width=WIDTH, precisions=["float32", "float16", "int8"])
    return folder


@pytest.fixture
def job(folder: Path) -> Job:
    return Job(str(folder), "onnxruntime", "float32", "cpu", 2, HEIGHT, WIDTH, classes=35, instances=25)


def test_both_sides_make_the_same_pictures(job: Job) -> None:
    image = job.prepare()()
    assert image.shape == (2, HEIGHT, WIDTH, 3)
    assert np.ptp(image) > 20
    assert np.abs(image.astype(int) - replace(job, runtime="torch").prepare()()).max() <= 1


def test_reduced_precisions_make_nearly_the_same_pictures(job: Job) -> None:
    image = job.prepare()().astype(int)
    for precision in ("float16", "int8"):
        assert 0 < np.abs(image - replace(job, precision=precision).prepare()()).mean() < 10
    in_bfloat16 = replace(job, runtime="torch", precision="bfloat16").prepare()()
    assert 0 < np.abs(image - in_bfloat16).mean() < 10


def test_inputs_have_every_instance_and_one_class_each() -> None:
    inputs = make_inputs(1, 4, 50, classes=35, instances=25)
    assert np.unique(inputs["instance"]).tolist() == list(range(25))
    assert inputs["instance"][0, 0, :4].tolist() == [0, 0, 1, 1]
    assert len(set(zip(inputs["instance"].ravel(), inputs["label"].ravel(), strict=True))) == 25


def test_sides_take_turns_and_the_first_call_of_each_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], []

    def side(name: str, *seconds: float) -> Callable[[], None]:
        left = list(seconds)

        def run() -> None:
            order.append(name)
            now[0] += left.pop(0)

        return run

    monkeypatch.setattr(inference, "perf_counter", lambda: now[0])
    assert inference.latencies({"a": side("a", 100, 1, 5), "b": side("b", 100, 4, 3)}, 2) == {"a": [1, 5], "b": [4, 3]}
    assert order == ["a", "b"] * 3


def test_the_matrix_rate_is_that_of_the_best_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def latencies(sides: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
        for run in sides.values():
            run()
        return dict(zip(sides, ([0.5, 0.25, 1.0], [2.0, 0.125]), strict=False))

    monkeypatch.setattr(inference, "latencies", latencies)
    assert inference.matrix_rate("cpu", "bfloat16", side=4, repetitions=3) == 4 * 64  # by torch alone
    assert inference.matrix_rate("cpu", "float32", side=4, repetitions=3) == 8 * 64


def test_a_process_is_watched_until_its_second_picture(job: Job) -> None:
    observed = inference.observe(["-m", "benchmarks.inference_sides", job.dump()], "cpu")
    assert 0.05 < observed.memory < 0.4  # GB: torch alone would take more
    assert observed.seconds > 0.1
    with pytest.raises(RuntimeError, match="ended with status 3 before its second picture"):
        inference.observe(["-c", "print('made'); raise SystemExit(3)"], "cpu")


def test_it_prints_a_json_line_a_case(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def observe(arguments: list[str], device: str) -> inference.Process:
        runtime = json.loads(arguments[-1])["runtime"]
        return inference.Process(*{"onnxruntime": (1.0, 0.5), "torch": (4.0, 2.0)}[runtime])

    monkeypatch.setattr(inference, "SIZES", {"512x256": (HEIGHT, WIDTH)})
    monkeypatch.setattr(inference, "observe", observe)
    monkeypatch.setattr(
        inference, "write_random_bundle", lambda to, **_: shutil.copytree(folder, to, dirs_exist_ok=True)
    )
    inference.main(device="cpu", size=None, precision=None, ngf=1, bundle=None, quick=True)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert all(list(line) == ["case", "unit", "value", "baseline", "ratio"] for line in lines)
    assert all(line["ratio"] == pytest.approx(line["value"] / line["baseline"], rel=2e-3) for line in lines)
    times = ["ms, median", "ms, 95th percentile", "pictures a second", "of the matrix rate"]
    assert [line["unit"] for line in lines] == [*times, "GB at most", "s from start to first picture", *times]
    assert [line["ratio"] for line in lines[4:6]] == [0.25, 0.25]
    assert lines[0]["case"] == "512x256 cpu ngf 1: float32; torch in float32"
    assert lines[6]["case"] == "512x256 cpu ngf 1: int8; torch in bfloat16"
    assert lines[2]["value"] == pytest.approx(1000 / lines[0]["value"], rel=2e-3)


def test_the_start_of_a_bundle_is_measured_beside_importing_torch(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "IMPORT_TORCH", "print('made', flush=True); print('made', flush=True); input()")
    inference.main(device="cpu", size=None, precision=None, ngf=None, bundle=folder / "bundle", quick=False)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line["unit"] == "s from start to first picture"
    assert line["ratio"] > 1  # the other one does nothing
