"""The page of results: one HTML file that needs nothing from elsewhere.

Shapes: N pictures, H x W pixels; pictures are RGB (H, W, 3) uint8.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.data.dataset import ClassInfo
from components.data.draws import Draw
from components.data.encoding import boundary_map
from components.data.overlays import LONGER_SIDE, Picture, borders, paint_classes, resized, shown_size
from components.data.pictures import comparison_rows
from components.evaluation.bootstrap import Estimate
from components.evaluation.config import EvaluateConfig
from components.evaluation.measure import Results, Subject
from components.pages import render_page
from components.styles.crops import pale_outside

TEMPLATE = Path(__file__).with_suffix(".html")
CROP_SHARE = 3  # a crop is this part of the picture's height and width
MOST_CONFUSED = 30  # classes up to which the confusion matrix is shown
SCORES = {
    "mean_iou": "Mean IoU",
    "pixel_accuracy": "Pixel accuracy",
    "frequency_weighted_iou": "Frequency-weighted IoU",
    "boundary_mean_iou": "Mean IoU near instance boundaries",
}
OTHERS = {
    "mean_absolute_difference": ("Difference to the photo", "grey levels of 255, less is nearer"),
    "spectrum_distance": ("Distance of the spectra", "decibels; more is blur or a pattern"),
    "fid": ("FID", "Inception's features, less is better"),
    "kid": ("KID", "Inception's features, less is better"),
    "segmenter_frechet_distance": ("Fréchet distance", "the evaluator's features: not FID; less is better"),
    "segmenter_kernel_distance": ("Kernel distance", "the evaluator's features: not KID; less is better"),
    "diversity_segmenter_features": ("Diversity", "between pictures of one map, the evaluator's features: not LPIPS"),
}


@dataclass(frozen=True)
class ClassRow:
    """A scored class on the page.

    Attributes:
        info: the class.
        share: of the scored pixels, 0..1.
        synthesized: its scores by name.
        oracle: the same on real photos.
        confused: the share of its pixels that each scored class was predicted for, on the synthesized pictures.
    """

    info: ClassInfo
    share: float
    synthesized: dict[str, Estimate | None]
    oracle: dict[str, Estimate | None]
    confused: list[float]


@dataclass(frozen=True)
class Panel:
    """A picture on the page, and the part of it that is shown larger; both as data URIs."""

    caption: str
    whole: str
    crop: str


@dataclass(frozen=True)
class Shown:
    """One of the best or worst pictures.

    Attributes:
        name: of the picture.
        figure: by which it is best or worst.
        panels: its map or condition, synthesized picture, photo and, with an evaluator, the evaluator's mistakes.
        frame: left, top, width and height of the part shown larger, in percent of the picture.
    """

    name: str
    figure: float
    panels: tuple[Panel, ...]
    frame: tuple[float, float, float, float]


def write_results_page(path: Path, subject: Subject, results: Results, config: EvaluateConfig) -> None:
    """Write the page."""
    best, worst = _best_and_worst(results, config.page_pictures)
    page = render_page(
        TEMPLATE,
        pictures=len(subject.maker.store),
        config=config,
        results=results,
        scores={name: caption for name, caption in SCORES.items() if name in results.estimates},
        others={name: words for name, words in OTHERS.items() if name in results.estimates},
        classes=_class_rows(results, subject.classes),
        most_confused=MOST_CONFUSED,
        crop_share=CROP_SHARE,
        shown={
            kind: [_shown(subject, results, position) for position in positions]
            for kind, positions in (("Worst", worst), ("Best", best))
        },
    )
    path.write_text(page, encoding="utf-8")


def _class_rows(results: Results, classes: Sequence[ClassInfo]) -> list[ClassRow]:
    if results.synthesized is None or results.oracle is None:
        return []
    scored = [each for each in classes if not each.ignored_in_scores]
    confusion = results.synthesized.confusion.double()
    pixels = confusion.sum(1)
    shares = confusion / pixels.clamp(min=1).unsqueeze(1)
    return [
        ClassRow(
            info=each,
            share=float(pixels[each.index] / pixels.sum()),
            synthesized=results.synthesized.of_class(each.name),
            oracle=results.oracle.of_class(each.name),
            confused=[float(shares[each.index, other.index]) for other in scored],
        )
        for each in scored
    ]


def _goodness(results: Results) -> NDArray[np.float64]:
    """Mean IoU (N,) of each picture, or what it is nearer to its photo than others; nan where it has neither."""
    return -results.absolute_differences if results.synthesized is None else results.synthesized.picture_mean_ious


def _best_and_worst(results: Results, count: int) -> tuple[list[int], list[int]]:
    """Give the positions of at most `count` pictures each, the very best and the very worst first; none is both."""
    goodness = _goodness(results)
    ranked = [int(position) for position in np.argsort(goodness, kind="stable") if not np.isnan(goodness[position])]
    worst = ranked[: min(count, len(ranked) // 2)]
    return ranked[len(worst) :][::-1][:count], worst


def _shown(subject: Subject, results: Results, position: int) -> Shown:
    classes, batch = subject.classes, subject.maker.make([Draw(position)])
    images = subject.images(batch)
    ((condition, synthesized, photo),) = comparison_rows(batch, images, classes)
    edges = boundary_map(batch.instance)[0, 0].bool().cpu().numpy()
    differences = np.abs(synthesized.astype(np.int16) - photo).sum(2)
    top, left, height, width = _fullest_window(edges if edges.any() else differences)
    window = np.s_[top : top + height, left : left + width]
    pictures = {"synthesized": synthesized, "photo": photo}
    panels = []
    if subject.segmenter is None or batch.label is None:
        pictures = {"condition": condition} | pictures
    else:
        label, instance = batch.label[0].cpu().numpy(), batch.instance[0].int().cpu().numpy()
        whole, crop = (_data(_draw_map(label[part], instance[part], classes)) for part in (np.s_[:], window))
        panels.append(Panel("label map and instance boundaries", whole, crop))
        with subject.fabric.autocast():
            predicted = subject.segmenter.predict(images)[0].cpu().numpy().astype(np.uint8)
        scored = np.array([not each.ignored_in_scores for each in classes])[label]
        mistakes = pale_outside(paint_classes(predicted, classes), (predicted != label) & scored)
        pictures["the evaluator's mistakes: what it took each wrong pixel for"] = mistakes
    rows, columns = photo.shape[:2]
    return Shown(
        name=batch.names[0],
        figure=float(abs(_goodness(results)[position])),
        panels=(*panels, *(Panel(words, _data(each), _data(each[window])) for words, each in pictures.items())),
        frame=(100 * left / columns, 100 * top / rows, 100 * width / columns, 100 * height / rows),
    )


def _draw_map(label: NDArray[np.uint8], instance: NDArray[np.int32], classes: Sequence[ClassInfo]) -> Picture:
    """Paint a label map, small ones enlarged, so that the lines between instances hide nothing."""
    size = shown_size(*label.shape)
    lines = borders(resized(instance, size, smooth=False))
    colours = paint_classes(resized(label, size, smooth=False), classes)
    return np.where(lines[..., None], np.uint8(255), colours)


def _fullest_window(marks: NDArray[np.generic]) -> tuple[int, int, int, int]:
    """Give top, left, height and width of the window in which the marks (H, W) have the largest sum."""
    height, width = (max(1, side // CROP_SHARE) for side in marks.shape)
    sums = np.pad(marks.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    held = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(int(held.argmax()), held.shape)
    return int(top), int(left), height, width


def _data(picture: Picture) -> str:
    """Give a picture as a data URI: maps, which have few colours, as PNG, others as JPEG."""
    few_colours = len(np.unique(picture.astype(np.int32) @ [1 << 16, 1 << 8, 1])) <= 256
    factor = min(1.0, LONGER_SIDE / max(picture.shape))
    size = tuple(max(1, round(side * factor)) for side in picture.shape[:2])
    image = Image.fromarray(resized(picture, (size[0], size[1]), smooth=not few_colours))
    file = BytesIO()
    if few_colours:
        image.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    else:
        image.save(file, "JPEG", quality=90, subsampling=0)
    return f"data:image/{'png' if few_colours else 'jpeg'};base64,{b64encode(file.getvalue()).decode()}"
