import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import server as benchmark
from benchmarks.server_load import Load, Loop, Run, Server, running, wrk
from benchmarks.server_requests import Requests, form_requests, make_pictures, scene_requests
from components.inference import Synthesizer
from tests.deploy.server.tiny_server import CAR, ROAD, write_bundle
from tests.tiny_bundle import write_tiny_bundle

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk: no such program (Debian: apt install wrk)")
SIZE = (12, 16)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("server") / "bundle")


@pytest.fixture(scope="module")
def synthesizer(bundle: Path) -> Synthesizer:
    return Synthesizer(bundle, threads=1)


@pytest.fixture(scope="module")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(bundle, tmp_path_factory.mktemp("load"), threads=1) as started:
        yield started


def test_pictures_have_twelve_objects_on_a_ground_and_differ_in_their_styles(synthesizer: Synthesizer) -> None:
    pictures = make_pictures(synthesizer, 64, 128)
    assert len(pictures) == 8
    assert all(np.unique(picture["instance"]).tolist() == list(range(13)) for picture in pictures)
    label, instance = pictures[0]["label"], pictures[0]["instance"]
    assert set(label[instance == 0].tolist()) == {ROAD}
    assert set(label[instance > 0].tolist()) == {CAR}
    assert len({picture["styles"].tobytes() for picture in pictures}) == 8
    assert pictures[0]["styles"].shape == (13, 2)


def test_without_classes_of_objects_each_other_class_is_there_once(tmp_path: Path) -> None:
    picture = make_pictures(Synthesizer(write_tiny_bundle(tmp_path), threads=1), 64, 128)[0]
    pairs = set(zip(picture["instance"].ravel().tolist(), picture["label"].ravel().tolist(), strict=True))
    assert pairs == {(0, 0), (1, 1), (2, 2)}


@pytest.mark.slow
def test_the_server_answers_both_kinds_of_requests_with_the_pictures_of_the_loop(
    server: Server, synthesizer: Synthesizer
) -> None:
    pictures = [picture | {"styles": 100 + 20 * picture["styles"]} for picture in make_pictures(synthesizer, *SIZE)]
    loop = Loop(synthesizer, pictures, png=False)
    for requests in (form_requests(pictures), scene_requests(pictures)):
        benchmark.check_same(server, requests, loop)
        with Image.open(BytesIO(server.ask(requests, 3))) as image:
            found = np.asarray(image)
        assert np.array_equal(found[..., 1], pictures[3]["instance"])  # the tiny bundle's green
        assert np.array_equal(found[..., 0], pictures[3]["label"])
    darker = Loop(synthesizer, [picture | {"styles": picture["styles"] - 50} for picture in pictures], png=False)
    with pytest.raises(RuntimeError, match=r"/api/scenes/picture: found pictures that differ by 50 grey levels"):
        benchmark.check_same(server, scene_requests(pictures), darker)


@pytest.mark.slow
@needs_wrk
def test_wrk_counts_answers_and_failures(server: Server, synthesizer: Synthesizer) -> None:
    pictures = make_pictures(synthesizer, *SIZE)
    load = server.load(scene_requests(pictures), 2, 1)
    assert load.failures == 0
    assert load.answers > 10
    assert 0 < load.p50 <= load.p95 <= load.p99
    wrong = [picture | {"styles": picture["styles"][:, :1]} for picture in pictures]
    refused = server.load(scene_requests(wrong), 2, 1)
    assert refused.failures == refused.answers > 10
    with pytest.raises(RuntimeError, match=r"found status 409: .*expected 200"):
        server.ask(scene_requests(wrong), 0)


def test_a_loop_counts_its_pictures(synthesizer: Synthesizer) -> None:
    loop = Loop(synthesizer, make_pictures(synthesizer, *SIZE), png=True)
    run = loop.run(0)
    assert run.rate > 1
    assert 0 < run.work < 1000
    assert loop.image(9).shape == (1, *SIZE, 3)


@pytest.mark.slow
def test_a_server_that_does_not_come_up_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"the server did not come up: .*bundle\.json: no such file"),
        running(tmp_path / "nothing", tmp_path, threads=1),
    ):
        pass


def test_a_machine_without_wrk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="wrk: no such program; Debian has it in the package wrk"):
        wrk()


class Side:
    """Stands in for both sides: a server of 9 answers a second whose memory grows, and a loop of 10 pictures."""

    megabytes = 100.0
    work = 0.0

    def load(self, requests: object, clients: int, seconds: float) -> Load:
        self.megabytes += 10
        self.work += 720
        return Load(round(9 * seconds), seconds, 0, 100.0 * clients, 200.0, 300.0)

    def run(self, seconds: float) -> Run:
        return Run(10.0, 5.0)


REQUESTS = Requests("/api/x", "text/plain", [b""])
EFFORT = benchmark.Effort(rounds=3, seconds=10, answers=1000)


def test_lines_give_rates_latencies_and_memory_over_those_of_the_loop() -> None:
    side: Any = Side()
    lines = [json.loads(each) for each in benchmark.rates("s", side, REQUESTS, {"alone": side}, EFFORT)]
    assert lines == [
        {"case": "s POST /api/x, 8 clients; Synthesizer loop alone", "unit": "pictures a second"}
        | {"value": 9.0, "baseline": 10.0, "ratio": 0.9},
        {"case": "s POST /api/x, 8 clients; Synthesizer loop alone", "unit": "ms of all threads a picture"}
        | {"value": 8.0, "baseline": 5.0, "ratio": 1.6},
    ]
    lines = [json.loads(each) for each in benchmark.latencies("s", side, REQUESTS, side, EFFORT)]
    assert [(each["unit"], each["value"], each["baseline"]) for each in lines[3:6]] == [
        ("ms, p50", 800.0, 800.0),
        ("ms, p95", 200.0, 800.0),
        ("ms, p99", 300.0, 800.0),
    ]
    side = Side()
    grown, failed = (json.loads(each) for each in benchmark.memory("s", side, REQUESTS, EFFORT))
    # 90 answers a turn: 180 are more than a tenth, 1080 are enough.
    assert (grown["value"], grown["baseline"]) == (220.0, 120.0)
    assert (failed["value"], failed["baseline"], failed["ratio"]) == (0.0, 1080.0, 0.0)


def test_failures_end_the_benchmark() -> None:
    class Failing(Side):
        def load(self, requests: object, clients: int, seconds: float) -> Load:
            return Load(5, seconds, 2, 1, 2, 3)

    failing: Any = Failing()
    with pytest.raises(RuntimeError, match="found 2 failures beside 5 answers, expected none"):
        list(benchmark.rates("s", failing, REQUESTS, {}, EFFORT))


@pytest.mark.slow
@needs_wrk
def test_it_prints_a_json_line_a_case(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "SIZES", {"128x64": SIZE})
    monkeypatch.setattr(benchmark, "QUICK", benchmark.Effort(1, 1, 10))
    monkeypatch.setattr(benchmark, "CLIENTS", (1, 2))
    monkeypatch.setattr(benchmark, "check_same", lambda *_: None)  # styles around 0 are no blues
    benchmark.main(size=None, bundle=bundle, threads=1, quick=True)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert all(list(line) == ["case", "unit", "value", "baseline", "ratio"] for line in lines)
    assert [line["unit"] for line in lines] == [
        *4 * ["pictures a second", "ms of all threads a picture"],
        *2 * ["ms, p50", "ms, p95", "ms, p99"],
        "MB",
        "failures",
    ]
    assert lines[-1]["value"] == 0
    assert all(line["ratio"] == pytest.approx(line["value"] / line["baseline"], rel=2e-3) for line in lines[:-1])
