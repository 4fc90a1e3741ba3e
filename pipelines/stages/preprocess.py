"""Stage `preprocess`: encode both splits into memory-mapped shards."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from pipelines.entry import run_entry_point

logger = logging.getLogger(__name__)


def main(
    prepared: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    state: Annotated[Path, Option(help="where finished shards are kept until all are there")],
    job: Annotated[
        str, Option(help="i/n: make only the i-th of n parts of the shards, in the state, and not OUT")
    ] = "1/1",
    processes: Annotated[int, Option(min=0, help="how many encode; 0 takes all free cores")] = 0,
) -> None:
    """Write the shards of `train` and `val` into folders of these names in `out`."""
    # Processes that encode pictures import this module: what they do not use, torch above all, stays out of its head.
    from components.data.manifest import Manifest
    from components.data.preprocess import Job, make_shards, plan_shards, preprocess
    from pipelines.params import load_params

    part = Job.parse(job)
    config = load_params().preprocess
    manifest = Manifest.load(prepared / "manifest.json")
    if part.count == 1:
        preprocess(manifest, config, out=out, state=state, processes=processes or None)
        return
    plans = part.share(plan_shards(manifest, config))
    make_shards(plans, state, processes or None)
    logger.info("job %s made its %d shards; a run without --job writes %s", job, len(plans), out)


if __name__ == "__main__":
    run_entry_point(main)
