"""On a real server, since clients that go away and connections that close are what it is about."""

import http.client
import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import CAR, PATIENCE, ROAD, gated, pixels_of, running, scene, wait_until

NARROW = {"scene": scene([[0] * 4] * 4, [ROAD])}
WIDE = {"scene": scene([[0] * 8] * 4, [ROAD])}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def detail(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(json.loads(self.content)["detail"])


def answer_of(connection: http.client.HTTPConnection) -> Answer:
    got = connection.getresponse()
    answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    connection.close()
    return answer


def post(address: str, document: dict[str, Any], path: str = "/api/scenes/picture") -> Answer:
    return answer_of(start(address, document, path))


def get(address: str, path: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    connection.request("GET", path)
    return answer_of(connection)


def counted(address: str, line: str) -> float:
    text = get(address, "/metrics").content.decode()
    return next((float(each.split()[-1]) for each in text.splitlines() if each.startswith(line)), 0.0)


def start(address: str, document: dict[str, Any], path: str = "/api/scenes/picture") -> http.client.HTTPConnection:
    """Send a request without waiting for its answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(document), headers)
    return connection


def test_requests_that_arrive_together_are_made_together(model: ServedModel) -> None:
    slow, gate = gated(model)
    with running(Served(slow)) as (address, _), ThreadPoolExecutor(8) as clients:
        first = clients.submit(post, address, NARROW)
        assert gate.entered.wait(PATIENCE)
        others = [clients.submit(post, address, WIDE) for _ in range(6)]
        wait_until(lambda: counted(address, "server_queue_length") == 6)
        gate.opened.set()
        assert [each.result(PATIENCE).status for each in [first, *others]] == [200] * 7
    assert gate.batches == [(1, 4, 4), (6, 4, 8)]


def test_a_client_that_goes_away_costs_no_more_work(model: ServedModel, caplog: pytest.LogCaptureFixture) -> None:
    slow, gate = gated(model)
    with running(Served(slow)) as (address, _):
        staying = start(address, NARROW)
        assert gate.entered.wait(PATIENCE)
        going = start(address, WIDE)
        wait_until(lambda: counted(address, "server_queue_length") == 1)
        going.close()
        wait_until(lambda: counted(address, "server_queue_length") == 0)
        gate.opened.set()
        assert answer_of(staying).status == 200
        assert post(address, NARROW).status == 200
        assert counted(address, 'server_dropped_requests_total{reason="cancelled"}') == 1
    assert gate.batches == [(1, 4, 4), (1, 4, 4)]
    assert "Exception" not in caplog.text


def test_at_the_deadline_a_request_is_answered_and_its_work_dropped(model: ServedModel) -> None:
    slow, gate = gated(model)
    with running(Served(slow), Limits(deadline=3)) as (address, _), ThreadPoolExecutor(2) as clients:
        first = clients.submit(post, address, NARROW)
        assert gate.entered.wait(PATIENCE)
        late = clients.submit(post, address, WIDE).result(PATIENCE)
        assert (late.status, late.detail) == (504, "found no answer within 3 s; the server has too much to do")
        assert first.result(PATIENCE).status == 504
        assert counted(address, 'server_dropped_requests_total{reason="expired"}') == 2
        gate.opened.set()
        wait_until(lambda: post(address, NARROW).status == 200)
    assert (1, 4, 8) not in gate.batches


def test_a_full_server_refuses_and_says_when_to_ask_again(model: ServedModel) -> None:
    slow, gate = gated(model)
    with running(Served(slow), Limits(queue=2, batch=1)) as (address, _), ThreadPoolExecutor(3) as clients:
        taken: list[Future[Answer]] = []
        for waiting in range(3):
            taken.append(clients.submit(post, address, NARROW))
            assert gate.entered.wait(PATIENCE)
            wait_until(lambda: counted(address, "server_queue_length") == waiting)  # noqa: B023
        refused = post(address, NARROW)
        assert (refused.status, refused.detail[:26]) == (429, "found 3 requests under way")
        assert int(refused.headers["retry-after"]) >= 1
        assert get(address, "/health").content == b'{"status":"alive"}'
        gate.opened.set()
        assert [each.result(PATIENCE).status for each in taken] == [200] * 3
        assert post(address, NARROW).status == 200
        assert counted(address, 'server_dropped_requests_total{reason="refused"}') == 1


def test_a_body_that_does_not_come_is_not_waited_for(model: ServedModel) -> None:
    with running(Served(model), Limits(deadline=0.5)) as (address, _):
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
        connection.putrequest("POST", "/api/scenes/picture")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"{")
        answer = answer_of(connection)
        assert (answer.status, answer.detail) == (408, "expected the whole body within 0.5 s")


def test_shutting_down_finishes_what_is_under_way(model: ServedModel) -> None:
    slow, gate = gated(model)
    with running(Served(slow)) as (address, server), ThreadPoolExecutor(2) as clients:
        under_way = clients.submit(post, address, NARROW)
        assert gate.entered.wait(PATIENCE)
        waiting = clients.submit(post, address, WIDE)
        wait_until(lambda: counted(address, "server_queue_length") == 1)
        server.should_exit = True
        wait_until(lambda: not server.servers[0].is_serving())
        gate.opened.set()
        assert [each.result(PATIENCE).status for each in (under_way, waiting)] == [200, 200]


def test_a_change_of_the_model_leaves_requests_under_way_with_theirs(model: ServedModel) -> None:
    old, old_gate = gated(model)
    new, new_gate = gated(model, is_open=True)
    served = Served(old)
    with running(served) as (address, _), ThreadPoolExecutor(3) as clients:
        under_way = clients.submit(post, address, NARROW)
        assert old_gate.entered.wait(PATIENCE)
        waiting = clients.submit(post, address, WIDE)
        wait_until(lambda: counted(address, "server_queue_length") == 1)
        served.swap(new)
        later = clients.submit(post, address, WIDE)
        wait_until(lambda: counted(address, "server_queue_length") == 2)
        old_gate.opened.set()
        assert [each.result(PATIENCE).status for each in (under_way, waiting, later)] == [200] * 3
        assert counted(address, "server_model_switches_total") == 1
    assert (old_gate.batches, new_gate.batches) == ([(1, 4, 4), (1, 4, 8)], [(1, 4, 8)])


def test_health_is_told_while_the_model_and_all_threads_are_busy(
    model: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, gate = gated(model)
    blocked = threading.Event()
    monkeypatch.setattr("deploy.server.routes_scenes.scene_document", lambda scene: blocked.wait(PATIENCE) and {})
    with running(Served(slow)) as (address, _), ThreadPoolExecutor(20) as clients:
        edits = [clients.submit(post, address, {**NARROW, "operations": []}, "/api/scenes/edit") for _ in range(8)]
        wait_until(lambda: counted(address, "server_queue_length") == 0)
        assert get(address, "/health").status == 200
        assert get(address, "/ready").status == 200
        assert not any(each.done() for each in edits)
        blocked.set()
        gate.opened.set()
        assert [each.result(PATIENCE).status for each in edits] == [200] * 8


def test_each_gets_its_own_picture_among_many(model: ServedModel) -> None:
    def ask(number: int) -> list[int]:
        asked = {"scene": scene([[0] * 4] * 4, [CAR], [[float(number), 0.0]])}
        found: list[int] = pixels_of(post(address, asked).content)[0, 0].tolist()
        return found

    with running(Served(model)) as (address, _), ThreadPoolExecutor(16) as clients:
        assert list(clients.map(ask, range(40))) == [[CAR, 0, number] for number in range(40)]
