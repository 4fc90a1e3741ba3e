"""The verdict on a challenger, and how it is told: a sentence, a table, JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.evaluation.bootstrap import Estimate
from pipelines.flows.gate import Criterion


@dataclass(frozen=True)
class Verdict:
    """Whether a version shall become the champion, and why.

    Attributes:
        version: the challenger.
        champion: the version that it was judged against, None where there was no champion.
        promote: whether it shall.
        reason: a clause for logs, events and the version's tag.
        criteria: what was compared; none where nothing had to be.
        scores: figures of challenger and champion by name.
        pictures: PNG of condition | challenger | champion, where there is one | photo; None where none was made.
    """

    version: int
    champion: int | None
    promote: bool
    reason: str
    criteria: tuple[Criterion, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    pictures: Path | None = None

    @property
    def text(self) -> str:
        """The verdict in a sentence."""
        return f"{'promoted' if self.promote else 'not promoted'}: {self.reason}"

    def markdown(self) -> str:
        """The verdict as a heading, a sentence and the table of criteria."""
        compared = any(each.champion is not None for each in self.criteria)
        other = f"champion {self.champion}" if compared else "no champion"
        lines = [f"## Version {self.version}: {self.text}"]
        if self.criteria:
            lines += [
                "",
                f"| criterion | challenger | {other} | limit | passed |",
                "| --- | --- | --- | --- | --- |",
                *(_row(each) for each in self.criteria),
                "",
                "In brackets: confidence interval of the bootstrap over the validation pictures.",
            ]
        if self.pictures is not None:
            columns = "condition, challenger, champion, photo" if compared else "condition, challenger, photo"
            lines += ["", f"Pictures ({columns}): `{self.pictures}`"]
        return "\n".join(lines)

    def as_document(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "version": self.version,
            "champion": self.champion,
            "promote": self.promote,
            "reason": self.reason,
            "criteria": [
                {
                    "name": each.name,
                    "challenger": each.challenger and vars(each.challenger),
                    "champion": each.champion and vars(each.champion),
                    "rule": each.rule,
                    "limit": each.limit,
                    "passed": each.passed,
                }
                for each in self.criteria
            ],
            "scores": dict(self.scores),
        }


def failures(criteria: Sequence[Criterion]) -> str:
    """Name the criteria that failed with what was found and expected; empty where none did."""
    return "; ".join(
        f"{each.name}: found {_text(each.challenger)}, expected {each.rule} {each.limit:.4g}"
        for each in criteria
        if not each.passed and each.limit is not None
    )


def _row(criterion: Criterion) -> str:
    limit = "none" if criterion.limit is None else f"{criterion.rule} {criterion.limit:.4g}"
    cells = [criterion.name, _text(criterion.challenger), _text(criterion.champion), limit]
    return f"| {' | '.join(cells)} | {'yes' if criterion.passed else '**no**'} |"


def _text(figure: Estimate | None) -> str:
    if figure is None:
        return "-"
    if figure.low == figure.high == figure.value:
        return f"{figure.value:.4g}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
