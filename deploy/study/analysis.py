"""What the answers say: how often one method is preferred to another, and how sure that is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.study.plan import BETTER
from deploy.study.store import Records

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Preference:
    """How often `first` was preferred to `second`.

    Attributes:
        exposure: seconds; None over all of them, or where time was unlimited.
        answers: how many there are.
        preferred: how many of them chose `first`.
        rate: share of `first`.
        low, high: Wilson score interval of the rate (Wilson 1927).
        p_value: of the two-sided binomial test against no preference, a rate of one half.
    """

    first: str
    second: str
    exposure: float | None
    answers: int
    preferred: int
    rate: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Analysis:
    """The result of a study.

    Attributes:
        participants: who answered at least one pair.
        finished: who answered all of theirs.
        excluded: numbers of the participants who failed too many attention checks.
        checks: attention checks that were answered.
        checks_failed: of them.
        answers: comparisons that are counted, over all pairs.
        answers_off: comparisons of participants who are counted, whose exposure was off.
        off_counted: whether those are counted all the same.
        left_share: of the counted comparisons; far from one half where people do not look.
        confidence: of the intervals.
        overall: of each pair of methods.
        by_exposure: of each pair and exposure; none where time was unlimited.
    """

    participants: int
    finished: int
    excluded: Sequence[int]
    checks: int
    checks_failed: int
    answers: int
    answers_off: int
    off_counted: bool
    left_share: float | None
    confidence: float
    overall: Sequence[Preference]
    by_exposure: Sequence[Preference]


def analyse(
    records: Records, *, max_failed_share: float, count_off: bool = False, confidence: float = 0.95
) -> Analysis:
    """Analyse the answers of a study.

    Args:
        records: of the database.
        max_failed_share: participants who failed a larger share of the attention checks that they answered are
            excluded, with all their answers.
        count_off: count answers, too, whose measured exposure was off.
        confidence: of the intervals.
    """
    checks = [row for row in records.rows if row["is_check"]]
    failed = [row for row in checks if _chosen(row) != BETTER]
    seen, missed = (Counter(row["participant"] for row in rows) for rows in (checks, failed))
    excluded = sorted(number for number, count in missed.items() if count > max_failed_share * seen[number])
    answered = Counter(row["participant"] for row in records.rows)
    compared = [row for row in records.rows if not row["is_check"] and row["participant"] not in excluded]
    counted = [row for row in compared if count_off or not row["exposure_off"]]
    pairs = [tuple(pair) for pair in records.definition["pairs"]]
    by_pair: dict[frozenset[str], list[Row]] = defaultdict(list)
    for row in counted:
        by_pair[frozenset((row["left"], row["right"]))].append(row)
    return Analysis(
        participants=len(answered),
        finished=sum(count == records.planned[number] for number, count in answered.items()),
        excluded=excluded,
        checks=len(checks),
        checks_failed=len(failed),
        answers=len(counted),
        answers_off=sum(bool(row["exposure_off"]) for row in compared),
        off_counted=count_off,
        left_share=sum(row["choice"] == "left" for row in counted) / len(counted) if counted else None,
        confidence=confidence,
        overall=[
            _preference(first, second, None, by_pair[frozenset((first, second))], confidence)
            for first, second in pairs
            if by_pair[frozenset((first, second))]
        ],
        by_exposure=[
            _preference(first, second, exposure, rows, confidence)
            for first, second in pairs
            for exposure in sorted(records.definition["exposures"])
            if (rows := [row for row in by_pair[frozenset((first, second))] if row["exposure"] == exposure])
        ],
    )


def _chosen(row: Row) -> str:
    return str(row[row["choice"]])


def _preference(first: str, second: str, exposure: float | None, rows: Sequence[Row], confidence: float) -> Preference:
    from scipy.stats import binomtest  # takes over a second to import

    preferred = sum(_chosen(row) == first for row in rows)
    test = binomtest(preferred, len(rows), 0.5)
    interval = test.proportion_ci(confidence, method="wilson")
    return Preference(
        first=first,
        second=second,
        exposure=exposure,
        answers=len(rows),
        preferred=preferred,
        rate=preferred / len(rows),
        low=float(interval.low),
        high=float(interval.high),
        p_value=float(test.pvalue),
    )


def report(analysis: Analysis) -> str:
    """Write an analysis as text."""
    if not analysis.participants:
        return "no answers yet"
    off = f"{analysis.answers_off} whose exposure was off {'counted too' if analysis.off_counted else 'left out'}"
    lines = [
        f"participants: {analysis.participants} answered, {analysis.finished} of them all their pairs; "
        f"{len(analysis.excluded)} excluded for failed attention checks "
        f"({analysis.checks_failed} of {analysis.checks} checks failed)",
        f"answers: {analysis.answers} counted, {off}"
        + ("" if analysis.left_share is None else f"; left chosen in {analysis.left_share:.1%}"),
    ]
    interval = f"{analysis.confidence:.0%} interval"
    header = ["preferred", "to", "seconds", "answers", "rate", interval, "p"]
    rows = [header, *map(_cells, (*analysis.overall, *analysis.by_exposure))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines += [
        "",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
    ]
    return "\n".join(lines)


def _cells(found: Preference) -> list[str]:
    return [
        found.first,
        found.second,
        "all" if found.exposure is None else f"{found.exposure:g}",
        str(found.answers),
        f"{found.rate:.1%}",
        f"{found.low:.1%} to {found.high:.1%}",
        f"{found.p_value:.2g}",
    ]


def pairs_of(preferences: Iterable[Preference]) -> dict[tuple[str, str], list[Preference]]:
    """Group preferences by their pair of methods, in order."""
    grouped: dict[tuple[str, str], list[Preference]] = defaultdict(list)
    for each in preferences:
        grouped[each.first, each.second].append(each)
    return grouped
