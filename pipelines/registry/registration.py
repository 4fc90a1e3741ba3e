"""How a serving bundle becomes a version: whole or not at all, and once."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components import fingerprint
from components.inference import Bundle
from pipelines.model_package import PENDING, REGISTRATION_TAG, log_model
from pipelines.outbox import TrackingError
from pipelines.registry.files import missing_files
from pipelines.registry.lock import changing
from pipelines.registry.store import CHALLENGER, CHAMPION, DIGEST_TAG, aliases, asking, digest_of, find, versions
from pipelines.tracking import EXPERIMENT, git_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

DESCRIPTION_LIMIT = 5000  # characters; MLflow's databases hold no more, and the whole card lies in the bundle
DVC_LOCK = Path("dvc.lock")


def register(
    bundle: Path,
    name: str,
    *,
    run_id: str | None = None,
    parent_run: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Add a serving bundle to the registry as an MLflow model with the alias `challenger`.

    Args:
        bundle: the folder; its `model_card.md` becomes the version's description.
        name: of the registered model, which is made where it does not exist.
        run_id: the MLflow run that made the bundle.
        parent_run: the MLflow run of the retraining, for a tag.
        tags: more tags of the version, beside its lineage (git commit, hash of `dvc.lock`, fingerprints) and scores.

    Returns:
        The version's number: a new one, or that of the version that is this very bundle already and has its files.

    Raises:
        BundleError: the bundle is damaged.
        RegistryBusy: another process changes the model all the time.
        TrackingError: the store does not answer, or does not take the files; nothing of the bundle stays there.
    """
    loaded = Bundle.load(bundle)
    loaded.verify()
    lineage = _lineage(loaded) | ({"parent_run": parent_run} if parent_run else {}) | dict(tags or {})
    with changing(name):
        version = find(bundle, name)
        if version is None or missing_files(version, name):
            _remove_leftovers(name)  # of a process that was killed
            try:
                version = _create_version(loaded, name, run_id, lineage)
            except BaseException:
                _remove_leftovers_if_possible(name)
                raise
        marks = aliases(name)
        if version not in (marks.get(CHAMPION), marks.get(CHALLENGER)):
            with asking() as client:
                client.set_registered_model_alias(name, CHALLENGER, str(version))
    return version


def _create_version(bundle: Bundle, name: str, run_id: str | None, tags: Mapping[str, str]) -> int:
    card = bundle.folder / "model_card.md"
    with asking() as client:
        model_id = log_model(bundle, name)
        _ensure_model(client, name)
        source = f"models:/{model_id}"
        client.create_model_version(
            name,
            source=source,
            run_id=run_id,
            model_id=model_id,
            tags=dict(tags),
            description=card.read_text(encoding="utf-8")[:DESCRIPTION_LIMIT] if card.is_file() else None,
        )
        version = _single_version(client, name, source)
        client.set_logged_model_tags(model_id, {REGISTRATION_TAG: f"{name} version {version}"})
    return version


def _single_version(client: "MlflowClient", name: str, source: str) -> int:
    """Give the version of an upload; MLflow's client repeats a request whose answer was lost, which makes two."""
    first, *repeated = sorted(int(entry.version) for entry in versions(name) if entry.source == source)
    for version in repeated:
        client.delete_model_version(name, str(version))
    return first


def _ensure_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _remove_leftovers(name: str) -> None:
    """Delete what was uploaded for versions that never came to be; to be called with the lock held."""
    sources = {entry.source for entry in versions(name)}
    with asking() as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return
        pending = client.search_logged_models(
            [experiment.experiment_id], f"name = '{name}' AND tags.{REGISTRATION_TAG} = '{PENDING}'"
        )
        for model in pending:
            if f"models:/{model.model_id}" not in sources:
                client.delete_logged_model(model.model_id)


def _remove_leftovers_if_possible(name: str) -> None:
    try:
        _remove_leftovers(name)
    except TrackingError as error:
        logger.warning("%s: what was uploaded stays until the next registration, which removes it: %s", name, error)


def _lineage(bundle: Bundle) -> dict[str, str]:
    tags = {**git_tags(), DIGEST_TAG: digest_of(bundle.folder)}
    tags["dvc_lock_sha256"] = fingerprint.of_file(DVC_LOCK) if DVC_LOCK.is_file() else "absent"
    tags |= {f"{name}_fingerprint": value for name, value in bundle.fingerprint.items()}
    tags |= {name: repr(value) for name, value in bundle.scores.items() if value is not None and math.isfinite(value)}
    return tags
