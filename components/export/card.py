"""The model card of a bundle."""

from collections.abc import Mapping, Sequence

from components.data.dataset import ClassInfo
from components.models.networks import PhaseShape

SCORE_WORDS = {
    "mean_iou": "mean IoU of a PSPNet on the synthesized validation pictures",
    "oracle_mean_iou": "the same on the real photos (the ceiling)",
    "pixel_accuracy": "pixel accuracy on the synthesized pictures",
    "oracle_pixel_accuracy": "the same on the real photos",
    "mean_absolute_difference": "mean difference to the real photos, in grey levels",
}


def model_card(
    shape: PhaseShape, classes: Sequence[ClassInfo], size: tuple[int, int], scores: Mapping[str, float], recipe: str
) -> str:
    """Describe a model in Markdown: what it takes, how it was trained, what it scored, what it is not for."""
    model, (height, width) = shape.model, size
    networks = ", ".join(f"G{number}" for number in range(1, model.n_local_enhancers + 2))
    generator = {
        "coarse_to_fine": f"Coarse-to-fine generator {{{networks}}} of Wang et al. 2018",
        "unet": "U-Net generator of Isola et al. 2017",
        "crn": "Cascaded refinement network of Chen and Koltun 2017",
    }[model.generator]
    takes = f"label maps of {len(classes)} classes" if classes else "RGB pictures"
    if model.boundary_map or model.n_features:
        takes += " with instance maps"
    if model.n_features:
        takes += f" and a style of {model.n_features} numbers for each instance"
    lines = [
        f"# Image synthesis: {recipe}",
        "",
        f"{generator}. It takes {takes} and gives RGB images. "
        f"Trained at {width} x {height} pixels; height and width of its inputs must be multiples of "
        f"{model.size_multiple}.",
        "",
        "## Scores",
        *(f"- {SCORE_WORDS.get(name, name)}: {value:.4g}" for name, value in scores.items()),
        *([] if scores else ["They were not measured."]),
        "",
    ]
    if classes:
        lines += ["## Classes", ", ".join(f"{each.index} {each.name}" for each in classes), ""]
    lines += [
        "## Limits",
        "The model knows the scenes, cameras and styles of its training data and nothing else. Its images are "
        "synthetic: they must not be passed off as photographs, nor be the only data by which a system that "
        "people's safety depends on is trained or tested.",
        "",
    ]
    return "\n".join(lines)
