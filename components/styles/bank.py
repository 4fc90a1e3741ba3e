"""The style bank as it is saved, in the form that serving reads and as tensors."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from components.data.dataset import ClassInfo
from components.data.store import SplitIndex
from components.inference.style_bank import DrawnFor, StyleExample

if TYPE_CHECKING:  # scikit-learn takes a second to import, for which stages that only read a bank have no use
    from components.styles.cluster import ClassStyles
    from components.styles.collect import InstanceStyles

BANK_FILE = "styles.json"
TENSORS_FILE = "styles.safetensors"
INSTANCES_FILE = "instances.csv"


def bank_document(
    dimension: int,
    clustered: Mapping[int, "ClassStyles"],
    classes: Sequence[ClassInfo],
    *,
    drawn_for: DrawnFor,
    examples: Mapping[int, Sequence[StyleExample]] | None = None,
) -> dict[str, Any]:
    """The content of `styles.json`: each class's styles, and how many training instances have each and how alike.

    Args:
        dimension: F; 0 for a model without features.
        clustered: the styles of each class that has any.
        classes: all classes.
        drawn_for: what has a style of its own in a picture: each instance, or each class.
        examples: a training instance of each style of the same classes; None where they are not known.
    """
    entries = {}
    for index, styles in sorted(clustered.items()):
        entry: dict[str, Any] = {"name": classes[index].name, "styles": _floats(styles.centres)}
        entry["counts"] = styles.counts.tolist()
        if styles.spread is not None:
            entry["spread"] = _floats(styles.spread)
        if examples is not None:
            entry["examples"] = [vars(example) for example in examples[index]]
        entries[str(index)] = entry
    return {"dimension": dimension, "drawn_for": drawn_for, "classes": entries}


def examples_of(
    clustered: Mapping[int, "ClassStyles"], styles: "InstanceStyles", index: SplitIndex
) -> dict[int, list[StyleExample]]:
    """The training instance nearest to each style, in the dataset's own ids."""
    return {
        class_index: [_source(styles, int(members[0]), index) for members in of_class.members]
        for class_index, of_class in clustered.items()
    }


def write_bank(folder: Path, document: Mapping[str, Any]) -> None:
    """Write `styles.json`."""
    (folder / BANK_FILE).write_text(json.dumps(document, indent=1))


def write_tensors(folder: Path, clustered: Mapping[int, "ClassStyles"]) -> None:
    """Write `styles.safetensors`: centres_I (K, F), counts_I (K,) and spread_I (K,) of each class index I."""
    tensors = {
        f"{name}_{index}": np.asarray(getattr(styles, name))
        for index, styles in clustered.items()
        for name in ("centres", "counts", "spread")
    }
    save_file(tensors, folder / TENSORS_FILE)


def write_instances(
    folder: Path, styles: "InstanceStyles", clustered: Mapping[int, "ClassStyles"], index: SplitIndex
) -> None:
    """Write `instances.csv`: each training instance, in the dataset's own ids, with the style nearest to it."""
    with (folder / INSTANCES_FILE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["picture", "instance", "class", "area", "style"])
        for row, (vector, class_index) in enumerate(zip(styles.vectors, styles.class_index.tolist(), strict=True)):
            nearest = np.linalg.norm(clustered[class_index].centres - vector, axis=1).argmin()
            source = _source(styles, row, index)
            name = index.classes[class_index].name
            writer.writerow([source.picture, source.instance, name, f"{styles.area[row]:.6f}", nearest])


def _source(styles: "InstanceStyles", row: int, index: SplitIndex) -> StyleExample:
    picture = int(styles.picture[row])
    return StyleExample(index.names[picture], index.instance_ids[picture][int(styles.instance[row])])


def _floats(values: np.ndarray) -> Any:
    return values.astype(np.float64).tolist()
