"""MLflow runs of the stages.

MLflow takes seconds to import and ten stages would each pay for it, so it is imported where a run starts.
"""

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from components.preemption import Preempted
from pipelines.outbox import Outbox, TrackingError, reaching, send_all, wait_briefly

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "semantic-synthesis"
MLFLOW_PARENT_TAG = "mlflow.parentRunId"
PARENT_RUN = "RETRAIN_PARENT_RUN"  # environment variable: MLflow's id of the retraining that runs the stages


def tracking_uri() -> str:
    """Give the store of runs and models: `MLFLOW_TRACKING_URI`, or `mlflow.db` in the working directory.

    The latter is MLflow's own default, so that `mlflow ui` in the repository's root shows it; artifacts lie in
    `mlruns` beside it.
    """
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def quiet_mlflow() -> None:
    """Keep MLflow to warnings, without progress bars and usage statistics; to be called before its import."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of each try


def git_tags() -> dict[str, str]:
    """Give `git_commit` and `git_dirty` of the working directory; `unknown` outside a git repository."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {"git_commit": "unknown", "git_dirty": "unknown"}
    return {"git_commit": commit, "git_dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower()}


@dataclass(frozen=True)
class StageRun:
    """The MLflow run of a stage; each method returns at once and the outbox sends what it was told.

    Attributes:
        run_id: MLflow's id of the run.
    """

    run_id: str
    _outbox: Outbox

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of one step in one write."""
        self._outbox.add({"metrics": {name: float(value) for name, value in metrics.items()}, "step": step, **_now()})

    def log_score(self, scores: Mapping[str, float | None]) -> None:
        """Log final scores, which have no step; None stands for one that was not measured and is left out."""
        self.log_metrics({name: score for name, score in scores.items() if score is not None}, step=0)

    def log_picture(self, path: Path, name: str) -> None:
        """Keep a picture as the artifact `name`, which may hold folders: `samples/epoch_010.png`."""
        artifact = PurePosixPath(name)
        self._outbox.add(
            {"artifacts": str(artifact.parent) if artifact.parent.name else None},
            lambda folder: shutil.copyfile(path, folder / artifact.name),
        )

    def log_artifacts(self, folder: Path, artifact_path: str) -> None:
        """Keep all files of a folder, as they are now, under `artifact_path`."""
        self._outbox.add({"artifacts": artifact_path}, lambda copy: shutil.copytree(folder, copy, dirs_exist_ok=True))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags of the run."""
        self._outbox.add({"tags": dict(tags)})


@contextmanager
def start_run(
    stage: str, params: Mapping[str, Any], data_fingerprint: str, resume_file: Path | None = None
) -> Iterator[StageRun]:
    """Record a stage as an MLflow run, named for it, in the experiment `semantic-synthesis`.

    In a retraining it is a child of that one's run, which the environment names. The run ends as FINISHED, as FAILED
    after an exception, as KILLED after an interrupt. What the stages before could
    not send is sent first.

    Args:
        stage: the DVC stage.
        params: its params section; nested names are joined by dots.
        data_fingerprint: hash of the data the stage reads, kept as a tag with the git commit.
        resume_file: holds the id of the run that an interrupted stage continues; where it does not exist, or
            the store no longer knows the id, a new run starts and its id is written there.

    Raises:
        TrackingError: the tracking server does not answer; once the run has started, it may go away.
    """
    tags = {"data_fingerprint": data_fingerprint}
    if parent := os.environ.get(PARENT_RUN):
        tags[MLFLOW_PARENT_TAG] = parent
    with _recorded(stage, params, tags, resume_file) as run:
        yield run


@contextmanager
def start_parent_run(name: str, tags: Mapping[str, str]) -> Iterator[StageRun]:
    """Record a retraining as an MLflow run; stages that get its id in `RETRAIN_PARENT_RUN` become its children.

    It ends as `start_run` says.

    Raises:
        TrackingError: the tracking server does not answer; once the run has started, it may go away.
    """
    with _recorded(name, {}, tags, None) as run:
        yield run


def end_killed_run(run_id: str, tags: Mapping[str, str]) -> None:
    """End a run as KILLED whose process was killed before it could; the outbox sends that."""
    outbox = Outbox(run_id, tracking_uri())
    outbox.add({"tags": dict(tags)})
    outbox.add({"status": "KILLED", **_now()})
    outbox.close()


@contextmanager
def _recorded(
    name: str, params: Mapping[str, Any], tags: Mapping[str, str], resume_file: Path | None
) -> Iterator[StageRun]:
    quiet_mlflow()
    wait_briefly()
    uri = tracking_uri()
    run_id = _begin(uri, name, params, tags, resume_file)
    outbox = Outbox(run_id, uri)
    status = "KILLED"
    try:
        yield StageRun(run_id, outbox)
        status = "FINISHED"
    except Preempted:
        raise
    except Exception:
        status = "FAILED"
        raise
    finally:
        outbox.add({"status": status, **_now()})
        outbox.close()


def latest_run(stage: str, data_fingerprint: str) -> str | None:
    """Give the id of the last finished run of a stage on this data, None where there is none."""
    quiet_mlflow()
    from mlflow import MlflowClient

    send_all(tracking_uri())  # that it finished may not be known yet
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return None
    runs = client.search_runs(
        [experiment.experiment_id],
        f"tags.stage = '{stage}' and tags.data_fingerprint = '{data_fingerprint}' and status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return runs[0].info.run_id if runs else None


def _begin(uri: str, name: str, params: Mapping[str, Any], tags: Mapping[str, str], resume_file: Path | None) -> str:
    from mlflow import MlflowClient

    all_tags = {"stage": name, **git_tags(), **tags}
    try:
        send_all(uri)
        with reaching(uri):
            run_id = _start_or_resume(MlflowClient(uri), name, params, all_tags, resume_file)
    except TrackingError as error:
        raise TrackingError(
            f"{error}; start it, name another in MLFLOW_TRACKING_URI, or unset that to record in mlflow.db"
        ) from error
    if resume_file is not None:
        resume_file.parent.mkdir(parents=True, exist_ok=True)
        resume_file.write_text(run_id)
    return run_id


def _start_or_resume(
    client: "MlflowClient", stage: str, params: Mapping[str, Any], tags: Mapping[str, str], resume_file: Path | None
) -> str:
    from mlflow.entities import Param, RunTag

    run_id = _resumable(client, resume_file)
    if run_id is None:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
        run_id = client.create_run(experiment_id, run_name=stage).info.run_id
        entries = [Param(name, str(value)) for name, value in _flatten(params).items()]
        for start in range(0, len(entries), 100):  # MLflow's limit for one write
            client.log_batch(run_id, params=entries[start : start + 100])
    else:
        client.update_run(run_id, status="RUNNING")
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    return run_id


def _now() -> dict[str, int]:
    return {"time": int(time.time() * 1000)}  # MLflow's unit


def _resumable(client: "MlflowClient", resume_file: Path | None) -> str | None:
    from mlflow.exceptions import MlflowException

    if resume_file is None or not resume_file.is_file():
        return None
    try:
        run = client.get_run(resume_file.read_text().strip())
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return run.info.run_id if run.info.lifecycle_stage == "active" else None


def _flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
