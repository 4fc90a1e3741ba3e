"""Samples a second from shards, against reading the source files in the published way, and their bytes.

Both sides read 2048x1024 Cityscapes files one by one, in random order, half of them mirrored, in one process, and make
the float32 condition (one-hot label map and boundary map) and image on the device. The published way opens the PNG
files, resizes, mirrors and expands on the host. The first epoch finds nothing in the page cache, the second all of it.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor

from benchmarks.cityscapes_files import HEIGHT, WIDTH, copy_files, make_manifest, write_files
from benchmarks.json_line import print_json_line
from benchmarks.literal_step import encode
from components.data.dataset import Record
from components.data.draws import Draw, epoch_batches
from components.data.loader import BatchMaker
from components.data.preprocess import PreprocessConfig, preprocess
from components.data.store import ShardStore, Size

UNIQUE = 4  # generated pictures
SHARD_SIZE = 8


def read_published(record: Record, flipped: bool, size: Size, class_count: int) -> tuple[Tensor, Tensor]:
    """Open, resize, mirror and expand a picture: condition (1, C + 1, H, W) and image (1, 3, H, W) in [-1, 1]."""
    assert record.label is not None
    assert record.instance is not None
    arrays = []
    for path, method in (
        (record.label, Image.Resampling.NEAREST),
        (record.instance, Image.Resampling.NEAREST),
        (record.image, Image.Resampling.BICUBIC),
    ):
        with Image.open(path) as image:
            resized = image if image.size == size[::-1] else image.resize(size[::-1], method)
            mirrored = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else resized
            arrays.append(np.array(mirrored))
    label, instance, photo = arrays
    condition = encode(torch.from_numpy(label)[None], torch.from_numpy(instance.astype(np.int32))[None], class_count)
    image_tensor = torch.from_numpy(photo).permute(2, 0, 1).contiguous().float().div(255).sub(0.5).div(0.5)
    return condition, image_tensor[None]


def drop_from_cache(folder: Path) -> None:
    """Take the files below a folder out of the page cache, so that they are read from the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)  # what is not on the disk yet cannot be dropped
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def samples_a_second(make: Callable[[Draw], object], draws: Sequence[Draw], device: torch.device) -> float:
    """The rate at which samples are made, one after the other."""
    started = perf_counter()
    for draw in draws:
        make(draw)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return len(draws) / (perf_counter() - started)


def measure_size(source: Path, count: int, size: Size, device: torch.device, folder: Path) -> None:
    """Print the lines of one size."""
    config = PreprocessConfig(resize="fixed", multiple=1, height=size[0], width=size[1], shard_size=SHARD_SIZE)
    manifest = make_manifest(source, count)
    preprocess(manifest, config, out=folder / "shards", state=folder / "state")
    records, class_count = manifest.records("train"), len(manifest.classes)

    def published(draw: Draw) -> tuple[Tensor, ...]:
        tensors = read_published(records[draw.position], draw.flipped, size, class_count)
        return tuple(tensor.to(device) for tensor in tensors)

    shards = folder / "shards" / "train"
    first = Draw(0, flipped=True)
    published(first)
    _open(shards, device).make([first])  # what is slow once, in torch, is over; the map of the shards is closed again
    drop_from_cache(shards)
    drop_from_cache(source)
    maker = _open(shards, device)
    for epoch, cache in enumerate(("cold", "warm")):
        batches = epoch_batches(maker.store.index, seed=0, epoch=epoch, batch_size=1, flip=True, crop=None)
        draws = [draw for batch in batches for draw in batch]
        ours = samples_a_second(lambda draw: maker.make([draw]), draws, device)
        theirs = samples_a_second(published, draws, device)
        print_json_line(f"{size[1]}x{size[0]}, {cache} cache, {device.type}", "samples a second", ours, theirs)
    read = samples_a_second(lambda draw: maker.read([draw]), draws, device)
    print_json_line(
        f"{size[1]}x{size[0]}, warm cache, without what the device expands", "samples a second", read, theirs
    )
    stored = sum(path.stat().st_size for path in shards.iterdir()) / count
    one_hot = 4 * (class_count + 1) * size[0] * size[1]
    print_json_line(
        f"{size[1]}x{size[0]}, all tensors over a float32 condition", "MB a sample", stored / 1e6, one_hot / 1e6
    )


def _open(shards: Path, device: torch.device) -> BatchMaker:
    return BatchMaker(ShardStore(shards), scale=1, use_boundary_map=True, device=device)


def main(
    root: Annotated[Path | None, typer.Option(help="a Cityscapes folder; without it, files are generated")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    folder: Annotated[Path | None, typer.Option(help="on the disk to measure; files are written there")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="few pictures")] = False,
) -> None:
    """Print a JSON line for each case: value, the published way's, and their ratio."""
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # Linux: torch asks for huge pages; both sides profit
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    count = 12 if quick else 96
    with TemporaryDirectory(dir=folder) as temporary:
        scratch = Path(temporary)
        if root is None:
            root = scratch / "generated"
            write_files(root, UNIQUE)
        copy_files(root, scratch / "source", count)  # a file read twice in an epoch would come from the cache
        for size in ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2)):
            measure_size(scratch / "source", count, size, torch.device(device), scratch / f"{size[1]}")


if __name__ == "__main__":
    typer.run(main)
