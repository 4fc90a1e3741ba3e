from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deploy.study.analysis import analyse, report
from deploy.study.curve import draw_curve
from deploy.study.plan import BETTER, WORSE
from deploy.study.store import Records


def answer(participant: int, chosen: str, other: str, side: str = "left", **fields: Any) -> dict[str, Any]:
    """An answer that chose a method on a side."""
    left, right = (chosen, other) if side == "left" else (other, chosen)
    row = {"participant": participant, "left": left, "right": right, "choice": side, "exposure": None}
    return {**row, "is_check": BETTER in (left, right), "exposure_off": 0, **fields}


def records(rows: list[dict[str, Any]], exposures: tuple[float, ...] = (), planned: int = 2) -> Records:
    numbers = {row["participant"] for row in rows}
    return Records({"pairs": [["a", "b"]], "exposures": list(exposures)}, rows, dict.fromkeys(numbers, planned))


def test_eight_of_ten_has_the_interval_and_p_worked_by_hand() -> None:
    """Wilson: (8 + z²/2 ± z √(8·2/10 + z²/4)) / (10 + z²), z = 1.959964; binomial: 2 (1 + 10 + 45) / 2^10."""
    rows = [answer(0, "a", "b")] * 3 + [answer(0, "a", "b", "right")] * 5 + [answer(0, "b", "a")] * 2
    found = analyse(records(rows), max_failed_share=0.25)
    (only,) = found.overall
    assert (only.first, only.second, only.answers, only.preferred, only.rate) == ("a", "b", 10, 8, 0.8)
    assert (only.low, only.high) == pytest.approx((0.49016, 0.94332), abs=1e-5)
    assert only.p_value == pytest.approx(112 / 1024)
    assert found.left_share == 0.5
    assert found.by_exposure == []


def test_ten_of_ten_and_none_of_ten_mirror_each_other() -> None:
    """Wilson: n / (n + z²) to 1; binomial: 2 / 2^10."""
    (always,) = analyse(records([answer(0, "a", "b")] * 10), max_failed_share=0.25).overall
    (never,) = analyse(records([answer(0, "b", "a")] * 10), max_failed_share=0.25).overall
    assert (always.low, always.high) == pytest.approx((10 / 13.841459, 1))
    assert (never.low, never.high) == pytest.approx((0, 3.841459 / 13.841459))
    assert always.p_value == never.p_value == pytest.approx(2 / 1024)


def test_the_interval_narrows_with_less_confidence() -> None:
    """z of 0.68 is 0.994458: for 5 of 10, 0.5 ± z √(2.5 + z²/4) / (10 + z²)."""
    rows = [answer(0, "a", "b")] * 5 + [answer(0, "b", "a")] * 5
    (found,) = analyse(records(rows), max_failed_share=0.25, confidence=0.68).overall
    assert (found.low, found.high) == pytest.approx((0.350004, 0.649996), abs=1e-5)
    assert found.p_value == 1


def test_those_who_fail_too_many_checks_are_excluded_and_counted() -> None:
    passed, failed = answer(0, BETTER, WORSE), answer(0, WORSE, BETTER)
    rows = [{**passed, "participant": 0}] * 3 + [{**failed, "participant": 0}] + [answer(0, "a", "b")] * 4
    rows += [{**passed, "participant": 1}] * 2 + [{**failed, "participant": 1}] + [answer(1, "b", "a")] * 6
    found = analyse(records(rows), max_failed_share=0.25)
    assert (found.participants, found.excluded, found.checks, found.checks_failed) == (2, [1], 7, 2)
    assert (found.answers, found.overall[0].preferred) == (4, 4)
    assert analyse(records(rows), max_failed_share=0.5).answers == 10


def test_answers_whose_exposure_was_off_are_left_out_and_counted() -> None:
    rows = [answer(0, "a", "b")] * 3 + [answer(0, "b", "a", exposure_off=1)] * 2
    found = analyse(records(rows), max_failed_share=0.25)
    assert (found.answers, found.answers_off, found.overall[0].rate) == (3, 2, 1)
    assert "2 whose exposure was off left out" in report(found)
    counted = analyse(records(rows), max_failed_share=0.25, count_off=True)
    assert (counted.answers, counted.answers_off, counted.overall[0].rate) == (5, 2, 0.6)
    assert "2 whose exposure was off counted too" in report(counted)


def test_each_exposure_has_its_own_rate() -> None:
    rows = [answer(0, "a", "b", exposure=8.0)] * 4
    rows += [answer(0, "a", "b", exposure=0.125), answer(0, "b", "a", exposure=0.125)]
    found = analyse(records(rows, exposures=(8.0, 0.125, 1.0)), max_failed_share=0.25)
    assert [(each.exposure, each.preferred, each.answers) for each in found.by_exposure] == [(0.125, 1, 2), (8, 4, 4)]
    assert (found.overall[0].preferred, found.overall[0].answers) == (5, 6)


def test_those_who_answered_all_are_counted() -> None:
    rows = [answer(0, "a", "b")] * 2 + [answer(1, "a", "b")]
    found = analyse(records(rows), max_failed_share=0.25)
    assert (found.participants, found.finished) == (2, 1)


def test_the_report_has_a_line_a_comparison() -> None:
    rows = [answer(0, "a", "b", exposure=0.5)] * 8 + [answer(0, "b", "a", exposure=0.5)] * 2
    lines = report(analyse(records(rows, exposures=(0.5,)), max_failed_share=0.25)).splitlines()
    assert lines[0].startswith("participants: 1 answered, 0 of them all their pairs; 0 excluded for failed attention")
    assert lines[1] == "answers: 10 counted, 0 whose exposure was off left out; left chosen in 100.0%"
    assert [" ".join(line.split()) for line in lines[-3:]] == [
        "preferred to seconds answers rate 95% interval p",
        "a b all 10 80.0% 49.0% to 94.3% 0.11",
        "a b 0.5 10 80.0% 49.0% to 94.3% 0.11",
    ]


def test_a_study_without_answers_says_so() -> None:
    assert report(analyse(records([]), max_failed_share=0.25)) == "no answers yet"


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    rows = [answer(0, "a", "b", exposure=seconds) for seconds in (0.125, 8.0)]
    found = analyse(records(rows, exposures=(0.125, 8.0)), max_failed_share=0.25)
    draw_curve(found.by_exposure, tmp_path / "curve.png", 0.95)
    with Image.open(tmp_path / "curve.png") as image:
        assert (image.format, image.width > 800) == ("PNG", True)
        grey = np.array(image.convert("L"))
    assert (grey.min() < 100, grey.max()) == (True, 255)


def test_a_curve_of_unlimited_time_or_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="curve.png: found no answers in limited time"):
        draw_curve([], tmp_path / "curve.png", 0.95)
    found = analyse(records([answer(0, "a", "b", exposure=1.0)], exposures=(1.0,)), max_failed_share=0.25)
    with pytest.raises(ValueError, match="'xyz' is not supported"):
        draw_curve(found.by_exposure, tmp_path / "curve.xyz", 0.95)
