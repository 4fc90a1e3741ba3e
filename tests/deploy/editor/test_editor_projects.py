"""Projects in a real browser: how they begin, that nothing is lost, files."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, expect

from tests.deploy.editor.driven_editor import WIDE, DrivenEditor
from tests.deploy.editor.editor_server import serve
from tests.deploy.editor.street_bundle import CAR, HEIGHT, ROAD, SKY, WIDTH, street
from tests.deploy.web_server import ServerProcess


def png(name: str, pixels: object) -> FilePayload:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def test_nothing_is_lost_when_the_server_is_killed_in_the_middle_of_edits(
    chromium: Browser, street_bundle: Path
) -> None:
    server = ServerProcess("deploy.server", ["--bundle", street_bundle], ready="ready")
    context = chromium.new_context(viewport=WIDE)
    editor = DrivenEditor(context.new_page(), server.address)
    banner = editor.page.locator("#banner")
    try:
        server.start()
        editor.open_sample()
        editor.paint_with("car")
        editor.drag((50, 70), (50, 90))
        editor.settle("Undo: New car")
        server.kill()
        editor.drag((56, 70), (56, 90))  # goes on with that car
        expect(banner).to_contain_text("One edit is kept here")
        editor.paint_with("tree")
        editor.drag((20, 70), (20, 90))
        editor.drag((26, 70), (26, 90))  # goes on with a tree that the server has not made yet
        editor.paint_with("road")
        editor.drag((5, 70), (5, 90))
        expect(banner).to_contain_text("4 edits are kept here")
        editor.page.keyboard.press("Control+z")
        expect(banner).to_contain_text("3 edits are kept here")
        expect(editor.page.locator("#saved")).to_have_text("3 to be sent, kept here")
        server.start()
        expect(banner).to_be_hidden(timeout=20_000)
        expect(editor.page.locator("#status")).to_contain_text("The server is back")
        editor.settle("Undo: Extend new tree")
        names = [editor.name_at(*each) for each in ((50, 80), (56, 80), (20, 80), (26, 80), (5, 80))]
        assert names == ["car 2", "car 2", "tree 2", "tree 2", "sky"]

        server.kill()
        editor.paint_with("building")
        editor.drag((12, 70), (12, 90))
        expect(banner).to_contain_text("One edit is kept here")
        server.start()
        editor.page.reload()  # while it is not known whether the edit was sent
        editor.settle("Undo: New building")
        assert editor.name_at(12, 80) == "building 2"
        for _ in range(5):
            editor.page.keyboard.press("Control+z")
        editor.settle("Nothing to undo")
        assert editor.name_at(50, 80) == "road"
        assert not editor.errors
    finally:
        server.stop()
        context.close()


def test_an_edit_that_the_server_refuses_is_told_and_the_others_stay(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.select(49, 20, "car 1")
    edits = []

    def spoil(route, request) -> None:  # type: ignore[no-untyped-def]
        edits.append(request.post_data)
        document = json.loads(request.post_data)
        document["operations"][0]["instance"] = 999
        route.continue_(post_data=json.dumps(document))

    editor.page.route("**/api/scenes/edit", spoil, times=1)
    editor.page.get_by_role("button", name="Duplicate").click()
    expect(editor.page.locator("#trouble")).to_contain_text("“Duplicate car 1” could not be done")
    editor.page.get_by_role("button", name="Dismiss").click()
    editor.page.get_by_role("button", name="Duplicate").click()
    editor.settle("Undo: Duplicate car 1")
    assert len(edits) == 1


def test_two_tabs_do_not_disturb_each_other(chromium: Browser, address: str) -> None:
    context = chromium.new_context(viewport=WIDE)
    one, other = (DrivenEditor(context.new_page(), address) for _ in range(2))
    one.open_sample("Sample 1")
    other.open_sample("Sample 2")
    for tab, row in ((one, 50), (other, 58), (one, 58)):
        tab.page.bring_to_front()
        tab.page.keyboard.press("n")
        tab.drag((row, 70), (row, 80))
        tab.settle("Undo: New car")
    for tab, undoable in ((one, 2), (other, 1)):
        tab.page.bring_to_front()
        tab.page.reload()
        tab.settle("Undo: New car")
        assert len(tab.project()["steps"]) == 1 + undoable
    # A second tab at the same address gets a copy, and a change there stays there.
    copy = DrivenEditor(context.new_page(), address)
    copy.page.goto(one.page.url)
    copy.settle("Undo: New car")
    expect(copy.page.locator("#project-name")).to_have_value("Sample 1 (copy)")
    assert copy.page.url != one.page.url
    copy.page.keyboard.press("Control+z")
    copy.settle("Undo: New car")
    one.page.bring_to_front()
    one.page.reload()
    one.settle("Undo: New car")
    assert len(one.project()["steps"]) == 3
    assert one.errors + other.errors + copy.errors == []
    context.close()


def test_a_new_tab_offers_the_projects_of_before(editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.drag((50, 70), (50, 80))
    editor.settle("Undo: New car")
    editor.page.get_by_label("Name of the project").fill("My street")
    editor.page.get_by_label("Name of the project").press("Enter")
    expect(editor.page).to_have_title("My street – Scene editor")
    tab = DrivenEditor(editor.page.context.new_page(), editor.address)
    editor.page.close()
    tab.open()
    tab.page.get_by_role("button", name="My street").click()
    tab.settle("Undo: New car")
    assert tab.name_at(50, 75) == "car 2"
    assert not tab.errors


def test_a_project_file_brings_everything_back_in_another_browser(chromium: Browser, editor: DrivenEditor) -> None:
    editor.open_sample()
    editor.drag((50, 70), (50, 90))
    editor.settle("Undo: New car")
    editor.page.keyboard.press("k")
    name, content = editor.from_menu("Save the project")
    assert name == "Sample 1.json"
    elsewhere = chromium.new_context(viewport=WIDE)
    other = DrivenEditor(elsewhere.new_page(), editor.address)
    other.open()
    other.page.get_by_role("button", name="Sample 1").wait_for()
    other.page.locator("#open-file").set_input_files({"name": name, "mimeType": "application/json", "buffer": content})
    other.settle("Undo: New car")
    assert other.name_at(50, 80) == "car 2"
    steps, expected = (document["steps"] for document in (other.project(), json.loads(content)))
    assert steps == expected
    assert len(expected[1]["locks"]) == 1
    np.testing.assert_array_equal(other.picture(), editor.picture())
    other.page.keyboard.press("Control+z")
    other.settle("Nothing to undo")
    assert not other.errors
    elsewhere.close()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no json", "it is not JSON"),
        (b'{"format": "else"}', "is not a project of this editor"),
        (b'{"format": "scene editor project", "version": 1, "project": {}, "steps": []}', "is damaged"),
        (
            b'{"format": "scene editor project", "version": 1, "project": {"classes": ["cat"], "dimension": 3},'
            b' "steps": [{"confirmed": true, "document": {"instance": "eA=="}}]}',
            "The project has the classes cat; the model that is served has sky",
        ),
    ],
    ids=["text", "other", "damaged", "other classes"],
)
def test_a_file_that_is_no_project_is_told_and_changes_nothing(editor: DrivenEditor, content: bytes, told: str) -> None:
    editor.open_sample()
    editor.page.locator("#open-file").set_input_files(
        {"name": "file.json", "mimeType": "application/json", "buffer": content}
    )
    expect(editor.page.locator("#trouble")).to_contain_text(told)
    assert editor.name_at(50, 20) == "car 1"


@pytest.mark.parametrize("with_instances", [True, False])
def test_maps_are_uploaded_with_and_without_instance_map(editor: DrivenEditor, with_instances: bool) -> None:
    label, _ = street()
    label[44:54, 30:50] = CAR  # a second car that touches the first one
    instance = label.astype(np.uint16) * 1000
    instance[44:54, 30:50] = 7
    editor.open()
    editor.page.get_by_label("Label map").set_input_files(png("my street.png", label))
    if with_instances:
        editor.page.get_by_label("Instance map").set_input_files(png("ids.png", instance))
    editor.page.get_by_role("button", name="Open the maps").click()
    editor.settle()
    expect(editor.page.locator("#project-name")).to_have_value("my street")
    cars = {editor.name_at(50, 20), editor.name_at(50, 40)}
    assert cars == ({"car 1", "car 2"} if with_instances else {"car 1"})


def test_maps_of_another_size_are_resized_after_asking_and_wrong_ones_told(editor: DrivenEditor) -> None:
    label = np.full((66, 102), SKY, np.uint8)
    label[33:] = ROAD
    editor.open()
    editor.page.get_by_label("Label map").set_input_files(png("odd.png", label))
    editor.page.get_by_role("button", name="Open the maps").click()
    expect(editor.page.locator("#resize")).to_contain_text("66")
    editor.page.get_by_role("button", name="Resize and open").click()
    editor.settle()
    document = editor.project()["steps"][0]["document"]
    assert (document["height"], document["width"]) == (64, 104)

    editor.page.get_by_role("button", name="New", exact=True).click()
    editor.page.get_by_label("Label map").set_input_files(png("wrong.png", np.full((64, 128), 200, np.uint8)))
    editor.page.get_by_role("button", name="Open the maps").click()
    expect(editor.page.locator("#start .error")).to_contain_text("200")


def test_an_empty_canvas_has_the_size_and_class_that_were_asked_for(editor: DrivenEditor) -> None:
    editor.open()
    editor.page.get_by_label("Width").fill("96")
    editor.page.get_by_label("Height").fill("48")
    editor.page.get_by_label("Filled with").select_option("road")
    editor.page.get_by_role("button", name="Begin", exact=True).click()
    editor.settle()
    document = editor.project()["steps"][0]["document"]
    assert (document["height"], document["width"], document["classes"]) == (48, 96, [ROAD])


def test_an_export_has_the_picture_and_its_maps(editor: DrivenEditor) -> None:
    editor.open_sample()
    _, content = editor.from_menu("Export picture and maps (ZIP)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        label = np.asarray(Image.open(io.BytesIO(archive.read("label.png"))))
        picture = np.asarray(Image.open(io.BytesIO(archive.read("picture.png"))).convert("RGB"))
    np.testing.assert_array_equal(label, street()[0])
    np.testing.assert_array_equal(picture, editor.picture())
    assert picture.shape == (HEIGHT, WIDTH, 3)


def test_a_server_with_a_token_is_used_after_asking_for_it(chromium: Browser, street_bundle: Path) -> None:
    context = chromium.new_context(viewport=WIDE)
    with serve(street_bundle, token="open sesame") as address:
        editor = DrivenEditor(context.new_page(), address)
        editor.open()
        for token in ("wrong", "open sesame"):
            editor.page.locator("#token-input").fill(token)
            editor.page.get_by_role("button", name="Go on").click()
            if token == "wrong":
                expect(editor.page.locator("#token .error")).to_be_visible()
        editor.page.get_by_role("button", name="Sample 1").click()
        editor.settle()
        editor.page.reload()
        editor.settle()
        assert editor.name_at(50, 20) == "car 1"
        assert not editor.errors
    context.close()
