"""Perceptual losses on VGG19 features.

`johnson`: Wang et al. 2018, Sec. 4, after Johnson et al. 2016. `chen_koltun`: Chen & Koltun 2017, eq. 1.
"""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torchvision.models import vgg19

from components.losses.config import LossesConfig, Perceptual

# Modules of VGG19's feature part, counted to the end of each compared one.
SLICE_ENDS: dict[Perceptual, tuple[int, ...]] = {
    "johnson": (2, 7, 12, 21, 30),  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
    "chen_koltun": (4, 9, 14, 23, 32),  # relu1_2, relu2_2, relu3_2, relu4_2, relu5_2
}
WEIGHTS: dict[Perceptual, tuple[float, ...]] = {
    "johnson": (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0),
    "chen_koltun": (1.0, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5),  # the first is that of the image
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageNetNormalisation(nn.Module):
    """Brings RGB from [-1, 1] to what torchvision's weights were trained on: mean 0 and deviation 1 a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 3, H, W)."""
        return ((image + 1) / 2 - self.mean) / self.std


class PerceptualLoss(nn.Module):
    """Weighted L1 distance of VGG19's features at five depths, each the mean over all its values.

    `johnson` is the published pix2pixHD loss, which gives VGG19 the image in [-1, 1] as it is.

    `chen_koltun` follows its authors' code: the input image is compared too, and VGG19 pools by averages. Their
    VGG19 was trained on 0..255 less the mean colour; torchvision's expects that divided by the deviation as well,
    so here the image is normalised. Theirs as ours, all six distances are in the unit of VGG19's input, which keeps
    the published weights relative to one another as far as the two trainings agree. The unit is one deviation, about
    57 grey levels, instead of one grey level: the sum is that much smaller, as λ must know.

    VGG19 runs in the caller's precision (autocast); distances and their sum are float32.
    """

    def __init__(self, weights: Path, kind: Perceptual) -> None:
        """Load VGG19.

        Args:
            weights: a state dict of torchvision's `vgg19`, from a local file.
            kind: which layers and weights.

        Raises:
            ValueError: where the file cannot be read as such weights.
        """
        super().__init__()
        network = vgg19(weights=None)
        try:
            network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, TypeError, EOFError, UnpicklingError) as error:
            raise ValueError(
                f"losses.vgg_weights: {weights} is no state dict of torchvision's vgg19: {error}"
            ) from error
        layers = list(network.features)
        ends = SLICE_ENDS[kind]
        parts: list[nn.Module] = []
        if kind == "chen_koltun":
            layers = [nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in layers]
            parts.append(ImageNetNormalisation())
        parts += [nn.Sequential(*layers[start:end]) for start, end in zip((0, *ends[:-1]), ends, strict=True)]
        self.parts = nn.ModuleList(parts)
        self.weights = WEIGHTS[kind]
        self.requires_grad_(False)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compare synthesized images with photos, both (B, 3, H, W) in [-1, 1]; a float32 scalar before λ."""
        with torch.no_grad():
            targets = []
            x = real
            for part in self.parts:
                x = part(x)
                targets.append(x)
        total = torch.zeros((), device=fake.device)
        x = fake
        for part, target, weight in zip(self.parts, targets, self.weights, strict=True):
            x = part(x)
            total = total + weight * l1_loss(x.float(), target.float())
        return total


def perceptual_loss(losses: LossesConfig) -> PerceptualLoss | None:
    """The VGG19 loss that the parameters ask for; None where its λ is 0 or there are no weights.

    Raises:
        ValueError: where the file cannot be read as weights of VGG19.
    """
    if not losses.lambda_perceptual or losses.vgg_weights is None:
        return None
    return PerceptualLoss(losses.vgg_weights, losses.perceptual)
