"""Whatever happens to a file of a dataset, it loads right or is reported with its name."""

import logging
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.data.data_report import write_report
from components.data.dataset import SPLITS, DatasetError
from components.data.dataset_warnings import dataset_warnings
from components.data.decoding import read_instance, read_label, read_photo
from components.data.manifest import Manifest
from tests.corruptions import FILE_CORRUPTIONS, ROLES, write_sound_dataset
from tests.given import given as certain
from tests.picture_corruptions import PICTURE_CORRUPTIONS
from tests.tiny_dataset import tiny_manifest

CORRUPTIONS = FILE_CORRUPTIONS | PICTURE_CORRUPTIONS
EXAMPLES = 400
SECONDS_AN_EXAMPLE = 20


@pytest.fixture(scope="module")
def sound_dataset() -> Iterator[Path]:
    """One picture a split, in a folder with a space and letters beyond ASCII, without any warning."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "söund dåta"
        write_sound_dataset(root)
        yield root


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def loads_as(manifest: Manifest, sound: Manifest) -> bool:
    """Whether photos and label maps are equal, classes too, and instance maps part the pixels in the same way."""
    if manifest.classes != sound.classes:
        return False
    for split in SPLITS:
        for record, expected in zip(manifest.records(split), sound.records(split), strict=True):
            ids, expected_ids = read_instance(certain(record.instance)), read_instance(certain(expected.instance))
            pairs = np.unique(np.stack([ids.ravel(), expected_ids.ravel()]), axis=1).shape[1]
            equal = np.array_equal(read_photo(record.image), read_photo(expected.image))
            equal &= np.array_equal(read_label(certain(record.label)), read_label(certain(expected.label)))
            if not equal or not pairs == len(np.unique(ids)) == len(np.unique(expected_ids)):
                return False
    return True


def outcome_of(root: Path, sound: Manifest, damaged: Path) -> str:
    """What preparing a damaged dataset gives: `loads right`, `error`, `warning` or what is wrong with it."""
    try:
        manifest = tiny_manifest("labelled_folders", root)
    except DatasetError as error:
        lines, reported = error.problems, "error"
    else:
        lines, reported = dataset_warnings(manifest), "warning"
    name = damaged.relative_to(root).as_posix().encode(errors="backslashreplace").decode()
    if any(name in line or str(Path(name).with_suffix("")) in line for line in lines):
        return reported
    if reported == "error":
        return f"an error that does not name {name}: {lines}"
    return "loads right" if loads_as(manifest, sound) else f"{name} passes silently"


def test_every_corruption_loads_right_or_is_reported_with_the_name_of_the_file(
    sound_dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    sound = tiny_manifest("labelled_folders", sound_dataset)
    assert dataset_warnings(sound) == []
    tried: dict[str, Counter[str]] = {name: Counter() for name in CORRUPTIONS}

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(name=st.sampled_from(sorted(CORRUPTIONS)), seed=st.integers(0, 2**32 - 1))
    def check(name: str, seed: int) -> None:
        with TemporaryDirectory() as folder:
            root = Path(shutil.copytree(sound_dataset, Path(folder) / "dåta to check"))
            damaged = CORRUPTIONS[name](root, Random(seed))
            with no_longer_than(SECONDS_AN_EXAMPLE):
                outcome = outcome_of(root, sound, damaged)
        tried[name][outcome] += 1
        assert outcome in ("loads right", "error", "warning"), outcome

    check()
    assert sum(sum(outcomes.values()) for outcomes in tried.values()) >= 200
    assert all(tried.values()), "every kind of corruption is tried"


NAMES = ["two words", "Straße", "写真", "صورة", "🚗", "a'b\"c", "line\nbreak", "-rf", "100%", "a.b"]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_letters_simply_work(sound_dataset: Path, tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(sound_dataset, tmp_path / name))
    for split in ("train", "val"):
        for role in ROLES:
            (root / f"{split}_{role}" / "a.png").rename(root / f"{split}_{role}" / f"{name}.png")
    manifest = tiny_manifest("labelled_folders", root)
    manifest.write(tmp_path / "manifest.json")
    loaded = Manifest.load(tmp_path / "manifest.json")
    assert loaded == manifest
    assert loaded.train[0].name == name
    assert dataset_warnings(loaded) == []
    assert loads_as(loaded, tiny_manifest("labelled_folders", sound_dataset))
    write_report(loaded, tmp_path / "report")
