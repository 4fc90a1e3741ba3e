"""The folder of downloaded bundles. Several servers of a machine may share it.

While a server uses a bundle it holds a shared lock on the bundle's folder, and only what nobody holds is removed. A
lock on the whole cache makes downloads and removals go one after another, so that none is made twice.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from components.atomic import atomic_folder


def default_cache() -> Path:
    """Give a folder of the user's own, which survives a restart."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "semantic-synthesis" / "models"


class ModelCache:
    """Bundles of the versions of one model, by their keys.

    Args:
        folder: made where it does not exist, for this user alone.
        name: of the model.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._prefix = f"{quote(name, safe='')}@"
        self._held: dict[str, int] = {}  # descriptor of the folder of each key that is in use here

    def fetch(self, key: str, download: Callable[[Path], None]) -> Path:
        """Give the folder of a version, and hold it until `keep` or `drop` lets it go.

        Args:
            key: of the version.
            download: puts its files into an empty folder; called where the cache lacks it. What it raises leaves
                nothing behind.
        """
        path = self._path(key)
        with self._locked():
            if not path.is_dir():
                with atomic_folder(path) as folder:
                    download(folder)
            if key not in self._held:
                self._held[key] = _hold(path, fcntl.LOCK_SH)
        return path

    def has(self, key: str) -> bool:
        """Say whether a version is there already."""
        return self._path(key).is_dir()

    def keep(self, keys: Collection[str]) -> None:
        """Let all others go, and remove those that no other server holds."""
        for key in set(self._held) - set(keys):
            self._release(key)
        with self._locked():
            for path in self._folder.glob(f"{self._prefix}*"):
                if path.name.removeprefix(self._prefix) not in keys:
                    _remove_unless_held(path)

    def drop(self, key: str) -> None:
        """Let a version go, and remove it unless another server holds it."""
        self._release(key)
        with self._locked():
            _remove_unless_held(self._path(key))

    def close(self) -> None:
        """Let all go; they stay for the next start."""
        for key in list(self._held):
            self._release(key)

    def _path(self, key: str) -> Path:
        return self._folder / f"{self._prefix}{key}"

    def _release(self, key: str) -> None:
        descriptor = self._held.pop(key, None)
        if descriptor is not None:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = _hold(self._folder, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)


def _hold(folder: Path, kind: int) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_unless_held(folder: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = _hold(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            # Under another name first: a removal that is cut off leaves no half of a version under its own.
            removed = folder.with_name(f".{folder.name}.removed")
            shutil.rmtree(removed, ignore_errors=True)
            os.replace(folder, removed)
            shutil.rmtree(removed, ignore_errors=True)
        finally:
            os.close(descriptor)
