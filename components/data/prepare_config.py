"""The `prepare` section of the parameters."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from components.config import Config
from components.data.edges import EdgesConfig
from components.data.readers import READERS
from components.data.street_scenes import StreetScenesConfig

GENERATED = "street_scenes"


class PrepareConfig(Config):
    """The `prepare` section of the parameters.

    Attributes:
        reader: the layout of the dataset, or `street_scenes` to generate the default one; a module of
            `components/data/readers`.
        root: the dataset's folder; unused where the dataset is generated.
        street_scenes: what to generate.
        instances: where instance maps come from. `dataset`: from its files, and none where it has none. `components`:
            a dataset without any gets maps of the connected components of its classes with instances.
        edges: how `edges_of_photos` makes edge maps.
        near_duplicate_distance: up to how many of the 64 bits of two pictures' perceptual hashes may differ for the
            report to warn that training and validation set share a picture; 0 leaves the search out.
    """

    reader: str
    root: Path
    street_scenes: StreetScenesConfig
    instances: Literal["dataset", "components"]
    edges: EdgesConfig
    near_duplicate_distance: int = Field(ge=0, le=64)

    @field_validator("reader")
    @classmethod
    def _is_known(cls, reader: str) -> str:
        known = sorted((GENERATED, *READERS))
        if reader not in known:
            raise ValueError(f"must be one of {', '.join(known)}, got {reader}")
        return reader
