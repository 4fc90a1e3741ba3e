"""Time of preprocessing 2048x1024 Cityscapes files over that of decoding them with Pillow alone, and its memory.

Both sides have the same processes, whose start is part of the time, and files that lie in the page cache. A time is the
least of some that take turns, as others may use the machine. Memory is the peak of one process.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import typer
from PIL import Image

from benchmarks.cityscapes_files import HEIGHT, WIDTH, make_manifest, write_files
from benchmarks.json_line import print_json_line
from components.data.checks import files_of
from components.data.dataset import Record
from components.data.manifest import Manifest
from components.data.preprocess import PreprocessConfig, preprocess
from components.data.processes import map_in_processes

SHARD_SIZE = 8
UNIQUE = 4  # generated pictures


def decode(record: Record) -> None:
    """Decode the files of a picture, and nothing more."""
    for path in files_of(record).values():
        with Image.open(path) as image:
            image.load()


def decode_all(manifest: Manifest, processes: int, folder: Path) -> None:
    """Decode all pictures, as many at a time as a shard has; nothing is written into `folder`."""
    for _ in map_in_processes(decode, manifest.records("train"), processes, chunk=SHARD_SIZE):
        pass


def preprocess_all(manifest: Manifest, height: int, width: int, processes: int, folder: Path) -> None:
    """Write all shards."""
    config = PreprocessConfig(resize="fixed", multiple=1, height=height, width=width, shard_size=SHARD_SIZE)
    preprocess(manifest, config, out=folder / "shards", state=folder / "state", processes=processes)


def measure(runs: Mapping[str, Callable[[Path], None]], repetitions: int, folder: Path) -> dict[str, float]:
    """The least seconds of each, given a new folder each time, which is removed off the clock."""
    seconds = dict.fromkeys(runs, float("inf"))
    for _ in range(repetitions):
        for name, run in runs.items():
            scratch = folder / "scratch"
            scratch.mkdir()
            started = perf_counter()
            run(scratch)
            seconds[name] = min(seconds[name], perf_counter() - started)
            shutil.rmtree(scratch)
    return seconds


def peak_of(manifest: Manifest, folder: Path) -> float:
    """The most memory of this process, in MB, after preprocessing."""
    preprocess_all(manifest, HEIGHT, WIDTH, 1, folder)
    shutil.rmtree(folder / "shards")
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def peak_in_new_process(manifest: Manifest, folder: Path) -> float:
    """The same of a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak_of, manifest, folder).result()


def main(
    root: Annotated[Path | None, typer.Option(help="a Cityscapes folder; without it, files are generated")] = None,
    folder: Annotated[Path | None, typer.Option(help="where files are written for a while")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="few pictures and repetitions")] = False,
) -> None:
    """Print a JSON line for each case: value, baseline and their ratio."""
    count, repetitions = (16, 2) if quick else (96, 5)
    with TemporaryDirectory(dir=folder) as temporary:
        scratch = Path(temporary)
        if root is None:
            root = scratch / "cityscapes"
            write_files(root, UNIQUE)
        cores = len(os.sched_getaffinity(0))
        for processes in sorted({1, cores}):
            manifest = make_manifest(root, count * processes)
            runs: dict[str, Callable[[Path], None]] = {"decode": partial(decode_all, manifest, processes)}
            for height, width in [(HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2)]:
                runs[f"{width}x{height}"] = partial(preprocess_all, manifest, height, width, processes)
            seconds = measure(runs, repetitions, scratch)
            baseline = seconds.pop("decode")
            for size, value in seconds.items():
                print_json_line(f"{count * processes} pictures to {size}, processes: {processes}", "s", value, baseline)
        few, many = (peak_in_new_process(make_manifest(root, pictures), scratch) for pictures in (count, 4 * count))
        print_json_line(f"peak of a process, {4 * count} pictures over {count}", "MB", many, few)


if __name__ == "__main__":
    typer.run(main)
