"""The files that a Prefect server is given: deployments and automations."""

from typing import Any
from uuid import uuid4

import yaml
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.automations import AutomationCore
from prefect.utilities.importtools import import_object

from pipelines.flows.announce import DATASET_CHANGED
from tests.retraining_project import ROOT


def deployments() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    return {each["name"]: each for each in content["deployments"]}


def test_every_deployment_runs_the_flow_with_parameters_that_it_takes() -> None:
    for deployment in deployments().values():
        path, _, attribute = str(deployment["entrypoint"]).partition(":")
        flow = import_object(f"{path.removesuffix('.py').replace('/', '.')}.{attribute}")
        assert flow.name == "retrain"
        flow.validate_parameters(deployment["parameters"])
        assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_they_run_at_night_by_an_interval_on_a_data_change_and_by_hand() -> None:
    found = deployments()
    assert list(found) == ["nightly", "interval", "on-data-change", "by-hand"]
    [nightly] = found["nightly"]["schedules"]
    assert CronSchedule(**nightly).cron == "0 2 * * *"
    [interval] = found["interval"]["schedules"]
    assert IntervalSchedule(interval=interval["interval"]).interval.total_seconds() == 6 * 3600
    [trigger] = found["on-data-change"]["triggers"]
    assert DeploymentEventTrigger(**trigger).expect == {DATASET_CHANGED}
    assert "schedules" not in found["by-hand"]


def test_the_form_of_the_flow_describes_each_parameter_and_bounds_it() -> None:
    from pipelines.flows.retrain import retrain

    schema = retrain.parameters.properties
    assert list(schema) == ["name", "force", "dry_run", "retries", "retry_seconds", "stage_minutes"]
    assert all(field["description"] for field in schema.values())
    assert schema["retries"]["maximum"] == 20


def test_automations_tell_of_a_champion_of_failure_of_a_kill_and_of_silence() -> None:
    text = (ROOT / "deploy" / "prefect" / "automations.yaml").read_text().replace("WEBHOOK_ID", str(uuid4()))
    automations = [AutomationCore.model_validate(each) for each in yaml.safe_load(text)["automations"]]
    expected = [set(each.trigger.expect) for each in automations]  # type: ignore[union-attr]
    assert expected == [
        {"retraining.promoted"},
        {"retraining.failed"},
        {"prefect.flow-run.Crashed"},
        {"retraining.*"},
    ]
