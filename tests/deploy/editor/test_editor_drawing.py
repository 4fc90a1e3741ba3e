"""Drawing in a real browser, with each tool."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.deploy.editor.driven_editor import DrivenEditor
from tests.deploy.editor.street_bundle import ROAD, STYLE_SHIFT

CAR_COLOUR = [0, 0, 142]


def test_a_car_is_drawn_styled_undone_exported_and_found_again(editor: DrivenEditor) -> None:
    editor.open_sample()
    before = editor.picture()
    editor.paint_with("car")
    editor.drag((50, 70), (50, 90))
    editor.settle("Undo: New car")
    assert editor.name_at(50, 80) == "car 2"
    drawn = editor.picture()
    change = np.abs(drawn - before).max(axis=2)
    assert change[50, 80] > 20
    assert change[:20].max() <= 1

    editor.select(50, 80, "car 2")
    for number in (2, 4):
        editor.page.get_by_role("button", name=f"Look {number}", exact=True).click()
        editor.settle(f"Undo: Look {number} for car 2")
    blue = editor.picture()
    editor.page.keyboard.press("Control+z")
    editor.settle("Undo: Look 2 for car 2")
    red = editor.picture()
    # The looks differ by (-2, 0, 2) times the shift; the brush is 10 pixels wide, so its middle sees nothing else.
    np.testing.assert_allclose((blue - red)[50, 80], [-2 * STYLE_SHIFT, 0, 2 * STYLE_SHIFT], atol=2)
    assert np.abs(blue - red)[:20].max() <= 3

    editor.page.keyboard.press("Control+Shift+z")
    editor.settle("Undo: Look 4 for car 2")
    np.testing.assert_array_equal(editor.picture(), blue)
    name, _ = editor.from_menu("Export picture and maps (ZIP)")
    assert name == "Sample 1.zip"

    editor.page.reload()
    editor.settle("Undo: Look 4 for car 2")
    np.testing.assert_array_equal(editor.picture(), blue)
    for _ in range(3):
        editor.page.keyboard.press("Control+z")
    editor.settle("Nothing to undo")
    np.testing.assert_array_equal(editor.picture(), before)


def test_the_picture_follows_the_stroke_before_it_ends(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.page.keyboard.press("2")
    editor.paint_with("car")
    plain = editor.on_screen(56, 70)
    editor.page.mouse.move(*editor.place(56, 60))
    with editor.page.expect_response("**/api/scenes/edit"):
        editor.page.mouse.down()
        editor.page.mouse.move(*editor.place(56, 90), steps=5)
    editor.page.wait_for_function("() => performance.getEntriesByName('pointer to picture').length > 0")
    assert editor.undo_label() == "Nothing to undo"
    assert max(abs(a - b) for a, b in zip(editor.on_screen(56, 70), plain, strict=True)) > 20
    editor.page.mouse.up()
    editor.settle("Undo: New car")


def test_strokes_extend_the_object_until_a_new_one_is_asked_for(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.paint_with("car")
    editor.drag((48, 74), (48, 84))
    editor.settle("Undo: New car")
    editor.drag((58, 74), (58, 84))
    editor.settle("Undo: Extend car 2")
    editor.page.keyboard.press("n")
    editor.drag((52, 100), (52, 110))
    editor.settle("Undo: New car")
    names = [editor.name_at(*each) for each in ((48, 79), (58, 79), (52, 105), (50, 20))]
    assert names == ["car 2", "car 2", "car 3", "car 1"]


def test_a_class_without_instances_joins_its_region(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.paint_with("road")
    expect(editor.page.locator("#targets")).to_be_hidden()
    editor.drag((10, 70), (10, 80))
    editor.settle("Undo: Paint road")
    assert editor.name_at(10, 75) == "road"
    document = editor.project()["steps"][1]["document"]
    assert document["classes"].count(ROAD) == 1


def test_fill_polygon_and_lasso_paint_their_areas(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.paint_with("tree")
    editor.tool("Fill")
    editor.press(30, 10)
    editor.settle("Undo: Fill with tree")
    assert editor.name_at(15, 28) == "tree 2"

    editor.paint_with("building")
    editor.tool("Polygon")
    for corner in ((5, 50), (5, 70), (20, 70), (20, 50), (5, 50)):  # the last press is on the first corner
        editor.press(*corner)
    editor.settle("Undo: New building")
    assert [editor.name_at(12, 60), editor.name_at(12, 75)] == ["building 2", "sky"]

    editor.paint_with("car")
    editor.tool("Lasso")
    editor.drag((45, 80), (45, 100), (58, 100), (58, 80))
    editor.settle("Undo: New car")
    assert [editor.name_at(50, 90), editor.name_at(50, 76)] == ["car 2", "road"]


def test_a_polygon_closes_by_enter_and_is_dropped_by_escape(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.tool("Polygon")
    for corner in ((45, 60), (45, 80), (60, 80)):
        editor.press(*corner)
    editor.page.keyboard.press("Escape")
    expect(editor.page.get_by_role("button", name="Close the shape")).to_be_disabled()
    for corner in ((45, 60), (45, 80), (60, 80), (62, 70)):
        editor.press(*corner)
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.press("Enter")
    editor.settle("Undo: New car")
    assert [editor.name_at(48, 76), editor.name_at(60, 70)] == ["car 2", "road"]


@pytest.mark.parametrize("fill", ["what is around", "tree"])
def test_the_eraser_takes_from_the_object_where_it_begins(editor: DrivenEditor, fill: str) -> None:
    editor.open_sample()
    editor.tool("Eraser")
    editor.page.locator("#options").get_by_label("Holes become").select_option(fill)
    editor.drag((49, 28), (49, 32))
    editor.settle("Undo: Erase car 1")
    erased = editor.name_at(49, 28)
    assert erased == ("road" if fill == "what is around" else "tree 2")
    assert [editor.name_at(49, 15), editor.name_at(49, 33)] == ["car 1", "road"]


def test_a_shape_of_the_gallery_is_dragged_in_or_placed_by_a_press(editor: DrivenEditor) -> None:
    editor.open_sample()
    shape = editor.page.get_by_role("button", name="car, 20 by 10")
    shape.scroll_into_view_if_needed()
    box = shape.bounding_box()
    assert box
    editor.page.mouse.move(box["x"] + 20, box["y"] + 20)
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.place(50, 80), steps=6)
    editor.page.mouse.up()
    editor.settle("Undo: Add car")
    assert [editor.name_at(52, 72), editor.name_at(47, 72)] == ["car 2", "road"]  # the shape lacks that corner

    editor.page.get_by_role("button", name="tree, 12 by 16").click()
    expect(editor.page.locator("#status")).to_contain_text("Press where it belongs")
    editor.press(20, 60)
    editor.settle("Undo: Add tree")
    assert editor.name_at(26, 56) == "tree 2"
    expect(editor.page.get_by_role("radio", name="Select", exact=True)).to_be_checked()


def test_a_pen_that_presses_harder_paints_wider(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.paint_with("car")
    session = editor.page.context.new_cdp_session(editor.page)
    for kind, column, force in (("mousePressed", 50, 0.1), ("mouseMoved", 60, 0.1), ("mouseMoved", 90, 1.0)):
        across, down = editor.place(50, column)
        session.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": across, "y": down, "button": "left", "buttons": 1, "clickCount": 1}
            | {"pointerType": "pen", "force": force},
        )
    session.send("Input.dispatchMouseEvent", {"type": "mouseReleased", "button": "left", "x": across, "y": down}
                 | {"pointerType": "pen", "clickCount": 1})  # fmt: skip
    editor.settle("Undo: New car")
    assert [editor.name_at(50, 54), editor.name_at(53, 54), editor.name_at(53, 90)] == ["car 2", "road", "car 2"]
    mask = editor.project()["steps"][1]["operations"][0]["mask"]
    assert mask["kind"] == "bitmap"


def test_views_show_labels_and_picture_as_they_are_chosen(editor: DrivenEditor) -> None:
    editor.open_sample()
    away = editor.place(2, 2)
    colours = {}
    for key, mode in (("1", "label"), ("2", "picture"), ("4", "overlay")):
        editor.page.keyboard.press(key)
        editor.page.mouse.move(away[0], away[1])
        expect(editor.page.get_by_role("radio", name=f"{mode} view")).to_be_checked()
        colours[mode] = editor.on_screen(49, 20)
    assert colours["label"] == CAR_COLOUR
    assert colours["picture"] != CAR_COLOUR
    half = [(a + b) / 2 for a, b in zip(colours["label"], colours["picture"], strict=True)]
    np.testing.assert_allclose(colours["overlay"], half, atol=2)

    editor.page.keyboard.press("3")
    divider = editor.page.get_by_role("slider", name="Divider")
    assert editor.on_screen(49, 20) == CAR_COLOUR
    divider.focus()
    editor.page.keyboard.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    editor.page.mouse.move(away[0], away[1])
    np.testing.assert_allclose(editor.on_screen(49, 20), colours["picture"], atol=2)


def test_the_view_is_zoomed_and_moved_and_fits_again(editor: DrivenEditor) -> None:
    editor.open_sample()
    fitting = editor.page.locator("#zoom-fit").inner_text()
    editor.page.mouse.move(*editor.place(50, 20))
    editor.page.mouse.wheel(0, -400)
    expect(editor.page.locator("#zoom-fit")).not_to_have_text(fitting)
    expect(editor.page.locator("#where")).to_have_text("car 1 · x 20, y 50")  # it zooms about the pointer
    editor.page.keyboard.down("Space")
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.place(50, 40), steps=3)
    editor.page.mouse.up()
    editor.page.keyboard.up("Space")
    expect(editor.page.locator("#where")).to_have_text("car 1 · x 20, y 50")  # the scene came along
    assert editor.undo_label() == "Nothing to undo"
    editor.page.keyboard.press("0")
    expect(editor.page.locator("#zoom-fit")).to_have_text(fitting)
    assert editor.name_at(50, 20) == "car 1"


def test_the_start_is_seen_while_the_button_or_the_key_is_held(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.page.keyboard.press("2")
    editor.paint_with("car")
    editor.drag((56, 70), (56, 90))
    editor.settle("Undo: New car")
    editor.page.keyboard.press("Escape")
    editor.page.mouse.move(*editor.place(2, 2))
    drawn = editor.on_screen(56, 80)
    editor.page.keyboard.down("c")
    expect(editor.page.locator("#badge")).to_be_visible()
    compared = editor.on_screen(56, 80)
    editor.page.keyboard.up("c")
    expect(editor.page.locator("#badge")).to_be_hidden()
    assert compared != drawn == editor.on_screen(56, 80)
    editor.page.locator("#compare").hover()
    editor.page.mouse.down()
    expect(editor.page.locator("#badge")).to_be_visible()
    editor.page.mouse.up()
    expect(editor.page.locator("#badge")).to_be_hidden()
