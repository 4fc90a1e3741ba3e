"""The classes of a model whose dataset is not at hand."""

from pathlib import Path

from components.data.class_colours import distinct_colour
from components.data.dataset import ClassInfo
from components.data.readers import cityscapes
from components.data.readers.labelled_folders import read_classes

# The published code gives the license plate, which has the id -1, the last of 35 channels.
CITYSCAPES = (*cityscapes.CLASSES, ClassInfo(34, "license plate", (0, 0, 142), ignored_in_scores=True))


def classes_of_model(count: int, path: Path | None) -> tuple[ClassInfo, ...]:
    """The classes of a file, else those of Cityscapes where there are 35 as in the published code, else numbered ones.

    Args:
        count: of the model.
        path: a `classes.json` in the form of the readers and the bundle.

    Raises:
        ValueError: naming every problem of the file, another number of classes among them.
    """
    if path is None:
        if count == len(CITYSCAPES):
            return CITYSCAPES
        return tuple(ClassInfo(index, f"class {index}", distinct_colour(index)) for index in range(count))
    classes, problems = read_classes(path)
    if problems:
        raise ValueError("; ".join(problems))
    if len(classes) != count:
        raise ValueError(f"{path}: found {len(classes)} classes, expected the {count} of the model")
    return classes
