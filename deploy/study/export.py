"""The answers of a study as CSV."""

import csv
from collections.abc import Mapping
from typing import Any, TextIO

from deploy.study.plan import BETTER, WORSE
from deploy.study.store import Records

COLUMNS = (
    "participant", "token", "position", "picture", "left", "right", "chosen", "choice", "is_check", "exposure",
    "measured_ms", "shown_ms", "masked_ms", "frame_ms", "exposure_off", "showings", "reaction_ms", "began", "answered",
)  # fmt: skip
CHECK_NAMES = {BETTER: "better", WORSE: "worse"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(records: Records, file: TextIO, *, tokens: bool) -> None:
    """Write a row for each answer.

    A text that a spreadsheet would take for a formula, such as a file's name or a token, gets an apostrophe before it.

    Args:
        records: of the database.
        file: opened with `newline=""`.
        tokens: with the participants' tokens, which tell who took part.
    """
    columns = [name for name in COLUMNS if tokens or name != "token"]
    writer = csv.DictWriter(file, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(map(_row, records.rows))


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    shown = {side: CHECK_NAMES.get(record[side], record[side]) for side in ("left", "right")}
    row = {**record, **shown, "chosen": shown[record["choice"]]}
    return {
        name: f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
        for name, cell in row.items()
    }
