"""What the server asks MLflow's registry: which version an alias names, and that version's files.

MLflow is imported where it is asked, since only a server that follows an alias needs it.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE_PATH = "artifacts/bundle"  # in the MLflow model
DATABASE = Path("mlflow.db")  # where `MLFLOW_TRACKING_URI` names nothing else, as in the stages
NO_SUCH_THING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class RegistryError(Exception):
    """The registry cannot give what was asked for; `exit_status` is that of a program that cannot do without."""

    exit_status = 1


class RegistryAway(RegistryError):
    """The registry, or the store of its files, does not answer."""

    exit_status = 69  # EX_UNAVAILABLE of sysexits.h


class AliasMissing(RegistryError):
    """The registry answers, and has no such model or alias."""


class FilesGone(RegistryError):
    """A version is in the registry, and its bundle is not where it says."""


@dataclass(frozen=True)
class ModelAlias:
    """A registered model and the alias that marks one of its versions, written `NAME@ALIAS`."""

    name: str
    alias: str

    @classmethod
    def parse(cls, text: str) -> "ModelAlias":
        """Read `NAME@ALIAS`; `models:/` before it is taken too.

        Raises:
            ValueError: it has another form.
        """
        name, at, alias = text.removeprefix("models:/").rpartition("@")
        if not (name and at and alias):
            raise ValueError(f"found {text!r}, expected NAME@ALIAS, as in semantic-synthesis@champion")
        return cls(name, alias)

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.name}@{self.alias}"


@dataclass(frozen=True)
class Version:
    """A version of a model. Where a model is deleted and made anew, its numbers begin again.

    Attributes:
        number: as the registry counts.
        created: milliseconds since 1970.
    """

    number: str
    created: int

    @property
    def key(self) -> str:
        """What tells it from all others of the name."""
        return f"{self.number}-{self.created}"


class RegistryClient:
    """Asks the registry that `MLFLOW_TRACKING_URI` names, else `mlflow.db` in the working directory.

    Args:
        model: whose versions are asked for.

    Raises:
        RegistryAway: neither is there.
    """

    def __init__(self, model: ModelAlias) -> None:
        self.model = model
        self._uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.absolute()}"
        if not os.environ.get("MLFLOW_TRACKING_URI") and not DATABASE.is_file():
            raise RegistryAway(f"found no MLFLOW_TRACKING_URI in the environment and no {DATABASE.absolute()}")

    @property
    def address(self) -> str:
        """The registry's address without user name and password."""
        parts = urlsplit(self._uri)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def version(self) -> Version:
        """Give the version that the alias names.

        Raises:
            AliasMissing: there is no such model or alias.
            RegistryAway: the registry does not answer.
        """
        from mlflow.exceptions import MlflowException

        with self._asking() as client:
            try:
                found = client.get_model_version_by_alias(self.model.name, self.model.alias)
            except MlflowException as error:
                if error.error_code in NO_SUCH_THING:
                    raise AliasMissing(f"{self.model}: {self.address} has none: {one_line(error)}") from error
                raise
        return Version(str(found.version), int(found.creation_timestamp or 0))

    def signature(self, version: Version) -> str:
        """Describe a version's files, as far as a list of them and the hashes in `bundle.json` tell.

        Raises:
            FilesGone: `bundle.json` is not among them.
            RegistryAway: the registry or its store does not answer.
        """
        with self._asking():
            import mlflow

            place = self._place(version)
            listed = mlflow.artifacts.list_artifacts(artifact_uri=place, tracking_uri=self._uri)
            files = sorted(f"{Path(each.path).name} {each.file_size}" for each in listed)
            if not any(each.split(" ")[0] == "bundle.json" for each in files):
                raise FilesGone(f"its files are gone from the artifact store: found {files}, expected bundle.json")
            return "\n".join([*files, str(mlflow.artifacts.load_text(f"{place}/bundle.json"))])

    def download(self, version: Version, folder: Path) -> None:
        """Put the files of a version's bundle into an empty folder.

        Raises:
            FilesGone: there are none.
            RegistryAway: the registry or its store does not answer, or stops in the middle.
        """
        with self._asking():
            import mlflow

            local = mlflow.artifacts.download_artifacts(
                artifact_uri=self._place(version), dst_path=str(folder), tracking_uri=self._uri
            )
            for path in list(Path(local).iterdir()) if Path(local).is_dir() else []:
                if path.is_file():
                    os.replace(path, folder / path.name)
        if not (folder / "bundle.json").is_file():
            raise FilesGone("its files are gone from the artifact store: found no bundle.json")

    def _place(self, version: Version) -> str:
        from mlflow import MlflowClient

        place = MlflowClient(self._uri, self._uri).get_model_version_download_uri(self.model.name, version.number)
        return f"{place}/{BUNDLE_PATH}"

    @contextmanager
    def _asking(self) -> Iterator["MlflowClient"]:
        """Have whatever goes wrong below told as `RegistryAway`: each artifact store raises errors of its own."""
        _quiet_and_brief()
        import mlflow

        mlflow.set_tracking_uri(self._uri)
        try:
            yield mlflow.MlflowClient(self._uri, self._uri)
        except RegistryError:
            raise
        except Exception as error:
            raise RegistryAway(f"{self.address} does not answer: {one_line(_root(error))}") from error


def one_line(error: object) -> str:
    """Give an error's text as one printable line of at most 500 characters."""
    text = " ".join(str(error).split()) or repr(error)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)[:500]


def _quiet_and_brief() -> None:
    """Have MLflow tell no more than problems, and give up after seconds, unless the environment says otherwise."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of each try


def _root(error: BaseException) -> BaseException:
    """Give what went wrong at the bottom, without three libraries' words about it."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error
