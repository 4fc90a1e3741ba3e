"""The steps of a retraining, from fetching data to publishing what was made, each a task of its own."""

from pipelines.flows.challenge import Registered, judge_version, look_for_changes, promote, register
from pipelines.flows.dvc_process import DvcProcess
from pipelines.flows.fetch import fetch
from pipelines.flows.graph import Stage, first_out, read_stages
from pipelines.flows.outcome import Kind, Outcome, StepFailed
from pipelines.flows.publish import publish
from pipelines.flows.stage_task import run_stage
from pipelines.flows.steps import Steps
from pipelines.flows.verdict import Verdict
from pipelines.params import Params

JUDGEMENTS = 3  # of a version, where others change the champion meanwhile


def retrain_in_steps(
    steps: Steps, dvc: DvcProcess, *, name: str, force: bool, params: Params, parent_run: str
) -> Outcome:
    """Bring the graph up to date, and let the model that it makes challenge the champion.

    Args:
        steps: runs the tasks.
        dvc: runs DVC's commands.
        name: of the registered model.
        force: run every stage, and judge a version that was judged before.
        params: sections `retrain` and `evaluate`.
        parent_run: MLflow's id of the retraining.

    Raises:
        StepFailed: a step failed at each try.
    """
    steps.run("fetch", fetch, dvc)
    stages = read_stages()
    standing = None if force else steps.run("look for changes", look_for_changes, stages, name)
    if standing is None:
        _run_stages(steps, dvc, stages, force)
        bundle = first_out(stages, "export")
        registered: Registered = steps.run("register", register, bundle, name, parent_run, after=("export",))
        standing = None if force else registered.standing
    if standing is None:
        outcome = _challenge(steps, registered.version, name, stages, params, parent_run)
    else:
        reason = f"version {standing.version} was judged before: {standing.verdict}"
        outcome = Outcome("unchanged", reason, standing.version, standing.champion)
    steps.run("publish", publish, dvc)
    return outcome


def _run_stages(steps: Steps, dvc: DvcProcess, stages: dict[str, Stage], force: bool) -> None:
    minutes = steps.patience.stage_minutes
    begin = steps.last
    for name, stage in stages.items():
        upstream = tuple(other for other in stage.upstream if other in stages)
        timeout = None if minutes is None else 60 * minutes
        steps.run(name, run_stage, dvc, name, force, after=upstream or begin, timeout_seconds=timeout)


def _challenge(
    steps: Steps, version: int, name: str, stages: dict[str, Stage], params: Params, parent_run: str
) -> Outcome:
    for _ in range(JUDGEMENTS):
        verdict: Verdict = steps.run("judge", judge_version, version, name, stages, params, parent_run)
        if steps.run("promote", promote, verdict, name, parent_run):
            if verdict.promote:
                return Outcome("promoted", verdict.reason, version, version, verdict=verdict)
            kind: Kind = "unchanged" if verdict.champion == version else "rejected"
            return Outcome(kind, verdict.reason, version, verdict.champion, verdict=verdict)
    raise StepFailed(
        "promote", RuntimeError(f"the champion changed {JUDGEMENTS} times while version {version} was judged")
    )
