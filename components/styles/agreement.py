"""How well clusters agree with the styles in which a dataset's instances were really drawn, where these are known.

Shapes: n instances.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from components.data.store import SplitIndex
from components.styles.cluster import ClassStyles, cluster_class
from components.styles.collect import InstanceStyles
from components.styles.config import ClusterConfig

TRUE_STYLES_FILE = "true_styles.json"  # in the dataset's folder, beside classes.json
AGREEMENT_FILE = "agreement.json"


@dataclass(frozen=True)
class TrueStyles:
    """The true styles of a split's instances.

    Attributes:
        names: of each class's styles, by the class's index.
        style: (n,) int64, the place of its style's name for each row of `InstanceStyles`.
    """

    names: Mapping[int, tuple[str, ...]]
    style: NDArray[np.int64]

    def counts(self, class_index: int, rows: NDArray[np.int64]) -> list[tuple[str, int]]:
        """Give the true styles of rows of a class and how many have each, the most frequent first."""
        names = self.names[class_index]
        return [(names[style], count) for style, count in Counter(self.style[rows].tolist()).most_common()]


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement of a class's clusters with its true styles.

    The adjusted Rand index (Hubert and Arabie 1985) is 1 for equal partitions, 0 for what chance gives.

    Attributes:
        instances: how many were clustered.
        true_styles: how many styles these really have.
        adjusted_rand_index: of the bank's styles. Where the bank has more than there really are, it splits true ones,
            which counts against it.
        adjusted_rand_index_at_true_number: of as many clusters of the same instances as there are true styles: whether
            the encoder tells these apart.
    """

    instances: int
    true_styles: int
    adjusted_rand_index: float
    adjusted_rand_index_at_true_number: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of clusters with true styles.

    Attributes:
        classes: of each class, by its index.
    """

    classes: Mapping[int, ClassAgreement]

    @property
    def overall(self) -> dict[str, float]:
        """The two indices' means over the classes, weighted by their instances.

        An index over all instances at once would also count what class each one is of, which clustering is told.
        """
        weights = [each.instances for each in self.classes.values()]
        return {
            name: float(np.average([getattr(each, name) for each in self.classes.values()], weights=weights))
            for name in ("adjusted_rand_index", "adjusted_rand_index_at_true_number")
        }


def read_true_styles(path: Path, styles: InstanceStyles, index: SplitIndex) -> TrueStyles:
    """Read a `true_styles.json` for the collected instances of a split.

    Args:
        path: `{"styles": {class: [names]}, SPLIT: {picture: {instance id: place in the names}}}`.
        styles: the instances.
        index: of the split.

    Raises:
        ValueError: naming the file, where it is not one or lacks an instance.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {each.index: tuple(content["styles"][each.name]) for each in index.classes}
        found = []
        rows = zip(styles.picture.tolist(), styles.instance.tolist(), styles.class_index.tolist(), strict=True)
        for picture, instance, class_index in rows:
            source = index.instance_ids[picture][instance]
            style = content[index.split][index.names[picture]][str(source)]
            found.append(range(len(names[class_index]))[style])  # fails where the class has no such style
    except (ValueError, LookupError, TypeError) as error:
        expected = f"expected the styles of each class and of each instance of {index.split}"
        raise ValueError(f"{path}: found {error!r}, {expected}") from error
    return TrueStyles(names, np.array(found, np.int64))


def measure_agreement(
    styles: InstanceStyles, clustered: Mapping[int, ClassStyles], true: TrueStyles, config: ClusterConfig
) -> Agreement:
    """Compare the clusters of each class with the true styles of the instances that were clustered."""
    classes = {}
    for index, of_class in clustered.items():
        rows = np.concatenate(of_class.members)
        true_styles = len(np.unique(true.style[rows]))
        at_true_number = config.model_copy(update={"styles_per_class": true_styles})
        again = cluster_class(styles.vectors[rows], at_true_number, styles.area[rows])
        classes[index] = ClassAgreement(
            instances=len(rows),
            true_styles=true_styles,
            adjusted_rand_index=_rand(true.style, of_class.members),
            adjusted_rand_index_at_true_number=_rand(true.style[rows], again.members),
        )
    return Agreement(classes)


def write_agreement(folder: Path, agreement: Agreement, index: SplitIndex) -> None:
    """Write `agreement.json`: overall and by the name of each class."""
    document = {
        "overall": agreement.overall,
        "classes": {index.classes[number].name: asdict(each) for number, each in agreement.classes.items()},
    }
    (folder / AGREEMENT_FILE).write_text(json.dumps(document, indent=1))


def _rand(true: NDArray[np.int64], members: tuple[NDArray[np.int64], ...]) -> float:
    """The index of clusters, given by their rows, and the true style of each row."""
    found = np.repeat(np.arange(len(members)), [len(rows) for rows in members])
    return float(adjusted_rand_score(true[np.concatenate(members)], found))
