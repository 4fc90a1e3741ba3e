"""Whole studies in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from deploy.study.analysis import analyse
from deploy.study.store import read_records
from tests.deploy.study.driven_page import WIDE, DrivenPage
from tests.deploy.study.tiny_study import Participant, define, serve, write_methods, write_pictures
from tests.deploy.web_server import ServerProcess

NARROW: ViewportSize = {"width": 390, "height": 844}


def test_two_participants_at_once_by_keyboard_and_by_touch_are_recovered(chromium: Browser, tmp_path: Path) -> None:
    maps = write_pictures(tmp_path / "maps", (10, 20), [f"{number:03}.png" for number in range(12)])
    definition = define(tmp_path, 12, reference=maps)
    wide, narrow = chromium.new_context(viewport=WIDE), chromium.new_context(viewport=NARROW, has_touch=True)
    keyboard, touch = (
        DrivenPage(context.new_page(), Participant(0.75, seed)) for seed, context in enumerate((wide, narrow))
    )
    with serve(definition) as address:
        for driven in (keyboard, touch):
            driven.begin(address)
        for number in range(14):
            keyboard.answer("arrows" if number % 2 else "digits")
            touch.answer("tap")
        for driven in (keyboard, touch):
            driven.expect_thanks()
        token = keyboard.page.get_by_label("Your anonymous token").inner_text()
        assert keyboard.page.url == f"{address}#{token}" != touch.page.url
    for context in (wide, narrow):
        context.close()
    found = analyse(read_records(definition.database), max_failed_share=0.25)
    (overall,) = found.overall
    assert (found.participants, found.finished, found.checks, found.checks_failed) == (2, 2, 4, 0)
    assert (overall.answers, overall.preferred) == (24, keyboard.participant.red_chosen + touch.participant.red_chosen)
    assert overall.low <= 0.75 <= overall.high


def test_a_participant_goes_on_by_link_in_another_browser(chromium: Browser, page: Page, tmp_path: Path) -> None:
    definition = define(tmp_path, 3)
    first = DrivenPage(page, Participant(1.0))
    elsewhere = chromium.new_context(viewport=NARROW)
    with serve(definition) as address:
        first.begin(address)
        first.answer("click")
        first.answer()
        first.wait_until("choose")
        second = DrivenPage(elsewhere.new_page(), Participant(1.0))
        second.position = first.position
        second.page.goto(page.url)
        expect(second.page.get_by_role("status")).to_have_text("Welcome back. You go on with pair 3.")
        for _ in range(3):
            second.answer()
        second.expect_thanks()
        # The first page still shows a pair that was answered meanwhile: it goes on where the other one is.
        page.keyboard.press("ArrowLeft" if second.choices[0] == "right" else "ArrowRight")
        first.expect_thanks()
    elsewhere.close()
    assert [row["choice"] for row in read_records(definition.database).rows[2:]] == second.choices


def test_an_answer_whose_acknowledgement_is_lost_is_sent_again_and_stored_once(page: Page, tmp_path: Path) -> None:
    definition = define(tmp_path, 2)
    driven = DrivenPage(page, Participant(1.0))
    sent = []

    def lose_the_first(route: Route) -> None:
        sent.append(route.request.post_data)
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/answers", lose_the_first)
    with serve(definition) as address:
        driven.begin(address)
        driven.answer()
        expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
        driven.answer()
        expect(page.get_by_role("alert")).to_have_count(0)
        driven.wait_until("choose")
    assert sent[0] == sent[1]
    assert [row["position"] for row in read_records(definition.database).rows] == [0, 1]


def test_no_answer_is_lost_when_the_server_is_killed(page: Page, tmp_path: Path) -> None:
    arguments: list[object] = ["--database", tmp_path / "study.db"]
    for method, folder in write_methods(tmp_path, 6).items():
        arguments += ["--method", f"{method}={folder}"]
    server = ServerProcess("deploy.study", ["serve", *arguments], ready="api/study")
    driven = DrivenPage(page, Participant(1.0))
    try:
        server.start()
        driven.begin(server.address)
        for _ in range(3):
            driven.answer()
        driven.wait_until("choose")
        server.kill()
        assert [row["choice"] for row in read_records(tmp_path / "study.db").rows] == driven.choices
        driven.answer()
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        server.start()
        for _ in range(4):
            driven.answer()
        driven.expect_thanks()
        expect(page.get_by_role("alert")).to_have_count(0)
    finally:
        server.stop()
    assert [row["choice"] for row in read_records(tmp_path / "study.db").rows] == driven.choices


@pytest.mark.parametrize("loss", ["missing", "damaged"])
def test_a_picture_that_cannot_be_loaded_is_told_and_can_be_tried_again(page: Page, tmp_path: Path, loss: str) -> None:
    definition = define(tmp_path, 2)
    contents = {file: file.read_bytes() for file in tmp_path.glob("*/*.png")}
    with serve(definition) as address:
        for file in contents:
            if loss == "missing":
                file.unlink()
            else:
                file.write_bytes(b"no picture")
        DrivenPage(page, Participant(1.0)).begin(address)
        expect(page.get_by_role("heading", name="The study cannot go on here")).to_be_focused()
        expect(page.locator("#trouble-detail")).to_contain_text("picture of this pair")
        for file, content in contents.items():
            file.write_bytes(content)
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("#trial[data-state=choose]")


def test_a_link_of_nobody_leads_to_the_first_page(page: Page, tmp_path: Path) -> None:
    with serve(define(tmp_path, 2)) as address:
        page.goto(f"{address}#nobody")
        expect(page.get_by_role("heading", level=1)).to_have_text("This link leads nowhere")
        page.get_by_role("button", name="To the first page").click()
        expect(page.get_by_role("button", name="I agree, begin")).to_be_visible()
        assert page.url == address


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_both_pictures_are_seen_whole_without_scrolling_and_can_be_reached_in_order(
    page: Page, tmp_path: Path, size: ViewportSize
) -> None:
    maps = write_pictures(tmp_path / "maps", (10, 20), ["000.png", "001.png"])
    page.set_viewport_size(size)
    with serve(define(tmp_path, 2, reference=maps)) as address:
        driven = DrivenPage(page, Participant(1.0))
        driven.begin(address)
        driven.wait_until("choose")
        boxes = [page.locator(f"#{side} img").bounding_box() for side in ("left", "right")]
        for box in boxes:
            assert box
            assert 0 <= box["x"] < box["x"] + box["width"] <= size["width"]
            assert 0 <= box["y"] < box["y"] + box["height"] <= size["height"]
            assert box["width"] / box["height"] == pytest.approx(64 / 48, rel=0.02)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        expect(page.get_by_role("heading")).to_be_focused()
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached == ["left", "right", "copy-link"]
        expect(page.get_by_role("progressbar")).to_have_accessible_name("Pair 1 of 4")
        second = "Second picture Below" if size == NARROW else "Second picture Right"
        expect(page.locator("#right")).to_have_accessible_name(second)
