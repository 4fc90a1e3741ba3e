"""One process at a time changes a model of the registry, on whatever machine it runs.

The lock of a model is another registered model, `NAME.lock`, since making one is atomic in any store of MLflow's. Its
holder renews it. Where it has not been renewed for its lease, the holder was killed, and one of those who wait renames
it to a name that only this lock can get, so that of two who try only one succeeds and nobody takes a newer lock away.
Whoever waits measures the lease by its own clock, from when it first saw the lock: clocks of machines may differ.
"""

import getpass
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.outbox import TrackingError
from pipelines.registry.store import RegistryError, asking

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

SUFFIX = ".lock"
LEASE_SECONDS = 30.0
WAIT_SECONDS = 600.0
POLL_SECONDS = 0.5
THERE, NOT_THERE = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"  # MLflow's error codes


class RegistryBusy(RegistryError):
    """Another process changes the model, and did not end within the limit of waiting."""


class LockLost(RegistryError):
    """The lock was not renewed in time, and another process may have taken it."""


@dataclass(frozen=True)
class _Seen:
    """A lock as one look shows it; a look later the same one has another `expires`, if its holder lives."""

    token: str
    holder: str
    expires: str
    lease_seconds: float


class Lock:
    """A lock that this process holds."""

    def __init__(self, name: str, lease_seconds: float) -> None:
        self.name = f"{name}{SUFFIX}"
        self.token = uuid4().hex
        self._lease = lease_seconds
        self._renewed = monotonic()
        self._released = Event()
        self._renewer = Thread(target=self._renew_until_released, name="registry lock", daemon=True)

    def check(self) -> None:
        """Check, before what must not be done twice, that the lock is still held.

        Raises:
            LockLost: it has not been renewed within its lease.
        """
        if monotonic() - self._renewed > self._lease:
            raise LockLost(f"{self.name}: not renewed for over {self._lease:g} s, expected to hold it; nothing changed")

    def acquire(self, wait_seconds: float) -> None:
        """Wait until the lock is free, or its holder is dead, and take it.

        Raises:
            RegistryBusy: it was held all the time.
            TrackingError: the store does not answer.
        """
        deadline = monotonic() + wait_seconds
        watched, since = None, monotonic()
        while not self._create():
            found = _look(self.name)
            if found is not None and found.token == self.token:  # the answer to its creation had been lost
                break
            if found != watched:
                watched, since = found, monotonic()
            elif found is not None and monotonic() - since > found.lease_seconds:
                logger.warning("%s: its holder %s does not renew it; taking it over", self.name, found.holder)
                _take_away(self.name, found.token)
                continue
            if monotonic() > deadline:
                holder = "a process that ended just now" if found is None else found.holder
                raise RegistryBusy(f"{self.name}: held by {holder}, expected it to be free within {wait_seconds:g} s")
            sleep(POLL_SECONDS)
        self._renewed = monotonic()
        self._renewer.start()

    def release(self) -> None:
        """Give the lock back; where the store does not answer it lapses by itself."""
        self._released.set()
        self._renewer.join()
        try:
            found = _look(self.name)
            with asking() as client:
                if found is not None and found.token == self.token:
                    _delete(client, self.name)
                for taken in client.search_registered_models(f"name LIKE '{self.name}.%'"):
                    if taken.name.startswith(f"{self.name}."):  # LIKE has wildcards that a name may hold
                        _delete(client, taken.name)
        except TrackingError as error:
            logger.warning("%s: not released, it lapses in %g s: %s", self.name, self._lease, error)

    def _create(self) -> bool:
        """Make the lock; False where there is one."""
        from mlflow.exceptions import MlflowException

        tags = {
            "token": self.token,
            "holder": f"{getpass.getuser()}, process {os.getpid()}",
            "lease_seconds": str(self._lease),
            "expires": self._expiry(),
        }
        with asking() as client:
            try:
                client.create_registered_model(self.name, tags, description="Held while the model is being changed.")
            except MlflowException as error:
                if error.error_code not in (THERE, NOT_THERE):  # the latter: released while the store looked at it
                    raise
                return False
        return True

    def _renew_until_released(self) -> None:
        while not self._released.wait(self._lease / 3):
            began = monotonic()
            try:
                found = _look(self.name)
                if found is None or found.token != self.token:
                    return
                with asking() as client:
                    client.set_registered_model_tag(self.name, "expires", self._expiry())
            except TrackingError as error:
                logger.warning("%s: not renewed: %s", self.name, error)
            else:
                self._renewed = began

    def _expiry(self) -> str:
        return (datetime.now(UTC) + timedelta(seconds=self._lease)).isoformat()


@contextmanager
def changing(name: str, *, wait_seconds: float = WAIT_SECONDS, lease_seconds: float = LEASE_SECONDS) -> Iterator[Lock]:
    """Keep all other processes from changing a model of the registry.

    Args:
        name: of the registered model, which need not exist yet.
        wait_seconds: how long to wait for another process.
        lease_seconds: after which a lock that its holder no longer renews is taken over.

    Raises:
        RegistryBusy: another process held the lock all the time.
        TrackingError: the store does not answer.
    """
    lock = Lock(name, lease_seconds)
    lock.acquire(wait_seconds)
    try:
        yield lock
    finally:
        lock.release()


def _look(name: str) -> _Seen | None:
    from mlflow.exceptions import MlflowException

    try:
        with asking() as client:
            tags = client.get_registered_model(name).tags
    except MlflowException as error:
        if error.error_code == NOT_THERE:
            return None
        raise
    if "token" not in tags:  # deleted while it was read: a store reads a model and its tags one after the other
        return None
    return _Seen(tags["token"], tags["holder"], tags["expires"], float(tags["lease_seconds"]))


def _take_away(name: str, token: str) -> None:
    """Rename a lock whose holder is dead; another process that did it first, or a release, leaves nothing to do."""
    from mlflow.exceptions import MlflowException

    with asking() as client:
        try:
            client.rename_registered_model(name, f"{name}.{token}")
        except MlflowException as error:
            if error.error_code not in (THERE, NOT_THERE):
                raise


def _delete(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_registered_model(name)
    except MlflowException as error:
        if error.error_code != NOT_THERE:
            raise
