"""The model registry: versions of the serving bundle, of which the alias `champion` marks the one in use."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.inference import Bundle, BundleError
from pipelines.model_package import log_model
from pipelines.tracking import git_tags, quiet_mlflow, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL_NAME = "semantic-synthesis"
CHAMPION = "champion"
PREVIOUS = "previous"
DESCRIPTION_LIMIT = 5000  # characters; MLflow's databases hold no more, and the whole card lies in the bundle

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
Name = Annotated[str, typer.Option("--name", help="Name of the registered model.")]


class RegistryError(ValueError):
    """What was asked for is not in the registry."""


def register(bundle: Path, name: str, run_id: str | None = None, tags: Mapping[str, str] | None = None) -> int:
    """Add a serving bundle to the registry as an MLflow model.

    Args:
        bundle: the folder; its `model_card.md` becomes the version's description.
        name: of the registered model, which is made where it does not exist.
        run_id: the MLflow run that made the bundle.
        tags: more tags of the version, beside its lineage (git commit, fingerprints) and scores.

    Returns:
        The new version's number.

    Raises:
        BundleError: the bundle is damaged.
    """
    loaded = Bundle.load(bundle)
    loaded.verify()
    client = _client()
    from mlflow.exceptions import MlflowException

    model_id = log_model(loaded, name)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    card = bundle / "model_card.md"
    created = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=run_id,
        model_id=model_id,
        tags={**_lineage(loaded), **(tags or {})},
        description=card.read_text(encoding="utf-8")[:DESCRIPTION_LIMIT] if card.is_file() else None,
    )
    return int(created.version)


def versions(name: str) -> list["ModelVersion"]:
    """Give all versions of a model, newest first; none where the model does not exist."""
    found = _client().search_model_versions(f"name = '{name}'")
    return sorted(found, key=lambda entry: int(entry.version), reverse=True)


def aliases(name: str) -> dict[str, int]:
    """Give the version of each alias; none where the model does not exist."""
    client = _client()
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise
    return {alias: int(version) for alias, version in model.aliases.items()}


def find(bundle: Path, name: str) -> int | None:
    """Give the newest version that was registered from exactly this bundle, None where there is none."""
    digest = _digest(bundle)
    return next((int(entry.version) for entry in versions(name) if entry.tags.get("bundle_sha256") == digest), None)


def promote(version: int, name: str) -> None:
    """Make a version the champion; the champion until now is remembered for `rollback`.

    Raises:
        RegistryError: the model has no such version.
    """
    known = [int(entry.version) for entry in versions(name)]
    if version not in known:
        raise RegistryError(f"{name}: found versions {sorted(known)}, expected version {version} among them")
    champion = aliases(name).get(CHAMPION)
    if champion == version:
        return
    client = _client()
    if champion is not None:
        client.set_registered_model_alias(name, PREVIOUS, str(champion))
    client.set_registered_model_alias(name, CHAMPION, str(version))


def rollback(name: str) -> int:
    """Swap the champion and the one before it, and give the version that is champion now.

    Raises:
        RegistryError: no promotion has replaced a champion.
    """
    previous = aliases(name).get(PREVIOUS)
    if previous is None:
        raise RegistryError(f"{name}: found no alias {PREVIOUS!r}, expected the champion that a promotion replaced")
    promote(previous, name)
    return previous


def champion_bundle(name: str, destination: Path | None = None) -> Path | None:
    """Download the champion's serving bundle.

    Args:
        name: of the registered model.
        destination: folder to copy to; without it, files of a local store are used where they lie.

    Returns:
        The bundle's folder, None where the model has no champion.
    """
    if CHAMPION not in aliases(name):
        return None
    import mlflow

    uri = f"models:/{name}@{CHAMPION}"
    artifacts = mlflow.models.get_model_info(uri).flavors["python_function"]["artifacts"]
    path = artifacts["bundle"]["path"]
    target = None if destination is None else str(destination)
    return Path(mlflow.artifacts.download_artifacts(f"{uri}/{path}", dst_path=target))


def score(version: "ModelVersion") -> float | None:
    """Give a version's mean IoU on its own validation set, None where it was not measured."""
    tag = version.tags.get("mean_iou")
    return None if tag is None else float(tag)


def tag(version: int, name: str, key: str) -> str | None:
    """Give a tag of a version, None where it has none."""
    return next((entry.tags.get(key) for entry in versions(name) if int(entry.version) == version), None)


def set_tag(version: int, name: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    _client().set_model_version_tag(name, str(version), key, value)


def _client() -> "MlflowClient":
    quiet_mlflow()
    import mlflow

    mlflow.set_tracking_uri(tracking_uri())
    return mlflow.MlflowClient()


def _digest(bundle: Path) -> str:
    """Hash `bundle.json`, which holds the hashes of the other files."""
    return hashlib.sha256((bundle / "bundle.json").read_bytes()).hexdigest()


def _lineage(bundle: Bundle) -> dict[str, str]:
    tags = {**git_tags(), "bundle_sha256": _digest(bundle.folder)}
    tags |= {f"{name}_fingerprint": value for name, value in bundle.fingerprint.items()}
    tags |= {name: repr(value) for name, value in bundle.scores.items() if value is not None and math.isfinite(value)}
    return tags


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except (RegistryError, BundleError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command("list")
def list_command(name: Name = MODEL_NAME) -> None:
    """Print the versions, newest first."""
    from rich.console import Console
    from rich.table import Table

    table = Table("version", "aliases", "mean IoU", "created", "data", box=None)
    marks = aliases(name)
    for entry in versions(name):
        own = sorted(alias for alias, version in marks.items() if version == int(entry.version))
        mean_iou = score(entry)
        created = datetime.fromtimestamp(entry.creation_timestamp / 1000).strftime("%Y-%m-%d %H:%M")
        shown = "-" if mean_iou is None else f"{mean_iou:.4f}"
        table.add_row(str(entry.version), ", ".join(own), shown, created, entry.tags.get("data_fingerprint", "-")[:12])
    if table.row_count:
        Console().print(table)
    else:
        typer.echo(f"{name} has no versions")


@app.command("register")
def register_command(bundle: Path, name: Name = MODEL_NAME) -> None:
    """Add a serving bundle as a new version; it does not become the champion."""
    with _clear_errors():
        typer.echo(f"registered {name} version {register(bundle, name)}")


@app.command("promote")
def promote_command(version: int, name: Name = MODEL_NAME) -> None:
    """Make a version the champion."""
    with _clear_errors():
        promote(version, name)
        typer.echo(f"{name} version {version} is champion")


@app.command("rollback")
def rollback_command(name: Name = MODEL_NAME) -> None:
    """Bring the previous champion back."""
    with _clear_errors():
        typer.echo(f"{name} version {rollback(name)} is champion again")


if __name__ == "__main__":
    app()
