"""Stage `evaluate`: how well a segmentation network recognises the synthesized pictures, beside real photos."""

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from components.atomic import atomic_file, atomic_folder
from components.data.decoding import read_photo
from components.data.loader import BatchMaker
from components.data.store import ShardStore
from components.evaluation.diversity import segmenter_diversity
from components.evaluation.evaluate import confusion_of, mean_absolute_difference, named_images
from components.evaluation.report import write_class_iou, write_confusion, write_grid
from components.evaluation.scores import Scores, scores_of
from components.evaluation.segmenter import load_segmenter
from components.runtime import start
from pipelines.entry import run_entry_point
from pipelines.params import load_params
from pipelines.tracking import start_run


def main(
    shards: Annotated[Path, Option()],
    segmenter: Annotated[Path, Option()],
    synthesized: Annotated[Path, Option()],
    scores: Annotated[Path, Option()],
    plots: Annotated[Path, Option()],
) -> None:
    """Write the scores and, for `dvc plots`, the grid and the tables; without classes only what needs none."""
    params = load_params()
    store = ShardStore(shards / "val")
    fabric = start(params.runtime)
    maker = BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device)
    images = named_images(lambda name: read_photo(synthesized / f"{name}.png"))
    samples = [synthesized, *sorted((synthesized / "samples").glob("*"))]
    measured: dict[str, Any] = {"mean_absolute_difference": mean_absolute_difference(maker, images)}
    sections = params.model_dump(mode="json", include={"evaluate"})
    with start_run("evaluate", sections, store.index.fingerprint) as run, atomic_folder(plots) as folder:
        write_grid(folder / "grid.png", maker, images, rows=params.evaluate.grid_rows)
        classes = store.index.classes
        if classes:
            oracle = Scores(**json.loads((segmenter / "oracle.json").read_text()))
            evaluator = load_segmenter(segmenter, classes)
            confusion = confusion_of(evaluator, maker, images, fabric)
            result = scores_of(confusion, classes)
            measured |= {"pixel_accuracy": result.pixel_accuracy, "mean_iou": result.mean_iou}
            measured |= {"oracle_pixel_accuracy": oracle.pixel_accuracy, "oracle_mean_iou": oracle.mean_iou}
            if len(samples) > 1:
                pictures = ([read_photo(each / f"{name}.png") for each in samples] for name in store.index.names)
                measured["diversity_segmenter_features"] = segmenter_diversity(evaluator, pictures, len(store), fabric)
            write_class_iou(folder / "class_iou.csv", result, oracle)
            write_confusion(folder / "confusion.csv", confusion, classes)
        run.log_score(measured)
        run.log_artifacts(folder, "plots")
    with atomic_file(scores) as file:
        file.write_text(json.dumps({name: round(value, 4) for name, value in measured.items()}, indent=1))


if __name__ == "__main__":
    run_entry_point(main)
