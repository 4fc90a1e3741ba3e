import json
from collections.abc import Callable

import pytest
import torch

from benchmarks import literal_step, training_step
from components.data.encoding import boundary_map, one_hot
from components.models.instance_pool import instance_mean, paint_instances
from tests.given import given
from tests.tiny import CPU, tiny_model, tiny_networks

HEIGHT, WIDTH = 64, 128  # the least that the published depths allow


def test_the_transcription_encodes_as_the_loader_does() -> None:
    scene = training_step.make_scene(HEIGHT, WIDTH, CPU)
    expected = torch.cat([one_hot(scene.label, 35), boundary_map(scene.instance)], dim=1)
    assert torch.equal(literal_step.encode(scene.label, scene.instance, 35), expected)
    assert torch.equal(scene.batch().condition, expected)
    assert torch.unique(scene.instance).tolist() == list(range(25))


def test_the_transcription_pools_by_masks_what_is_pooled_in_one_pass() -> None:
    encoder = given(tiny_networks(tiny_model()).encoder)
    scene = training_step.make_scene(HEIGHT, WIDTH, CPU)
    with torch.no_grad():
        found = literal_step.features_by_masks(encoder, scene.image, scene.instance)
        expected = paint_instances(instance_mean(encoder.pixels(scene.image), scene.instance, 25), scene.instance)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_our_step_has_the_losses_and_gradients_of_the_transcription() -> None:
    agreement = training_step.compare(training_step.make_phase(2, 2), training_step.make_scene(HEIGHT, WIDTH, CPU))
    assert agreement.losses < 1e-5
    assert agreement.gradient < 3 * agreement.rounding
    assert agreement.rounding < 0.01


def test_a_step_of_other_losses_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literal_step, "LAMBDA", 11.0)
    agreement = training_step.compare(training_step.make_phase(2, 2), training_step.make_scene(HEIGHT, WIDTH, CPU))
    assert agreement.losses == pytest.approx(1 / 11, rel=1e-3)  # 10 in place of 11
    assert agreement.gradient > 10 * agreement.rounding


def test_steps_run_in_turn_and_the_first_of_each_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], []

    def step(name: str, *seconds: float) -> Callable[[], None]:
        left = list(seconds)

        def run() -> None:
            order.append(name)
            now[0] += left.pop(0)

        return run

    monkeypatch.setattr(training_step, "perf_counter", lambda: now[0])
    measured = training_step.measure({"a": step("a", 100, 1, 5, 2), "b": step("b", 100, 4, 4, 4)}, 3, CPU)
    assert order == ["a", "b"] * 4
    assert measured == {"a": 2, "b": 4}


@pytest.mark.slow
def test_memory_is_that_of_one_side_in_a_process_of_its_own() -> None:
    case = training_step.Case("512x256", "cpu", 4, 4)
    published = training_step.peak_memory(case, None)
    again = training_step.peak_memory(case, training_step.runtime("cpu", again=True))
    assert 0.3 < again < published  # GB, of which python and torch take some tenths


def test_it_prints_a_json_line_a_case(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_step, "SIZES", {"512x256": (HEIGHT, WIDTH)})
    training_step.main(device="cpu", size=None, way=None, ngf=1, ndf=1, quick=True)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert all(list(line) == ["case", "unit", "value", "baseline", "ratio"] for line in lines)
    assert all(line["ratio"] == pytest.approx(line["value"] / line["baseline"], rel=2e-3) for line in lines)
    units = ["relative difference"] * 2 + ["s a step", "images a second"] * 2
    assert [line["unit"] for line in lines] == units
    ways = [line["case"].partition(": ")[2] for line in lines[2:]]
    assert ways == ["float32"] * 2 + ["bfloat16"] * 2
