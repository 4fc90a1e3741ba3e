"""The report as Markdown."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from experiments.findings import (
    FAILS,
    HOLDS,
    MEAN_IOU,
    ONE_SEED,
    PIXEL_ACCURACY,
    UNDECIDED,
    Findings,
    OrderFinding,
    RowFinding,
)
from experiments.results import Result
from experiments.rows import Scores, Table
from experiments.statistics import CONFIDENCE, Interval

COLUMNS = (
    "Row",
    "Pixel accuracy %: paper",
    "ours",
    "Mean IoU: paper",
    "ours",
    "Share of the oracle's: paper",
    "ours",
    "Seeds",
    "Interval over",
    "Training of a run",
    "Pictures seen",
    "Generator's parameters",
)
ORDER_COLUMNS = ("Order of the paper", "Difference in mean IoU: paper", "ours", "Verdict", "Compared")
FIRST_WORDS = 1  # columns from the left that are words; numbers are aligned to the right
NONE = "–"


def write_markdown(findings: Findings, grids: Sequence[str], discussion: str | None) -> str:
    """Write the whole report.

    Args:
        findings: what it tells.
        grids: the tables that have a picture `TABLE.jpg` beside the report.
        discussion: a text in Markdown that someone wrote about it; None without.
    """
    parts = [
        "# The paper's tables, rerun",
        _summary(findings),
        *_notices(findings),
        *(_table(findings, name, name in grids) for name in findings.definitions.tables),
    ]
    if discussion is not None:
        parts.append(f"## Discussion\n\n{discussion.strip()}")
    parts += [_setting(findings), _reading(findings)]
    return "\n\n".join(parts) + "\n"


def _summary(findings: Findings) -> str:
    orders = [order for own in findings.orders.values() for order in own]
    counts = {verdict: sum(order.verdict == verdict for order in orders) for verdict in (HOLDS, FAILS, UNDECIDED)}
    single = [order for order in orders if order.verdict == ONE_SEED]
    alike = sum(order.ours is not None and order.ours.value > 0 for order in single)
    rest = len(orders) - sum(counts.values()) - len(single)
    return (
        "Each row is trained on the same pictures for the same number of passes, and what it synthesizes for the "
        "validation maps is read by the same segmentation network (PSPNet). Its scores on the real photos of these "
        f"maps, the oracle's, are the ceiling. Of the {len(orders)} orders that the paper has, {counts[HOLDS]} hold, "
        f"{counts[FAILS]} do not hold and {counts[UNDECIDED]} are not decided over several seeds; {len(single)} rest "
        f"on one seed, of which {alike} point the paper's way; {rest} are not compared."
    )


def _notices(findings: Findings) -> list[str]:
    notices = []
    if any(result.scores["evaluator_too_weak"] for result in findings.results):
        notices.append(
            "> **The evaluator is too weak to judge**: on real photos its mean IoU is below "
            f"{findings.results[0].params.evaluate.minimum_oracle_mean_iou:g}. The scores say more about it than about "
            "the pictures."
        )
    lacking = [f"`{row.name}` ({row.lacking})" for row in findings.rows.values() if row.planned and row.lacking]
    if lacking:
        notices.append(f"> **The report is partial.** There are no scores yet of {'; '.join(lacking)}.")
    return notices


def _table(findings: Findings, name: str, has_grid: bool) -> str:
    table = findings.definitions.tables[name]
    rows = [_row(findings, findings.rows[row], table) for row in table.rows]
    parts = [f"## {table.title}", _grid_of_cells(COLUMNS, [*rows, _oracle(findings)])]
    orders = findings.orders[name]
    if orders:
        parts.append(_grid_of_cells(ORDER_COLUMNS, [_order(order) for order in orders]))
    if has_grid:
        parts.append(f"![The rows on the same validation maps]({name}.jpg)")
    return "\n\n".join(parts)


def _row(findings: Findings, row: RowFinding, table: Table) -> list[str]:
    accuracy, iou = row.score(PIXEL_ACCURACY), row.score(MEAN_IOU)
    published = table.paper.get(row.name)
    return [
        f"`{row.name}` {row.row.title}" + ("" if row.lacking is None else f" (*{row.lacking}*)"),
        *_scores(published, accuracy, iou),
        f"{published[1] / findings.definitions.oracle[1]:.1%}" if published else NONE,
        f"{findings.share(iou.value):.1%}" if iou else NONE,
        str(len(row.results)) if row.results else NONE,
        ("seeds" if len(row.results) > 1 else "pictures") if row.results else NONE,
        _time(row.results),
        f"{row.results[0].pictures:,}" if row.results else NONE,
        f"{row.results[0].generator_parameters / 1e6:.2f} M" if row.results else NONE,
    ]


def _oracle(findings: Findings) -> list[str]:
    accuracy, iou = findings.oracle(PIXEL_ACCURACY), findings.oracle(MEAN_IOU)
    known = ["100.0%", NONE, "pictures"] if iou else [NONE] * 3
    scores = _scores(findings.definitions.oracle, accuracy, iou)
    return ["Oracle: the real photos", *scores, "100.0%", *known, NONE, NONE, NONE]


def _scores(published: Scores | None, accuracy: Interval | None, iou: Interval | None) -> list[str]:
    """Published and own pixel accuracy, in percent, and mean IoU."""
    return [
        f"{100 * published[0]:.2f}" if published else NONE,
        _interval(accuracy, "{:.2f}", 100),
        f"{published[1]:.4f}" if published else NONE,
        _interval(iou, "{:.4f}"),
    ]


def _order(order: OrderFinding) -> list[str]:
    compared = NONE if order.compared is None else f"`{order.compared[0]}`, `{order.compared[1]}`"
    paper = NONE if order.paper is None else f"{order.paper:+.4f}"
    title = f"`{order.first}` above `{order.second}`"
    return [title, paper, _interval(order.ours, "{:+.4f}"), order.verdict, compared]


def _setting(findings: Findings) -> str:
    results = findings.results
    entries = {"Pictures": f"{len(findings.train)} for training, {len(findings.val)} that are scored"}
    if results:
        entries |= _shared(results) | {"Evaluator": _evaluator(findings), **_circumstances(results)}
    return "## Setting\n\n" + _grid_of_cells(("What", "value"), [[*entry] for entry in entries.items()], words=2)


def _shared(results: Sequence[Result]) -> dict[str, str]:
    params = results[0].params
    phases = [getattr(result.params, stage) for result in results for stage in result.stages]
    without = "none: no weights of VGG19 were given, so no row has this loss"
    passes = [sum(getattr(result.params, stage).epochs for stage in result.stages) for result in results]
    return {
        "Dataset": f"{params.prepare.reader}, {params.preprocess.width}x{params.preprocess.height} pixels",
        "Budget of a run": f"{_all(passes)} passes over the training pictures, {_all(r.steps for r in results)} steps",
        "Batch": f"{_all(phase.batch_size for phase in phases)} pictures",
        "Learning rate": f"{_all(phase.learning_rate for phase in phases)}, falling to 0 at the end of each stage",
        "Seeds": _all(result.run.seed for result in results),
        "Perceptual loss": without if params.losses.vgg_weights is None else "VGG19, where the row has it",
        "Precision": params.runtime.precision,
    }


def _evaluator(findings: Findings) -> str:
    params = findings.results[0].params
    segmenter = params.train_segmenter
    made = "of a given checkpoint" if segmenter.checkpoint else f"trained for {segmenter.epochs} passes"
    accuracy, iou = findings.oracle(PIXEL_ACCURACY), findings.oracle(MEAN_IOU)
    weak = any(result.scores["evaluator_too_weak"] for result in findings.results)
    return (
        f"PSPNet on {segmenter.encoder}, {made}; on real photos pixel accuracy {_interval(accuracy, '{:.2f}', 100)} %, "
        f"mean IoU {_interval(iou, '{:.4f}')}, {'below' if weak else 'at least'} the "
        f"{params.evaluate.minimum_oracle_mean_iou:g} that is asked of it"
    )


def _circumstances(results: Sequence[Result]) -> dict[str, str]:
    machines = sorted({"not noted" if result.machine is None else str(result.machine) for result in results})
    threads = _all(result.params.runtime.threads for result in results)
    days = sorted({f"{result.training.finished:%Y-%m-%d}" for result in results if result.training})
    known = [result.training.seconds for result in results if result.training]
    return {
        "Machine": f"{'; '.join(machines)}; CPU threads of a run: {threads}",
        "Trained": " to ".join(days[:1] + days[1:][-1:]) if days else "not tracked",
        "Training of all runs": f"{_duration(sum(known))} ({len(known)} of {len(results)} are tracked)",
    }


def _reading(findings: Findings) -> str:
    confidence = findings.results[0].params.evaluate.confidence if findings.results else CONFIDENCE
    return (
        "## How to read it\n\n"
        "- *Ours* is the mean over the seeds. Behind it stands its interval, of one of two kinds. **Over seeds** "
        f"({CONFIDENCE:.0%}, Student's t): where other seeds of training would put the mean. **Over pictures** "
        f"({confidence:.0%}, bootstrap), of a single run and of the oracle: where other validation pictures would put "
        "the score of these same networks; it says nothing of other seeds.\n"
        f"- A difference is of the means over seeds, its interval Welch's ({CONFIDENCE:.0%}). *{HOLDS}*: the interval "
        f"is above 0; *{FAILS}*: below; *{UNDECIDED}*: 0 is in it; *{ONE_SEED}*: a row has a single seed, so that "
        "nothing tells the difference from chance.\n"
        "- The paper's scores are of Cityscapes at 2048x1024 with an evaluator of its own: orders and shares of the "
        "oracle's mean IoU compare, scores do not.\n"
        "- *Training* is the time of the training steps alone, a mean over the seeds."
    )


def _grid_of_cells(columns: Sequence[str], rows: Iterable[Sequence[str]], words: int = FIRST_WORDS) -> str:
    rule = ["---" if number < words else "--:" for number in range(len(columns))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, rule, *rows))


def _interval(interval: Interval | None, form: str, factor: float = 1) -> str:
    if interval is None:
        return NONE
    value = form.format(factor * interval.value)
    if interval.low is None or interval.high is None:
        return value
    return f"{value} ({form.format(factor * interval.low)} to {form.format(factor * interval.high)})"


def _time(results: Sequence[Result]) -> str:
    known = [result.training.seconds for result in results if result.training]
    return _duration(sum(known) / len(known)) if known else NONE


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03."""
    return str(timedelta(seconds=round(seconds)))


def _all(values: Iterable[float]) -> str:
    """Each value once, in their order."""
    return ", ".join(f"{value:g}" for value in sorted(set(values)))
