"""The bundle's `samples.json`: scenes of the validation set to begin with, and masks of objects to put into a scene.

What its fields mean stands at `components.inference.samples.Samples`.

Shapes: H x W pixels of a picture, h x w of an object's frame, C classes.
"""

import base64
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.store import ShardStore
from components.export.config import ExportConfig
from components.export.gallery import MaskOfObject, distinct_masks, whole_objects

IDS = 2**16  # what the file's uint16 can tell apart
LOOKED_AT = 256  # pictures at most, evenly spread over the set


@dataclass(frozen=True)
class PictureContent:
    """What the choice of scenes looks at: the classes of a picture and how evenly they share it, in nats."""

    position: int
    classes: frozenset[int]
    evenness: float


def samples_document(store: ShardStore, config: ExportConfig, *, size_multiple: int) -> dict[str, Any] | None:
    """Make the content of `samples.json`; the same of the same set.

    Args:
        store: the validation set.
        config: how many scenes, and how many masks a class with instances.
        size_multiple: pixels; only pictures whose sides are multiples of it can be scenes.

    Returns:
        None where the set has no classes, or neither scenes nor masks are asked for.
    """
    classes = store.index.classes
    if not classes or not (config.samples or config.gallery):
        return None
    things = [each.index for each in classes if each.has_instances]
    pictures: list[PictureContent] = []
    found: dict[int, list[MaskOfObject]] = defaultdict(list)
    for position, label, instance in _looked_at(store):
        if not any(side % size_multiple for side in label.shape) and instance.max() < IDS:
            pictures.append(_described(position, label, len(classes)))
        if config.gallery:
            for class_index, mask in whole_objects(label, instance, things):
                found[class_index].append(mask)
    scenes = [_scene(store, position) for position in chosen_scenes(pictures, config.samples)]
    gallery = [
        {"class": index, "height": mask.shape[0], "width": mask.shape[1], "bits": _packed(np.packbits(mask).tobytes())}
        for index in things
        for mask in distinct_masks(found[index], config.gallery)
    ]
    return {"scenes": _with_names(scenes), "gallery": gallery}


def chosen_scenes(pictures: Sequence[PictureContent], count: int) -> list[int]:
    """Choose positions: of each of `count` stretches of the set the picture that shows most that the others lack.

    That is most classes that no earlier one shows, then the most even shares of its classes, then the first place.
    """
    shown: frozenset[int] = frozenset()
    positions = []
    count = min(count, len(pictures))
    for number in range(count):
        stretch = pictures[number * len(pictures) // count : (number + 1) * len(pictures) // count]
        best = max(stretch, key=lambda each: (len(each.classes - shown), each.evenness, -each.position))
        shown |= best.classes
        positions.append(best.position)
    return positions


def _looked_at(store: ShardStore) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.int32]]]:
    count = min(len(store), LOOKED_AT)
    for number in range(count):
        position = number * len(store) // count
        yield position, *_maps(store, position)


def _maps(store: ShardStore, position: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    sample = store.read([position])
    return sample["label"][0].astype(np.uint8), sample["instance"][0].astype(np.int32)


def _described(position: int, label: NDArray[np.uint8], class_count: int) -> PictureContent:
    pixels = np.bincount(label.ravel(), minlength=class_count)
    shares = pixels[pixels > 0] / label.size
    return PictureContent(position, frozenset(np.flatnonzero(pixels).tolist()), float(-(shares * np.log(shares)).sum()))


def _scene(store: ShardStore, position: int) -> dict[str, Any]:
    label, instance = _maps(store, position)
    return {
        "name": store.index.names[position],
        "height": label.shape[0],
        "width": label.shape[1],
        "label": _packed(label.tobytes()),
        "instance": _packed(instance.astype("<u2").tobytes()),
    }


def _with_names(scenes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each scene a name that may stand in an address, each once."""
    named: dict[str, dict[str, Any]] = {}
    for scene in scenes:
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", scene["name"][-180:]).lstrip(".") or "scene"
        name = next(each for each in (plain, *(f"{plain}-{n}" for n in range(2, len(scenes) + 2))) if each not in named)
        named[name] = scene | {"name": name}
    return list(named.values())


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
