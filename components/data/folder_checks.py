"""Checks of where files lie, before any is opened: folders that cannot be read, links that lead out, bad names."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

# Where DVC's cache keeps a file by its content: with `cache.type symlink` a workspace links there, and files of equal
# content to the same place.
_DVC_CACHE = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?$")


def folder_problems(root: Path) -> list[str]:
    """List the folders below `root` (hidden ones apart) that cannot be read, which a search would take for empty."""
    problems: list[str] = []

    def report(error: OSError) -> None:
        problems.append(
            f"{error.filename}: folder cannot be read ({error.strerror}): give this user the right to list and enter it"
        )

    if root.exists():
        for _, folders, _ in os.walk(root, onerror=report):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
    return problems


def path_problems(files: Iterable[Path], folders: Sequence[Path]) -> list[str]:
    """List names that are no text and links that lead out of the folders of the dataset.

    DVC does not see when what lies behind such a link changes, and the dataset breaks where it is copied. Links into
    DVC's own cache may leave, and the folders themselves may be links.

    Args:
        files: of all records.
        folders: those that may hold them.

    Returns:
        A line a file, or a line a linked folder, however many files lie behind it.
    """
    homes = [Path(os.path.realpath(folder)) for folder in folders]
    problems: dict[str, None] = {}  # a set that keeps the order
    for path in files:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            shown = str(path).encode(errors="backslashreplace").decode()
            problems[f"{shown}: name is not valid UTF-8: rename it"] = None
        target = Path(os.path.realpath(path))
        if not any(target.is_relative_to(home) for home in homes) and not _DVC_CACHE.search(str(target)):
            link, behind = _link_out(path, folders)
            problems[
                f"{link}: links to {behind}, out of the folder of the dataset: copy what it links to to this place, "
                "or link the whole dataset folder"
            ] = None
    return list(problems)


def shared_files(train: Iterable[Path], val: Iterable[Path]) -> list[str]:
    """List the files of the validation split that are, by a link, files of the training split."""
    targets = {os.path.realpath(path): path for path in train}
    return [
        f"{path}: is the file {targets[target]} of the training set by a link, expected splits that share no file: "
        "give each split files of its own"
        for path in val
        if (target := os.path.realpath(path)) in targets and not _DVC_CACHE.search(target)
    ]


def _link_out(path: Path, folders: Sequence[Path]) -> tuple[Path, str]:
    """Give the link among the parents of a file, or the file, that leads out, and where it leads."""
    inside = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
    home = os.path.realpath(inside)
    for part in (*reversed(path.parents), path):
        target = os.path.realpath(part)
        if part != inside and part.is_relative_to(inside) and not Path(target).is_relative_to(home):
            return part, target
    return path, os.path.realpath(path)
