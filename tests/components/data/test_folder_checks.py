import os
from pathlib import Path
from typing import Any

import pytest

from components.data.folder_checks import folder_problems, path_problems, shared_files


def make_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_file(tmp_path / "train_img" / "a.png")
    make_file(tmp_path / ".cache" / "b.png")
    scandir = os.scandir

    def refuse(path: str | Path) -> Any:
        if Path(path).name in ("train_img", ".cache"):  # root may read all folders, so a mode would not do
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    assert folder_problems(tmp_path) == []
    monkeypatch.setattr(os, "scandir", refuse)
    assert folder_problems(tmp_path) == [
        f"{tmp_path / 'train_img'}: folder cannot be read (Permission denied): give this user the right to list and "
        "enter it"
    ]


def test_missing_folder_is_left_to_the_reader(tmp_path: Path) -> None:
    assert folder_problems(tmp_path / "nowhere") == []


def test_file_behind_a_link_out_of_the_folder_is_named_with_its_target(tmp_path: Path) -> None:
    outside = make_file(tmp_path / "elsewhere" / "a.png")
    link = tmp_path / "data" / "train_img" / "a.png"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    assert path_problems([link], [tmp_path / "data"]) == [
        f"{link}: links to {outside}, out of the folder of the dataset: copy what it links to to this place, or link "
        "the whole dataset folder"
    ]


def test_linked_folder_is_one_problem_however_many_files_it_has(tmp_path: Path) -> None:
    names = [make_file(tmp_path / "elsewhere" / f"{number}.png").name for number in range(3)]
    (tmp_path / "data").mkdir()
    link = tmp_path / "data" / "train_img"
    link.symlink_to(tmp_path / "elsewhere")
    problems = path_problems([link / name for name in names], [tmp_path / "data"])
    assert len(problems) == 1
    assert problems[0].startswith(f"{link}: links to {tmp_path / 'elsewhere'}, out of the folder")


def test_links_within_the_folder_a_linked_dataset_and_links_into_the_cache_of_dvc_are_fine(tmp_path: Path) -> None:
    file = make_file(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "b.png").symlink_to(file)
    cached = make_file(tmp_path / "cache" / "files" / "md5" / "0f" / "0123456789abcdef0123456789abcd")
    (tmp_path / "data" / "c.png").symlink_to(cached)
    root = tmp_path / "linked"
    root.symlink_to(tmp_path / "data")
    assert path_problems([root / "a.png", root / "b.png", root / "c.png"], [root]) == []


def test_file_of_a_second_folder_is_at_home_there(tmp_path: Path) -> None:
    made = make_file(tmp_path / "work" / "a.png")
    assert path_problems([made], [tmp_path / "data", tmp_path / "work"]) == []


def test_name_that_is_no_text_is_shown_in_plain_letters(tmp_path: Path) -> None:
    path = make_file(Path(os.fsdecode(os.fsencode(tmp_path / "photo") + b"\xe9.png")))
    assert path_problems([path], [tmp_path]) == [f"{tmp_path}/photo\\udce9.png: name is not valid UTF-8: rename it"]


@pytest.mark.parametrize("name", ["with space.png", "Straße.png", "写真.png", 'quote".png', "line\nbreak.png"])
def test_names_in_any_letters_are_fine(tmp_path: Path, name: str) -> None:
    assert path_problems([make_file(tmp_path / name)], [tmp_path]) == []


def test_file_that_both_splits_use_by_a_link_is_named_with_both_names(tmp_path: Path) -> None:
    train = make_file(tmp_path / "train_label" / "a.png")
    val = tmp_path / "val_label"
    val.symlink_to(tmp_path / "train_label")
    assert shared_files([train], [val / "a.png"]) == [
        f"{val / 'a.png'}: is the file {train} of the training set by a link, expected splits that share no file: give "
        "each split files of its own"
    ]
    assert shared_files([train], [make_file(tmp_path / "b.png")]) == []


def test_equal_files_of_the_cache_of_dvc_are_not_shared(tmp_path: Path) -> None:
    cached = make_file(tmp_path / "cache" / "files" / "md5" / "0f" / "0123456789abcdef0123456789abcd")
    for name in ("a.png", "b.png"):
        (tmp_path / name).symlink_to(cached)
    assert shared_files([tmp_path / "a.png"], [tmp_path / "b.png"]) == []
