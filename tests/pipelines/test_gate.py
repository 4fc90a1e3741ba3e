"""The gate and the verdict's words, on figures that nobody had to measure."""

import json
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


def test_the_verdict_is_a_table_of_challenger_and_champion() -> None:
    criteria = tuple(_gate(_candidate(0.4), _candidate(0.5, version=1)))
    verdict = Verdict(2, 1, False, "it is worse", criteria, {"mean_iou": 0.4}, Path("pictures.png"))
    lines = verdict.markdown().splitlines()
    assert lines[0] == "## Version 2: not promoted: it is worse"
    assert lines[2] == "| criterion | challenger | champion 1 | limit | passed |"
    assert "| mean IoU | 0.4000 (0.3500 to 0.4500) | 0.5000 (0.4500 to 0.5500) | above 0.5 | **no** |" in lines
    assert "| megabytes | 10 | 10 | none | yes |" in lines
    assert lines[-1] == "Pictures (condition, challenger, champion, photo): `pictures.png`"


def test_the_verdict_as_json_holds_every_criterion() -> None:
    criteria = tuple(_gate(_candidate(0.4), _candidate(0.5, version=1)))
    document = json.loads(json.dumps(Verdict(2, 1, False, "it is worse", criteria).as_document()))
    assert [each["name"] for each in document["criteria"]] == [each.name for each in criteria]
    (mean_iou,) = (each for each in document["criteria"] if each["name"] == "mean IoU")
    assert mean_iou["limit"] == 0.5
    assert mean_iou["challenger"]["value"] == 0.4
    assert mean_iou["passed"] is False


def test_scores_come_back_from_json_as_they_were() -> None:
    scores = BundleScores(_around(0.9), _around(0.5), {"road": _around(0.8), "car": None})
    assert BundleScores.from_document(json.loads(json.dumps(scores.as_document()))) == scores
