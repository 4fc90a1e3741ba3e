"""Everything that is measured on the synthesized pictures of a split.

Shapes: N pictures, C classes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from components.data.dataset import ClassInfo
from components.data.loader import BatchMaker
from components.evaluation.bootstrap import Estimate
from components.evaluation.config import EvaluateConfig
from components.evaluation.diversity import segmenter_diversity
from components.evaluation.evaluate import (
    Confusions,
    Images,
    ReadPicture,
    absolute_differences,
    confusions_of,
    named_images,
    photos,
)
from components.evaluation.fidelity import FEWEST_PICTURES, estimate_distances, features_of, segmenter_features
from components.evaluation.inception import inception_features
from components.evaluation.scores import ScoreEstimates, picture_mean_ious, score_estimates
from components.evaluation.segmenter import Segmenter
from components.evaluation.spectrum import band_powers, decibels, spectrum_distance

logger = logging.getLogger(__name__)

CLASS_SCORES = ("iou", "accuracy", "boundary_iou")
OVERALL = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou")


@dataclass(frozen=True)
class Subject:
    """The pictures that are measured, and by what.

    Attributes:
        maker: of the split, at full resolution.
        samples: reads the pictures synthesized from its maps; the first sample is scored, the others are for diversity.
        segmenter: the evaluator; None without classes.
        fabric: the device.
    """

    maker: BatchMaker
    samples: Sequence[ReadPicture]
    segmenter: Segmenter | None
    fabric: Fabric

    @property
    def images(self) -> Images:
        """The synthesized pictures of a batch."""
        return named_images(self.samples[0])

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes of the split."""
        return self.maker.store.index.classes


@dataclass(frozen=True)
class Segmentation:
    """What the evaluator says of a set of pictures.

    Attributes:
        everywhere: scores over all pixels.
        near_boundaries: over those near instance boundaries; None where there are none.
        confusion: (C, C) over all pixels.
        picture_mean_ious: (N,), nan for a picture without a scored pixel.
    """

    everywhere: ScoreEstimates
    near_boundaries: ScoreEstimates | None
    confusion: Tensor
    picture_mean_ious: NDArray[np.float64]

    def estimates(self, prefix: str) -> dict[str, Estimate]:
        """The scores over all classes, by their names with a prefix."""
        found = {f"{prefix}{name}": self.everywhere.overall(name) for name in OVERALL}
        if self.near_boundaries:
            found[f"{prefix}boundary_mean_iou"] = self.near_boundaries.overall("mean_iou")
        return found

    def of_class(self, name: str) -> dict[str, Estimate | None]:
        """The scores of a class, by CLASS_SCORES; None where it has none."""
        scores = (
            self.everywhere.of_class("class_iou", name),
            self.everywhere.of_class("class_accuracy", name),
            self.near_boundaries.of_class("class_iou", name) if self.near_boundaries else None,
        )
        return dict(zip(CLASS_SCORES, scores, strict=True))


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes:
        estimates: every figure over the whole split by its name; those of real photos begin with `oracle_`.
        oracle: the evaluator on the real photos; None without classes.
        synthesized: the evaluator on the synthesized pictures; None without classes.
        absolute_differences: (N,) mean distance of each picture to its photo, in grey levels.
        spectrum: (2, K) decibels of the pictures' power over the photos', down and across, in K bands of frequency.
        too_weak: whether the evaluator is; None without classes.
    """

    estimates: dict[str, Estimate]
    oracle: Segmentation | None
    synthesized: Segmentation | None
    absolute_differences: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    too_weak: bool | None

    def figures(self) -> dict[str, float]:
        """All figures with five digits: `NAME`, `NAME_low` and `NAME_high`, and `evaluator_too_weak`, 0 or 1."""
        found: dict[str, float] = {}
        for name, estimate in self.estimates.items():
            for suffix, figure in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
                found[f"{name}{suffix}"] = float(f"{figure:.5g}")
        return found if self.too_weak is None else found | {"evaluator_too_weak": int(self.too_weak)}


def measure(subject: Subject, config: EvaluateConfig) -> Results:
    """Measure the pictures, the real photos first: they show whether the evaluator can judge."""
    bootstrap, oracle, synthesized, too_weak = config.bootstrap, None, None, None
    estimates: dict[str, Estimate] = {}
    if subject.segmenter is not None:
        oracle = _segment(subject, subject.segmenter, photos, config)
        too_weak = _is_too_weak(oracle.everywhere.value.mean_iou, config.minimum_oracle_mean_iou)
        synthesized = _segment(subject, subject.segmenter, subject.images, config)
        estimates = synthesized.estimates("") | oracle.estimates("oracle_")
    differences = absolute_differences(subject.maker, subject.images)
    estimates["mean_absolute_difference"] = bootstrap.mean(differences)
    real_spectra, spectra = (features_of(band_powers, subject.maker, images) for images in (photos, subject.images))
    estimates["spectrum_distance"] = spectrum_distance(real_spectra, spectra, bootstrap)
    estimates |= _distances(subject, config)
    if subject.segmenter is not None and len(subject.samples) > 1:
        names = subject.maker.store.index.names
        pictures = ([read(name) for read in subject.samples] for name in names)
        diversities = segmenter_diversity(subject.segmenter, pictures, len(names), subject.fabric)
        estimates["diversity_segmenter_features"] = bootstrap.mean(diversities)
    spectrum = decibels(real_spectra.mean(0), spectra.mean(0))
    return Results(estimates, oracle, synthesized, differences, spectrum, too_weak)


def _segment(subject: Subject, segmenter: Segmenter, images: Images, config: EvaluateConfig) -> Segmentation:
    found: Confusions = confusions_of(segmenter, subject.maker, images, subject.fabric, band=config.boundary_band)
    near, bootstrap = found.near_boundaries, config.bootstrap
    return Segmentation(
        everywhere=score_estimates(found.everywhere, subject.classes, bootstrap),
        near_boundaries=score_estimates(near, subject.classes, bootstrap) if near.any() else None,
        confusion=found.everywhere.sum(0),
        picture_mean_ious=picture_mean_ious(found.everywhere, subject.classes),
    )


def _is_too_weak(mean_iou: float, minimum: float) -> bool:
    if mean_iou < minimum:
        logger.warning(
            "the evaluator is too weak to judge: its mean IoU on the real photos is %.4f, "
            "evaluate.minimum_oracle_mean_iou asks for %.4f",
            mean_iou,
            minimum,
        )
    return mean_iou < minimum


def _distances(subject: Subject, config: EvaluateConfig) -> dict[str, Estimate]:
    """FID and KID where there are weights for them, else the same on the evaluator's features, where there is one."""
    if config.inception_weights is not None:
        names, extract = ("fid", "kid"), inception_features(config.inception_weights, subject.fabric.device)
    elif subject.segmenter is not None:
        names = ("segmenter_frechet_distance", "segmenter_kernel_distance")
        extract = segmenter_features(subject.segmenter)
    else:
        return {}
    if len(subject.maker.store) < FEWEST_PICTURES:
        logger.warning("%s and %s: found one picture, expected at least %d", *names, FEWEST_PICTURES)
        return {}
    real, synthesized = (features_of(extract, subject.maker, images) for images in (photos, subject.images))
    return dict(zip(names, estimate_distances(real, synthesized, config.bootstrap), strict=True))
