"""From a checked manifest to shards, in several processes and, where asked for, by several jobs."""

import logging
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from components.atomic import atomic_folder
from components.data.dataset import SPLITS, Split
from components.data.manifest import Manifest
from components.data.preprocess_config import PreprocessConfig
from components.data.processes import map_in_processes
from components.data.shard_making import ShardNote, make_shard, shard_path
from components.data.shard_plan import Job, ShardPlan, plan_shards
from components.data.store import INDEX_FILE, SplitIndex
from components.progress import track_progress

__all__ = ["Job", "PreprocessConfig", "make_shards", "plan_shards", "preprocess"]

logger = logging.getLogger(__name__)

PIXELS_A_PROCESS = 32_000_000  # fewer are encoded sooner than a process has started


def preprocess(
    manifest: Manifest, config: PreprocessConfig, *, out: Path, state: Path, processes: int | None = None
) -> None:
    """Write the shards and the index of each split into a folder of its name in `out`.

    Args:
        manifest: the dataset.
        config: how its pictures are encoded.
        out: the folder; it appears whole.
        state: where finished shards wait for the others; those that are there are not made again. Emptied at the end.
        processes: how many encode, None for as many as the pictures are worth and cores are free. The bytes are the
            same.
    """
    plans = plan_shards(manifest, config)
    notes = make_shards(plans, state, processes)
    with atomic_folder(out) as folder:
        for split in SPLITS:
            made = [(plan, note) for plan, note in zip(plans, notes, strict=True) if plan.split == split]
            _write_split(manifest, split, made, state, folder / split)
    for split in SPLITS:
        shutil.rmtree(state / split, ignore_errors=True)


def make_shards(plans: Sequence[ShardPlan], state: Path, processes: int | None = None) -> list[ShardNote]:
    """Make shards below `state`, except those that are there; give what is noted of each."""
    state.mkdir(parents=True, exist_ok=True)
    workers = processes or _free_processes(plans)
    made = map_in_processes(partial(make_shard, state=state), plans, min(workers, max(1, len(plans))), chunk=1)
    return list(track_progress(made, total=len(plans), label="writing shards"))


def _free_processes(plans: Sequence[ShardPlan]) -> int:
    worth = sum(plan.source_pixels for plan in plans) // PIXELS_A_PROCESS
    return max(1, min(len(os.sched_getaffinity(0)), worth))


def _write_split(
    manifest: Manifest, split: Split, made: Sequence[tuple[ShardPlan, ShardNote]], state: Path, folder: Path
) -> None:
    folder.mkdir()
    for plan, _ in made:
        _link(shard_path(plan, state), folder / plan.shard.file)
    entries = manifest.split(split)
    index = SplitIndex(
        split=split,
        classes=manifest.classes,
        instance_maps=any(entry.instance is not None for entry in entries),
        fingerprint=manifest.fingerprint if split == "train" else manifest.validation_fingerprint,
        names=tuple(entry.name for entry in entries),
        instance_ids=tuple(ids for _, note in made for ids in note.instance_ids),
        shards=tuple(plan.shard for plan, _ in made),
    )
    (folder / INDEX_FILE).write_text(index.model_dump_json(indent=1))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name: nothing is stored twice, and interrupted, the first one is still there."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
