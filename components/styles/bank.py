"""The style bank as it is saved, in the form that serving reads."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.data.dataset import ClassInfo
from components.data.store import SplitIndex
from components.inference.style_bank import DrawnFor
from components.styles.cluster import ClassStyles
from components.styles.collect import InstanceStyles

BANK_FILE = "styles.json"
INSTANCES_FILE = "instances.csv"


def bank_document(
    dimension: int, clustered: Mapping[int, ClassStyles], classes: Sequence[ClassInfo], *, drawn_for: DrawnFor
) -> dict[str, Any]:
    """The content of `styles.json`: each class's styles and how many training instances have each.

    Args:
        dimension: F; 0 for a model without features.
        clustered: the styles of each class that has any.
        classes: all classes.
        drawn_for: what has a style of its own in a picture: each instance, or each class.
    """
    return {
        "dimension": dimension,
        "drawn_for": drawn_for,
        "classes": {
            str(index): {
                "name": classes[index].name,
                "styles": [[float(value) for value in centre] for centre in styles.centres],
                "counts": styles.counts.tolist(),
            }
            for index, styles in sorted(clustered.items())
        },
    }


def write_bank(folder: Path, document: Mapping[str, Any]) -> None:
    """Write `styles.json`."""
    (folder / BANK_FILE).write_text(json.dumps(document, indent=1))


def write_instances(
    folder: Path, styles: InstanceStyles, clustered: Mapping[int, ClassStyles], index: SplitIndex
) -> None:
    """Write `instances.csv`: each training instance, in the dataset's own ids, with the style nearest to it."""
    with (folder / INSTANCES_FILE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["picture", "instance", "class", "area", "style"])
        for vector, class_index, area, picture, instance in zip(*vars(styles).values(), strict=True):
            nearest = np.linalg.norm(clustered[class_index].centres - vector, axis=1).argmin()
            writer.writerow(
                [
                    index.names[picture],
                    index.instance_ids[picture][instance],
                    index.classes[class_index].name,
                    f"{area:.6f}",
                    nearest,
                ]
            )
