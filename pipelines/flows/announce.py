"""Announce that a dataset has changed: deployments that wait for it retrain."""

import asyncio
from typing import Annotated

import typer
from prefect.events import Event, Resource
from prefect.events.clients import get_events_client
from prefect.settings import PREFECT_API_URL

DATASET_CHANGED = "dataset.changed"


def main(
    dataset: Annotated[str, typer.Argument(help="Its name, for the log: what has changed.")] = "dataset",
) -> None:
    """Send the event `dataset.changed` to the Prefect server that PREFECT_API_URL names."""
    if not PREFECT_API_URL.value():
        typer.echo("error: PREFECT_API_URL is not set, expected the address of the Prefect server", err=True)
        raise typer.Exit(1)
    try:
        asyncio.run(_announce(dataset))
    except Exception as error:  # whatever the websocket's client raises
        typer.echo(f"error: {PREFECT_API_URL.value()}: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"announced {DATASET_CHANGED}: {dataset}")


async def _announce(dataset: str) -> None:
    identity = {"prefect.resource.id": f"semantic-synthesis.dataset.{dataset}", "prefect.resource.name": dataset}
    async with get_events_client(checkpoint_every=1) as client:
        await client.emit(Event(event=DATASET_CHANGED, resource=Resource(identity)))


if __name__ == "__main__":
    typer.run(main)
