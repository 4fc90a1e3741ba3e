"""The published networks written out literally: module numbers, forward passes, losses and gradients.

Another implementation than that of `components`, slower and plainer, for comparing them. `write_reference_folder`
leaves what `benchmarks.parity` reads: `latest_net_{G,D,E}.pth`, `tensors.npz` and `expected.json`.

Shapes: B pictures, C condition channels, F = 3 feature channels, H x W pixels.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d


def norm_layer(options: dict[str, Any], channels: int) -> nn.Module:
    if options["norm"] == "batch":
        return nn.BatchNorm2d(channels, affine=True)
    return nn.InstanceNorm2d(channels, affine=False)


def halved(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class ResnetBlock(nn.Module):
    def __init__(self, options: dict[str, Any], channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            norm_layer(options, channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            norm_layer(options, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv_block(x)
        return x + residual


def conv7(options: dict[str, Any], channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels_in, channels_out, 7),
        norm_layer(options, channels_out),
        nn.ReLU(),
    ]


def down(options: dict[str, Any], channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels * 2, 3, stride=2, padding=1),
        norm_layer(options, channels * 2),
        nn.ReLU(),
    ]


def up(options: dict[str, Any], channels: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1),
        norm_layer(options, channels // 2),
        nn.ReLU(),
    ]


def output(channels_in: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels_in, 3, 7), nn.Tanh()]


def global_modules(options: dict[str, Any], channels_in: int, ngf: int) -> list[nn.Module]:
    modules, channels = conv7(options, channels_in, ngf), ngf
    for _ in range(options["n_downsample_global"]):
        modules += down(options, channels)
        channels *= 2
    modules += [ResnetBlock(options, channels) for _ in range(options["n_blocks_global"])]
    for _ in range(options["n_downsample_global"]):
        modules += up(options, channels)
        channels //= 2
    return modules + output(ngf)


class PublishedGenerator(nn.Module):
    """`netG` global or local; `ngf` is of the finest enhancer."""

    def __init__(self, options: dict[str, Any], channels_in: int) -> None:
        super().__init__()
        self.enhancers = options["n_local_enhancers"] if options["netG"] == "local" else 0
        modules = global_modules(options, channels_in, options["ngf"] * 2**self.enhancers)
        self.model = nn.Sequential(*(modules[:-3] if self.enhancers else modules))
        for number in range(1, self.enhancers + 1):
            channels = options["ngf"] * 2 ** (self.enhancers - number)
            front = conv7(options, channels_in, channels) + down(options, channels)
            back: list[nn.Module] = [ResnetBlock(options, channels * 2) for _ in range(options["n_blocks_local"])]
            back += up(options, channels * 2)
            if number == self.enhancers:
                back += output(channels)
            setattr(self, f"model{number}_1", nn.Sequential(*front))
            setattr(self, f"model{number}_2", nn.Sequential(*back))

    def forward(self, x: Tensor) -> Tensor:
        inputs = [x]
        for _ in range(self.enhancers):
            inputs.append(halved(inputs[-1]))
        result: Tensor = self.model(inputs[self.enhancers])
        for number in range(1, self.enhancers + 1):
            front, back = getattr(self, f"model{number}_1"), getattr(self, f"model{number}_2")
            result = back(front(inputs[self.enhancers - number]) + result)
        return result


class PublishedEncoder(nn.Module):
    """`netE`, with the mean over each instance at all its pixels."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        modules, channels = conv7(options, 3, options["nef"]), options["nef"]
        for _ in range(options["n_downsample_E"]):
            modules += down(options, channels)
            channels *= 2
        for _ in range(options["n_downsample_E"]):
            modules += up(options, channels)
            channels //= 2
        self.model = nn.Sequential(*modules, *output(options["nef"]))

    def forward(self, image: Tensor, instance: Tensor) -> Tensor:
        """(B, 3, H, W) and ids (B, 1, H, W) -> (B, 3, H, W)."""
        pixels = self.model(image)
        means = []
        for picture, ids in zip(pixels, instance, strict=True):
            painted = torch.zeros_like(picture)
            for number in ids.unique():
                mask = (ids == number).float()  # (1, H, W)
                mean = (picture * mask).sum(dim=(1, 2), keepdim=True) / mask.sum()
                painted = painted + mean * mask
            means.append(painted)
        return torch.stack(means)


class PublishedDiscriminators(nn.Module):
    """`netD`; scale0 judges the coarsest size."""

    def __init__(self, options: dict[str, Any], channels_in: int) -> None:
        super().__init__()
        self.num_D, self.n_layers = options["num_D"], options["n_layers_D"]
        for scale in range(self.num_D):
            width = options["ndf"]
            layers: list[list[nn.Module]] = [[nn.Conv2d(channels_in, width, 4, stride=2, padding=2), nn.LeakyReLU(0.2)]]
            for number in range(1, self.n_layers + 1):
                before, width = width, min(width * 2, 512)
                stride = 1 if number == self.n_layers else 2
                layers.append(
                    [
                        nn.Conv2d(before, width, 4, stride=stride, padding=2),
                        norm_layer(options, width),
                        nn.LeakyReLU(0.2),
                    ]
                )
            layers.append([nn.Conv2d(width, 1, 4, stride=1, padding=2)])
            for number, modules in enumerate(layers):
                setattr(self, f"scale{scale}_layer{number}", nn.Sequential(*modules))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """(B, C + 3, H, W) -> the layer results of each scale, the finest first."""
        results = []
        for scale in range(self.num_D):
            seen, layers = x, []
            for number in range(self.n_layers + 2):
                seen = getattr(self, f"scale{self.num_D - 1 - scale}_layer{number}")(seen)
                layers.append(seen)
            results.append(layers)
            x = halved(x)
        return results


def published_losses(
    options: dict[str, Any],
    discriminators: nn.Module,
    condition: Tensor,
    fake: Tensor,
    real: Tensor,
) -> dict[str, Tensor]:
    """The losses by three passes: a detached fake, the photo, and the fake once more for the generator."""
    judged_detached = discriminators(torch.cat([condition, fake.detach()], dim=1))
    judged_real = discriminators(torch.cat([condition, real], dim=1))
    judged_fake = discriminators(torch.cat([condition, fake], dim=1))
    mse, l1 = nn.MSELoss(), nn.L1Loss()

    def gan(judged: list[list[Tensor]], target: float) -> Tensor:
        total = torch.zeros(())
        for scale in judged:
            total = total + mse(scale[-1], torch.full_like(scale[-1], target))
        return total

    matching = torch.zeros(())
    for scale in range(options["num_D"]):
        for layer in range(len(judged_fake[scale]) - 1):
            distance = l1(judged_fake[scale][layer], judged_real[scale][layer].detach())
            weight = (1 / options["num_D"]) * (4 / (options["n_layers_D"] + 1))
            matching = matching + weight * distance * options["lambda_feat"]
    return {
        "G_GAN": gan(judged_fake, 1.0),
        "G_GAN_Feat": matching,
        "D_real": gan(judged_real, 1.0),
        "D_fake": gan(judged_detached, 0.0),
    }


def _label_and_condition(
    rng: np.random.Generator, label_nc: int, batch: int, height: int, width: int
) -> tuple[NDArray[Any], torch.Tensor]:
    """Draw a label map and one-hot encode it, or an RGB condition where there are no classes."""
    if not label_nc:
        colours = rng.uniform(-1, 1, (batch, 3, height, width)).astype(np.float32)
        return colours, torch.from_numpy(colours)
    label = rng.integers(0, label_nc, (batch, 1, height // 4, width // 4)).repeat(4, 2).repeat(4, 3).astype(np.uint8)
    condition = torch.zeros(batch, label_nc, height, width)
    for number in range(label_nc):
        condition[:, number] = torch.from_numpy(label[:, 0] == number).float()
    return label, condition


def write_reference_folder(
    folder: Path, options: dict[str, Any], *, batch: int, height: int, width: int, seed: int = 0
) -> None:
    """Make networks, run one training step's losses and gradients and write all of it."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    instance = rng.integers(0, 7, (batch, 1, height // 8, width // 8)).repeat(8, 2).repeat(8, 3).astype(np.int32) * 11
    ids = torch.from_numpy(instance)
    label, condition = _label_and_condition(rng, options["label_nc"], batch, height, width)
    real = torch.from_numpy(rng.uniform(-1, 1, (batch, 3, height, width)).astype(np.float32))
    boundary = boundary_by_loop(instance)
    if options["instance"]:
        condition = torch.cat([condition, torch.from_numpy(boundary)], dim=1)

    channels = condition.shape[1]
    generator = PublishedGenerator(options, channels + (3 if options["features"] else 0))
    discriminators = PublishedDiscriminators(options, channels + 3)
    networks: dict[str, nn.Module] = {"G": generator, "D": discriminators}
    tensors: dict[str, Any] = {"label": label, "instance": instance, "boundary": boundary, "real": real.numpy()}
    seen = condition
    if options["features"]:
        networks["E"] = PublishedEncoder(options)
        features = networks["E"](real, ids)
        tensors["features"] = features.detach().numpy()
        seen = torch.cat([condition, features], dim=1)
    fake = generator(seen)
    tensors["fake"] = fake.detach().numpy()
    with torch.no_grad():
        for i, scale in enumerate(discriminators(torch.cat([condition, fake], dim=1))):
            for j, layer in enumerate(scale):
                tensors[f"disc_fake_scale{i}_layer{j}"] = layer.numpy()

    losses = published_losses(options, discriminators, condition, fake, real)
    of_generator = [parameter for name in networks if name != "D" for parameter in networks[name].parameters()]
    of_discriminators = list(discriminators.parameters())
    gradients = torch.autograd.grad(losses["G_GAN"] + losses["G_GAN_Feat"], of_generator, retain_graph=True)
    gradients += torch.autograd.grad(0.5 * (losses["D_fake"] + losses["D_real"]), of_discriminators)
    norm_of = {
        id(parameter): gradient.norm().item()
        for parameter, gradient in zip(of_generator + of_discriminators, gradients, strict=True)
    }
    expected = {
        "config": options,
        "losses": {name: loss.item() for name, loss in losses.items()},
        "grad_norm": {
            name: {key: norm_of[id(parameter)] for key, parameter in network.named_parameters()}
            for name, network in networks.items()
        },
    }
    folder.mkdir(parents=True)
    for name, network in networks.items():
        torch.save(network.state_dict(), folder / f"latest_net_{name}.pth")
    np.savez(folder / "tensors.npz", **tensors)
    (folder / "expected.json").write_text(json.dumps(expected))


def boundary_by_loop(instance: np.ndarray) -> np.ndarray:
    """(B, 1, H, W) ids -> (B, 1, H, W) float32, 1 where a 4-neighbour has another id."""
    _, _, height, width = instance.shape
    boundary = np.zeros(instance.shape, np.float32)
    for row in range(height):
        for column in range(width):
            for down_by, right_by in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                r, c = row + down_by, column + right_by
                if 0 <= r < height and 0 <= c < width:
                    differs = instance[:, 0, r, c] != instance[:, 0, row, column]
                    boundary[differs, 0, row, column] = 1
    return boundary
