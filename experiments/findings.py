"""What the runs say of the paper's tables: scores with their intervals, and which of its orders hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.data.dataset import SPLITS
from components.data.store import ShardStore
from experiments.compose import DATASET, read_runs
from experiments.results import Result, TrackingStore, read_result
from experiments.rows import Row, Rows, Table
from experiments.statistics import Interval, difference, mean_over_seeds

MEAN_IOU = "mean_iou"
PIXEL_ACCURACY = "pixel_accuracy"
HOLDS, FAILS, UNDECIDED, ONE_SEED = "holds", "does not hold", "not decided", "one seed"


@dataclass(frozen=True)
class RowFinding:
    """A row and its finished runs.

    Attributes:
        name: of the row.
        row: its definition.
        planned: seeds that the graph has it under; none where it cannot be trained.
        results: of the finished ones, by seed.
    """

    name: str
    row: Row
    planned: tuple[int, ...]
    results: tuple[Result, ...]

    @property
    def lacking(self) -> str | None:
        """Why there are no scores, or which seeds lack them; None where all are there."""
        if not self.planned:
            stand_in = f", in its place `{self.row.stand_in}`" if self.row.stand_in else ""
            return f"not trained: needs the weights of VGG19{stand_in}" if self.row.needs_vgg else "not planned"
        finished = {result.run.seed for result in self.results}
        seeds = [str(seed) for seed in self.planned if seed not in finished]
        return f"not trained yet: seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if seeds else None

    def values(self, figure: str) -> list[float]:
        """A figure of each run."""
        return [result.scores[figure] for result in self.results]

    def score(self, figure: str) -> Interval | None:
        """A figure: its mean with an interval over seeds, or of a single run with one over pictures; None without."""
        if not self.results:
            return None
        if len(self.results) == 1:
            return over_pictures(self.results[0].scores, figure)
        return mean_over_seeds(self.values(figure))


@dataclass(frozen=True)
class OrderFinding:
    """A pair of rows of which the paper has the first above the second, by mean IoU.

    Attributes:
        first: name of the row.
        second: likewise.
        compared: the rows that were compared for them, themselves or their stand-ins; None where none were.
        paper: the published difference; None where there is none.
        ours: our difference; None where the two were not compared.
        verdict: what it says of the order, or why nothing was compared.
    """

    first: str
    second: str
    compared: tuple[str, str] | None
    paper: float | None
    ours: Interval | None
    verdict: str


@dataclass(frozen=True)
class Findings:
    """All of the runs.

    Attributes:
        definitions: of all rows and tables, with the published scores.
        rows: by name.
        orders: of each table, by its name.
        train: pictures and maps that were trained on.
        val: those that were scored.
    """

    definitions: Rows
    rows: Mapping[str, RowFinding]
    orders: Mapping[str, tuple[OrderFinding, ...]]
    train: ShardStore
    val: ShardStore

    @property
    def results(self) -> list[Result]:
        """Of all rows."""
        return [result for row in self.rows.values() for result in row.results]

    def oracle(self, figure: str) -> Interval | None:
        """The evaluator's figure on the real photos, the same for all runs; None without any."""
        return over_pictures(self.results[0].scores, f"oracle_{figure}") if self.results else None

    def share(self, value: float) -> float:
        """A mean IoU as a share of the oracle's."""
        oracle = self.oracle(MEAN_IOU)
        assert oracle is not None, "there is a run that has it"
        return value / oracle.value if oracle.value else float("nan")


def gather(rows: Rows, build: Path, store: TrackingStore) -> Findings:
    """Read what there is of the planned runs.

    Raises:
        ValueError: where there is no graph yet, or no dataset.
    """
    train, val = (ShardStore(build / DATASET / "shards" / split) for split in SPLITS)
    runs = read_runs(build)
    found = {}
    for name, row in rows.rows.items():
        own = sorted((run for run in runs if run.row == name), key=lambda run: run.seed)
        results = [read_result(run, build, store, len(train)) for run in own]
        found[name] = RowFinding(
            name=name,
            row=row,
            planned=tuple(run.seed for run in own),
            results=tuple(result for result in results if result is not None),
        )
    orders = {name: tuple(judge(pair, table, found) for pair in table.order) for name, table in rows.tables.items()}
    return Findings(rows, found, orders, train, val)


def judge(pair: tuple[str, str], table: Table, rows: Mapping[str, RowFinding]) -> OrderFinding:
    """Say whether the first row of a pair is above the second, where both, or their stand-ins, have scores."""
    first, second = (_compared(name, rows) for name in pair)
    published = [table.paper[name][1] for name in pair if name in table.paper]
    without = [name for name in (first, second) if not rows[name].results]
    ours = None
    if first == second:
        verdict = "not compared: needs the weights of VGG19"
    elif without:
        verdict = f"not compared: {' and '.join(without)} not trained yet"
    else:
        ours = difference(rows[first].values(MEAN_IOU), rows[second].values(MEAN_IOU))
        verdict = verdict_on(ours)
    return OrderFinding(
        first=pair[0],
        second=pair[1],
        compared=None if ours is None else (first, second),
        paper=published[0] - published[1] if len(published) == 2 else None,
        ours=ours,
        verdict=verdict,
    )


def verdict_on(difference: Interval) -> str:
    """Say whether a difference is above 0, as far as its interval tells."""
    if difference.low is None or difference.high is None:
        return ONE_SEED
    if difference.low > 0:
        return HOLDS
    return FAILS if difference.high < 0 else UNDECIDED


def over_pictures(scores: Mapping[str, float], figure: str) -> Interval:
    """A figure of one run with its bootstrap interval over pictures."""
    return Interval(scores[figure], scores[f"{figure}_low"], scores[f"{figure}_high"])


def _compared(name: str, rows: Mapping[str, RowFinding]) -> str:
    """Give a row's name, or that of the row in its place where it cannot be trained."""
    found = rows[name]
    return name if found.planned or found.row.stand_in is None else found.row.stand_in
