"""The server under load against a bare loop over its Synthesizer, on one machine and in turns: rate, latency, memory.

The loop makes one picture after another, of the inputs that the requests hold. Latencies stand beside what an ideal
server would take that makes pictures as fast as the loop: the time of as many as there are clients.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.json_line import json_line
from benchmarks.random_bundle import write_random_bundle
from benchmarks.server_load import Load, Loop, Run, Server, running
from benchmarks.server_requests import Requests, form_requests, make_pictures, scene_requests
from components.inference import Synthesizer

SIZES = {"128x64": (64, 128), "512x256": (256, 512)}
CLIENTS = (1, 8, 64)
BUSY = 8  # clients, where the rate is measured
NGF = 8


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Attributes:
        rounds: turns of each side.
        seconds: of a turn.
        answers: over which memory is watched.
    """

    rounds: int
    seconds: float
    answers: int


FULL, QUICK = Effort(5, 6, 10_000), Effort(1, 1, 600)


def check_same(server: Server, requests: Requests, loop: Loop) -> None:
    """Check that both sides make the same pictures.

    Raises:
        RuntimeError: they differ by more than a grey level, by which batches may.
    """
    for number in range(len(requests.bodies)):
        with Image.open(BytesIO(server.ask(requests, number))) as image:
            found = np.asarray(image).astype(int)
        difference = int(np.abs(found - loop.image(number)[0]).max())
        if difference > 1:
            raise RuntimeError(f"{requests.path}: found pictures that differ by {difference} grey levels, expected 1")


def rates(size: str, server: Server, requests: Requests, loops: dict[str, Loop], effort: Effort) -> Iterator[str]:
    """Give the lines of pictures a second, and of work: the server with clients enough, then each loop, in turns."""
    found: dict[str, list[Run]] = {name: [] for name in ("server", *loops)}
    for _ in range(effort.rounds):
        before = server.work
        load = server.load(requests, BUSY, effort.seconds)
        _require_answers(load)
        found["server"].append(Run(load.answers / load.seconds, (server.work - before) / load.answers))
        for name, loop in loops.items():
            found[name].append(loop.run(effort.seconds))
    for name in loops:
        case = f"{size} POST {requests.path}, {BUSY} clients; Synthesizer loop {name}"
        sides = found["server"], found[name]
        yield json_line(case, "pictures a second", *(median(run.rate for run in side) for side in sides))
        yield json_line(case, "ms of all threads a picture", *(median(run.work for run in side) for side in sides))


def latencies(size: str, server: Server, requests: Requests, loop: Loop, effort: Effort) -> Iterator[str]:
    """Give the lines of milliseconds from request to answer, by the number of clients."""
    for clients in CLIENTS:
        rate = loop.run(effort.seconds).rate
        load = server.load(requests, clients, effort.rounds * effort.seconds)
        _require_answers(load)
        for percentile in ("p50", "p95", "p99"):
            case = f"{size} POST {requests.path}, {clients} client{'s' if clients > 1 else ''}; ideal server"
            yield json_line(case, f"ms, {percentile}", getattr(load, percentile), 1000 * clients / rate)


def memory(size: str, server: Server, requests: Requests, effort: Effort) -> Iterator[str]:
    """Give the lines of memory after many answers over that after the first tenth, and of failures among them."""
    answers = failures = 0
    before: float | None = None
    while answers < effort.answers:
        load = server.load(requests, BUSY, effort.seconds)
        answers, failures = answers + load.answers, failures + load.failures
        _require_answers(load)
        if before is None and answers >= effort.answers / 10:
            before = server.megabytes
    case = f"{size} POST {requests.path}, {answers} answers"
    yield json_line(f"{case}; after the first tenth", "MB", server.megabytes, before or server.megabytes)
    yield json_line(f"{case}; all", "failures", failures, answers)


def _require_answers(load: Load) -> None:
    if load.failures or not load.answers:
        raise RuntimeError(f"found {load.failures} failures beside {load.answers} answers, expected none")


def measure(bundle: Path, sizes: list[str], threads: int | None, effort: Effort) -> Iterator[str]:
    """Give all lines of a bundle."""
    synthesizer = Synthesizer(bundle, threads=threads)
    with TemporaryDirectory() as folder, running(bundle, Path(folder), threads=threads) as server:
        for size in sizes:
            pictures = make_pictures(synthesizer, *SIZES[size])
            loops = {name: Loop(synthesizer, pictures, png=png) for name, png in (("alone", False), ("with PNG", True))}
            kinds = [form_requests(pictures), scene_requests(pictures)]
            for requests in kinds:
                check_same(server, requests, loops["alone"])
                yield from rates(size, server, requests, loops, effort)
            yield from latencies(size, server, kinds[1], loops["alone"], effort)
            if size == sizes[0]:
                yield from memory(size, server, kinds[1], effort)


def main(
    size: Annotated[list[str] | None, typer.Option(help=f"of {', '.join(SIZES)}; by default all")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="with classes and styles; by default one of random weights")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="of synthesis on both sides")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="the smallest size, short turns")] = False,
) -> None:
    """Print a JSON line for each case: the server's value, the loop's as the baseline, and their ratio."""
    sizes = size or (["128x64"] if quick else list(SIZES))
    with TemporaryDirectory() as folder:
        if bundle is None:
            write_random_bundle(Path(folder), ngf=NGF, height=64, width=128, precisions=["float32"])
        for each in measure(bundle or Path(folder) / "bundle", sizes, threads, QUICK if quick else FULL):
            sys.stdout.write(each + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
