from collections.abc import Iterator
from typing import Literal

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict

from deploy.web.safeguards import SECURITY_HEADERS, install_safeguards

LIMIT = 100  # bytes


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Literal["red", "green"]


@pytest.fixture
def client() -> Iterator[TestClient]:
    application = FastAPI()
    install_safeguards(application, body_limit=LIMIT)

    @application.post("/wish")
    def wish(wish: Wish) -> Wish:
        return wish

    @application.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @application.get("/refused")
    def refused() -> None:
        raise HTTPException(418, "found tea, expected coffee", {"Retry-After": "5"})

    @application.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret of the server")

    @application.get("/kept")
    def kept(request: Request) -> None:
        raise HTTPException(400, "no", {"Cache-Control": "max-age=60"})

    with TestClient(application, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize(("path", "status"), [("/refused", 418), ("/nowhere", 404), ("/wish", 405), ("/broken", 500)])
def test_each_error_is_a_problem_with_all_security_headers(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    problem = answer.json()
    assert (problem["type"], problem["status"], set(problem)) == (
        "about:blank",
        status,
        {"type", "title", "status", "detail"},
    )


def test_a_good_answer_has_all_security_headers_too(client: TestClient) -> None:
    answer = client.post("/wish", json={"colour": "red"})
    assert (answer.status_code, answer.json()) == (200, {"colour": "red"})
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_header_that_an_answer_sets_itself_is_kept(client: TestClient) -> None:
    assert client.get("/kept").headers["cache-control"] == "max-age=60"


def test_a_refusal_keeps_its_words_and_headers(client: TestClient) -> None:
    answer = client.get("/refused")
    assert answer.json()["detail"] == "found tea, expected coffee"
    assert answer.json()["title"] == "I'm a Teapot"
    assert answer.headers["retry-after"] == "5"


def test_an_unexpected_error_tells_nothing_of_the_server(client: TestClient) -> None:
    assert "secret" not in client.get("/broken").text


def test_of_very_many_problems_the_first_are_told() -> None:
    application = FastAPI()
    install_safeguards(application, body_limit=1000)

    @application.post("/wish")
    def wish(wish: list[Literal["red"]]) -> None:
        pass

    answer = TestClient(application).post("/wish", json=["blue"] * 23)
    told = answer.json()["detail"].split("; ")
    assert told[0] == "body.0: Input should be 'red'"
    assert told[19] == "body.19: Input should be 'red'"
    assert told[20:] == ["and 3 more"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"colour": "SECRET"}, "body.colour: Input should be 'red' or 'green'"),
        ({"colour": "red", "SECRET": 1, "SECRET2": 1}, "body: Extra inputs are not permitted"),
        ({}, "body.colour: Field required"),
    ],
)
def test_what_is_not_as_declared_is_named_but_not_echoed(client: TestClient, sent: object, expected: str) -> None:
    answer = client.post("/wish", json=sent)
    assert (answer.status_code, answer.json()["detail"]) == (422, expected)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "SECRET" not in answer.text


def test_a_body_of_the_limit_passes_and_one_more_byte_does_not(client: TestClient) -> None:
    assert client.post("/raw", content=b"x" * LIMIT).json() == LIMIT
    refused = client.post("/raw", content=b"x" * (LIMIT + 1))
    assert (refused.status_code, refused.json()["detail"]) == (413, "expected a body of at most 100 bytes")
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/raw", "/wish"])
def test_a_body_that_does_not_say_its_length_is_counted(client: TestClient, path: str) -> None:
    answer = client.post(path, content=(b"x" * 30 for _ in range(5)), headers={"content-type": "application/json"})
    assert answer.request.headers.get("content-length") is None
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("length", ["9" * 30, "-1", "+5", "many"])
def test_a_length_that_is_no_number_or_too_large_is_refused_before_the_body(client: TestClient, length: str) -> None:
    assert client.post("/raw", content=b"", headers={"content-length": length}).status_code == 413
