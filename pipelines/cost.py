"""What training would cost: parameters, multiply-accumulates, memory of a step, time of an epoch; trains nothing.

Each phase takes a few steps on random pictures of its size, so times and memory are those of this machine.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from components.data.encoding import boundary_map, one_hot
from components.data.loader import Batch
from components.data.store import ShardStore
from components.losses.perceptual import perceptual_loss
from components.memory import forget_peak, peak_bytes
from components.models.networks import Networks, PhaseShape
from components.runtime import start
from components.training.phases import STAGES, Phase, phases_of
from components.training.setup import begin_phase
from components.training.step import TrainingStep
from pipelines.entry import run_entry_point
from pipelines.params import PARAMS_FILE, Params, load_params

INSTANCES = 25  # of a random picture, as many as a street scene has


@dataclass(frozen=True)
class Dataset:
    """What of a dataset the cost depends on: classes (0 for RGB), training pictures, their height and width."""

    classes: int
    pictures: int
    height: int
    width: int


@dataclass(frozen=True)
class Network:
    """Parameters, and multiply-accumulates of one forward pass of one picture."""

    parameters: int
    multiply_accumulates: int


@dataclass(frozen=True)
class Step:
    """Median seconds of an optimisation step, and the most bytes in use during one."""

    seconds: float
    memory: int


def networks_of(shape: PhaseShape, height: int, width: int) -> dict[str, Network]:
    """Count each network of a phase for one picture of this size; nothing is computed."""
    with torch.device("meta"):
        networks = Networks(shape)
        condition, image = torch.empty(1, shape.condition_channels, height, width), torch.empty(1, 3, height, width)
        features = torch.empty(1, shape.model.n_features, height, width) if shape.model.n_features else None
        counted = {"generator": _count(networks.generator, condition, features)}
        if networks.encoder is not None:
            with FlopCounterMode(display=False) as counter:
                networks.encoder.pixels(image)
            counted["encoder"] = Network(_parameters(networks.encoder), counter.get_total_flops() // 2)
        if networks.discriminator is not None:
            counted["discriminators"] = _count(networks.discriminator, condition, image)
    return counted


def measure_step(phase: Phase, batch: Batch, params: Params, fabric: Fabric, steps: int) -> Step:
    """Take some optimisation steps, after one that does not count."""
    state = begin_phase(0, phase, None, fabric=fabric, runtime=params.runtime)
    perceptual = perceptual_loss(params.losses)
    step = TrainingStep(
        state.networks,
        params.losses,
        perceptual=None if perceptual is None else perceptual.to(fabric.device),
        pool=state.pool,
        autocast=fabric.autocast,
    )
    seconds = []
    for _ in range(steps + 1):
        forget_peak(fabric.device)
        started = perf_counter()
        step.gradients(batch)
        for optimizer in state.optimizers:
            optimizer.step()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize(fabric.device)
        seconds.append(perf_counter() - started)
    return Step(median(seconds[1:]), peak_bytes(fabric.device))


def random_batch(phase: Phase, height: int, width: int, device: torch.device) -> Batch:
    """Pictures of a size with blocks of classes and instances."""
    shape, size = phase.shape, phase.config.batch_size
    rows, columns = torch.arange(height) * 5 // height, torch.arange(width) * 5 // width
    instance = (rows[:, None] * 5 + columns).expand(size, -1, -1).to(device)
    image = torch.rand(size, 3, height, width, device=device) * 2 - 1
    label = (instance % shape.class_count).to(torch.uint8) if shape.class_count else None
    condition = image if label is None else one_hot(label, shape.class_count)
    if shape.model.boundary_map:
        condition = torch.cat([condition, boundary_map(instance)], dim=1)
    styles = torch.zeros(size, INSTANCES, shape.model.n_features, device=device) if shape.model.n_features else None
    names = tuple(f"random {number}" for number in range(size))
    return Batch(names, tuple(range(size)), condition, image, label, instance, INSTANCES, styles)


def _count(network: nn.Module, *inputs: Tensor | None) -> Network:
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return Network(_parameters(network), counter.get_total_flops() // 2)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _report(phase: Phase, dataset: Dataset, params: Params, fabric: Fabric, steps: int) -> str:
    """Count and measure a phase, in words."""
    config, scale = phase.config, phase.shape.scale
    height, width = dataset.height // scale, dataset.width // scale
    if config.crop is not None:
        height, width = config.crop.height // scale, config.crop.width // scale
    lines = [f"phase {phase.name}: {width}x{height} pixels, {config.batch_size} pictures a step"]
    for name, network in networks_of(phase.shape, height, width).items():
        millions, giga = network.parameters / 1e6, network.multiply_accumulates / 1e9
        lines.append(f"  {name}: {millions:.2f} M parameters, {giga:.2f} GMAC a picture")
    step = measure_step(phase, random_batch(phase, height, width, fabric.device), params, fabric, steps)
    epoch = step.seconds * -(-dataset.pictures // config.batch_size)
    lines.append(f"  a step: {step.seconds:.3f} s, {step.memory / 1e9:.2f} GB at most on {fabric.device}")
    lines.append(f"  an epoch of {dataset.pictures} pictures: {_duration(epoch)}; {config.epochs}: ")
    return "\n".join(lines) + _duration(epoch * config.epochs) + "\n"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _dataset(params: Params, shards: Path | None, classes: int | None, pictures: int | None) -> Dataset:
    if shards is not None:
        index = ShardStore(shards / "train").index
        return Dataset(len(index.classes), len(index.names), index.height, index.width)
    if classes is None or pictures is None:
        raise ValueError("expected --shards, or --classes and --pictures of a dataset that is not preprocessed yet")
    height, width = params.preprocess.height, params.preprocess.width
    if height is None or width is None:
        raise ValueError(f"preprocess.resize is {params.preprocess.resize}: the size is known from --shards only")
    return Dataset(classes, pictures, height, width)


def main(
    params_file: Annotated[Path, typer.Option("--params")] = PARAMS_FILE,
    shards: Annotated[Path | None, typer.Option(help="the preprocessed dataset")] = None,
    classes: Annotated[int | None, typer.Option(min=0, help="without shards: classes, 0 for RGB conditions")] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="without shards: training pictures")] = None,
    steps: Annotated[int, typer.Option(min=1, help="that are measured, of each phase")] = 3,
) -> None:
    """Print for each phase: parameters, multiply-accumulates, memory of a step, time of an epoch and of all."""
    params = load_params(params_file)
    dataset = _dataset(params, shards, classes, pictures)
    fabric = start(params.runtime)
    for stage in STAGES:
        for phase in phases_of(stage, params.model, dataset.classes, getattr(params, stage)):
            sys.stdout.write(_report(phase, dataset, params, fabric, steps))
            sys.stdout.flush()


if __name__ == "__main__":
    run_entry_point(main)
