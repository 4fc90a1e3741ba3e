"""The networks of one phase together: made, saved, loaded, and started from those of a coarser phase."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from components.config import Config
from components.data.loader import Batch
from components.models.blocks import initialise
from components.models.config import ModelConfig
from components.models.crn import CascadedRefinementNetwork
from components.models.discriminator import MultiscaleDiscriminator
from components.models.feature_encoder import FeatureEncoder
from components.models.generator import Generator
from components.models.instance_pool import instance_mean, paint_instances
from components.models.unet import UNet

SHAPE_FILE = "networks.json"


class PhaseShape(Config):
    """What fixes the shape of every tensor of a phase.

    Attributes:
        model: the shapes at full resolution.
        class_count: classes of the label map; 0 for RGB conditions.
        n_local_enhancers: enhancers that this phase has.
    """

    model: ModelConfig
    class_count: int
    n_local_enhancers: int

    @property
    def condition_channels(self) -> int:
        """Channels of the condition: classes (or RGB) and the boundary map."""
        return (self.class_count or 3) + self.model.boundary_map

    @property
    def scale(self) -> int:
        """By how much this phase's pictures are smaller than full resolution."""
        return int(2 ** (self.model.n_local_enhancers - self.n_local_enhancers))

    @property
    def num_D(self) -> int:
        """Discriminators of this phase: one less for each halving of its size, as long as there are any."""
        fewer = self.model.n_local_enhancers - self.n_local_enhancers
        return max(min(self.model.num_D, 1), self.model.num_D - fewer)


@dataclass(frozen=True)
class Synthesis:
    """An image and the styles that it was made with.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        styles: (B, M, F), or None where the model has no features.
    """

    image: Tensor
    styles: Tensor | None


class Networks(nn.Module):
    """Generator and, where the model has them, discriminators and encoder of one phase."""

    def __init__(self, shape: PhaseShape) -> None:
        """Build the networks with weights from N(0, 0.02), drawn from torch's global generator."""
        super().__init__()
        self.shape = shape
        self.generator = _generator(shape)
        self.encoder = FeatureEncoder(shape.model) if shape.model.has_encoder else None
        self.discriminator = (
            MultiscaleDiscriminator(shape.model, condition_channels=shape.condition_channels, num_D=shape.num_D)
            if shape.num_D
            else None
        )
        self.apply(initialise)

    def styles(self, batch: Batch) -> Tensor | None:
        """Each instance's style (B, M, F) in [-1, 1], None where the model has no features (Sec. 3.4).

        Features pooled over labels are those of the class at each of the instance's pixels.
        """
        if self.encoder is None:
            return batch.styles
        if self.shape.model.features == "instance":
            instances: Tensor = self.encoder(batch.image, batch.instance, batch.instance_count)
            return instances
        assert batch.label is not None, "features of labels need label maps"
        classes = self.encoder(batch.image, batch.label, self.shape.class_count)  # (B, C, F)
        return instance_mean(paint_instances(classes, batch.label), batch.instance, batch.instance_count)

    def reconstruct(self, batch: Batch) -> Synthesis:
        """Synthesize under the styles of the real photos, as in training."""
        styles = self.styles(batch)
        features = None if styles is None else paint_instances(styles, batch.instance)
        return Synthesis(self.generator(batch.condition, features), styles)

    def start_from(self, coarser: "Networks") -> None:
        """Take over every weight of a coarser phase but its generator's output layer (Sec. 3.2)."""
        taken = coarser.state_dict()
        if coarser.shape.n_local_enhancers != self.shape.n_local_enhancers:
            taken = {key: value for key, value in taken.items() if not key.startswith("generator.head.")}
        unknown = self.load_state_dict(taken, strict=False).unexpected_keys
        assert not unknown, f"a coarser phase has weights that this one lacks: {unknown}"

    def save(self, folder: Path) -> None:
        """Write one safetensors file a network and their shape into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, network in self.named_children():
            weights = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
            save_file(weights, folder / f"{name}.safetensors")
        (folder / SHAPE_FILE).write_text(self.shape.model_dump_json(indent=2))


def _generator(shape: PhaseShape) -> nn.Module:
    channels = shape.condition_channels
    if shape.model.generator == "unet":
        return UNet(shape.model, condition_channels=channels)
    if shape.model.generator == "crn":
        return CascadedRefinementNetwork(shape.model, condition_channels=channels)
    return Generator(shape.model, condition_channels=channels, n_local_enhancers=shape.n_local_enhancers)


def load_networks(folder: Path, expected: ModelConfig) -> Networks:
    """Load what `Networks.save` wrote.

    Raises:
        ValueError: where the shape differs from the `model` section (each field named with both
            values), or a file lacks tensors, has surplus ones or some of another shape.
    """
    path = folder / SHAPE_FILE
    try:
        shape = PhaseShape.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ValueError(f"{path}: expected the shape of trained networks, found {error}") from error
    trained, wanted = shape.model.model_dump(mode="json"), expected.model_dump(mode="json")
    problems = [
        f"model.{field}: {folder} was trained with {json.dumps(found)}, the parameters say {json.dumps(wanted[field])}"
        for field, found in trained.items()
        if found != wanted[field] and field != "features_file"  # it may have moved; no shape depends on it
    ]
    if problems:
        raise ValueError("\n".join(problems))
    networks = Networks(shape)
    for name, network in networks.named_children():
        path = folder / f"{name}.safetensors"
        load_weights(network, read_weights(path), source=path)
    return networks


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ValueError: naming the file, where it is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: expected a safetensors file of weights, found {error}") from error


def load_weights(network: nn.Module, weights: dict[str, Tensor], *, source: Path) -> None:
    """Load a state dict whose tensors must be exactly those of the network.

    Raises:
        ValueError: naming the file and every missing, surplus or wrongly shaped tensor.
    """
    check_tensors(network.state_dict(), weights, source=source)
    network.load_state_dict(weights)


def check_tensors(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, source: Path) -> None:
    """Compare names and shapes.

    Raises:
        ValueError: naming the file and every missing, surplus or wrongly shaped tensor.
    """
    problems = [f"missing {key}" for key in sorted(expected.keys() - weights.keys())]
    problems += [f"surplus {key}" for key in sorted(weights.keys() - expected.keys())]
    problems += [
        f"{key} has shape {tuple(weights[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in sorted(expected.keys() & weights.keys())
        if weights[key].shape != expected[key].shape
    ]
    if problems:
        raise ValueError(f"{source}: {'; '.join(problems)}")
