"""What a reader yields: the classes of a dataset and the files of each picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")


class DatasetError(ValueError):
    """All problems found in a dataset, one line each."""

    def __init__(self, problems: list[str]) -> None:
        """Join the problems, each naming its file and the value found, into one message."""
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__(f"{count} in the dataset:\n" + "\n".join(f"  {line}" for line in problems))


@dataclass(frozen=True)
class ClassInfo:
    """One semantic class.

    Attributes:
        index: its value in label maps, 0..C-1.
        name: its name, unique in the dataset.
        colour: RGB, 0..255, for pictures of label maps.
        has_instances: whether it is a 'thing', whose objects carry ids of their own.
        ignored_in_scores: whether segmentation scores leave it out.
    """

    index: int
    name: str
    colour: tuple[int, int, int]
    has_instances: bool = False
    ignored_in_scores: bool = False


@dataclass(frozen=True)
class Record:
    """The files of one picture.

    Attributes:
        name: unique within its split, without suffix; the name of what is synthesized from it.
        image: the photo.
        label: the label map, an 8-bit PNG of class indices; None where the condition is a picture.
        instance: the instance map (an 8 or 16-bit PNG, one id an object); None where there is none.
        condition: the RGB condition (edges, A of A to B); None where the condition is a label map.
    """

    name: str
    image: Path
    label: Path | None = None
    instance: Path | None = None
    condition: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk: its classes (none for RGB conditions) and the records of both splits."""

    classes: tuple[ClassInfo, ...]
    train: tuple[Record, ...]
    val: tuple[Record, ...]

    def split(self, name: Split) -> tuple[Record, ...]:
        """Give the records of `train` or `val`."""
        return self.train if name == "train" else self.val
