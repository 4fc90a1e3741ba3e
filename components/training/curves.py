"""The loss curves of a stage as a table."""

import csv
from collections.abc import Sequence
from pathlib import Path

from components.training.state import Row


def write_curves(path: Path, history: Sequence[Row]) -> None:
    """Write a row for each epoch; a stage without epochs leaves the header of every stage."""
    columns = ["phase", "epoch", "learning_rate", "discriminator_real", "discriminator_fake"]
    columns += [f"generator_{name}" for name in ("adversarial", "feature_matching", "l1", "perceptual")]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)
