"""What is odd about a checked dataset, a line each, for the log and the data report."""

from components.data.dataset import SPLITS
from components.data.duplicates import HASH_BITS
from components.data.manifest import Manifest


def dataset_warnings(manifest: Manifest) -> list[str]:
    """Give what is about the whole dataset first, then what is about a file, named relative to the dataset's folder."""
    return [
        *_unseen_classes(manifest),
        *_missing_instances(manifest),
        *_file_warnings(manifest),
        *_likenesses(manifest),
    ]


def _unseen_classes(manifest: Manifest) -> list[str]:
    """Warn of classes without a pixel to learn from; a wrong order or first index shows here, too."""
    unseen = [
        each.name
        for each in manifest.classes
        if not each.ignored_in_scores and not manifest.class_pixels["train"][each.index]
    ]
    if not unseen:
        return []
    return [
        f"train: no pixel of {', '.join(unseen)}: a model cannot learn to draw them; where photos show them, check "
        "that the label maps count from 0 in the order of the classes"
    ]


def _missing_instances(manifest: Manifest) -> list[str]:
    things = [each.name for each in manifest.classes if each.has_instances]
    if not things or any(entry.instance for entry in manifest.train):
        return []
    return [
        f"no instance maps: all pixels of {', '.join(things)} in a picture count as one object each; add instance "
        "maps, or set prepare.instances to components"
    ]


def _file_warnings(manifest: Manifest) -> list[str]:
    return [
        f"{entry.path(role)}: {text}"
        for split in SPLITS
        for entry in manifest.split(split)
        for role, texts in entry.warnings.items()
        for text in texts
    ]


def _likenesses(manifest: Manifest) -> list[str]:
    return [
        f"{manifest.val[pair.val].image}: looks like {manifest.train[pair.train].image} of the training set "
        f"({pair.distance} of {HASH_BITS} bits differ): where both show one scene, keep them in one split, as scores "
        "would flatter the model"
        for pair in manifest.near_duplicates
    ]
