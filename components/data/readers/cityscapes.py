"""Cityscapes in its own layout (Cordts et al. 2016)."""

from pathlib import Path

from components.data.dataset import ClassInfo, Dataset, Split
from components.data.pairing import Source, read_dataset
from components.data.prepare_config import PrepareConfig

LAYOUT = (
    "leftImg8bit/{train,val}/CITY/NAME_leftImg8bit.png with "
    "gtFine/{train,val}/CITY/NAME_gtFine_labelIds.png and NAME_gtFine_instanceIds.png"
)

# The official ids: name, colour, whether it has instances, whether the benchmark ignores it in evaluation.
_IDS = (
    ("unlabeled", (0, 0, 0), False, True),
    ("ego vehicle", (0, 0, 0), False, True),
    ("rectification border", (0, 0, 0), False, True),
    ("out of roi", (0, 0, 0), False, True),
    ("static", (0, 0, 0), False, True),
    ("dynamic", (111, 74, 0), False, True),
    ("ground", (81, 0, 81), False, True),
    ("road", (128, 64, 128), False, False),
    ("sidewalk", (244, 35, 232), False, False),
    ("parking", (250, 170, 160), False, True),
    ("rail track", (230, 150, 140), False, True),
    ("building", (70, 70, 70), False, False),
    ("wall", (102, 102, 156), False, False),
    ("fence", (190, 153, 153), False, False),
    ("guard rail", (180, 165, 180), False, True),
    ("bridge", (150, 100, 100), False, True),
    ("tunnel", (150, 120, 90), False, True),
    ("pole", (153, 153, 153), False, False),
    ("polegroup", (153, 153, 153), False, True),
    ("traffic light", (250, 170, 30), False, False),
    ("traffic sign", (220, 220, 0), False, False),
    ("vegetation", (107, 142, 35), False, False),
    ("terrain", (152, 251, 152), False, False),
    ("sky", (70, 130, 180), False, False),
    ("person", (220, 20, 60), True, False),
    ("rider", (255, 0, 0), True, False),
    ("car", (0, 0, 142), True, False),
    ("truck", (0, 0, 70), True, False),
    ("bus", (0, 60, 100), True, False),
    ("caravan", (0, 0, 90), True, True),
    ("trailer", (0, 0, 110), True, True),
    ("train", (0, 80, 100), True, False),
    ("motorcycle", (0, 0, 230), True, False),
    ("bicycle", (119, 11, 32), True, False),
)
CLASSES = tuple(ClassInfo(index, *fields) for index, fields in enumerate(_IDS))


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the photos, label maps and instance maps of every city.

    Instance maps are 16-bit: id*1000+n for objects, the class id for stuff.

    Returns:
        The complete pairs, named as in `aachen_000000_000019`, and a line a problem.
    """

    def sources(split: Split) -> list[Source]:
        photos, maps = root / "leftImg8bit" / split, root / "gtFine" / split
        return [
            Source("image", photos, ("_leftImg8bit.png",), "*/*"),
            Source("label", maps, ("_gtFine_labelIds.png",), "*/*"),
            Source("instance", maps, ("_gtFine_instanceIds.png",), "*/*"),
        ]

    return read_dataset(root, LAYOUT, CLASSES, sources)
