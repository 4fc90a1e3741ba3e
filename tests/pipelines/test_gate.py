"""The gate and the verdict's words, on figures that nobody had to measure."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from components.evaluation.bootstrap import Estimate
from pipelines.bundle_scores import BundleScores
from pipelines.flows.gate import Candidate, Criterion, gate
from pipelines.flows.verdict import Verdict, failures
from tests.retrain_params import retrain_config


def _around(value: float) -> Estimate:
    return Estimate(value, value - 0.05, value + 0.05)


def _candidate(mean_iou: float = 0.5, *, version: int = 2, **fields: Any) -> Candidate:
    classes = fields.pop("class_iou", {"road": _around(0.8), "car": _around(0.2)})
    scores = BundleScores(_around(0.9), _around(mean_iou), classes)
    values: dict[str, Any] = {"version": version, "scores": scores, "parity": 1, "seconds": 0.5, "megabytes": 10.0}
    return Candidate(**(values | fields))


def _gate(
    challenger: Candidate, champion: Candidate | None, oracle: float | None = 0.6, **limits: Any
) -> list[Criterion]:
    config = retrain_config(**limits)
    return gate(challenger, champion, config, oracle_mean_iou=oracle, minimum_oracle_mean_iou=0.4)


def _failed(criteria: list[Criterion]) -> list[str]:
    return [each.name for each in criteria if not each.passed]


def test_a_gain_must_be_more_than_the_minimum() -> None:
    champion = _candidate(0.5, version=1)
    assert _failed(_gate(_candidate(0.5), champion)) == ["mean IoU"]
    assert _failed(_gate(_candidate(0.51), champion)) == []
    assert _failed(_gate(_candidate(0.51), champion, minimum_gain=0.02)) == ["mean IoU"]
    assert _failed(_gate(_candidate(0.53), champion, minimum_gain=0.02)) == []


def test_no_class_may_lose_more_than_the_limit_however_good_the_mean_is() -> None:
    champion = _candidate(0.5, version=1)
    worse = _candidate(0.7, class_iou={"road": _around(0.69), "car": _around(0.9)})
    assert _failed(_gate(worse, champion)) == ["IoU of road"]
    assert _failed(_gate(worse, champion, maximum_class_drop=0.2)) == []


def test_a_class_that_one_of_them_has_no_iou_for_is_not_held_against_the_challenger() -> None:
    champion = _candidate(0.5, version=1, class_iou={"road": _around(0.8), "car": None, "sky": _around(0.3)})
    challenger = _candidate(0.6, class_iou={"road": _around(0.8), "car": _around(0.0), "sky": None})
    criteria = _gate(challenger, champion)
    assert _failed(criteria) == []
    assert [each.name for each in criteria if each.name.startswith("IoU")] == ["IoU of road", "IoU of car"]


@pytest.mark.parametrize(
    ("challenger", "limits", "failed"),
    [
        (_candidate(parity=2), {}, "parity to torch in grey levels"),
        (_candidate(parity=None), {}, "parity to torch in grey levels"),
        (_candidate(parity=2), {"maximum_parity_difference": 2}, None),
        (_candidate(), {"maximum_seconds": 0.4}, "seconds a picture"),
        (_candidate(), {"maximum_seconds": 0.5}, None),
        (_candidate(), {"maximum_megabytes": 9.9}, "megabytes"),
    ],
)
def test_parity_time_and_size_have_limits_of_their_own(
    challenger: Candidate, limits: dict[str, Any], failed: str | None
) -> None:
    assert _failed(_gate(challenger, None, **limits)) == ([] if failed is None else [failed])


@pytest.mark.parametrize("oracle", [0.39, None])
def test_an_evaluator_that_is_too_weak_or_unmeasured_promotes_nothing(oracle: float | None) -> None:
    assert _failed(_gate(_candidate(0.9), _candidate(0.1, version=1), oracle)) == ["oracle mean IoU"]


def test_every_criterion_has_its_figures_rule_and_limit() -> None:
    champion = _candidate(0.5, version=1, seconds=0.25, megabytes=8.0)
    limits = {"minimum_gain": 0.125, "maximum_class_drop": 0.25, "maximum_seconds": 1, "maximum_megabytes": 12}
    assert _gate(_candidate(0.75), champion, **limits) == [
        Criterion("oracle mean IoU", Estimate(0.6, 0.6, 0.6), None, "at least", 0.4),
        Criterion("parity to torch in grey levels", Estimate(1, 1, 1), None, "at most", 1),
        Criterion("seconds a picture", Estimate(0.5, 0.5, 0.5), Estimate(0.25, 0.25, 0.25), "at most", 1),
        Criterion("megabytes", Estimate(10, 10, 10), Estimate(8, 8, 8), "at most", 12),
        Criterion("mean IoU", _around(0.75), _around(0.5), "above", 0.625),
        Criterion("IoU of road", _around(0.8), _around(0.8), "at least", 0.8 - 0.25),
        Criterion("IoU of car", _around(0.2), _around(0.2), "at least", 0.2 - 0.25),
    ]


def test_a_figure_that_is_no_number_counts_as_unmeasured() -> None:
    criteria = _gate(_candidate(seconds=math.nan), None, maximum_seconds=1)
    assert _failed(criteria) == ["seconds a picture"]
    assert criteria[2].challenger is None


def test_a_champion_without_scores_leaves_speed_and_size_to_compare() -> None:
    criteria = _gate(_candidate(0.01), _candidate(version=1, scores=None))
    assert _failed(criteria) == []
    assert [each.name for each in criteria if each.champion is not None] == ["seconds a picture", "megabytes"]
    assert [each.limit for each in criteria if "IoU" in each.name] == [0.4, None, None, None]


def test_without_a_champion_nothing_is_compared_with_one() -> None:
    criteria = _gate(_candidate(0.01), None)
    assert _failed(criteria) == []
    assert all(each.champion is None for each in criteria)


def test_without_classes_parity_time_and_size_remain() -> None:
    names = [each.name for each in _gate(_candidate(scores=None), None, oracle=None)]
    assert names == ["parity to torch in grey levels", "seconds a picture", "megabytes"]


def test_failures_name_what_was_found_and_expected() -> None:
    criteria = _gate(_candidate(0.4, seconds=2.5), _candidate(0.5, version=1), maximum_seconds=2)
    assert failures(criteria) == (
        "seconds a picture: found 2.5, expected at most 2; "
        "mean IoU: found 0.4000 (0.3500 to 0.4500), expected above 0.5"
    )


def _judged(champion: Estimate | None) -> tuple[Criterion, ...]:
    return (
        Criterion("parity", None, None, "at most", 1),
        Criterion("megabytes", Estimate(10, 10, 10), None, "at most", None),
        Criterion("mean IoU", Estimate(0.4, 0.35, 0.45), champion, "above", 0.5),
        Criterion("IoU of car", Estimate(0.3, 0.3, 0.35), None, "at least", 0.25),
    )


TABLE_WITHOUT_CHAMPION = """\
| --- | --- | --- | --- | --- |
| parity | - | - | at most 1 | **no** |
| megabytes | 10 | - | none | yes |
| mean IoU | 0.4000 (0.3500 to 0.4500) | - | above 0.5 | **no** |
| IoU of car | 0.3000 (0.3000 to 0.3500) | - | at least 0.25 | yes |

In brackets: confidence interval of the bootstrap over the validation pictures."""


def test_the_verdict_is_a_table_of_challenger_and_champion() -> None:
    criteria = _judged(Estimate(0.5, 0.45, 0.55))
    table = TABLE_WITHOUT_CHAMPION.replace("0.4500) | - |", "0.4500) | 0.5000 (0.4500 to 0.5500) |")
    assert Verdict(2, 1, False, "it is worse", criteria, pictures=Path("pictures.png")).markdown() == (
        "## Version 2: not promoted: it is worse\n\n"
        f"| criterion | challenger | champion 1 | limit | passed |\n{table}\n\n"
        "Pictures (condition, challenger, champion, photo): `pictures.png`"
    )


def test_the_verdict_says_where_there_was_no_champion_to_compare_with() -> None:
    verdict = Verdict(1, None, True, "there is no champion", _judged(None), pictures=Path("pictures.png"))
    assert verdict.markdown() == (
        "## Version 1: promoted: there is no champion\n\n"
        f"| criterion | challenger | no champion | limit | passed |\n{TABLE_WITHOUT_CHAMPION}\n\n"
        "Pictures (condition, challenger, photo): `pictures.png`"
    )


def test_a_verdict_without_criteria_or_pictures_is_its_sentence() -> None:
    verdict = Verdict(1, 1, False, "it is the champion")
    assert verdict.markdown() == "## Version 1: not promoted: it is the champion"
    assert (verdict.as_document()["criteria"], verdict.as_document()["scores"]) == ([], {})


def test_an_interval_is_shown_unless_both_its_bounds_are_the_figure() -> None:
    def shown(low: float, high: float) -> str:
        return failures([Criterion("x", Estimate(0.5, low, high), None, "above", 1)])

    assert shown(0.5, 0.5) == "x: found 0.5, expected above 1"
    assert shown(0.5, 0.75) == "x: found 0.5000 (0.5000 to 0.7500), expected above 1"
    assert shown(0.25, 0.5) == "x: found 0.5000 (0.2500 to 0.5000), expected above 1"
    assert shown(0.25, 0.25) == "x: found 0.5000 (0.2500 to 0.2500), expected above 1"


def test_the_verdict_as_json_holds_every_field_and_criterion() -> None:
    criteria = _judged(Estimate(0.5, 0.45, 0.55))[1:3]
    verdict = Verdict(2, 1, False, "it is worse", criteria, {"mean_iou": 0.4}, Path("pictures.png"))
    assert json.loads(json.dumps(verdict.as_document())) == {
        "version": 2,
        "champion": 1,
        "promote": False,
        "reason": "it is worse",
        "criteria": [
            {
                "name": "megabytes",
                "challenger": {"value": 10, "low": 10, "high": 10},
                "champion": None,
                "rule": "at most",
                "limit": None,
                "passed": True,
            },
            {
                "name": "mean IoU",
                "challenger": {"value": 0.4, "low": 0.35, "high": 0.45},
                "champion": {"value": 0.5, "low": 0.45, "high": 0.55},
                "rule": "above",
                "limit": 0.5,
                "passed": False,
            },
        ],
        "scores": {"mean_iou": 0.4},
    }


def test_scores_come_back_from_json_as_they_were() -> None:
    scores = BundleScores(_around(0.9), _around(0.5), {"road": _around(0.8), "car": None})
    assert BundleScores.from_document(json.loads(json.dumps(scores.as_document()))) == scores
