"""ONNX Runtime against torch eager: time, memory, start and share of the physical floor of the serving graph.

Both sides get the same arrays in the host's memory, take turns, and give the same picture there. {G1, G2} has the
published depths, 35 classes, a boundary map and three features. In float32 the two compute the same; in reduced
precision a bundle's graph stands beside torch's autocast on that device (`WAYS`).
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import numpy as np
import onnxruntime
import typer
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmarks.inference_sides import Job
from benchmarks.json_line import json_line
from benchmarks.random_bundle import write_random_bundle
from benchmarks.training_step import CLASSES, INSTANCES, SIZES, make_phase
from components.inference.providers import CPU
from pipelines.cost import networks_of

WAYS = {
    "cpu": {"float32": "float32", "int8": "bfloat16"},
    "cuda": {"float32": "float32", "float16": "float16"},
}
"""By device: the precision of the bundle's graph, and torch's beside it."""

BATCH = {"cpu": 1, "cuda": 4}
"""Pictures at once where pictures a second are measured."""

IMPORT_TORCH = "import sys, torch; sys.stdout.write('made\\nmade\\n'); sys.stdout.flush(); sys.stdin.read()"
FIRST_OF_BUNDLE = """
import sys
from components.inference import Synthesizer
synthesizer = Synthesizer(sys.argv[1])
for _ in range(2):
    synthesizer.warm_up()
    sys.stdout.write("made\\n")
    sys.stdout.flush()
sys.stdin.read()
"""


@dataclass(frozen=True)
class Process:
    """Seconds from the start of a process to its first picture, and its most memory in 10^9 bytes over two."""

    seconds: float
    memory: float


def latencies(sides: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Seconds of each call; the sides take turns, and the first call of each does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repetition in range(repetitions + 1):
        for name, run in sides.items():
            started = perf_counter()
            run()
            if repetition:
                seconds[name].append(perf_counter() - started)
    return seconds


def observe(arguments: list[str], device: str) -> Process:
    """Start a process that writes a line when its first picture is made, and another after the second."""
    before = _used_on_gpu() if device == "cuda" else 0
    started = perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = perf_counter() - started
        if not first or not process.stdout.readline():
            raise RuntimeError(f"{arguments}: ended with status {process.wait()} before its second picture")
        memory = _used_on_gpu() - before if device == "cuda" else _peak_of(process.pid)
    return Process(seconds, memory / 1e9)


def _peak_of(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def _used_on_gpu() -> int:
    import torch

    free, total = torch.cuda.mem_get_info()
    return total - free


def matrix_rate(device: str, precision: str, *, side: int, repetitions: int) -> float:
    """Multiply-accumulates a second in the product of two square matrices, the best of some.

    In float32 on a CPU ONNX Runtime multiplies too: torch's library may leave half of an AMD processor unused.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = True  # as both sides convolve
    a, b = (torch.rand(side, side, device=device).to(getattr(torch, precision)) for _ in range(2))

    def multiply() -> None:
        torch.mm(a, b)
        if device == "cuda":
            torch.cuda.synchronize()

    products: dict[str, Callable[[], object]] = {"torch": multiply}
    if (device, precision) == ("cpu", "float32"):
        session, matrices = _product(side), {"a": a.numpy(), "b": b.numpy()}
        products["onnxruntime"] = lambda: session.run(None, matrices)
    seconds = latencies(products, repetitions)
    return side**3 / min(min(each) for each in seconds.values())


def _product(side: int) -> onnxruntime.InferenceSession:
    tensors = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [side, side]) for name in "abc"}
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph([node], "product", [tensors["a"], tensors["b"]], [tensors["c"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=[CPU])


def compare(
    case: str, job: Job, torch_precision: str, repetitions: int, floor: float, *, processes: bool
) -> Iterator[str]:
    """Give the lines of one way to run.

    Args:
        case: its name.
        job: of ONNX Runtime, one picture at once.
        torch_precision: of the other side.
        repetitions: calls of each side.
        floor: multiply-accumulates of a picture over the matrix rate, in seconds.
        processes: also starts a process for each side, for its memory and its first picture.
    """
    jobs = [job, replace(job, runtime="torch", precision=torch_precision)]
    one = _milliseconds(jobs, repetitions)
    yield json_line(case, "ms, median", *(np.median(each) for each in one))
    yield json_line(case, "ms, 95th percentile", *(np.percentile(each, 95) for each in one))
    batch = BATCH[job.device]
    many = one if batch == 1 else _milliseconds([replace(each, batch=batch) for each in jobs], repetitions)
    rates = [1000 * batch / np.median(each) for each in many]
    yield json_line(f"{case}, {batch} at once", "pictures a second", *rates)
    yield json_line(f"{case}, {batch} at once", "of the matrix rate", *(floor * rate for rate in rates))
    if processes:
        observed = [observe(["-m", "benchmarks.inference_sides", each.dump()], job.device) for each in jobs]
        yield json_line(case, "GB at most", *(each.memory for each in observed))
        yield json_line(case, "s from start to first picture", *(each.seconds for each in observed))


def _milliseconds(jobs: list[Job], repetitions: int) -> list[NDArray[np.float64]]:
    seconds = latencies({job.runtime: job.prepare() for job in jobs}, repetitions)
    return [1000 * np.array(seconds[job.runtime]) for job in jobs]


def _lines(device: str, sizes: list[str], precisions: list[str], ngf: int, quick: bool) -> Iterator[str]:
    for size in sizes:
        height, width = SIZES[size]
        work = networks_of(make_phase(ngf, ndf=1).shape, height, width)["generator"].multiply_accumulates
        slow = device == "cpu" and height * width > 2**20
        repetitions = 3 if quick else 5 if slow else 20
        with TemporaryDirectory() as folder:
            write_random_bundle(Path(folder), ngf=ngf, height=height, width=width, precisions=precisions)
            for precision in precisions:
                beside = WAYS[device][precision]
                rate = matrix_rate(device, beside, side=2048 if device == "cpu" else 8192, repetitions=10)
                job = Job(folder, "onnxruntime", precision, device, 1, height, width, CLASSES, INSTANCES)
                case = f"{size} {device} ngf {ngf}: {precision}; torch in {beside}"
                processes = not quick or precision == precisions[0]
                yield from compare(case, job, beside, repetitions, work / rate, processes=processes)


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    size: Annotated[list[str] | None, typer.Option(help=f"of {', '.join(SIZES)}; by default all")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="of float32, int8 (CPU) and float16 (GPU)")] = None,
    ngf: Annotated[int | None, typer.Option(help="channels of G2; by default 32, as published")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="measure only the start of this bundle, over importing torch")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="the smallest size, 8 channels, few repetitions")] = False,
) -> None:
    """Print a JSON line for each case: ONNX Runtime's value, torch's as the baseline, and their ratio."""
    if bundle is not None:
        start = observe(["-c", FIRST_OF_BUNDLE, str(bundle)], device)
        lines = iter(
            [json_line(f"{bundle}; importing torch", "s from start to first picture", start.seconds, _torch(device))]
        )
    else:
        sizes = size or (["512x256"] if quick else list(SIZES))
        lines = _lines(device, sizes, precision or list(WAYS[device]), ngf or (8 if quick else 32), quick)
    for each in lines:
        sys.stdout.write(each + "\n")
        sys.stdout.flush()


def _torch(device: str) -> float:
    return observe(["-c", IMPORT_TORCH], device).seconds


if __name__ == "__main__":
    typer.run(main)
