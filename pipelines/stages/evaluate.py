"""Stage `evaluate`: how well a segmentation network recognises the synthesized pictures, beside real photos."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from typer import Option

from components.atomic import atomic_file, atomic_folder
from components.data.decoding import read_photo
from components.data.loader import BatchMaker
from components.data.store import ShardStore
from components.evaluation.measure import Subject, measure
from components.evaluation.report import write_class_scores, write_confusion, write_grid, write_spectrum
from components.evaluation.results_page import write_results_page
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
    """Write the scores, the page of results and, for `dvc plots`, the grid and the tables.

    Without classes, only what needs none.
    """
    params = load_params()
    config = params.evaluate
    store = ShardStore(shards / "val")
    classes = store.index.classes
    fabric = start(params.runtime)
    subject = Subject(
        maker=BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device),
        samples=[partial(_read, each) for each in (synthesized, *sorted((synthesized / "samples").glob("*")))],
        segmenter=load_segmenter(segmenter, classes) if classes else None,
        fabric=fabric,
    )
    sections = params.model_dump(mode="json", include={"evaluate"})
    with start_run("evaluate", sections, store.index.fingerprint) as run, atomic_folder(plots) as folder:
        results = measure(subject, config)
        write_grid(folder / "grid.png", subject.maker, subject.images, rows=config.grid_rows)
        write_spectrum(folder / "spectrum.csv", results)
        if results.synthesized is not None:
            write_class_scores(folder / "class_scores.csv", results, classes)
            write_confusion(folder / "confusion.csv", results.synthesized.confusion, classes)
        write_results_page(folder / "results.html", subject, results, config)
        run.log_score(results.figures())
        run.log_artifacts(folder, "plots")
    with atomic_file(scores) as file:
        file.write_text(json.dumps(results.figures(), indent=1))


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    return read_photo(folder / f"{name}.png")


if __name__ == "__main__":
    run_entry_point(main)
