"""ADE20K in the layout of its scene parsing benchmark (Zhou et al. 2017): 150 classes, and 0 for unlabelled."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from components.data.class_colours import distinct_colour
from components.data.dataset import SPLITS, ClassInfo, Dataset, Record, Split
from components.data.decoding import read_label, read_photo
from components.data.derived import derive, write_png
from components.data.instances import number_objects
from components.data.pairing import MAP_ENDINGS, PHOTO_ENDINGS, Source, read_dataset
from components.data.prepare_config import PrepareConfig

LAYOUT = (
    "objectInfo150.txt, images/{training,validation}/NAME.jpg with annotations/{training,validation}/NAME.png "
    "and, optionally, annotations_instance/{training,validation}/NAME.png"
)
CLASS_LIST = "objectInfo150.txt"
CLASS_COUNT = 150
_FOLDERS: dict[Split, str] = {"train": "training", "val": "validation"}
# The 50 classes without annotated instances; the benchmark's instance segmentation has the other 100.
_STUFF = frozenset(
    (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 17, 18, 22, 26, 27, 29, 30, 35, 41, 47, 49, 52, 53, 55, 60, 61, 62, 64, 69, 78)
    + (80, 85, 92, 95, 97, 100, 101, 102, 106, 107, 110, 114, 115, 118, 123, 129, 132, 141, 142, 146)
)


def read(root: Path, work: Path, config: PrepareConfig) -> tuple[Dataset, list[str]]:
    """Pair the photos and label maps, and make instance maps where the files of instances are there.

    Returns:
        The complete pairs, with instance maps below `work`, and a line a problem.
    """
    has_instances = (root / "annotations_instance").is_dir()

    def sources(split: Split) -> list[Source]:
        folder = _FOLDERS[split]
        instances = [Source("instance", root / "annotations_instance" / folder, MAP_ENDINGS)]
        return [
            Source("image", root / "images" / folder, PHOTO_ENDINGS),
            Source("label", root / "annotations" / folder, MAP_ENDINGS),
            *(instances if has_instances else []),
        ]

    classes, class_problems = read_class_list(root / CLASS_LIST) if root.is_dir() else ((), [])
    dataset, problems = read_dataset(root, LAYOUT, classes, sources)
    if not has_instances or class_problems:
        return dataset, class_problems + problems
    made: dict[Split, tuple[Record, ...]] = {}
    for split in SPLITS:
        make = partial(_make_instances, classes=classes, folder=work / "instances" / split)
        records, lines = derive(dataset.split(split), make, label=f"making instance maps of {split}")
        made[split] = tuple(records)
        problems = lines + problems
    return Dataset(classes, made["train"], made["val"]), problems


def read_class_list(path: Path) -> tuple[tuple[ClassInfo, ...], list[str]]:
    """Read the names of the classes, the first of the synonyms of each; give no classes where there is a problem."""
    try:
        header, *lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        index, name = header.index("Idx"), header.index("Name")
        names = {int(line[index]): line[name].split(",")[0].strip() for line in lines}
    except (OSError, ValueError, IndexError) as error:
        return (), [f"{path}: unreadable, expected columns Idx and Name between tabs ({error})"]
    if sorted(names) != list(range(1, CLASS_COUNT + 1)) or len(set(names.values())) != CLASS_COUNT:
        return (), [
            f"{path}: found {len(names)} classes with {len(set(names.values()))} names, expected 1..{CLASS_COUNT}, "
            "each with a name of its own"
        ]
    objects = (
        ClassInfo(each, names[each], distinct_colour(each), has_instances=each not in _STUFF) for each in sorted(names)
    )
    return (ClassInfo(0, "unlabelled", (0, 0, 0), ignored_in_scores=True), *objects), []


def _make_instances(record: Record, classes: tuple[ClassInfo, ...], folder: Path) -> Record:
    assert record.label is not None, "it was paired"
    assert record.instance is not None, "it was paired"
    label_HW = read_label(record.label)
    objects_HW = read_photo(record.instance)[..., 1]  # red holds one of 100 categories, green the object
    if objects_HW.shape != label_HW.shape:
        height, width = label_HW.shape
        raise ValueError(
            f"{record.instance}: instance map is {objects_HW.shape[1]}x{objects_HW.shape[0]}, "
            f"expected {width}x{height}, the size of {record.label}"
        )
    instance_HW = number_objects(label_HW, objects_HW, classes)
    return replace(record, instance=write_png(folder / f"{record.name}.png", instance_HW))
