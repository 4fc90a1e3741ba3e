"""The `prepare` stage's work: choose, or generate, a dataset, make what it lacks and check it."""

from pathlib import Path

from components.data.dataset import Dataset, DatasetError
from components.data.folder_checks import folder_problems
from components.data.inspection import inspect_dataset
from components.data.instances import with_connected_instances
from components.data.manifest import Manifest
from components.data.prepare_config import GENERATED, PrepareConfig
from components.data.readers import READERS
from components.data.street_scenes import write_street_scenes

__all__ = ["PrepareConfig", "prepare_dataset"]

LAYOUT_OF_GENERATED = "labelled_folders"
WORK = "derived"


def prepare_dataset(config: PrepareConfig, folder: Path) -> Manifest:
    """Check the dataset that the parameters choose.

    Args:
        config: the parameters.
        folder: where a generated dataset and the files that a reader makes are written, in folders of their own.

    Raises:
        DatasetError: with all problems of the dataset.
    """
    reader, root, work = config.reader, config.root, folder / WORK
    if reader == GENERATED:
        reader, root = LAYOUT_OF_GENERATED, folder / GENERATED
        write_street_scenes(root, config.street_scenes)
    if unreadable := folder_problems(root):
        raise DatasetError(unreadable)
    dataset, problems = READERS[reader](root, work, config)
    instances_made = config.instances == "components" and not _has_instance_maps(dataset)
    if instances_made:
        dataset, lines = with_connected_instances(dataset, work)
        problems = [*problems, *lines]
    return inspect_dataset(
        dataset,
        problems,
        reader=reader,
        root=root,
        work=work,
        instances_made=instances_made,
        near_duplicate_distance=config.near_duplicate_distance,
    )


def _has_instance_maps(dataset: Dataset) -> bool:
    return any(record.instance is not None for record in (*dataset.train, *dataset.val))
