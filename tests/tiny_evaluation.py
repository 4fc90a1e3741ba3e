"""An untrained evaluator, pictures and parameters, for tests of what measures pictures or shows the results."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.evaluation.config import EvaluateConfig
from components.evaluation.measure import Subject
from components.evaluation.segmenter import Segmenter
from tests.tiny import CLASSES, cpu_fabric, tiny_maker, tiny_store


def tiny_segmenter() -> Segmenter:
    """Seeded weights that nothing has trained."""
    torch.manual_seed(0)
    return Segmenter(CLASSES, encoder="resnet18", channels=8).eval()


def evaluate_config(**overrides: Any) -> EvaluateConfig:
    """Few resamples, one best and one worst picture."""
    values: dict[str, Any] = {"minimum_oracle_mean_iou": 0.0, "boundary_band": 2, "inception_weights": None}
    values |= {"bootstrap_samples": 100, "confidence": 0.95, "seed": 0, "grid_rows": 2, "page_pictures": 1}
    return EvaluateConfig(**(values | overrides))


def tiny_subject(
    folder: Path, segmenter: Segmenter | None, *, count: int = 3, samples: int = 1, change: int = 0
) -> Subject:
    """Photos that stand for synthesized pictures; with a `change`, darker by half and that much lighter a sample."""
    maker = tiny_maker(tiny_store(folder / "val", count=count, rgb=segmenter is None))
    pixels = {name: sample["image"] for name, sample in zip(maker.store.index.names, maker.store, strict=True)}

    def reader(sample: int) -> Any:
        return lambda name: (pixels[name] // 2 + change * (sample + 1)).astype(np.uint8) if change else pixels[name]

    return Subject(maker, [reader(sample) for sample in range(samples)], segmenter, cpu_fabric())
