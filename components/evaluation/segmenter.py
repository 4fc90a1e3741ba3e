"""PSPNet, the evaluator (Wang et al. 2018, Sec. 4.1).

Shapes: B pictures, C classes, H x W full resolution.
"""

import json
import math
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import pad

from components.data.dataset import ClassInfo
from components.models.networks import load_weights, read_weights

SIZE_MULTIPLE = 8  # of heights and widths in this PSPNet
WEIGHTS_FILE = "segmenter.safetensors"
SHAPE_FILE = "segmenter.json"


class Segmenter(nn.Module):
    """PSPNet over the scored classes of a dataset."""

    def __init__(self, classes: tuple[ClassInfo, ...], *, encoder: str, channels: int) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = encoder
        self.channels = channels
        self.network = smp.PSPNet(
            encoder_name=encoder, encoder_weights=None, psp_out_channels=channels, classes=len(classes)
        )
        self.register_buffer("_ignored", torch.tensor([each.ignored_in_scores for each in classes]), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, C, H, W), minus infinity for the ignored classes."""
        height, width = image.shape[2:]
        logits: Tensor = self.network(_padded(image))[:, :, :height, :width]
        return logits.float().masked_fill(self.get_buffer("_ignored").view(1, -1, 1, 1), -math.inf)

    @torch.no_grad()
    def predict(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> classes (B, H, W) int64."""
        logits: Tensor = self(image)
        return logits.argmax(1)

    @torch.no_grad()
    def features(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> float32 features (B, D, h, w) of each layer of the encoder, finest first."""
        _, *layers = self.network.encoder(_padded(image))  # the first is the image itself
        return [layer.float() for layer in layers]

    def save(self, folder: Path) -> None:
        """Write weights and shape into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), folder / WEIGHTS_FILE)
        (folder / SHAPE_FILE).write_text(json.dumps({"encoder": self.encoder, "channels": self.channels}))


def load_segmenter(folder: Path, classes: tuple[ClassInfo, ...]) -> Segmenter:
    """Load what `Segmenter.save` wrote, ready to predict.

    Raises:
        ValueError: where a file is missing or the weights are of another shape.
    """
    try:
        shape = json.loads((folder / SHAPE_FILE).read_text())
    except OSError as error:
        raise ValueError(f"{folder}: expected a trained segmenter, found {error}") from error
    segmenter = Segmenter(classes, **shape)
    load_weights(segmenter, read_weights(folder / WEIGHTS_FILE), source=folder / WEIGHTS_FILE)
    return segmenter.eval()


def _padded(image: Tensor) -> Tensor:
    height, width = image.shape[2:]
    return pad(image, (0, -width % SIZE_MULTIPLE, 0, -height % SIZE_MULTIPLE), mode="replicate")
