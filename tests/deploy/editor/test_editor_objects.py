"""Objects in a real browser: selecting, changing, and how they look."""

import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.deploy.editor.driven_editor import DrivenEditor
from tests.deploy.editor.street_bundle import CAR, STYLES


def style_of(editor: DrivenEditor, instance: int) -> list[float]:
    """Give the style that an object has in the present scene."""
    project = editor.project()
    (present,) = (step for step in project["steps"] if step["serial"] == project["project"]["current"])
    styles: list[list[float]] = present["document"]["styles"]
    return styles[instance]


def car(editor: DrivenEditor) -> int:
    """Give the id of the sample's car."""
    found: int = editor.project()["steps"][0]["document"]["classes"].index(CAR)
    return found


def test_an_object_is_moved_by_dragging_and_scaled_by_its_corner(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.tool("Select")
    editor.drag((49, 20), (54, 90))  # the car's rows 44..53 and columns 10..29
    editor.settle("Undo: Move car 1")
    assert [editor.name_at(*each) for each in ((50, 81), (58, 99), (50, 100), (49, 20))] == [
        "car 1",
        "car 1",
        "road",
        "road",
    ]
    # From the corner at (59, 100) away from the middle (53.5, 89.5) to twice the distance.
    editor.drag((58.5, 99.5), (63.5, 109.5))
    editor.settle("Undo: Scale car 1")
    assert [editor.name_at(*each) for each in ((54, 71), (45, 108), (54, 69), (43, 90))] == [
        "car 1",
        "car 1",
        "road",
        "road",
    ]


def test_what_is_dragged_is_seen_before_it_is_dropped(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.page.keyboard.press("1")
    editor.tool("Select")
    editor.page.mouse.move(*editor.place(49, 20))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.place(49, 90), steps=5)
    editor.page.wait_for_function("() => performance.getEntriesByName('pointer to picture').length > 0")
    expect(editor.page.locator("#where")).to_have_text("car 1 · x 90, y 49")
    editor.page.mouse.up()
    editor.settle("Undo: Move car 1")


def test_class_copy_and_end_of_an_object(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.select(30, 108, "tree 1")
    editor.page.locator("#object-class").select_option("building")
    editor.settle("Undo: Change class of tree 1")
    assert editor.name_at(30, 108) == "building 2"

    editor.page.get_by_role("button", name="Duplicate").click()
    editor.settle("Undo: Duplicate building 2")
    assert editor.name_at(30, 122) == "building 3"

    editor.page.locator("#object").get_by_label("What fills").select_option("road")
    editor.page.get_by_role("button", name="Delete").click()
    editor.settle("Undo: Delete building 2")
    assert editor.name_at(30, 104) == "road"
    expect(editor.page.locator("#object-name")).to_have_text("Object")


def test_thumbnails_show_this_scene_in_each_look_and_follow_an_edit(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.select(49, 20, "car 1")
    expect(editor.page.locator("#thumbnails:not([data-stale]) canvas")).to_have_count(len(STYLES))
    shown = """number => {
      const canvas = document.querySelectorAll("#thumbnails canvas")[number];
      return [...canvas.getContext("2d").getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data].slice(0, 3);
    }"""
    plain, blue = (np.array(editor.page.evaluate(shown, number)) for number in (0, 3))
    np.testing.assert_allclose(blue - plain, 60 * STYLES[3], atol=2)
    editor.page.get_by_role("button", name="Look 4", exact=True).click()
    editor.settle("Undo: Look 4 for car 1")
    expect(editor.page.get_by_role("button", name="Look 4", exact=True)).to_have_attribute("aria-pressed", "true")
    np.testing.assert_allclose(editor.picture()[49, 20], blue, atol=2)


def test_a_look_goes_to_one_object_its_class_or_all_but_not_to_locked_ones(editor: DrivenEditor) -> None:
    editor.open_sample()
    first = car(editor)
    editor.paint_with("car")
    editor.drag((50, 70), (50, 90))
    editor.settle("Undo: New car")
    editor.select(50, 80, "car 2")
    second = len(editor.project()["steps"][1]["document"]["classes"]) - 1
    editor.page.get_by_text("Each car", exact=True).click()
    editor.page.get_by_role("button", name="Look 2", exact=True).click()
    editor.settle("Undo: Look 2 for each car")
    assert style_of(editor, first) == style_of(editor, second) == STYLES[1].tolist()

    editor.page.keyboard.press("k")
    expect(editor.page.get_by_role("button", name="Lock the look")).to_have_attribute("aria-pressed", "true")
    editor.page.get_by_text("Everything", exact=True).click()
    editor.page.get_by_role("button", name="Look 3", exact=True).click()
    editor.settle("Undo: Look 3 for everything")
    assert style_of(editor, second) == STYLES[1].tolist()
    assert style_of(editor, first) == STYLES[2].tolist()

    editor.page.get_by_role("button", name="Shuffle all").click()
    editor.settle("Undo: Shuffle looks")
    assert style_of(editor, second) == STYLES[1].tolist()
    editor.page.get_by_text("car 2", exact=True).last.click()
    expect(editor.page.locator("#looks-hint")).to_contain_text("Locked")


def test_the_next_new_object_can_have_a_chosen_look(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.paint_with("car")
    expect(editor.page.locator("#looks-name")).to_have_text("Look of the next car")
    editor.page.get_by_role("button", name="Look 3", exact=True).click()
    editor.drag((50, 70), (50, 90))
    editor.settle("Undo: New car")
    document = editor.project()["steps"][1]["document"]
    assert document["styles"][-1] == STYLES[2].tolist()


def test_a_slider_blends_two_looks(editor: DrivenEditor) -> None:
    editor.open_sample()
    instance = car(editor)
    editor.select(49, 20, "car 1")
    editor.page.get_by_label("Blend from").select_option(label="2")
    editor.page.get_by_label("Blend to").select_option(label="3")
    slider = editor.page.get_by_role("slider", name="Blend")
    box = slider.bounding_box()
    assert box
    editor.page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    editor.page.mouse.up()
    share = int(slider.input_value())
    assert 40 <= share <= 60
    editor.settle(f"Undo: Blend {share} % for car 1")
    between = STYLES[1] + share / 100 * (STYLES[2] - STYLES[1])
    np.testing.assert_allclose(style_of(editor, instance), between, atol=1e-6)
    expect(slider).to_have_value(str(share))


def test_a_look_is_taken_from_a_part_of_a_photo(editor: DrivenEditor) -> None:
    photo = Image.new("RGB", (400, 300), (0, 0, 255))
    photo.paste((255, 0, 0), (200, 0, 400, 300))
    file = io.BytesIO()
    photo.save(file, "PNG")
    editor.open_sample()
    instance = car(editor)
    editor.select(49, 20, "car 1")
    editor.page.get_by_role("button", name="From a photo").click()
    editor.page.get_by_label("Photo", exact=True).set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    canvas = editor.page.locator("#photo-canvas").bounding_box()
    assert canvas
    for act, share in ((editor.page.mouse.move, 0.6), (None, 0), (editor.page.mouse.move, 0.9)):
        if act is None:
            editor.page.mouse.down()
        else:
            act(canvas["x"] + share * canvas["width"], canvas["y"] + share * canvas["height"])
    editor.page.mouse.up()
    editor.page.get_by_role("button", name="Use this look").click()
    editor.settle("Undo: Look of a photo for car 1")
    np.testing.assert_allclose(style_of(editor, instance), [1, -1, -1], atol=0.02)


def test_a_file_that_is_no_photo_is_told(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.select(49, 20, "car 1")
    editor.page.get_by_role("button", name="From a photo").click()
    editor.page.get_by_label("Photo", exact=True).set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no photo"}
    )
    expect(editor.page.locator("#photo .error")).to_contain_text("“notes.txt” is not a picture")
