"""The model registry by hand: versions of the serving bundle, and which of them is the champion."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from components.inference import BundleError
from pipelines import registry
from pipelines.outbox import TrackingError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
Name = Annotated[str, typer.Option("--name", help="Name of the registered model.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except (registry.RegistryError, BundleError, TrackingError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command("list")
def list_command(name: Name = registry.MODEL_NAME) -> None:
    """Print the versions, newest first."""
    rows = []
    with _clear_errors():
        marks = registry.aliases(name)
        for entry in registry.versions(name):
            own = sorted(alias for alias, version in marks.items() if version == int(entry.version))
            created = datetime.fromtimestamp(entry.creation_timestamp / 1000).strftime("%Y-%m-%d %H:%M")
            data = entry.tags.get("data_fingerprint", "-")[:12]
            rows.append([str(entry.version), ", ".join(own), _shown(registry.score(entry)), created, data])
    _print(["version", "aliases", "mean IoU", "created", "data"], rows, nothing=f"{name} has no versions")


@app.command("register")
def register_command(bundle: Path, name: Name = registry.MODEL_NAME) -> None:
    """Add a serving bundle as a new version; it does not become the champion."""
    with _clear_errors():
        typer.echo(f"registered {name} version {registry.register(bundle, name)}")


@app.command("promote")
def promote_command(version: int, name: Name = registry.MODEL_NAME, why: Why = "by hand") -> None:
    """Make a version the champion."""
    with _clear_errors():
        registry.promote(version, name, why=why)
        typer.echo(f"{name} version {version} is champion")


@app.command("rollback")
def rollback_command(name: Name = registry.MODEL_NAME, why: Why = "by hand") -> None:
    """Bring the previous champion back."""
    with _clear_errors():
        typer.echo(f"{name} version {registry.rollback(name, why=why)} is champion again")


@app.command("history")
def history_command(name: Name = registry.MODEL_NAME) -> None:
    """Print every change of the champion, newest first."""
    states = {"FINISHED": "made", "FAILED": "not made"}
    with _clear_errors():
        rows = [
            [
                change.when,
                change.by,
                change.action,
                str(change.version),
                "-" if change.replaced is None else str(change.replaced),
                _shown(change.scores.get("mean_iou")),
                states.get(change.state, "not finished"),
                change.why,
            ]
            for change in registry.history(name)
        ]
    header = ["when", "who", "action", "version", "replaced", "mean IoU", "state", "why"]
    _print(header, rows, nothing=f"the champion of {name} was never changed")


def _print(header: list[str], rows: list[list[str]], *, nothing: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(nothing)
        return
    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


if __name__ == "__main__":
    app()
