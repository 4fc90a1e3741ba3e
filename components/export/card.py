"""The model card of a bundle."""

from collections.abc import Mapping

from components.data.store import SplitIndex
from components.models.networks import PhaseShape

SCORE_WORDS = {
    "mean_iou": "mean IoU of a PSPNet on the synthesized validation pictures",
    "oracle_mean_iou": "the same on the real photos (the ceiling)",
    "pixel_accuracy": "pixel accuracy on the synthesized pictures",
    "oracle_pixel_accuracy": "the same on the real photos",
    "mean_absolute_difference": "mean difference to the real photos, in grey levels",
}


def model_card(shape: PhaseShape, index: SplitIndex, scores: Mapping[str, float], recipe: str) -> str:
    """Describe a model in Markdown: what it takes, how it was trained, what it scored, what it is not for."""
    model = shape.model
    networks = ", ".join(f"G{number}" for number in range(1, model.n_local_enhancers + 2))
    takes = f"label maps of {len(index.classes)} classes" if index.classes else "RGB pictures"
    if model.boundary_map or model.n_features:
        takes += " with instance maps"
    if model.n_features:
        takes += f" and a style of {model.n_features} numbers for each instance"
    lines = [
        f"# Image synthesis: {recipe}",
        "",
        f"Coarse-to-fine generator {{{networks}}} of Wang et al. 2018. It takes {takes} and gives RGB images. "
        f"Trained at {index.width} x {index.height} pixels; height and width of its inputs must be multiples of "
        f"{model.size_multiple}.",
        "",
        "## Scores",
        *(f"- {SCORE_WORDS.get(name, name)}: {value:.4g}" for name, value in scores.items()),
        "",
    ]
    if index.classes:
        lines += ["## Classes", ", ".join(f"{each.index} {each.name}" for each in index.classes), ""]
    lines += [
        "## Limits",
        "The model knows the scenes, cameras and styles of its training data and nothing else. Its images are "
        "synthetic: they must not be passed off as photographs, nor be the only data by which a system that "
        "people's safety depends on is trained or tested.",
        "",
    ]
    return "\n".join(lines)
