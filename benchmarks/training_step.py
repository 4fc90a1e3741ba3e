"""Time and memory of a full training step against a literal transcription of the published one.

Both sides have the same weights and batch and run in turn: generator {G1, G2}, encoder, three discriminators, both
Adam updates. First their losses and gradients are compared in float32.
"""

import math
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Adam

from benchmarks import literal_step
from benchmarks.json_line import json_line
from components.data.encoding import boundary_map, one_hot
from components.data.loader import Batch
from components.losses.config import LossesConfig
from components.memory import forget_peak, peak_bytes
from components.models.config import ModelConfig
from components.models.networks import Networks, PhaseShape
from components.runtime import RuntimeConfig
from components.training.config import PhaseConfig
from components.training.phases import Phase
from components.training.setup import begin_phase
from components.training.step import TrainingStep, synthesizing_parameters

CLASSES = 35
INSTANCES = 25
SIZES = {"512x256": (256, 512), "1024x512": (512, 1024), "2048x1024": (1024, 2048)}
LOSSES = LossesConfig(
    adversarial="least_squares", lambda_feature_matching=literal_step.LAMBDA, lambda_l1=0, lambda_perceptual=0,
    perceptual="johnson", vgg_weights=None,
)  # fmt: skip


WAYS: dict[str, dict[str, bool]] = {
    "float32": {},
    "float32, checkpointing": {"again": True},
    "bfloat16": {"reduced": True},
    "bfloat16, channels last": {"reduced": True, "channels_last": True},
    "bfloat16, channels last, checkpointing": {"reduced": True, "channels_last": True, "again": True},
    "bfloat16, channels last, compiled": {"reduced": True, "channels_last": True, "compiled": True},
}


@dataclass(frozen=True)
class Scene:
    """Label map (1, H, W) uint8, instance map (1, H, W) int64, image (1, 3, H, W) in [-1, 1]."""

    label: Tensor
    instance: Tensor
    image: Tensor

    def batch(self) -> Batch:
        """What the loader makes of it, on the device."""
        condition = torch.cat([one_hot(self.label, CLASSES), boundary_map(self.instance)], dim=1)
        return Batch(("scene",), (0,), condition, self.image, self.label, self.instance, INSTANCES)


@dataclass(frozen=True)
class Case:
    """What is measured: a size of `SIZES`, a device, the channels of G2 and of the discriminators."""

    size: str
    device: str
    ngf: int
    ndf: int

    def __str__(self) -> str:
        """Name it in a line of the results."""
        return f"{self.size} {self.device} ngf {self.ngf} ndf {self.ndf}"

    def phase(self) -> Phase:
        """The joint phase with these widths."""
        return make_phase(self.ngf, self.ndf)

    def scene(self) -> Scene:
        """A scene of this size, on the device."""
        return make_scene(*SIZES[self.size], torch.device(self.device))


def make_scene(height: int, width: int, device: torch.device) -> Scene:
    """Blocks of classes, and instances as tall and wide as a fifth of the picture."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.arange(height) * 5 // height, torch.arange(width) * 5 // width
    instance = (rows[:, None] * 5 + columns).unsqueeze(0)
    label = torch.randint(CLASSES, (INSTANCES,), generator=generator)[instance].to(torch.uint8)
    image = torch.rand(1, 3, height, width, generator=generator) * 2 - 1
    return Scene(label.to(device), instance.to(device), image.to(device))


def make_phase(ngf: int, ndf: int) -> Phase:
    """The joint phase with the published depths."""
    model = ModelConfig(
        generator="coarse_to_fine", ngf=ngf, n_downsample_global=4, n_blocks_global=9, n_local_enhancers=1,
        n_blocks_local=3, norm="instance", upsampling="transposed", boundary_map=True, n_features=3,
        features="instance", features_file=None, nef=16, n_downsample_encoder=4, ndf=ndf, num_D=3, n_layers_D=3,
    )  # fmt: skip
    config = PhaseConfig(
        epochs=1, epochs_decay=0, batch_size=1, learning_rate=2e-4, beta1=0.5, beta2=0.999, crop=None, flip=False,
        pool_size=0, seed=0,
    )  # fmt: skip
    return Phase("joint", PhaseShape(model=model, class_count=CLASSES, n_local_enhancers=1), config)


def runtime(
    accelerator: str, *, reduced: bool = False, channels_last: bool = False, compiled: bool = False, again: bool = False
) -> RuntimeConfig:
    """How our side runs."""
    return RuntimeConfig.model_validate(
        {
            "accelerator": accelerator,
            "precision": "bf16-mixed" if reduced else "32-true",
            "threads": torch.get_num_threads(),
            "channels_last": channels_last,
            "compile": compiled,
            "gradient_checkpointing": again,
        }
    )


def our_step(phase: Phase, config: RuntimeConfig, scene: Scene) -> Callable[[], None]:
    """Our training step, ready to be called."""
    fabric = Fabric(accelerator=config.accelerator, devices=1, precision=config.precision)
    state = begin_phase(0, phase, None, fabric=fabric, runtime=config)
    step = TrainingStep(state.networks, LOSSES, autocast=fabric.autocast)

    def run() -> None:
        step.gradients(scene.batch())
        for optimizer in state.optimizers:
            optimizer.step()

    return run


def published_step(phase: Phase, scene: Scene) -> Callable[[], None]:
    """The transcription, ready to be called."""
    networks, optimizers = _published_networks(phase, scene.image.device)

    def run() -> None:
        literal_step.take_step(networks, optimizers, scene.label, scene.instance, scene.image)

    return run


@dataclass(frozen=True)
class Agreement:
    """Largest relative differences in float32.

    Attributes:
        losses: of a loss.
        gradient: of a network's whole gradient by its norm.
        rounding: the same of the transcription itself against float64. Where a ReLU or the sign in an L1 distance is
            on the edge, rounding decides, and two float32 gradients can agree no better than this.
    """

    losses: float
    gradient: float
    rounding: float


def compare(phase: Phase, scene: Scene) -> Agreement:
    """Compare one step of ours with the transcription."""
    device = scene.image.device
    published, optimizers = _published_networks(phase, device)
    exact, exact_optimizers = _published_networks(phase, device, torch.float64)
    torch.manual_seed(phase.config.seed)
    ours = Networks(phase.shape).to(device)
    found = TrainingStep(ours, LOSSES, autocast=nullcontext).gradients(scene.batch()).named()
    expected = literal_step.take_step(published, optimizers, scene.label, scene.instance, scene.image)
    literal_step.take_step(exact, exact_optimizers, scene.label, scene.instance, scene.image.double())
    losses = [float((found[name] - loss.detach()).abs() / loss.detach().abs()) for name, loss in expected.items()]
    players = ("generator", "encoder", "discriminator")
    return Agreement(
        losses=max(losses),
        gradient=max(_gradient_distance(ours, published, name) for name in players),
        rounding=max(_gradient_distance(published, exact, name) for name in players),
    )


def _gradient_distance(ours: Networks, theirs: Networks, name: str) -> float:
    gap = size = 0.0
    for mine, other in zip(ours.get_submodule(name).parameters(), theirs.get_submodule(name).parameters(), strict=True):
        assert mine.grad is not None
        assert other.grad is not None
        gap += float((mine.grad.double() - other.grad.double()).square().sum())
        size += float(other.grad.double().square().sum())
    return math.sqrt(gap / size)


def measure(steps: dict[str, Callable[[], None]], repetitions: int, device: torch.device) -> dict[str, float]:
    """Run the steps in turn, after one each that does not count, and give the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for repetition in range(repetitions + 1):
        for name, step in steps.items():
            started = perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repetition:
                seconds[name].append(perf_counter() - started)
    return {name: median(each) for name, each in seconds.items()}


def peak_memory(case: Case, way: RuntimeConfig | None) -> float:
    """The most memory during a step, in 10^9 bytes, in a process of its own.

    Args:
        case: what is trained.
        way: how our side runs; None runs the transcription.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_peak_here, case, way, torch.get_num_threads()).result()


def _peak_here(case: Case, way: RuntimeConfig | None, threads: int) -> float:
    torch.set_num_threads(threads)
    phase, scene = case.phase(), case.scene()
    step = published_step(phase, scene) if way is None else our_step(phase, way, scene)
    step()  # which makes Adam's moments
    forget_peak(scene.image.device)
    step()
    return peak_bytes(scene.image.device) / 1e9


def _published_networks(
    phase: Phase, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Networks, tuple[Adam, Adam]]:
    torch.manual_seed(phase.config.seed)
    networks = Networks(phase.shape).to(device, dtype)
    assert networks.discriminator is not None
    players = (synthesizing_parameters(networks), networks.discriminator.parameters())
    first, second = (Adam(parameters, lr=phase.config.learning_rate, betas=(0.5, 0.999)) for parameters in players)
    return networks, (first, second)


def _compare(case: Case, names: list[str], quick: bool) -> Iterator[str]:
    scene, phase = case.scene(), case.phase()
    if case.size == "512x256":
        agreement, unit = compare(phase, scene), "relative difference"
        yield json_line(f"{case}: losses; 1e-5", unit, agreement.losses, 1e-5)
        yield json_line(f"{case}: gradients; float32's rounding", unit, agreement.gradient, agreement.rounding)
    ways = {name: runtime(case.device, **switches) for name, switches in WAYS.items() if name in names}
    steps = {"published": published_step(phase, scene)}
    steps |= {name: our_step(phase, way, scene) for name, way in ways.items()}
    large = scene.label.numel() > 2**20
    seconds = measure(steps, 2 if quick or large else 5, scene.image.device)
    del steps
    published = None if quick else peak_memory(case, None)
    for name, way in ways.items():
        yield json_line(f"{case}: {name}", "s a step", seconds[name], seconds["published"])
        yield json_line(f"{case}: {name}", "images a second", 1 / seconds[name], 1 / seconds["published"])
        if published is not None:
            yield json_line(f"{case}: {name}", "GB at most", peak_memory(case, way), published)


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    size: Annotated[list[str] | None, typer.Option(help=f"of {', '.join(SIZES)}; by default all")] = None,
    way: Annotated[list[str] | None, typer.Option(help=f"of {'; '.join(WAYS)}")] = None,
    ngf: Annotated[int | None, typer.Option(help="channels of G2; by default 32 on a GPU, 16 on a CPU")] = None,
    ndf: Annotated[int | None, typer.Option(help="of the discriminators; 64 on a GPU, 16 on a CPU")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="the smallest size, two ways, no memory")] = False,
) -> None:
    """Print JSON lines: for each size the agreement, then seconds, images a second and memory of each way to run."""
    if device == "cpu":
        torch.set_num_threads(2)
    on_gpu = device == "cuda"
    ways = way or (["float32", "bfloat16"] if quick else [name for name in WAYS if on_gpu or "compiled" not in name])
    for each in size or (["512x256"] if quick else list(SIZES)):
        case = Case(each, device, ngf or (32 if on_gpu else 16), ndf or (64 if on_gpu else 16))
        for line in _compare(case, ways, quick):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
