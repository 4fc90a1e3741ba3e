import csv
from io import StringIO

from deploy.study.export import write_csv
from deploy.study.plan import BETTER, WORSE
from deploy.study.store import Records

ROW = {
    "participant": 0, "token": "-cmd", "position": 0, "picture": "1.png", "left": "ours", "right": "theirs",
    "choice": "right", "is_check": 0, "exposure": 0.5, "measured_ms": -3.5, "shown_ms": 10.0, "masked_ms": 6.5,
    "frame_ms": 16.7, "exposure_off": 1, "showings": 1, "reaction_ms": 812.5, "began": "2026-01-01T10:00:00+00:00",
    "answered": "2026-01-01T10:00:05+00:00",
}  # fmt: skip


def exported(*rows: dict[str, object], tokens: bool = False) -> list[dict[str, str]]:
    file = StringIO(newline="")
    write_csv(Records({}, rows, {}), file, tokens=tokens)
    file.seek(0)
    return list(csv.DictReader(file))


def test_a_row_says_what_was_shown_chosen_and_measured() -> None:
    (row,) = exported(ROW)
    assert (row["left"], row["right"], row["choice"], row["chosen"]) == ("ours", "theirs", "right", "theirs")
    assert (row["exposure"], row["exposure_off"], row["reaction_ms"]) == ("0.5", "1", "812.5")


def test_tokens_are_left_out_unless_asked_for() -> None:
    assert "token" not in exported(ROW)[0]
    assert exported(ROW, tokens=True)[0]["token"] == "'-cmd"


def test_no_text_becomes_a_formula_in_a_spreadsheet() -> None:
    for name in ("=1+1.png", "+1.png", "-1.png", "@x.png", "\tx.png", "\rx.png"):
        assert exported({**ROW, "picture": name})[0]["picture"] == f"'{name}"


def test_negative_numbers_stay_numbers() -> None:
    assert exported(ROW)[0]["measured_ms"] == "-3.5"


def test_a_check_says_which_side_was_better() -> None:
    (row,) = exported({**ROW, "left": BETTER, "right": WORSE, "is_check": 1})
    assert (row["left"], row["right"], row["chosen"], row["is_check"]) == ("better", "worse", "worse", "1")


def test_what_was_not_measured_is_empty() -> None:
    assert exported({**ROW, "exposure": None, "measured_ms": None})[0]["measured_ms"] == ""
