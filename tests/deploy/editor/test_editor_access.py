"""The editor by keyboard alone, by touch, on a narrow screen, and for what reads pages aloud."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, ViewportSize, expect

from tests.deploy.editor.driven_editor import NARROW, WIDE, DrivenEditor


@pytest.fixture
def phone(chromium: Browser, address: str) -> Iterator[DrivenEditor]:
    context = chromium.new_context(viewport=NARROW, has_touch=True, is_mobile=True, device_scale_factor=2)
    driven = DrivenEditor(context.new_page(), address)
    yield driven
    context.close()
    assert not driven.errors


def touch(session: CDPSession, kind: str, *places: tuple[float, float]) -> None:
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})


def test_a_car_is_drawn_moved_and_styled_without_a_mouse(editor: DrivenEditor) -> None:
    keyboard = editor.page.keyboard
    editor.open()
    expect(editor.page.get_by_role("heading", name="Begin a scene")).to_be_focused()
    editor.page.get_by_role("button", name="Sample 1").wait_for()
    keyboard.press("Tab")
    keyboard.press("Enter")
    editor.settle()
    expect(editor.page.locator("#canvas")).to_be_focused()
    for key in (
        "b",
        "n",
        "Shift+ArrowDown",
        "Shift+ArrowDown",
        "Shift+ArrowRight",
        "Enter",
        "Shift+ArrowRight",
        "Enter",
    ):
        keyboard.press(key)
    editor.settle("Undo: New car")
    expect(editor.page.locator("#object-name")).to_have_text("car 2")
    expect(editor.page.locator("#object-size")).to_have_text("19 × 11 px")  # a path of 9 pixels, and 5 at either side
    for key in ("Alt+ArrowLeft", "Alt+Shift+ArrowRight", "Alt++"):
        keyboard.press(key)
    editor.settle("Undo: Scale car 2")
    keyboard.press("s")
    editor.settle("Undo: Shuffle looks")
    keyboard.press(".")
    keyboard.press(",")
    expect(editor.page.locator("#object-name")).to_have_text("car 2")
    keyboard.press("Delete")
    editor.settle("Undo: Delete car 2")
    keyboard.press("?")
    expect(editor.page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(editor.page.get_by_role("dialog", name="Shortcuts")).to_be_hidden()


def test_a_shape_is_placed_and_a_polygon_closed_without_a_mouse(editor: DrivenEditor) -> None:
    keyboard = editor.page.keyboard
    editor.open_sample()
    editor.page.get_by_role("button", name="car, 20 by 10").focus()
    for key in ("Enter", "Shift+ArrowDown", "Shift+ArrowDown", "Enter"):
        keyboard.press(key)
    editor.settle("Undo: Add car")
    for key in ("p", "n", "Enter", "Shift+ArrowRight", "Enter", "Shift+ArrowUp", "Enter", "Enter"):
        keyboard.press(key)
    editor.settle("Undo: New car")
    expect(editor.page.locator("#object-size")).to_have_text("9 × 9 px")


def test_keys_that_belong_to_a_control_are_left_to_it(editor: DrivenEditor) -> None:
    editor.open_sample()
    name = editor.page.get_by_label("Name of the project")
    name.fill("")
    name.press_sequentially("bevel? 1")
    expect(name).to_have_value("bevel? 1")
    expect(editor.page.get_by_role("radio", name="Brush")).to_be_checked()
    expect(editor.page.get_by_role("radio", name="Split view")).to_be_checked()


def test_on_a_phone_fingers_paint_and_two_fingers_move_the_view(phone: DrivenEditor) -> None:
    phone.open_sample()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    session = phone.page.context.new_cdp_session(phone.page)
    touch(session, "Start", phone.place(50, 74))
    for column in (80, 86, 92):
        touch(session, "Move", phone.place(50, column))
    touch(session, "End")
    phone.settle("Undo: New car")

    before = phone.page.evaluate("document.querySelector('#divider').offsetHeight")
    one, other = phone.place(30, 50), phone.place(30, 70)
    touch(session, "Start", one)
    touch(session, "Start", one, other)
    for step in range(1, 6):
        touch(session, "Move", (one[0] - 10 * step, one[1]), (other[0] + 10 * step, other[1]))
    touch(session, "End")
    phone.page.wait_for_function("before => document.querySelector('#divider').offsetHeight > before", arg=before)
    assert phone.undo_label() == "Undo: New car"  # the second finger took the first one's stroke back
    phone.page.get_by_role("button", name="Fit the scene").tap()

    for name in ("Paint", "Object", "Looks", "Shapes"):
        button = phone.page.locator("#sheets").get_by_role("button", name=name)
        button.tap()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(phone.page.locator("#panels section:visible")).to_have_count(1)
    phone.page.locator("#sheets").get_by_role("button", name="Looks").tap()
    phone.page.get_by_role("button", name="Look 2", exact=True).tap()
    phone.settle("Undo: Look 2 for car 2")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_serious_problem(
    chromium: Browser, address: str, size: ViewportSize, theme: Literal["light", "dark"]
) -> None:
    context = chromium.new_context(viewport=size, color_scheme=theme)
    editor = DrivenEditor(context.new_page(), address)
    found: list[str] = []

    def check(state: str) -> None:
        editor.page.wait_for_timeout(200)  # transitions of colours end
        violations = Axe().run(editor.page).response["violations"]
        found.extend(
            f"{state}: {each['id']}: {node['target']} {node.get('failureSummary')}"
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        )

    editor.open()
    editor.page.get_by_role("button", name="Sample 1").wait_for()
    check("start")
    editor.page.get_by_role("button", name="Sample 1").click()
    editor.settle()
    check("brush")
    editor.select(49, 20, "car 1")
    for sheet in ("Object", "Looks", "Shapes") if size == NARROW else ("",):
        if sheet:
            editor.page.locator("#sheets").get_by_role("button", name=sheet).click()
        check(f"selected {sheet}")
    editor.page.keyboard.press("?")
    check("shortcuts")
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("4")
    editor.tool("Eraser")
    check("eraser, overlay")
    context.close()
    assert found == []


def test_the_theme_follows_the_system_until_it_is_chosen(chromium: Browser, address: str) -> None:
    context = chromium.new_context(viewport=WIDE, color_scheme="dark")
    editor = DrivenEditor(context.new_page(), address)
    editor.open_sample()
    brightness = "() => getComputedStyle(document.querySelector('#bar')).backgroundColor.match(/\\d+/g)[0] * 1"
    assert editor.page.evaluate(brightness) < 60
    editor.page.get_by_role("button", name="Dark or light").click()
    editor.page.wait_for_function(f"() => ({brightness})() > 200")
    editor.page.reload()
    editor.settle()
    assert editor.page.evaluate(brightness) > 200
    context.close()
