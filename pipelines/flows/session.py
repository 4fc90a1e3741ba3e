"""One run of the flow in the project: alone, recorded as MLflow's parent run, and told at the end."""

from contextlib import ExitStack, closing

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from pipelines.flows.busy import BusyError, ProjectLock, only_one
from pipelines.flows.dvc_process import DvcProcess
from pipelines.flows.graph import read_stages
from pipelines.flows.outcome import Outcome, StepFailed
from pipelines.flows.plan import plan
from pipelines.flows.retraining import retrain_in_steps
from pipelines.flows.retries import is_no_bad_value
from pipelines.flows.steps import Patience, Steps
from pipelines.flows.tell import TAG_LIMIT, tell
from pipelines.flows.uncommitted import check_uncommitted
from pipelines.params import Params, load_params
from pipelines.tracking import PARENT_RUN, StageRun, end_killed_run, start_parent_run


def plan_only(name: str, force: bool) -> Outcome:
    """Log what a run would do."""
    lines = plan(name, force, load_params().retrain)
    for line in lines:
        get_run_logger().info("%s", line)
    return Outcome("planned", "; ".join(lines))


def run_session(name: str, force: bool, patience: Patience) -> Outcome:
    """Retrain, unless another run is going on and the parameters say to skip then.

    Raises:
        StepFailed: a step failed at each try; it was told.
        ValueError: there is no graph or the parameters are bad, or the git tree is refused.
    """
    read_stages()  # a folder that is no project is left as it is
    params = load_params()
    try:
        with only_one(params.retrain.when_busy, get_run_logger().info) as lock:
            return _run_alone(lock, name, force, patience, params)
    except BusyError as error:
        get_run_logger().warning("%s: skipped", error)
        return Outcome("skipped", str(error))


def _run_alone(lock: ProjectLock, name: str, force: bool, patience: Patience, params: Params) -> Outcome:
    steps = Steps(patience)
    run: StageRun | None = None
    with ExitStack() as recorded:
        try:
            files = check_uncommitted(params.retrain.uncommitted)
            tags = {"model": name, "flow_run": str(flow_run.get_id())}
            tags |= {"uncommitted": ", ".join(files)[:TAG_LIMIT]} if files else {}
            run = steps.run("begin", begin, recorded, tags)
            _take_over(lock, run)
            with closing(DvcProcess({PARENT_RUN: run.run_id}, inherited=(lock.descriptor,))) as dvc:
                outcome = retrain_in_steps(steps, dvc, name=name, force=force, params=params, parent_run=run.run_id)
        except Exception as error:
            step = error.step if isinstance(error, StepFailed) else None
            tell(Outcome("failed", str(error), step=step), name, run, params.retrain.webhook)
            raise
        except BaseException:  # cancelled
            if run is not None:
                run.set_tags({"outcome": "cancelled"})
            raise
        tell(outcome, name, run, params.retrain.webhook)
        return outcome


@task(cache_policy=NO_CACHE, retry_condition_fn=is_no_bad_value)
def begin(recorded: ExitStack, tags: dict[str, str]) -> StageRun:
    """Begin the run that MLflow keeps of the retraining; it ends with the context."""
    return recorded.enter_context(start_parent_run("retrain", tags))


def _take_over(lock: ProjectLock, run: StageRun) -> None:
    """End the run of a retraining that was killed, and note this one's for the case that it is killed."""
    if lock.killed is not None:
        get_run_logger().warning("the retraining before was killed (%s); going on from what it left", lock.killed)
        if lock.killed.run_id is not None:
            end_killed_run(lock.killed.run_id, {"outcome": "killed"})
    lock.name_run(run.run_id)
