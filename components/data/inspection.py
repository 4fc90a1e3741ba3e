"""From what a reader found to the manifest: every check of folders, files and splits."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.data.checks import RecordFacts, check_dataset, files_of
from components.data.dataset import SPLITS, Dataset, DatasetError, Split
from components.data.dataset_warnings import dataset_warnings
from components.data.duplicates import exact_duplicates, near_duplicates
from components.data.folder_checks import folder_problems, path_problems, shared_files
from components.data.manifest import Manifest, build_manifest

logger = logging.getLogger(__name__)

LOGGED = 10  # warnings; the data report has all


def inspect_dataset(
    dataset: Dataset,
    problems: Sequence[str],
    *,
    reader: str,
    root: Path,
    work: Path | None = None,
    instances_made: bool = False,
    near_duplicate_distance: int = 0,
    processes: int | None = None,
) -> Manifest:
    """Check a dataset and describe it.

    Args:
        dataset: the records that a reader found.
        problems: what the reader found wrong.
        reader: its name.
        root: the folder of the dataset.
        work: the folder of the files that the reader made.
        instances_made: whether it made the instance maps from connected components.
        near_duplicate_distance: bits of 64 in which the perceptual hashes of a training and a validation picture may
            differ for a warning; 0 turns the search off.
        processes: how many check, None for as many as the pictures are worth; the manifest is the same.

    Raises:
        DatasetError: files are missing or broken, a split is empty or shares a picture with the other; it holds all
            problems together.
    """
    folders = [root] if work is None else [root, work]
    train, val = ([path for each in dataset.split(split) for path in files_of(each).values()] for split in SPLITS)
    found = [*folder_problems(root), *problems, *path_problems([*train, *val], folders), *shared_files(train, val)]
    if root.is_dir() and not dataset.val:
        found.append(f"{root}: no validation pair found, expected at least one, as scores are measured on it")
    facts, broken = check_dataset(dataset, processes=processes)
    found += [*broken, *_shared_photos(facts)]
    if found:
        raise DatasetError(list(dict.fromkeys(found)))  # a file may fail for the reader and for the check
    hashes = {split: [each.perceptual_hash for each in facts[split]] for split in SPLITS}
    manifest = build_manifest(
        reader,
        root,
        dataset.classes,
        facts,
        work=work,
        instances_made=instances_made,
        near_duplicates=near_duplicates(hashes["train"], hashes["val"], near_duplicate_distance),
    )
    _log(dataset_warnings(manifest))
    return manifest


def _shared_photos(facts: Mapping[Split, Sequence[RecordFacts]]) -> list[str]:
    """List the photos of the validation split that the training split has, too, in whatever format."""
    train, val = facts["train"], facts["val"]
    twins = exact_duplicates([each.pixel_hash for each in train], [each.pixel_hash for each in val])
    return [
        f"{val[index].record.image}: has the pixels of {train[twin].record.image}, expected no picture in both splits, "
        "as scores would flatter the model: remove one of the two"
        for index, twin in twins.items()
    ]


def _log(warnings: Sequence[str]) -> None:
    for line in warnings[:LOGGED]:
        logger.warning("%s", line)
    if len(warnings) > LOGGED:
        logger.warning("and %d warnings more, all in the data report", len(warnings) - LOGGED)
