"""Drives the editor in a browser, as a person at it would. Places are pixels (y, x) of the scene."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Download, Page, ViewportSize, expect

from tests.deploy.editor.street_bundle import HEIGHT, WIDTH

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 844}
MARGIN = 24  # CSS pixels around a scene that fits, as in viewport.js
PATIENCE = 20_000  # ms


class DrivenEditor:
    """The editor in one tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))

    def open(self) -> None:
        """Load the page, as a new tab does."""
        self.page.goto(self.address)

    def open_sample(self, name: str = "Sample 1") -> None:
        """Load the page and choose a sample."""
        self.open()
        self.page.get_by_role("button", name=name).click()
        self.settle()

    def settle(self, done: str | None = None) -> None:
        """Wait until all is with the server and kept; `done` is what undoing would take back then."""
        if done is not None:
            expect(self.page.locator("#undo")).to_have_attribute("aria-label", done, timeout=PATIENCE)
        self.page.wait_for_function(
            """() => !document.querySelector("dialog[open]") && !document.querySelector("#view[data-working]")
                 && document.querySelector("#banner").hidden && !document.querySelector("#project-name").disabled"""
        )

    def place(self, y: float, x: float, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[float, float]:
        """Give the middle of a pixel on the screen, while the whole scene is in view."""
        box = self.page.locator("#canvas").bounding_box()
        assert box
        margin = min(MARGIN, box["width"] / 20)
        scale = min((box["width"] - 2 * margin) / size[1], (box["height"] - 2 * margin) / size[0])
        left = box["x"] + (box["width"] - size[1] * scale) / 2
        top = box["y"] + (box["height"] - size[0] * scale) / 2
        return left + (x + 0.5) * scale, top + (y + 0.5) * scale

    def press(self, y: float, x: float) -> None:
        """Press a pixel."""
        self.page.mouse.click(*self.place(y, x))

    def drag(self, *path: tuple[float, float]) -> None:
        """Press, move from pixel to pixel, lift."""
        places = [self.place(*each) for each in path]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for each in places[1:]:
            self.page.mouse.move(*each, steps=4)
        self.page.mouse.up()

    def tool(self, name: str) -> None:
        """Choose a tool."""
        self.page.get_by_role("radio", name=name, exact=True).check(force=True)

    def paint_with(self, name: str) -> None:
        """Choose a class to paint with."""
        self.page.locator("#palette").get_by_text(name, exact=True).click()

    def select(self, y: float, x: float, name: str) -> None:
        """Select the object at a pixel, which has this name."""
        self.tool("Select")
        self.press(y, x)
        expect(self.page.locator("#object-name")).to_have_text(name)

    def name_at(self, y: float, x: float) -> str:
        """Give the name of the object at a pixel, as the page tells it."""
        self.page.mouse.move(*self.place(y, x))
        told = re.compile(rf".+ · x {x}, y {y}$")
        expect(self.page.locator("#where")).to_have_text(told)
        return self.page.locator("#where").inner_text().split(" · ")[0]

    def undo_label(self) -> str:
        return self.page.locator("#undo").get_attribute("aria-label") or ""

    def download(self, act: Callable[[], Any]) -> tuple[str, bytes]:
        """Do what offers a file; give its name and content."""
        with self.page.expect_download() as waiting:
            act()
        found: Download = waiting.value
        return found.suggested_filename, Path(found.path()).read_bytes()

    def from_menu(self, entry: str) -> tuple[str, bytes]:
        """Choose an entry of the file menu that offers a file."""
        self.page.get_by_role("button", name="File", exact=True).click()
        return self.download(lambda: self.page.get_by_role("button", name=entry).click())

    def picture(self) -> NDArray[np.int16]:
        """Give the picture as it is exported, [H, W, 3]."""
        _, content = self.download(lambda: self.page.keyboard.press("Control+e"))
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int16)

    def project(self) -> dict[str, Any]:
        """Give the project file."""
        _, content = self.download(lambda: self.page.keyboard.press("Control+s"))
        document: dict[str, Any] = json.loads(content)
        return document

    def on_screen(self, y: float, x: float) -> list[int]:
        """Give the colour of a place on the screen."""
        across, down = self.place(y, x)
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        found = shot.getpixel((round(across), round(down)))
        assert isinstance(found, tuple)
        return list(map(int, found))
