"""Following an alias of the model registry: a newer version takes its place behind a trial, else the old one stays."""

import logging
import random
import threading
from dataclasses import dataclass
from pathlib import Path

from components.inference import Bundle, BundleError
from deploy.server.model_cache import ModelCache, default_cache
from deploy.server.registry_client import (
    AliasMissing,
    FilesGone,
    ModelAlias,
    RegistryAway,
    RegistryClient,
    RegistryError,
    Version,
    one_line,
)
from deploy.server.served import Served, ServedModel
from deploy.server.trial import try_model

DOWNLOADS = 2  # of a version whose files are not as its hashes say: the first may have been cut short
LONGEST_WAIT = 60.0  # seconds between two looks at a registry that does not answer
MOST_POLLS = 16  # or so many times the usual wait, if that is less
JITTER = 0.2  # share of a wait by which it varies, so that many servers do not ask at once

log = logging.getLogger(__name__)


class VersionRefused(RegistryError):
    """A version cannot serve, and why."""


@dataclass(frozen=True)
class _Refusal:
    version: Version
    files: str


class ModelFollower:
    """Keeps a holder at the version that an alias names.

    `load` takes the first version; `start` begins to look for others, in a thread. The model in use stays until another
    one has been downloaded, its hashes checked, and tried; requests that hold the old one finish with it.

    Args:
        served: the holder.
        model: name and alias.
        poll: seconds between two looks, more or less.
        deadline: seconds that a picture may take in the trial.
        precision: as of `ServedModel.load`.
        threads: as of `ServedModel.load`.
        cache: folder of the downloads; None takes one in the user's own cache.

    Attributes:
        trouble: why the alias cannot be followed now; None while it can.

    Raises:
        RegistryAway: no registry is named, and none lies in the working directory.
    """

    def __init__(
        self,
        served: Served,
        model: ModelAlias,
        *,
        poll: float = 10.0,
        deadline: float = 30.0,
        precision: str = "auto",
        threads: int | None = None,
        cache: Path | None = None,
    ) -> None:
        self.trouble: str | None = None
        self._served = served
        self._model = model
        self._poll = poll
        self._deadline = deadline
        self._precision = precision
        self._threads = threads
        self._client = RegistryClient(model)
        self._cache = ModelCache(cache or default_cache(), model.name)
        self._current: Version | None = None
        self._previous: Version | None = None
        self._refusal: _Refusal | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-follower", daemon=True)

    def load(self) -> None:
        """Load the version that the alias names now.

        Raises:
            RegistryAway: the registry does not answer.
            AliasMissing: it has no such model or alias.
            VersionRefused: the version cannot serve.
            RegistryError: it cannot be kept in the cache.
        """
        version = self._client.version()
        try:
            self._serve(version, self._prepared(version))
        except OSError as error:
            raise RegistryError(f"{self._model}: version {version.number} cannot be cached: {error}") from error

    def start(self) -> None:
        """Look for other versions from now on."""
        self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """Stop looking; a download under way is left after `patience` seconds, to end with the process."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        if not self._thread.is_alive():
            self._cache.close()

    def check(self) -> None:
        """Look once, and take the version that the alias names if it is another one and can serve.

        Raises:
            RegistryAway: the registry or its store does not answer.
            AliasMissing: there is no such model or alias any more.
        """
        try:
            version = self._client.version()
        except AliasMissing:
            self._refusal = None  # what comes next is a move of the alias, whatever it names
            raise
        if version == self._current:
            self._refusal, self._served.refused = None, None
            return
        try:
            files = self._client.signature(version)
        except FilesGone as error:
            files = ""
            if not self._cache.has(version.key):
                self._refuse(version, files, error)
                return
        if self._refusal == _Refusal(version, files):
            return
        try:
            model = self._prepared(version)
        except VersionRefused as error:
            self._refuse(version, files, error)
        else:
            self._serve(version, model)

    def _run(self) -> None:
        wait, longest = self._poll, max(self._poll, min(LONGEST_WAIT, MOST_POLLS * self._poll))
        while not self._closing.wait(wait * random.uniform(1 - JITTER, 1 + JITTER)):
            try:
                self.check()
            except RegistryError as error:
                self._tell(error)
                wait = min(2 * wait, longest) if isinstance(error, RegistryAway) else self._poll
            except Exception as error:  # such as a cache that cannot be written: the next look may find it repaired
                self._tell(error)
                wait = min(2 * wait, longest)
            else:
                self._tell(None)
                wait = self._poll

    def _prepared(self, version: Version) -> ServedModel:
        """Download a version, check all hashes, load and try it; what fails is no longer in the cache.

        Raises:
            VersionRefused: it cannot serve.
            RegistryAway: its files did not come.
        """
        try:
            folder = self._fetched(version)
            model = ServedModel.load(
                folder,
                name=self._model.name,
                version=version.number,
                precision=self._precision,
                threads=self._threads,
            )
            try_model(model, deadline=self._deadline)
        except (RegistryAway, OSError):
            raise
        except Exception as error:  # those of ONNX Runtime share no other class
            self._cache.drop(version.key)
            raise VersionRefused(f"{self._model.name} version {version.number}: {one_line(error)}") from error
        return model

    def _fetched(self, version: Version) -> Path:
        for number in range(1, DOWNLOADS + 1):
            folder = self._cache.fetch(version.key, lambda folder: self._client.download(version, folder))
            try:
                Bundle.load(folder).verify()
            except BundleError:
                self._cache.drop(version.key)
                if number == DOWNLOADS:
                    raise
            else:
                break
        return folder

    def _serve(self, version: Version, model: ServedModel) -> None:
        self._served.swap(model)
        self._previous, self._current, self._refusal = self._current, version, None
        self._cache.keep([each.key for each in (self._current, self._previous) if each is not None])
        log.info("%s: version %s serves", self._model, version.number)

    def _refuse(self, version: Version, files: str, error: RegistryError) -> None:
        if self._refusal == _Refusal(version, files):
            return
        self._refusal = _Refusal(version, files)
        number = self._current.number if self._current else "none"
        reason = (
            str(error) if isinstance(error, VersionRefused) else f"{self._model.name} version {version.number}: {error}"
        )
        self._served.refuse(reason)
        log.error("%s: refused, version %s goes on serving: %s", self._model, number, reason)

    def _tell(self, error: Exception | None) -> None:
        """Log a trouble when it begins and when it ends, not at each look in between."""
        if error is not None and self.trouble is None:
            log.warning("%s: version in use goes on serving: %s", self._model, one_line(error))
        elif error is None and self.trouble is not None:
            log.info("%s: is followed again", self._model)
        self.trouble = None if error is None else one_line(error)
