"""Compare our networks, losses and gradients with tensors that the published implementation gave.

Each folder holds checkpoints in the published layout (`latest_net_*.pth`), `tensors.npz` (inputs and
results) and `expected.json` (option names, losses, L2 norms of the parameters' gradients).

A number is compared with its reference, and an element of a tensor with its reference or the tensor's root
mean square, whichever is larger: float32 rounding is as large as the terms of a sum, not as its result.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor

from components.data.encoding import boundary_map, one_hot
from components.data.loader import Batch
from components.data.record_encoding import number_ids
from components.losses.config import LossesConfig
from components.models.instance_pool import paint_instances
from components.models.official import OfficialNetworks, load_official
from components.models.official_options import official_options
from components.training.step import TrainingStep
from pipelines.entry import run_entry_point

RELATIVE_TOLERANCE = 1e-4
SMALL = 1e-3  # below this the reference is compared in absolute terms
ABSOLUTE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Comparison:
    """The worst deviation of one tensor or number, in units of what is allowed."""

    name: str
    relative: float
    absolute_where_small: float

    @property
    def agrees(self) -> bool:
        """Whether both are within tolerance; a NaN is not."""
        return self.relative <= RELATIVE_TOLERANCE and self.absolute_where_small <= ABSOLUTE_TOLERANCE


def compare(name: str, ours: Any, reference: Any) -> Comparison:
    """Compare two arrays of one shape element by element, or two numbers."""
    ours, reference = np.asarray(ours, np.float64), np.asarray(reference, np.float64)
    if ours.shape != reference.shape:
        raise ValueError(f"{name}: shape {ours.shape}, expected {reference.shape}")
    difference, size = np.abs(ours - reference), np.abs(reference)
    small = size < SMALL
    rms = np.sqrt(np.square(reference).mean())
    relative = (difference / np.maximum(np.maximum(size, rms), SMALL))[~small]
    return Comparison(name, float(relative.max(initial=0)), float(difference[small].max(initial=0)))


def compare_folder(folder: Path) -> Iterator[Comparison]:
    """Load a folder of reference vectors and compare everything that it holds."""
    expected = json.loads((folder / "expected.json").read_text())
    options = expected["config"]
    with np.load(folder / "tensors.npz") as archive:
        reference = dict(archive)
    official = load_official(folder, official_options(options))
    batch = _batch(reference, options)
    if "boundary" in reference:
        yield compare("boundary", boundary_map(torch.from_numpy(reference["instance"])[:, 0]), reference["boundary"])
    networks = official.networks
    assert networks.discriminator is not None
    with torch.no_grad():
        synthesis = networks.reconstruct(batch)
        if synthesis.styles is not None:
            features = paint_instances(synthesis.styles, batch.instance)
            yield compare("features", features, reference["features"])
        yield compare("fake", synthesis.image, reference["fake"])
        for i, scale in enumerate(networks.discriminator(batch.condition, synthesis.image)):
            for j, layer in enumerate(scale):
                name = f"disc_fake_scale{i}_layer{j}"
                yield compare(name, layer, reference[name])
    yield from _compare_training(official, batch, expected)


def _batch(reference: dict[str, Any], options: dict[str, Any]) -> Batch:
    label = torch.from_numpy(reference["label"])
    if options["label_nc"]:
        condition = one_hot(label[:, 0], options["label_nc"])
    else:  # an RGB picture, in [-1, 1] or as bytes
        condition = label / 127.5 - 1 if label.dtype == torch.uint8 else label.float()
    instance = torch.zeros(label[:, 0].shape, dtype=torch.int64)
    if "instance" in reference:
        instance = torch.stack(
            [torch.from_numpy(number_ids(ids, np.int32)[0]) for ids in reference["instance"][:, 0]]
        ).long()
    if options["instance"]:
        condition = torch.cat([condition, boundary_map(instance)], dim=1)
    return Batch(
        names=tuple(str(number) for number in range(len(label))),
        positions=tuple(range(len(label))),
        condition=condition,
        image=torch.from_numpy(reference["real"]),
        label=None,
        instance=instance,
        instance_count=int(instance.max()) + 1,
    )


def _compare_training(official: OfficialNetworks, batch: Batch, expected: dict[str, Any]) -> Iterator[Comparison]:
    networks = official.networks
    losses = LossesConfig(
        adversarial="least_squares",
        lambda_feature_matching=expected["config"]["lambda_feat"],
        lambda_l1=0,
        lambda_perceptual=0,
        perceptual="johnson",
        vgg_weights=None,
    )
    result = TrainingStep(networks, losses, autocast=nullcontext).gradients(batch)
    ours: dict[str, Tensor | None] = {
        "G_GAN": result.generator.adversarial,
        "G_GAN_Feat": result.generator.feature_matching,
        "D_real": result.discriminator.real,
        "D_fake": result.discriminator.fake,
    }
    for name, value in expected["losses"].items():
        term = ours[name]
        yield compare(f"loss {name}", 0.0 if term is None else term, value)
    for network_name, names in official.published_names.items():
        norms = expected["grad_norm"][network_name[0].upper()]
        ours_norms = {
            names[key]: parameter.grad.norm()
            for key, parameter in networks.get_submodule(network_name).named_parameters()
            if parameter.grad is not None
        }
        if ours_norms.keys() != norms.keys():
            raise ValueError(
                f"gradients of {network_name}: {sorted(ours_norms.keys() ^ norms.keys())} on one side only"
            )
        for name, norm in norms.items():
            yield compare(f"gradient {network_name[0].upper()} {name}", ours_norms[name], norm)


def main(folders: Annotated[list[Path], typer.Argument(help="folders of reference vectors")]) -> None:
    """Print a line for each comparison and exit with 1 where one is past its tolerance."""
    torch.set_num_threads(2)
    failed = False
    for folder in folders:
        worst = 0.0
        for result in compare_folder(folder):
            verdict = "ok" if result.agrees else "DIFFERS"
            sys.stdout.write(
                f"{folder.name} {result.name}: relative {result.relative:.2e}, "
                f"absolute where small {result.absolute_where_small:.2e} {verdict}\n"
            )
            failed |= not result.agrees
            worst = max(worst, result.relative)
        sys.stdout.write(f"{folder.name}: worst relative difference {worst:.2e}\n")
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    run_entry_point(main)
