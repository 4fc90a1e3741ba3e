"""Images from a split's conditions and the style bank.

Shapes: B pictures, M instances a picture, F feature channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from components.data.draws import batches_in_order
from components.data.encoding import to_bytes
from components.data.loader import Batch, BatchMaker
from components.inference import StyleBank
from components.models.instance_pool import paint_instances
from components.models.networks import Networks
from components.progress import track_progress
from components.styles.config import SynthesizeConfig


@dataclass(frozen=True)
class SynthesizedPicture:
    """A picture's name and its pixels (H, W, 3) uint8."""

    name: str
    pixels: NDArray[np.uint8]


def synthesize_split(
    networks: Networks, maker: BatchMaker, bank: StyleBank, config: SynthesizeConfig, fabric: Fabric
) -> Iterator[SynthesizedPicture]:
    """Synthesize every picture of a split, each instance in a style drawn from the bank.

    The n-th picture, counted from 0, draws from the seed `config.seed` + n.
    """
    generator = networks.generator.to(fabric.device).eval()
    seed = config.seed
    total = len(batches_in_order(maker.store.index, config.batch_size))
    for batch in track_progress(maker.in_order(config.batch_size), total=total, label="synthesizing"):
        features = None
        if networks.shape.model.n_features:
            styles = draw_styles(batch, bank, seed).to(fabric.device)
            features = paint_instances(styles, batch.instance)
        with torch.no_grad(), fabric.autocast():
            image = generator(batch.condition, features)
        for name, pixels in zip(batch.names, to_bytes(image).cpu().numpy(), strict=True):
            yield SynthesizedPicture(name, pixels)
        seed += len(batch.names)


def draw_styles(batch: Batch, bank: StyleBank, seed: int) -> torch.Tensor:
    """Draw each instance's style (B, M, F) float32, as a client of the bundle would from seed, seed + 1, ..."""
    assert batch.label is not None, "styles belong to classes"
    drawn = np.zeros((len(batch.names), batch.instance_count, bank.dimension), np.float32)
    for row, (label, instance) in enumerate(zip(batch.label.cpu().numpy(), batch.instance.cpu().numpy(), strict=True)):
        styles = bank.sample(label, instance.astype(np.int32), seed + row)
        drawn[row, : len(styles)] = styles
    return torch.from_numpy(drawn)
