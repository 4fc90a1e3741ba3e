"""Perceptual loss on VGG19 features (Wang et al. 2018, Sec. 3.5 and appendix; Johnson et al. 2016)."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torchvision.models import vgg19

SLICE_ENDS = (2, 7, 12, 21, 30)  # after relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
SLICE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


class PerceptualLoss(nn.Module):
    """Weighted L1 distance of VGG19's features at five depths."""

    def __init__(self, weights: Path) -> None:
        """Load VGG19.

        Args:
            weights: a state dict of torchvision's `vgg19`, from a local file.

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
        starts = (0, *SLICE_ENDS[:-1])
        self.slices = nn.ModuleList(network.features[start:end] for start, end in zip(starts, SLICE_ENDS, strict=True))
        self.requires_grad_(False)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compare synthesized images with photos, both (B, 3, H, W) in [-1, 1]; a scalar before λ."""
        with torch.no_grad():
            targets = []
            x = real
            for part in self.slices:
                x = part(x)
                targets.append(x)
        total = fake.new_zeros(())
        for part, target, weight in zip(self.slices, targets, SLICE_WEIGHTS, strict=True):
            fake = part(fake)
            total = total + weight * l1_loss(fake.float(), target.float())
        return total
