"""From the pointer to the picture in the editor: what a person who draws waits, measured in a browser.

A process serves the bundle, headless Chromium opens the editor, and strokes are drawn as by a hand, one event a frame.
The page measures each picture of a stroke from the time of the oldest event that it shows first to the end of the frame
that paints it (the User Timing measure `pointer to picture`). The baseline is the bare Synthesizer on a scene of that
size, in the same run.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import typer
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright

from benchmarks.json_line import print_json_line
from components.inference import Synthesizer

START_SECONDS = 60
FRAME = 16  # ms
STEPS = 30  # events of a stroke
MEASURES = "performance.getEntriesByName('pointer to picture').map((each) => each.duration)"


@contextmanager
def served(bundle: Path) -> Iterator[str]:
    """Serve a bundle in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "deploy.server", "--bundle", str(bundle), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield _ready(process, f"http://127.0.0.1:{port}/")
        finally:
            process.terminate()


def _ready(process: subprocess.Popen[bytes], address: str) -> str:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            with urlopen(address + "ready"):
                return address
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{process.args!r}: the server was not ready after {START_SECONDS} seconds")


def drawn(page: Page, address: str, size: tuple[int, int], strokes: int) -> list[float]:
    """Draw strokes on an empty canvas of H x W; gives milliseconds from pointer to picture."""
    height, width = size
    page.goto(address)
    page.get_by_label("Width").fill(str(width))
    page.get_by_label("Height").fill(str(height))
    page.get_by_role("button", name="Begin", exact=True).click()
    page.wait_for_selector("#start", state="hidden")
    box = page.locator("#canvas").bounding_box()
    assert box
    for stroke in range(-1, strokes):  # the first one warms up
        row = box["y"] + box["height"] * (0.35 + 0.3 * (stroke % 7) / 7)
        page.keyboard.press("n")
        page.mouse.move(box["x"] + 0.1 * box["width"], row)
        page.mouse.down()
        for step in range(STEPS):
            page.mouse.move(box["x"] + (0.1 + 0.35 * step / STEPS) * box["width"], row)
            page.wait_for_timeout(FRAME)
        page.mouse.up()
        page.wait_for_selector("#view:not([data-working])")
        if stroke < 0:
            page.evaluate("performance.clearMeasures()")
    durations: list[float] = page.evaluate(MEASURES)
    return durations


def bare(bundle: Path, size: tuple[int, int], repetitions: int) -> list[float]:
    """Milliseconds of the Synthesizer alone."""
    synthesizer = Synthesizer(bundle)
    shape = (1, *size)
    inputs: dict[str, NDArray[Any]] = {
        "label": np.zeros(shape, np.uint8),
        "instance": np.zeros(shape, np.int32),
        "styles": np.zeros((1, 1, synthesizer.bundle.style_dimension), np.float32),
    }
    needed = {name: inputs[name] for name in synthesizer.bundle.inputs}
    milliseconds = []
    for _ in range(repetitions + 1):
        started = time.perf_counter()
        synthesizer.synthesize(**needed)
        milliseconds.append(1000 * (time.perf_counter() - started))
    return milliseconds[1:]


def main(
    bundle: Annotated[Path, typer.Option(help="folder of the serving bundle")] = Path("build/bundle"),
    size: Annotated[str | None, typer.Option(metavar="HxW", help="by default that of the training pictures")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="few strokes")] = False,
) -> None:
    """Print a JSON line for each case: milliseconds in the editor, the Synthesizer's as the baseline, their ratio."""
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not browser_path:
        raise typer.BadParameter("found no program chromium, expected it, or the path of another one in CHROMIUM")
    trained = json.loads((bundle / "bundle.json").read_text())["trained_size"]
    height, width = map(int, size.split("x")) if size else (trained["height"], trained["width"])
    alone = bare(bundle, (height, width), 10 if quick else 50)
    with served(bundle) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        waited = drawn(page, address, (height, width), 4 if quick else 20)
        browser.close()
    if not waited:
        raise RuntimeError("the editor painted no picture while a stroke was drawn")
    for name, share in (("median", 50), ("95th percentile", 95)):
        value, baseline = float(np.percentile(waited, share)), float(np.percentile(alone, share))
        case = f"pointer to picture, {height}x{width}, {len(waited)} pictures; bare Synthesizer"
        print_json_line(case, f"ms, {name}", value, baseline)


if __name__ == "__main__":
    typer.run(main)
