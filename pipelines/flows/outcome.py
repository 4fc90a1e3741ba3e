"""How a retraining ended, and what it failed in."""

from dataclasses import dataclass
from typing import Literal

from pipelines.flows.verdict import Verdict

Kind = Literal["promoted", "rejected", "unchanged", "failed", "skipped", "planned"]


@dataclass(frozen=True)
class Outcome:
    """How a retraining ended.

    Attributes:
        kind: `unchanged` means that there was nothing to do or that what was made is a version judged before.
        reason: a sentence.
        version: of the registered model that the graph's bundle is, None where it got none.
        champion: the version that is champion now, None where there is none or it is not known.
        step: the task that failed.
        verdict: of this run, where one was reached.
    """

    kind: Kind
    reason: str
    version: int | None = None
    champion: int | None = None
    step: str | None = None
    verdict: Verdict | None = None


class StepFailed(RuntimeError):
    """A task of the retraining failed at each try; the champion is as it was, unless it was promoted before."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__(f"{step}: {error}")
        self.step = step
