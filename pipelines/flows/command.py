"""The command line of the retraining: once, by a schedule, or as a dry run."""

from typing import Annotated

import typer

from pipelines.flows.graph import read_stages
from pipelines.flows.outcome import StepFailed
from pipelines.flows.plan import plan
from pipelines.flows.retrain import retrain
from pipelines.flows.serve import ServerError, make_schedule
from pipelines.flows.serve import serve as serve_flow
from pipelines.outbox import TrackingError
from pipelines.params import load_params
from pipelines.registry import MODEL_NAME


def main(
    once: Annotated[bool, typer.Option("--once", help="Run once, now; so it is without other options.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Stay, and run by schedule, by announcement and from Prefect's page.")
    ] = False,
    schedule: Annotated[
        str | None, typer.Option(metavar="CRON", help="Stay and run at these times (UTC), such as '0 2 * * *'.")
    ] = None,
    interval: Annotated[
        int | None, typer.Option(metavar="MINUTES", min=1, help="Stay and run each time so many minutes are over.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run stages that are up to date too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done and change nothing.")] = False,
    name: Annotated[str, typer.Option(help="Name of the registered model.")] = MODEL_NAME,
) -> None:
    """Run the DVC graph, register the bundle as a new version, and promote it if it is better."""
    stay = serve or schedule is not None or interval is not None
    if schedule is not None and interval is not None:
        raise typer.BadParameter("found --schedule and --interval, expected one of them")
    if once and stay:
        raise typer.BadParameter("found --once beside --serve, --schedule or --interval, expected one of them")
    timetable = make_schedule(schedule, interval)
    try:
        if dry_run:
            for line in plan(name, force, load_params().retrain):
                typer.echo(line)
        elif stay:
            read_stages()
            serve_flow(retrain, timetable, {"name": name, "force": force})
        else:
            state = retrain(name, force, return_state=True)
            state.result()  # raises what the flow failed with
            typer.echo(f"{state.name}: {state.message}")
    except (StepFailed, ServerError, TrackingError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def run_command() -> None:
    """Run it with the arguments of the command line."""
    typer.run(main)
