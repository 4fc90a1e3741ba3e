"""What MLflow's registry holds of a model: its versions, their tags, its aliases."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.outbox import reaching, wait_briefly
from pipelines.tracking import quiet_mlflow, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL_NAME = "semantic-synthesis"
CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"
DIGEST_TAG = "bundle_sha256"


class RegistryError(ValueError):
    """What was asked for is not in the registry, or cannot be done to it now."""


@contextmanager
def asking() -> Iterator["MlflowClient"]:
    """Give a client of the tracking store, which is the registry too.

    Raises:
        TrackingError: it does not answer.
        MlflowException: it refuses what it was asked for.
    """
    quiet_mlflow()
    wait_briefly()
    import mlflow

    uri = tracking_uri()
    mlflow.set_tracking_uri(uri)
    with reaching(uri):
        yield mlflow.MlflowClient()


def versions(name: str) -> list["ModelVersion"]:
    """Give all versions of a model, newest first; none where the model does not exist."""
    with asking() as client:
        found = client.search_model_versions(f"name = '{name}'")
    return sorted(found, key=lambda entry: int(entry.version), reverse=True)


def aliases(name: str) -> dict[str, int]:
    """Give the version of each alias; none where the model does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        with asking() as client:
            model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise
    return {alias: int(version) for alias, version in model.aliases.items()}


def find(bundle: Path, name: str) -> int | None:
    """Give the newest version that was registered from exactly this bundle, None where there is none."""
    digest = digest_of(bundle)
    return next((int(entry.version) for entry in versions(name) if entry.tags.get(DIGEST_TAG) == digest), None)


def get_version(version: int, name: str) -> "ModelVersion":
    """Give a version.

    Raises:
        RegistryError: the model has no such version.
    """
    known = {int(entry.version): entry for entry in versions(name)}
    if version not in known:
        raise RegistryError(f"{name}: found versions {sorted(known)}, expected version {version} among them")
    return known[version]


def score(version: "ModelVersion") -> float | None:
    """Give a version's mean IoU on its own validation set, None where it was not measured."""
    tag = version.tags.get("mean_iou")
    return None if tag is None else float(tag)


def tag(version: int, name: str, key: str) -> str | None:
    """Give a tag of a version, None where it has none."""
    return next((entry.tags.get(key) for entry in versions(name) if int(entry.version) == version), None)


def set_tag(version: int, name: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    with asking() as client:
        client.set_model_version_tag(name, str(version), key, value)


def digest_of(bundle: Path) -> str:
    """Hash `bundle.json`, which holds the hashes of the other files."""
    return hashlib.sha256((bundle / "bundle.json").read_bytes()).hexdigest()
