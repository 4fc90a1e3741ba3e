from collections import Counter
from dataclasses import replace

import pytest

from deploy.study.plan import BETTER, WORSE, Plan, Trial

EXPOSURES = (0.125, 0.5, 2.0)
PLAN = Plan(
    seed=1,
    pairs=[("a", "b"), ("a", "c")],
    pictures=[f"{number}.png" for number in range(6)],
    exposures=(),
    comparisons=4,
    check_pictures=["x.png", "y.png"],
    checks=2,
)  # a circle of 12 pairs, which 3 participants see once


def compared(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if not trial.is_check]


def pair_of(trial: Trial) -> tuple[str, frozenset[str]]:
    return trial.picture, frozenset((trial.left, trial.right))


def test_every_pair_is_judged_equally_often() -> None:
    seen = Counter(pair_of(trial) for number in range(6) for trial in compared(PLAN.trials(number)))
    assert len(seen) == 12
    assert set(seen.values()) == {2}


def test_counts_differ_by_one_at_most_when_the_last_round_is_not_full() -> None:
    seen = Counter(pair_of(trial) for number in range(4) for trial in compared(PLAN.trials(number)))
    assert sorted(seen.values()) == [1] * 8 + [2] * 4


@pytest.mark.parametrize("comparisons", [4, 5, 12])
def test_nobody_sees_a_pair_twice(comparisons: int) -> None:
    plan = replace(PLAN, comparisons=comparisons)
    for number in range(20):
        trials = compared(plan.trials(number))
        assert len(set(map(pair_of, trials))) == len(trials) == comparisons


def test_a_method_is_left_as_often_as_right() -> None:
    for number in range(10):
        assert sum(trial.left == "a" for trial in compared(PLAN.trials(number))) == 2


def test_of_a_single_comparison_neither_side_is_preferred() -> None:
    plan = replace(PLAN, comparisons=1, checks=0)
    left = sum(plan.trials(number)[0].left == "a" for number in range(400))
    assert 140 < left < 260  # 6 standard deviations around 200


def test_each_pair_gets_each_exposure_once_before_one_returns() -> None:
    plan = replace(PLAN, exposures=EXPOSURES)
    seen = Counter((*pair_of(trial), trial.exposure) for number in range(9) for trial in compared(plan.trials(number)))
    assert len(seen) == 12 * 3
    assert set(seen.values()) == {1}


def test_a_participant_gets_the_exposures_equally_often() -> None:
    plan = replace(PLAN, exposures=EXPOSURES, comparisons=6)
    for number in range(2):  # stretches that begin and end with the circle
        assert Counter(trial.exposure for trial in compared(plan.trials(number))) == dict.fromkeys(EXPOSURES, 2)


def test_the_same_participant_gets_the_same_trials_and_another_seed_others() -> None:
    assert PLAN.trials(3) == PLAN.trials(3)
    assert PLAN.trials(3) != replace(PLAN, seed=2).trials(3)


def test_checks_are_spread_over_the_whole_study_on_both_sides() -> None:
    plan = replace(PLAN, comparisons=12, checks=2)
    sides = Counter[str]()
    for number in range(50):
        trials = plan.trials(number)
        first, second = (place for place, trial in enumerate(trials) if trial.is_check)
        assert 0 <= first <= 6
        assert 7 <= second <= 13
        sides.update(trial.left for trial in trials if trial.is_check)
    assert sides == {BETTER: 50, WORSE: 50}


def test_checks_repeat_pictures_only_when_there_are_too_few() -> None:
    names = [trial.picture for trial in replace(PLAN, checks=4).trials(0) if trial.is_check]
    assert sorted(names) == ["x.png", "x.png", "y.png", "y.png"]


@pytest.mark.parametrize(
    ("exposures", "expected"), [((), None), ((0.125, 4.0, 1.0), 1.0), ((0.125, 2.0, 8.0), 2.0), ((0.125, 0.5), 0.5)]
)
def test_a_check_is_shown_for_the_shortest_time_from_one_second_or_the_longest_there_is(
    exposures: tuple[float, ...], expected: float | None
) -> None:
    trials = replace(PLAN, exposures=exposures).trials(0)
    assert {trial.exposure for trial in trials if trial.is_check} == {expected}
