"""CamVid street scenes with 11 classes and Unlabelled (Brostow et al. 2009), without instance maps."""

from pathlib import Path

from components.data.dataset import ClassInfo, Dataset, Split
from components.data.pairing import MAP_ENDINGS, Source, read_dataset
from components.data.prepare_config import PrepareConfig

LAYOUT = "{train,val}/images/NAME.jpg or .png with {train,val}/labels/NAME.png"

CLASSES = (
    ClassInfo(0, "Sky", (128, 128, 128)),
    ClassInfo(1, "Building", (128, 0, 0)),
    ClassInfo(2, "Pole", (192, 192, 128)),
    ClassInfo(3, "Road", (128, 64, 128)),
    ClassInfo(4, "Pavement", (60, 40, 222)),
    ClassInfo(5, "Tree", (128, 128, 0)),
    ClassInfo(6, "SignSymbol", (192, 128, 128)),
    ClassInfo(7, "Fence", (64, 64, 128)),
    ClassInfo(8, "Car", (64, 0, 128), has_instances=True),
    ClassInfo(9, "Pedestrian", (64, 64, 0), has_instances=True),
    ClassInfo(10, "Bicyclist", (0, 128, 192), has_instances=True),
    ClassInfo(11, "Unlabelled", (0, 0, 0), ignored_in_scores=True),
)


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the photos and label maps; give the complete pairs and a line a problem."""

    def sources(split: Split) -> list[Source]:
        return [
            Source("image", root / split / "images", (".jpg", ".png")),
            Source("label", root / split / "labels", MAP_ENDINGS),
        ]

    return read_dataset(root, LAYOUT, CLASSES, sources)
