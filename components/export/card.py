"""The model card of a bundle."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.data.dataset import ClassInfo
from components.models.networks import PhaseShape
from components.score_text import with_bounds

SCORE_WORDS = {
    "mean_iou": "mean IoU of a PSPNet on the synthesized validation pictures",
    "oracle_mean_iou": "the same on the real photos (the ceiling)",
    "pixel_accuracy": "pixel accuracy on the synthesized pictures",
    "oracle_pixel_accuracy": "the same on the real photos",
    "frequency_weighted_iou": "IoU weighted by the classes' shares, on the synthesized pictures",
    "oracle_frequency_weighted_iou": "the same on the real photos",
    "boundary_mean_iou": "mean IoU near the boundaries of instances, on the synthesized pictures",
    "oracle_boundary_mean_iou": "the same on the real photos",
    "mean_absolute_difference": "mean difference to the real photos, in grey levels",
    "spectrum_distance": "difference of the power spectra from the real photos', in decibels: blur and patterns",
    "fid": "FID",
    "kid": "KID",
    "segmenter_frechet_distance": "Fréchet distance on the PSPNet's features (not FID)",
    "segmenter_kernel_distance": "kernel distance on the PSPNet's features (not KID)",
    "diversity_segmenter_features": "difference between pictures of the same map, on the PSPNet's features",
    "evaluator_too_weak": "1 where the PSPNet is too weak to judge",
}


KIND_WORDS = {
    "float16": "float16 throughout",
    "mixed": "float16, norms and output in float32",
}


def model_card(
    shape: PhaseShape,
    classes: Sequence[ClassInfo],
    scores: Mapping[str, float],
    recipe: str,
    description: Mapping[str, Any],
    megabytes: Mapping[str, float],
) -> str:
    """Describe a model in Markdown: what it takes, how it was trained, what it scored, what it is not for.

    Args:
        shape: of its networks.
        classes: of its label maps.
        scores: of the evaluation.
        recipe: of the parameters.
        description: the content of `bundle.json`, as far as it is known before the card.
        megabytes: sizes of the graphs' files.
    """
    model, size = shape.model, description["trained_size"]
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
        f"Trained at {size['width']} x {size['height']} pixels; height and width of its inputs must be multiples of "
        f"{model.size_multiple}.",
        "",
        "## Scores",
        *(f"- {SCORE_WORDS.get(name, name)}: {text}" for name, text in with_bounds(scores).items()),
        *([] if scores else ["They were not measured."]),
        "",
    ]
    lines += ["## Graphs", *_graph_lines(description, megabytes), ""]
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


def _graph_lines(description: Mapping[str, Any], megabytes: Mapping[str, float]) -> Iterator[str]:
    for precision, graph in description["graphs"].items():
        file, parity = graph["file"], graph["parity"]
        words = KIND_WORDS.get(graph.get("kind"), precision)
        line = (
            f"- {file} ({words}, {megabytes[file]:.1f} MB): differs from torch in float32 by at most "
            f"{parity['largest_difference']} grey levels and by {parity['mean_difference']:.2g} on average, "
            f"on {len(parity['cases'])} random maps"
        )
        if "mean_iou" in graph:
            line += f"; mean IoU {graph['mean_iou']:.4f}, with float32 {graph['float32_mean_iou']:.4f}"
        yield line
    encoder = description["encoder"]
    if encoder:
        yield (
            f"- {encoder['file']} (styles from a photo, float32, {megabytes[encoder['file']]:.1f} MB): differs from "
            f"torch by at most {encoder['parity']['largest_difference']:.2g} at any number of a style, of -1..1"
        )
    for precision, reason in description["left_out"].items():
        yield f"- No {precision}: {reason}"
