"""The files of versions: their serving bundles, as they were registered."""

from pathlib import Path

from components.inference import Bundle, BundleError
from pipelines.model_package import BUNDLE_PATH
from pipelines.registry.store import CHAMPION, RegistryError, aliases, asking


class FilesGone(RegistryError):
    """A version is in the registry, and its files are not where it says."""


def champion_bundle(name: str, destination: Path | None = None) -> Path | None:
    """Give the champion's serving bundle, None where the model has no champion; else as `version_bundle`."""
    champion = aliases(name).get(CHAMPION)
    return None if champion is None else version_bundle(champion, name, destination)


def version_bundle(version: int, name: str, destination: Path | None = None) -> Path:
    """Download a version's serving bundle and verify every file.

    Args:
        version: of the model.
        name: of the registered model.
        destination: folder to copy to; without it, files of a local store are used where they lie.

    Returns:
        The bundle's folder.

    Raises:
        FilesGone: the artifact store answers, and has not all files as they were registered.
        TrackingError: it, or the registry, does not answer.
    """
    missing = missing_files(version, name)
    if missing:
        raise FilesGone(f"{name} version {version}: its files are gone from the artifact store: {', '.join(missing)}")
    with asking() as client:
        import mlflow

        place = client.get_model_version_download_uri(name, str(version))
        target = None if destination is None else str(destination)
        folder = Path(mlflow.artifacts.download_artifacts(f"{place}/{BUNDLE_PATH}", dst_path=target))
    try:
        Bundle.load(folder).verify()
    except BundleError as error:
        raise FilesGone(f"{name} version {version}: its files in the artifact store were changed: {error}") from error
    return folder


def missing_files(version: int, name: str) -> list[str]:
    """Give the files of a version that the artifact store lacks, by their paths; only a list of names is fetched.

    Raises:
        TrackingError: the artifact store, or the registry, does not answer.
    """
    described = f"{BUNDLE_PATH}/bundle.json"
    with asking() as client:
        import mlflow

        place = client.get_model_version_download_uri(name, str(version))

        def names(folder: str) -> set[str]:
            return {Path(entry.path).name for entry in mlflow.artifacts.list_artifacts(artifact_uri=folder)}

        missing = [] if "MLmodel" in names(place) else ["MLmodel"]
        found = names(f"{place}/{BUNDLE_PATH}")
        if "bundle.json" not in found:
            return [*missing, described]
        files = mlflow.artifacts.load_dict(f"{place}/{described}")["files"]
    return missing + [f"{BUNDLE_PATH}/{each}" for each in files if each not in found]
