import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from deploy.study.store import read_records
from tests.deploy.study.tiny_study import define, open_application, write_pictures

Headers = dict[str, str]


@contextmanager
def client_of(folder: Path, count: int = 4, **fields: Any) -> Iterator[TestClient]:
    with open_application(define(folder, count, **fields)) as application, TestClient(application) as client:
        yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(tmp_path) as opened:
        yield opened


def begin(client: TestClient) -> Headers:
    token = client.post("/api/participants", json={"consent": True}).json()["token"]
    return {"Authorization": f"Bearer {token}"}


def answer(position: int, /, **fields: Any) -> dict[str, Any]:
    return {"position": position, "choice": "left", "reaction_ms": 700.0} | fields


def frames(milliseconds: float) -> dict[str, float]:
    return {"shown_ms": 1000.0, "masked_ms": 1000.0 + milliseconds, "frame_ms": 16.7}


def test_a_study_is_answered_pair_by_pair(client: TestClient) -> None:
    headers = begin(client)
    assert client.get("/api/trial", headers=headers).json() == {"position": 0, "total": 6, "exposure": None}
    for position in range(6):
        left = client.get(f"/api/pictures/{position}/left", headers=headers)
        assert (left.status_code, left.headers["content-type"]) == (200, "image/png")
        due = client.post("/api/answers", json=answer(position), headers=headers).json()
        assert due["position"] == position + 1
    assert client.post("/api/answers", json=answer(6), headers=headers).status_code == 409


def test_no_name_of_a_method_or_a_file_leaves_the_server(tmp_path: Path) -> None:
    write_pictures(tmp_path / "maps", (1, 2), [f"{number:03}.png" for number in range(4)])
    with client_of(tmp_path, reference=tmp_path / "maps") as client:
        told = [client.get("/api/study")]
        headers = begin(client)
        told.append(client.get("/api/trial", headers=headers))
        told += [client.get(f"/api/pictures/0/{side}", headers=headers) for side in ("left", "right", "reference")]
        told.append(client.post("/api/answers", json=answer(0), headers=headers))
    for each in told:
        assert each.status_code == 200
        for name in (b"ours", b"theirs", b"000.png", b"better", b"worse"):
            assert name not in each.content
            assert name.decode() not in str(each.headers)


def test_only_the_pair_that_is_due_and_the_next_one_are_given(client: TestClient) -> None:
    headers = begin(client)
    client.post("/api/answers", json=answer(0), headers=headers)
    found = [client.get(f"/api/pictures/{position}/left", headers=headers).status_code for position in range(5)]
    assert found == [404, 200, 200, 404, 404]


def test_without_a_reference_there_is_no_content(client: TestClient) -> None:
    given = client.get("/api/pictures/0/reference", headers=begin(client))
    assert (given.status_code, given.content) == (204, b"")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic eA=="}])
def test_who_is_no_participant_gets_nothing(client: TestClient, headers: Headers) -> None:
    begin(client)
    for given in (
        client.get("/api/trial", headers=headers),
        client.get("/api/pictures/0/left", headers=headers),
        client.post("/api/answers", json=answer(0), headers=headers),
    ):
        assert (given.status_code, given.headers["www-authenticate"]) == (401, "Bearer")
        assert given.json()["detail"] == "expected the token of a participant"


def test_nobody_takes_part_without_consent(client: TestClient) -> None:
    for consent in ({}, {"consent": False}):
        assert client.post("/api/participants", json=consent).status_code == 422


def test_a_full_study_says_so(tmp_path: Path) -> None:
    with client_of(tmp_path, participants=1) as client:
        begin(client)
        refused = client.post("/api/participants", json={"consent": True})
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "this study has all its participants; thank you for coming",
    )


def test_those_who_begin_at_the_same_moment_get_trials_of_their_own(client: TestClient, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        tokens = {headers["Authorization"] for headers in threads.map(lambda _: begin(client), range(8))}
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        numbers = database.execute("SELECT DISTINCT participant FROM trials ORDER BY participant").fetchall()
    assert (len(tokens), numbers) == (8, [(number,) for number in range(8)])


def test_an_answer_sent_twice_is_one_and_a_changed_one_is_refused(client: TestClient, tmp_path: Path) -> None:
    headers = begin(client)
    assert [client.post("/api/answers", json=answer(0), headers=headers).json()["position"] for _ in range(2)] == [1, 1]
    assert client.post("/api/answers", json=answer(0, choice="right"), headers=headers).status_code == 409
    assert [row["choice"] for row in read_records(tmp_path / "study.db").rows] == ["left"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"choice": "both"},
        {"reaction_ms": -1},
        {"reaction_ms": "NaN"},
        {"position": -1},
        {"showings": 0},
        {"frames": {"shown_ms": 1, "masked_ms": 2}},
        {"extra": 1},
    ],
)
def test_an_answer_that_is_none_is_refused(client: TestClient, tmp_path: Path, wrong: dict[str, Any]) -> None:
    refused = client.post("/api/answers", json=answer(0, **wrong), headers=begin(client))
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert read_records(tmp_path / "study.db").rows == []


def test_frames_belong_to_limited_time_only(client: TestClient, tmp_path: Path) -> None:
    refused = client.post("/api/answers", json=answer(0, frames=frames(500)), headers=begin(client))
    assert (refused.status_code, refused.json()["detail"]) == (422, "frames: expected none")
    limited = tmp_path / "limited"
    with client_of(limited, experiment="limited", exposures=(0.5,)) as other:
        refused = other.post("/api/answers", json=answer(0), headers=begin(other))
    assert (refused.status_code, refused.json()["detail"]) == (422, "frames: expected those of the pair")


@pytest.mark.parametrize(
    ("measured", "showings", "off"),
    [(500.0, 1, 0), (519.9, 1, 0), (480.1, 1, 0), (520.1, 1, 1), (479.9, 1, 1), (-500.0, 1, 1), (500.0, 2, 1)],
)
def test_a_pair_seen_too_long_too_short_or_twice_is_marked(
    tmp_path: Path, measured: float, showings: int, off: int
) -> None:
    with client_of(tmp_path, experiment="limited", exposures=(0.5,)) as client:
        headers = begin(client)
        assert client.get("/api/trial", headers=headers).json()["exposure"] == 0.5
        given = answer(0, frames=frames(measured), showings=showings)
        assert client.post("/api/answers", json=given, headers=headers).status_code == 200
    (row,) = read_records(tmp_path / "study.db").rows
    assert (row["exposure_off"], row["measured_ms"]) == (off, pytest.approx(measured))


def test_a_picture_that_is_lost_is_told_without_its_path(client: TestClient, tmp_path: Path) -> None:
    headers = begin(client)
    for file in tmp_path.glob("*/*.png"):
        file.unlink()
    refused = client.get("/api/pictures/0/left", headers=headers)
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "a picture of this pair is missing; please tell those who asked you to take part",
    )
    assert str(tmp_path) not in refused.text


def test_the_page_loads_only_what_the_server_gives(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("http://www.w3.org/2000/svg", "")
    for name in ("study.css", "study.js", "exposure.js", "requests.js", "icon.svg"):
        assert client.get(f"/page/{name}").status_code == 200
    assert client.get("/page/study.js").headers["content-type"].startswith("text/javascript")
    for outside in ("/page/none.js", "/page/../application.py", "/page/%2e%2e/application.py", "/favicon.ico"):
        assert client.get(outside).status_code == 404


def test_more_comparisons_than_there_are_is_an_error_of_the_definition(tmp_path: Path) -> None:
    opened = client_of(tmp_path, comparisons=9)
    with pytest.raises(ValueError, match="comparisons: found 9, expected at most 4"):
        opened.__enter__()


def test_a_study_has_fifty_comparisons_and_five_checks_unless_told_otherwise(tmp_path: Path) -> None:
    with client_of(tmp_path, count=60) as client:
        study = client.get("/api/study").json()
    assert (study["pairs"], study["minutes"]) == (55, 4)
