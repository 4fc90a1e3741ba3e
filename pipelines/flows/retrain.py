"""Retrain: run every stage of the DVC graph, register the bundle, and promote it where it is better.

Stages whose inputs have not changed are not run again. A new version becomes the champion only where there is
none, or where its mean IoU is above the champion's on the same validation set.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.request import urlopen

import typer
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_API_PORT, temporary_settings

from components.inference import Bundle
from pipelines import registry
from pipelines.flows.graph import Stage, StageError, StageInterrupted, changed_stages, dvc, first_out, read_stages
from pipelines.flows.promotion import decide
from pipelines.tracking import latest_run, tracking_uri

RETRIES = 2
RETRY_DELAY_SECONDS = 10
INTERRUPTIONS = 20
SERVER_START_SECONDS = 120
DECISION_TAG = "promotion"


@task(retries=RETRIES, retry_delay_seconds=RETRY_DELAY_SECONDS, cache_policy=NO_CACHE)
def run_stage(stage: str, force: bool) -> None:
    """Bring one stage up to date; one that was interrupted is run again, which is not one of the retries."""
    logger = get_run_logger()
    for number in range(INTERRUPTIONS + 1):
        try:
            dvc(["repro", "--single-item", *(["--force"] if force else []), stage], logger.info)
        except StageInterrupted:
            if number == INTERRUPTIONS:
                raise
            logger.warning(
                "stage %s was interrupted (%d of at most %d times): running it again", stage, number + 1, INTERRUPTIONS
            )
        else:
            return


@task(retries=RETRIES, retry_delay_seconds=RETRY_DELAY_SECONDS, cache_policy=NO_CACHE)
def register(bundle: Path, name: str) -> int:
    """Register the bundle, unless a version holds exactly it already, and give the version."""
    known = registry.find(bundle, name)
    if known is not None:
        get_run_logger().info("%s version %d is this bundle already; nothing to register", name, known)
        return known
    fingerprint = Bundle.load(bundle).fingerprint
    version = registry.register(bundle, name, latest_run("export", fingerprint["data"]))
    get_run_logger().info("registered %s version %d", name, version)
    return version


@task(retries=RETRIES, retry_delay_seconds=RETRY_DELAY_SECONDS, cache_policy=NO_CACHE)
def compare_and_promote(version: int, name: str, stages: dict[str, Stage]) -> bool:
    """Promote the version where it beats the champion, and tell whether it did.

    A version is judged once: what a person does with the aliases afterwards is not undone by the next run.
    """
    logger = get_run_logger()
    earlier = registry.tag(version, name, DECISION_TAG)
    if earlier is not None and registry.CHAMPION in registry.aliases(name):
        logger.info("%s version %d was judged before: %s", name, version, earlier)
        return False
    decision = decide(
        version,
        name,
        bundle=first_out(stages, "export"),
        shards=first_out(stages, "preprocess") / "val",
        segmenter=first_out(stages, "train_segmenter"),
    )
    if decision.promote:
        registry.promote(version, name)
    verdict = f"{'promoted' if decision.promote else 'not promoted'}: {decision.reason}"
    registry.set_tag(version, name, DECISION_TAG, verdict)
    logger.info("%s version %d %s", name, version, verdict)
    return decision.promote


@flow
def retrain(name: str = registry.MODEL_NAME, force: bool = False) -> int:
    """Retrain in the working directory, the project's root.

    Args:
        name: of the registered model.
        force: run stages that are up to date too.

    Returns:
        The version of the model that the graph's bundle is.

    Raises:
        StageError: a stage failed at each try; the champion is unchanged.
    """
    stages = read_stages()
    for stage in stages:
        run_stage.with_options(name=stage)(stage, force)
    version = register(first_out(stages, "export"), name)
    compare_and_promote(version, name, stages)
    return version


def main(
    schedule: Annotated[
        str | None, typer.Option(metavar="CRON", help="Stay and run at these times (UTC), such as '0 2 * * *'.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run stages that are up to date too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done and change nothing.")] = False,
    name: Annotated[str, typer.Option(help="Name of the registered model.")] = registry.MODEL_NAME,
) -> None:
    """Run the DVC graph, register the bundle as a new version, and promote it if it is better. Runs once, now."""
    try:
        if dry_run:
            _print_plan(name, force)
        elif schedule is None:
            retrain(name, force)
        else:
            _serve(schedule, name, force)
    except StageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _print_plan(name: str, force: bool) -> None:
    stages = read_stages()
    pending = set(stages) if force else changed_stages()
    for name_of_stage, stage in stages.items():
        if name_of_stage in pending:
            plan = "run it"
        elif pending.intersection(stage.upstream):
            plan = "run it if its inputs change"
            pending.add(name_of_stage)
        else:
            plan = "up to date"
        typer.echo(f"stage {name_of_stage}: {plan}")
    typer.echo(f"then register {first_out(stages, 'export')} as a version of {name}, unless one holds it already")
    database = tracking_uri().removeprefix("sqlite:///")
    unused = database != tracking_uri() and not Path(database).exists()  # asking MLflow would make the database
    champion = None if unused else registry.aliases(name).get(registry.CHAMPION)
    rule = (
        "make it the champion: there is none"
        if champion is None
        else f"make it the champion if its mean IoU is above that of version {champion} on the same validation set"
    )
    typer.echo(f"then {rule}")


def _serve(schedule: str, name: str, force: bool) -> None:
    try:
        cron = Cron(schedule)
    except ValueError as error:
        raise typer.BadParameter(f"found {schedule!r}, expected five cron fields: {error}") from error
    read_stages()
    with _server():
        retrain.serve(name="retrain", schedule=cron, parameters={"name": name, "force": force}, limit=1)


@contextmanager
def _server() -> Iterator[None]:
    """Use the Prefect server of the settings; without one, start our own: Prefect's embedded one runs no schedules."""
    if PREFECT_API_URL.value():
        yield
        return
    port = PREFECT_SERVER_API_PORT.value()
    api = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(api, process)
            typer.echo(f"Prefect server with schedule and runs: http://127.0.0.1:{port}")
            with temporary_settings({PREFECT_API_URL: api}):
                yield
        finally:
            process.terminate()


def _wait_for(api: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StageError(f"prefect server start: exit status {process.returncode}, expected a running server")
        try:
            with urlopen(f"{api}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise StageError(f"prefect server start: no answer from {api} within {SERVER_START_SECONDS} s")


if __name__ == "__main__":
    typer.run(main)
