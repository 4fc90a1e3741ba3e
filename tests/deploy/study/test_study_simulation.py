"""Large studies without a browser: the analysis finds the preference that the participants were made with."""

import math
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from deploy.study.analysis import Preference, analyse
from deploy.study.definition import EXPOSURES
from deploy.study.plan import Plan
from deploy.study.store import Answer, Side, StudyStore, read_records
from tests.deploy.study.tiny_study import Participant, define, look_at, open_application

PLAN = Plan(
    seed=3,
    pairs=[("ours", "theirs")],
    pictures=[f"{number}.png" for number in range(100)],
    exposures=EXPOSURES,
    comparisons=35,
    check_pictures=["check.png"],
    checks=4,
)
SIDES: tuple[Side, Side] = ("left", "right")
CONFIDENCE = 0.999  # eight intervals are to hold the truth together


def preference_at(seconds: float | None) -> float:
    """Grows from a half with the time to look, as in Fig. 7 of Wang et al. 2018."""
    return 0.85 if seconds is None else 0.5 + 0.4 * (1 - math.exp(-seconds))


def take_part(store: StudyStore, plan: Plan, number: int, attentive: bool) -> None:
    token, trials = f"token {number}", plan.trials(number)
    store.add_participant(token, number, trials, 1000)
    for position, trial in enumerate(trials):
        preference = preference_at(trial.exposure) if attentive else 0.0
        person = Participant(preference, seed=1000 * number + position, attentive=attentive)
        choice = person.choose({"left": look_at(seen(trial.left)), "right": look_at(seen(trial.right))})
        store.add_answer(token, position, Answer(choice, 800.0))


def seen(method: str) -> list[tuple[int, int, int]]:
    """Two pixels of what a participant sees of a method, or of a side of a check."""
    red, green = (90, 80) if method in ("ours", "@better", "@worse") else (80, 90)
    return [(red, green, 0), (red, green, 10 if method == "@worse" else 255)]


def holds(found: Preference, rate: float) -> bool:
    return found.low <= rate <= found.high


@pytest.mark.parametrize("exposures", [(), EXPOSURES])
def test_the_preference_is_recovered_and_the_inattentive_are_excluded(
    tmp_path: Path, exposures: tuple[float, ...]
) -> None:
    plan = replace(PLAN, exposures=exposures)
    store = StudyStore(tmp_path / "study.db", {"pairs": [["ours", "theirs"]], "exposures": list(exposures)})
    for number in range(30):
        take_part(store, plan, number, attentive=number % 5 > 0)
    found = analyse(read_records(tmp_path / "study.db"), max_failed_share=0.25, confidence=CONFIDENCE)
    assert (found.participants, found.finished, found.excluded) == (30, 30, list(range(0, 30, 5)))
    assert (found.checks, found.checks_failed) == (120, 24)
    assert found.answers == 24 * 35
    assert found.left_share == pytest.approx(0.5, abs=0.06)
    (overall,) = found.overall
    mean = sum(map(preference_at, exposures)) / len(exposures) if exposures else preference_at(None)
    assert holds(overall, mean)
    assert not holds(overall, mean - 0.15)  # the answers of the excluded would have moved it as far
    assert overall.p_value < 1e-10
    assert [each.exposure for each in found.by_exposure] == list(exposures)
    assert all(holds(each, preference_at(each.exposure)) for each in found.by_exposure)
    if exposures:
        assert not holds(found.by_exposure[0], preference_at(EXPOSURES[-1]))


@pytest.mark.parametrize("experiment", ["unlimited", "limited"])
def test_participants_who_look_at_the_pictures_over_http_are_recovered(tmp_path: Path, experiment: str) -> None:
    definition = define(tmp_path, 20, experiment=experiment, exposures=(0.125, 1.0))
    chosen = 0
    with open_application(definition) as application, TestClient(application) as client:
        for number in range(6):
            participant = Participant(0.8, seed=number)
            token = client.post("/api/participants", json={"consent": True}).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            due = client.get("/api/trial", headers=headers).json()
            while due["position"] < due["total"]:
                looks: dict[Side, dict[str, float]] = {}
                for side in SIDES:
                    content = client.get(f"/api/pictures/{due['position']}/{side}", headers=headers).content
                    looks[side] = look_at(np.array(Image.open(BytesIO(content))))
                answer = {"position": due["position"], "choice": participant.choose(looks), "reaction_ms": 800.0}
                if due["exposure"] is not None:
                    end = 100.0 + 1000 * due["exposure"]
                    answer["frames"] = {"shown_ms": 100.0, "masked_ms": end, "frame_ms": 16.7}
                due = client.post("/api/answers", json=answer, headers=headers).json()
            chosen += participant.red_chosen
    found = analyse(read_records(definition.database), max_failed_share=0.25)
    (overall,) = found.overall
    assert (found.excluded, found.checks, found.checks_failed, found.answers_off) == ([], 12, 0, 0)
    assert (overall.answers, overall.preferred) == (120, chosen)
    assert holds(overall, 0.8)
    assert sum(each.answers for each in found.by_exposure) == (120 if experiment == "limited" else 0)
