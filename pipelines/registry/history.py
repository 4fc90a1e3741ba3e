"""Every change of the champion, each an MLflow run of the experiment `semantic-synthesis-registry`.

A change is written down before it is made, and finished afterwards: where a process ended in between, the next one
sees whether the champion is the version that was written down, and finishes the record or marks it as not made.
"""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipelines.registry.store import asking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "semantic-synthesis-registry"
UNDER_WAY, MADE, NOT_MADE = "RUNNING", "FINISHED", "FAILED"  # MLflow's states of a run


@dataclass(frozen=True)
class Change:
    """A change of the champion.

    Attributes:
        action: `promote` or `rollback`.
        model: name of the registered model.
        version: the champion since then.
        replaced: the champion until then, None where there was none.
        why: the reason.
        by: who did it.
        when: ISO 8601, UTC.
        scores: figures that were known of the version.
        parent_run: MLflow run of the retraining that did it.
        run_id: MLflow run that records it.
        state: RUNNING while it is under way, FINISHED when it was made, FAILED when its process ended before.
    """

    action: str
    model: str
    version: int
    replaced: int | None
    why: str
    by: str = field(default_factory=getpass.getuser)
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    scores: Mapping[str, float] = field(default_factory=dict)
    parent_run: str | None = None
    run_id: str | None = None
    state: str = UNDER_WAY


def begin(change: Change) -> str:
    """Write down a change that is about to be made, and give the id of its run."""
    from mlflow.entities import Metric

    texts = {
        "action": change.action,
        "model": change.model,
        "version": str(change.version),
        "replaced": "" if change.replaced is None else str(change.replaced),
        "why": change.why,
        "by": change.by,
        "when": change.when,
        "parent_run": change.parent_run or "",
    }
    with asking() as client:
        title = f"{change.action} {change.model} {change.version}"
        run_id = str(client.create_run(_experiment(client), run_name=title, tags=texts).info.run_id)
        metrics = [Metric(name, value, 0, 0) for name, value in change.scores.items()]
        client.log_batch(run_id, metrics=metrics)
    return run_id


def end(run_id: str, state: str) -> None:
    """Mark a change as made or not made."""
    with asking() as client:
        client.set_terminated(run_id, state)


def history(name: str) -> list[Change]:
    """Give all changes of a model's champion, newest first."""
    with asking() as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        runs = client.search_runs(
            [experiment.experiment_id], f"tags.model = '{name}'", order_by=["attributes.start_time DESC"]
        )
    return [_change(run) for run in runs]


def under_way(name: str) -> list[Change]:
    """Give the changes that nobody finished, newest first."""
    return [change for change in history(name) if change.state == UNDER_WAY]


def _change(run: "Run") -> Change:
    tags = run.data.tags
    return Change(
        action=tags["action"],
        model=tags["model"],
        version=int(tags["version"]),
        replaced=int(tags["replaced"]) if tags["replaced"] else None,
        why=tags["why"],
        by=tags["by"],
        when=tags["when"],
        scores=dict(run.data.metrics),
        parent_run=tags["parent_run"] or None,
        run_id=run.info.run_id,
        state=run.info.status,
    )


def _experiment(client: "MlflowClient") -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        try:
            return str(client.create_experiment(EXPERIMENT))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # a change of another model made it just now
                raise
            return _experiment(client)
    return str(experiment.experiment_id)
