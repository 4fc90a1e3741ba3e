"""The two sides of the inference benchmark: ONNX Runtime and torch eager, from the same arrays to the same picture.

As a process of its own (`python -m benchmarks.inference_sides JOB`) it makes a picture, says so, makes another, and
waits to be measured; the side of ONNX Runtime never imports torch.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference import Synthesizer
from components.inference.providers import CPU, CUDA

# As the stages do, before torch is imported: huge pages, or large tensors cost their page faults.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

PROVIDERS = {"cpu": [CPU], "cuda": [CUDA, CPU]}
Run = Callable[[], NDArray[np.uint8]]


@dataclass(frozen=True)
class Job:
    """One side of a case.

    Attributes:
        folder: that `write_random_bundle` wrote.
        runtime: `onnxruntime` or `torch`.
        precision: of the bundle's graphs, or of torch: `float32`, `float16` or `bfloat16`.
        device: `cpu` or `cuda`.
        batch: pictures at once.
        height: in pixels.
        width: in pixels.
        classes: of the label map.
        instances: of a picture.
    """

    folder: str
    runtime: str
    precision: str
    device: str
    batch: int
    height: int
    width: int
    classes: int
    instances: int

    def prepare(self) -> Run:
        """Load the model, and give what makes pictures."""
        inputs = make_inputs(self.batch, self.height, self.width, self.classes, self.instances)
        return _served(self, inputs) if self.runtime == "onnxruntime" else _eager(self, inputs)

    def dump(self) -> str:
        """As the argument of a process."""
        return json.dumps(asdict(self))


def make_inputs(batch: int, height: int, width: int, classes: int, instances: int) -> dict[str, NDArray[Any]]:
    """Pictures of vertical strips, an instance each, of random classes and styles."""
    rng = np.random.default_rng(0)
    strip = (np.arange(width) * instances // width).astype(np.int32)
    instance = np.broadcast_to(strip, (batch, height, width)).copy()
    return {
        "label": rng.integers(classes, size=instances, dtype=np.uint8)[instance],
        "instance": instance,
        "styles": rng.uniform(-1, 1, (batch, instances, 3)).astype(np.float32),
    }


def _served(job: Job, inputs: dict[str, NDArray[Any]]) -> Run:
    bundle = Path(job.folder) / "bundle"
    synthesizer = Synthesizer(bundle, precision=job.precision, providers=PROVIDERS[job.device])
    return lambda: synthesizer.synthesize(**inputs)


def _eager(job: Job, inputs: dict[str, NDArray[Any]]) -> Run:
    import torch  # only here, so that the other side starts without it

    from components.export.serving import ServingGraph
    from components.models.networks import PhaseShape, load_networks

    folder = Path(job.folder) / "networks"
    shape = PhaseShape.model_validate_json((folder / "networks.json").read_bytes())
    graph = ServingGraph(load_networks(folder, shape.model)).eval().to(job.device)
    torch.backends.cudnn.benchmark = True
    dtype = getattr(torch, job.precision)

    def run() -> NDArray[np.uint8]:
        reduced = torch.autocast(job.device, dtype, enabled=dtype != torch.float32)
        with torch.inference_mode(), reduced:
            tensors = [torch.from_numpy(inputs[name]).to(job.device) for name in graph.inputs]
            image: NDArray[np.uint8] = graph(*tensors).cpu().numpy()
            return image

    return run


def main() -> None:
    """Make a picture, write a line; make another, write a line; wait for the end of the input."""
    run = Job(**json.loads(sys.argv[1])).prepare()
    for _ in range(2):
        run()
        sys.stdout.write("made\n")
        sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
