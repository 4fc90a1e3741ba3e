"""The gate: what a challenger must be to become the champion, criterion by criterion."""

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from components.evaluation.bootstrap import Estimate
from pipelines.bundle_scores import BundleScores
from pipelines.flows.config import RetrainConfig

Rule = Literal["above", "at least", "at most"]
COMPARISONS: dict[Rule, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at least": operator.ge,
    "at most": operator.le,
}


@dataclass(frozen=True)
class Candidate:
    """What was measured of a version, all on the same machine and validation set.

    Attributes:
        version: of the registered model.
        scores: None where the dataset has no classes, so that nothing can be scored.
        parity: grey levels at any pixel by which the float32 graph differs from torch; None where nobody measured it.
        seconds: median time of one picture of the trained size on the CPU.
        megabytes: size of the float32 graph, 10^6 bytes each.
    """

    version: int
    scores: BundleScores | None
    parity: int | None
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict.

    Attributes:
        name: of what is compared.
        challenger: the challenger's figure, None where it was not measured; bounds equal to the value are exact.
        champion: the champion's, None where there is none to compare.
        rule: how the challenger's value must lie to the limit.
        limit: None where everything passes.
    """

    name: str
    challenger: Estimate | None
    champion: Estimate | None
    rule: Rule
    limit: float | None

    @property
    def passed(self) -> bool:
        """Whether the challenger's figure is as the rule asks; one that was not measured is not."""
        if self.limit is None:
            return True
        return self.challenger is not None and COMPARISONS[self.rule](self.challenger.value, self.limit)


def gate(
    challenger: Candidate,
    champion: Candidate | None,
    config: RetrainConfig,
    *,
    oracle_mean_iou: float | None,
    minimum_oracle_mean_iou: float,
) -> list[Criterion]:
    """Compare a challenger with the limits, and with the champion where there is one.

    Args:
        challenger: the version that would become the champion.
        champion: None leaves out what is compared with it: the gain and the loss of each class.
        config: the limits.
        oracle_mean_iou: the evaluator's on the real validation photos; None where it was not measured.
        minimum_oracle_mean_iou: below it the evaluator is too weak to judge.

    Returns:
        The criteria; without scores, those of speed, size and parity only.
    """
    criteria = [
        _criterion("parity to torch in grey levels", challenger.parity, "at most", config.maximum_parity_difference),
        _criterion("seconds a picture", challenger.seconds, "at most", config.maximum_seconds, champion, "seconds"),
        _criterion("megabytes", challenger.megabytes, "at most", config.maximum_megabytes, champion, "megabytes"),
    ]
    if challenger.scores is None:
        return criteria
    weakness = _criterion("oracle mean IoU", oracle_mean_iou, "at least", minimum_oracle_mean_iou)
    rival = None if champion is None else champion.scores
    return [weakness, *criteria, *_against(challenger.scores, rival, config)]


def _against(scores: BundleScores, rival: BundleScores | None, config: RetrainConfig) -> Iterator[Criterion]:
    limit = None if rival is None else rival.mean_iou.value + config.minimum_gain
    yield Criterion("mean IoU", scores.mean_iou, None if rival is None else rival.mean_iou, "above", limit)
    for name, iou in scores.class_iou.items():
        other = None if rival is None else rival.class_iou[name]
        if iou is not None:  # else no pixel of it was lost
            lowest = None if other is None else other.value - config.maximum_class_drop
            yield Criterion(f"IoU of {name}", iou, other, "at least", lowest)


def _criterion(
    name: str,
    value: float | None,
    rule: Rule,
    limit: float | None,
    champion: Candidate | None = None,
    field: str | None = None,
) -> Criterion:
    """A criterion of exact figures."""
    other = None if champion is None or field is None else getattr(champion, field)
    return Criterion(name, _exact(value), _exact(other), rule, limit)


def _exact(value: float | None) -> Estimate | None:
    return None if value is None or math.isnan(value) else Estimate(value, value, value)
