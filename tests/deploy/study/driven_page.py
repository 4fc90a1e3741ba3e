"""Drives the study's page in a browser, as a person at it would."""

from typing import Literal

from playwright.sync_api import Page, ViewportSize

from deploy.study.store import Side
from tests.deploy.study.tiny_study import Participant

WIDE: ViewportSize = {"width": 1280, "height": 800}
EARLIEST = 270  # ms; the page takes no choice before 250
KEYS: dict[Side, list[str]] = {"left": ["ArrowLeft", "1"], "right": ["ArrowRight", "2"]}
LOOK = """() => Object.fromEntries(["left", "right"].map((side) => {
  const image = document.querySelector(`#${side} img`);
  const context = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data;
  const mean = (channel) => pixels.reduce((sum, value, at) => sum + (at % 4 === channel ? value : 0), 0) * 4 / pixels.length;
  const blue = mean(2);
  const spread = pixels.reduce((sum, value, at) => sum + (at % 4 === 2 ? (value - blue) ** 2 : 0), 0) * 4 / pixels.length;
  return [side, { red: mean(0), green: mean(1), detail: Math.sqrt(spread) }];
}))"""  # noqa: E501


class DrivenPage:
    """The page of one participant."""

    def __init__(self, page: Page, participant: Participant) -> None:
        self.page = page
        self.participant = participant
        self.position = 0
        self.choices: list[Side] = []

    def begin(self, address: str) -> None:
        """Agree to take part."""
        self.page.goto(address)
        self.page.get_by_role("button", name="I agree, begin").click()

    def wait_until(self, state: Literal["ready", "choose"]) -> None:
        """Wait for the pair that is due."""
        self.page.wait_for_selector(f"#trial[data-state={state}]:has(progress[value='{self.position}'])")

    def side(self) -> Side:
        """Look at the pictures and decide; wait as long as the page wants."""
        side = self.participant.choose(self.page.evaluate(LOOK))
        self.page.wait_for_timeout(EARLIEST)
        return side

    def answer(self, by: Literal["arrows", "digits", "click", "tap"] = "arrows") -> None:
        """Answer the pair that is due, once it can be."""
        self.wait_until("choose")
        side = self.side()
        if by == "click":
            self.page.click(f"#{side}")
        elif by == "tap":
            self.page.tap(f"#{side}")
        else:
            self.page.keyboard.press(KEYS[side][by == "digits"])
        self.choices.append(side)
        self.position += 1

    def expect_thanks(self) -> None:
        """Wait for the last page."""
        self.page.wait_for_selector("#end")
