"""A study in limited time in a real browser: how long the pictures are really to be seen."""

import base64
import json
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request

from deploy.study.analysis import analyse
from deploy.study.store import read_records
from tests.deploy.study.driven_page import DrivenPage
from tests.deploy.study.tiny_study import Participant, define, serve

EXPOSURES = (0.125, 0.25, 0.5)
SHOWINGS = 3  # of each exposure; the median is taken, as a busy machine may be late with some frames
TOLERANCE = 20  # ms
LEFT_PICTURE = (0.05, 0.3, 0.45, 0.65)  # inside it, as shares of the window: left, top, right, bottom


class Screencast:
    """Small pictures of what the compositor shows, each with its time: it knows nothing of the page's own clock."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.on("Page.screencastFrame", self._take)
        self._frames: list[tuple[float, bytes]] = []

    def _take(self, frame: dict[str, Any]) -> None:
        self._session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
        self._frames.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))

    def start(self) -> None:
        """Begin a new film."""
        self._frames.clear()
        self._session.send("Page.startScreencast", {"format": "png", "maxWidth": 80, "maxHeight": 50})

    def seen_ms(self) -> list[float]:
        """End the film; gives for how long each time that the pictures were seen lasted."""
        self._session.send("Page.stopScreencast")
        lasted, since = [], None
        for moment, content in self._frames:
            seen = _is_picture(content)
            if seen and since is None:
                since = moment
            elif not seen and since is not None:
                lasted.append(1000 * (moment - since))
                since = None
        return lasted


def _is_picture(content: bytes) -> bool:
    """Whether the left picture is seen, which is red or green: cover and noise are grey."""
    with Image.open(BytesIO(content)) as image:
        left, top, right, bottom = (share * side for share, side in zip(LEFT_PICTURE, image.size * 2, strict=True))
        pixels = np.array(image.convert("RGB").crop((left, top, right, bottom)))
    red, green, _ = pixels.mean(axis=(0, 1))
    return bool(abs(red - green) > 50)


def test_pictures_are_seen_for_the_time_asked_to_within_20_ms(page: Page, tmp_path: Path) -> None:
    definition = define(tmp_path, 9, experiment="limited", exposures=EXPOSURES, attention_checks=0)
    driven = DrivenPage(page, Participant(0.75))
    reported: list[float] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/answers"):
            frames = json.loads(request.post_data or "")["frames"]
            reported.append(frames["masked_ms"] - frames["shown_ms"])

    page.on("request", note)
    seen: list[list[float]] = []
    with serve(definition) as address:
        driven.begin(address)
        film = Screencast(page)
        for number in range(9):
            driven.wait_until("ready")
            film.start()
            if number % 2:
                page.keyboard.press("Space")
            else:
                page.get_by_role("button", name="Show the pair").click()
            driven.wait_until("choose")
            seen.append(film.seen_ms())
            driven.answer()
        driven.expect_thanks()

    rows = read_records(definition.database).rows
    shown, told = defaultdict[float, list[float]](list), defaultdict[float, list[float]](list)
    for row, times, report in zip(rows, seen, reported, strict=True):
        assert len(times) <= 1, "a pair is seen once and stays covered"
        assert row["measured_ms"] == pytest.approx(report)
        assert row["exposure_off"] == (abs(report - 1000 * row["exposure"]) > TOLERANCE)
        shown[row["exposure"]] += times
        told[row["exposure"]].append(report)
    for exposure in EXPOSURES:
        assert len(told[exposure]) == SHOWINGS
        assert len(shown[exposure]) > SHOWINGS // 2  # a busy machine may film none of a short one
        assert median(shown[exposure]) == pytest.approx(1000 * exposure, abs=TOLERANCE)
        assert median(told[exposure]) == pytest.approx(median(shown[exposure]), abs=TOLERANCE)
    found = analyse(read_records(definition.database), max_failed_share=0.25, count_off=True)
    assert found.overall[0].preferred == driven.participant.red_chosen
    assert [each.answers for each in found.by_exposure] == [SHOWINGS] * len(EXPOSURES)


def test_a_pair_that_was_shown_again_after_loading_the_page_anew_is_marked(page: Page, tmp_path: Path) -> None:
    definition = define(tmp_path, 1, experiment="limited", exposures=(0.1,), attention_checks=0)
    driven = DrivenPage(page, Participant(1.0))
    with serve(definition) as address:
        driven.begin(address)
        driven.wait_until("ready")
        page.keyboard.press("Space")
        driven.wait_until("choose")
        page.reload()
        driven.wait_until("ready")
        page.keyboard.press("Space")
        driven.answer()
        driven.expect_thanks()
    (row,) = read_records(definition.database).rows
    assert (row["showings"], row["exposure_off"]) == (2, 1)
