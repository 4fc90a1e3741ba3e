"""Readers of datasets, by the name that `prepare.reader` gives: a module each, with a function `read`.

A reader takes the folder of the dataset, a folder for the files that it makes and the `prepare` parameters, and gives
the pairs that are complete and a line a problem. `docs/own_reader.md` shows how to add one.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

from components.data.dataset import Dataset

if TYPE_CHECKING:  # the parameters name the readers
    from components.data.prepare_config import PrepareConfig

Reader = Callable[[Path, Path, "PrepareConfig"], tuple[Dataset, list[str]]]


class _Readers(Mapping[str, Reader]):
    """The modules of this package, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Reader:
        if name not in set(self):
            raise KeyError(name)
        return cast(Reader, import_module(f"{__name__}.{name}").read)

    def __iter__(self) -> Iterator[str]:
        return (module.name for module in iter_modules(__path__))

    def __len__(self) -> int:
        return sum(1 for _ in self)


READERS: Mapping[str, Reader] = _Readers()
