"""The flow `retrain`: run every stage of the DVC graph, register the bundle, and promote it where it is better.

Stages whose inputs have not changed are not run again. A new version becomes the champion only where it passes the
limits of the parameters' section `retrain`. `python -m pipelines.flows.retrain` is its command line.
"""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from pipelines.flows.outcome import Outcome
from pipelines.flows.session import plan_only, run_session
from pipelines.flows.steps import Patience
from pipelines.registry import MODEL_NAME


@flow(name="retrain")
def retrain(
    name: str = MODEL_NAME,
    force: bool = False,
    dry_run: bool = False,
    retries: Annotated[int, Field(ge=0, le=20)] = 4,
    retry_seconds: Annotated[float, Field(ge=0)] = 15.0,
    stage_minutes: Annotated[float | None, Field(gt=0)] = None,
) -> State[Any]:
    """Retrain in the working directory, the project's root.

    Args:
        name: Name of the registered model.
        force: Run stages that are up to date too, and judge the version in any case.
        dry_run: Only log what would be done, and change nothing.
        retries: Further tries of a step that lacks a server or room on the disk.
        retry_seconds: Seconds before the first retry; each further wait is twice the one before.
        stage_minutes: Minutes after which a stage is ended and tried again; none for no limit.

    Returns:
        The state `Promoted`, `Rejected`, `Unchanged`, `Skipped` or `Planned` with an `Outcome`.

    Raises:
        StepFailed: a step failed at each try.
        UncommittedError: the git tree has changes that are not committed, and the parameters refuse that.
    """
    patience = Patience(retries, retry_seconds, stage_minutes)
    outcome: Outcome = plan_only(name, force) if dry_run else run_session(name, force, patience)
    return Completed(name=outcome.kind.capitalize(), message=outcome.reason, data=outcome)


if __name__ == "__main__":
    from pipelines.flows.command import run_command

    run_command()
