import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from deploy.server.application import create_application
from deploy.server.bearer import read_token
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from deploy.web.safeguards import SECURITY_HEADERS
from tests.deploy.server.test_server_scenes import STREET, detail
from tests.deploy.server.tiny_server import png

TOKEN = "0123456789abcdef-token"


@pytest.fixture(scope="module")
def guarded(model: ServedModel) -> Iterator[TestClient]:
    with TestClient(create_application(Served(model), Limits(bytes=2000), TOKEN)) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/api/bundle", "/api/styles/0/0/thumbnail", "/api/nowhere", "/metrics"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer wrong"}, {"Authorization": "\xff"}]
)
def test_without_the_token_nothing_of_the_model_is_told(
    guarded: TestClient, path: str, headers: dict[str, str]
) -> None:
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = guarded.get(path, headers=sent)
    assert detail(answer, 401) == "expected the server's token"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_with_the_token_all_is_open_and_without_it_the_page_and_health_are(guarded: TestClient) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/bundle", headers=shown).status_code == 200
    assert guarded.get("/metrics", headers=shown).status_code == 200
    for path in ("/health", "/ready", "/openapi.json"):
        assert guarded.get(path).status_code == 200
    assert guarded.post("/api/scenes/picture", json={"scene": STREET}).status_code == 401


def test_a_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.delenv("SERVER_TOKEN", raising=False)
    assert (read_token(file), read_token(None)) == (TOKEN, None)
    monkeypatch.setenv("SERVER_TOKEN", TOKEN)
    assert read_token(None) == TOKEN
    with pytest.raises(ValueError, match="found SERVER_TOKEN set too"):
        read_token(file)


@pytest.mark.parametrize("token", ["", "short", "0123456789 abcdef", "0123456789abcdéf"])
def test_a_token_that_is_short_or_no_header_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("SERVER_TOKEN", token)
    with pytest.raises(ValueError, match="SERVER_TOKEN: expected a token of at least 16"):
        read_token(None)


def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(guarded: TestClient) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    announced = guarded.post("/api/scenes/picture", content=b" " * 2001, headers=shown)
    streamed = guarded.post("/api/scenes/picture", content=iter([b" " * 1000] * 3), headers=shown)
    for answer in (announced, streamed):
        assert detail(answer, 413) == "expected a body of at most 2000 bytes"


def test_json_of_very_many_values_is_refused_before_it_is_read(model: ServedModel) -> None:
    limits = Limits(instances=1)
    assert limits.values == 100_016
    with TestClient(create_application(Served(model), limits)) as client:
        values = ",".join(["0"] * 100_016)  # with the two brackets before them one more than the limit
        answer = client.post("/api/scenes/picture", content=f'{{"x":[{values}]}}'.encode())
        assert detail(answer, 413) == "body: found 100017 values, expected at most 100016"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 1900, b'{"scene": 1e999}', b'{"scene": "\\ud800"}', b"null"]
)
def test_what_is_no_json_is_refused(guarded: TestClient, content: bytes) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = guarded.post("/api/scenes/picture", content=content, headers=shown)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_that_is_broken_is_refused(client: TestClient) -> None:
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded"):
        answer = client.post("/api/scenes", content=b"--x\r\nnothing", headers={"Content-Type": kind})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
    text = client.post("/api/scenes", data={"label": "text in place of a file"})
    assert text.status_code == 422


def test_every_answer_has_the_security_headers_and_none_opens_to_other_origins(client: TestClient) -> None:
    for path in ("/health", "/api/bundle", "/api/nowhere", "/openapi.json"):
        answer = client.get(path, headers={"Origin": "http://elsewhere.example"})
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert "access-control-allow-origin" not in answer.headers


def test_a_line_of_log_names_the_route_and_nothing_that_the_client_wrote(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deploy.server.access")
    client.get("/api/samples/SECRET%0aSECRET?SECRET=1", headers={"X-SECRET": "SECRET"})  # pragma: allowlist secret
    client.post("/api/scenes", files={"label": ("SECRET.png", png([[77] * 4] * 4))})
    client.get("/SECRET")
    client.get("/page/SECRET")
    client.request("SECRET", "/health")
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "GET /api/samples/{name} 404",
        "POST /api/scenes 422",
        "GET other 404",
        "GET /page 404",
        "OTHER /health 405",
    ]
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/page/../application.py", "/page/%2e%2e/application.py", "/page/..%2fapplication.py", "/page//etc/passwd"]
)
def test_nothing_outside_the_pages_folder_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
