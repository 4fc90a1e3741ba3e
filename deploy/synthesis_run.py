"""Pictures from many files: those that are there are skipped, and one bad file does not stop the others."""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from components.inference import StyleBank, Synthesizer, complete_inputs, synthesize_tiled
from components.inference.completion import stack_inputs
from deploy.map_files import Size, Source, read_maps
from deploy.picture_files import fingerprint, is_made, write_picture

SECONDS_BETWEEN_LINES = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How pictures are made.

    Attributes:
        style_bank: what styles are drawn from.
        chosen: by class index the style that all its instances get instead.
        seed: of the draw.
        size: of the pictures; None takes that of the maps.
        batch: how many pictures of one size are made at once.
        tile: side in pixels of the tiles that a picture is made in; None makes it whole.
        overlap: of the tiles, in pixels.
        made_of: all that changes a picture besides its maps, as JSON can hold it.
    """

    style_bank: StyleBank
    chosen: Mapping[int, NDArray[np.float32]]
    seed: int
    size: Size | None
    batch: int
    tile: int | None
    overlap: int
    made_of: Mapping[str, Any]


@dataclass(frozen=True)
class Prepared:
    """What is needed to make a picture: its files, its fingerprint and its inputs without the axis N."""

    source: Source
    made_of: str
    inputs: Mapping[str, NDArray[Any]]

    @property
    def size(self) -> Size:
        """Height and width."""
        height, width = next(iter(self.inputs.values())).shape[:2]
        return height, width


@dataclass
class SynthesisRun:
    """A run over files, and what came of it.

    Attributes:
        synthesizer: the model.
        settings: how pictures are made.
        made: how many pictures were.
        kept: how many were there, made of the same.
        problems: a line for each file of which no picture was made.
    """

    synthesizer: Synthesizer
    settings: Settings
    made: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, sources: Sequence[Source]) -> None:
        """Make the pictures that are not there."""
        for batch in self._batches(_shown(sources)):
            self._synthesize(batch)

    def _batches(self, sources: Iterable[Source]) -> Iterator[list[Prepared]]:
        """Prepare the pictures that are to be made, neighbours of one size together."""
        batch: list[Prepared] = []
        for source in sources:
            try:
                prepared = self._prepare(source)
            except (ValueError, OSError) as error:
                self.problems.append(_line(source, error))
                continue
            if prepared is None:
                self.kept += 1
                continue
            if batch and prepared.size != batch[0].size:
                yield batch
                batch = []
            batch.append(prepared)
            if len(batch) == self.settings.batch:
                yield batch
                batch = []
        if batch:
            yield batch

    def _prepare(self, source: Source) -> Prepared | None:
        files = [path for path in (source.condition, source.instances) if path is not None]
        made_of = fingerprint(self.settings.made_of, files)
        if is_made(source.target, made_of):
            return None
        bundle = replace(self.synthesizer.bundle, style_bank=self.settings.style_bank)
        maps = read_maps(bundle, source.condition, source.instances, self.settings.size)
        inputs = complete_inputs(
            bundle,
            label=maps.get("label"),
            picture=maps.get("picture"),
            instance=maps.get("instance"),
            seed=self.settings.seed,
            chosen=self.settings.chosen,
        )
        return Prepared(source, made_of, inputs)

    def _synthesize(self, batch: Sequence[Prepared]) -> None:
        tile = self.settings.tile
        try:
            if tile is None:
                images = self.synthesizer.synthesize(**stack_inputs([each.inputs for each in batch]))
            else:
                images = np.stack(
                    [
                        synthesize_tiled(self.synthesizer, tile=tile, overlap=self.settings.overlap, **each.inputs)
                        for each in batch
                    ]
                )
        except Exception as error:  # those of ONNX Runtime, when memory is short, share no other class
            self.problems += [_line(each.source, error) for each in batch]
            return
        for each, image in zip(batch, images, strict=True):
            try:
                write_picture(each.source.target, image, each.made_of)
            except OSError as error:
                self.problems.append(_line(each.source, error))
            else:
                self.made += 1


def _shown(sources: Sequence[Source]) -> Iterator[Source]:
    """Yield the files and show how many are done: a bar at a terminal, a line each ten seconds elsewhere."""
    if sys.stderr.isatty():
        with logging_redirect_tqdm():
            yield from tqdm(sources, desc="synthesizing", unit="picture")
        return
    shown = monotonic()
    for done, source in enumerate(sources):
        if monotonic() - shown >= SECONDS_BETWEEN_LINES:
            shown = monotonic()
            _log.info("synthesizing: %d of %d", done, len(sources))
        yield source


def _line(source: Source, error: Exception) -> str:
    """One line that starts with the file, which the error may name itself."""
    message = " ".join(str(error).split())
    names = [str(path) for path in (source.condition, source.instances) if path is not None]
    return message if message.startswith(tuple(names)) else f"{source.condition}: {message}"
