"""Images from a split's conditions and the style bank.

Shapes: B pictures, M instances a picture, F feature channels.
"""

from collections.abc import Iterator, Sequence
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
    """A synthesized picture.

    Attributes:
        name: of the picture.
        sample: which of the pictures of the same map it is, from 0.
        pixels: (H, W, 3) uint8.
    """

    name: str
    sample: int
    pixels: NDArray[np.uint8]


def synthesize_split(
    networks: Networks, maker: BatchMaker, bank: StyleBank, config: SynthesizeConfig, fabric: Fabric
) -> Iterator[SynthesizedPicture]:
    """Synthesize every picture of a split, each instance in a style drawn from the bank; several samples of each.

    Sample k of the n-th of N pictures, both counted from 0, draws from the seed `config.seed` + k N + n. A model
    without features has nothing to draw and makes one sample.
    """
    networks.generator.to(fabric.device).eval()
    has_features = networks.shape.model.n_features > 0
    batches = batches_in_order(maker.store.index, config.batch_size)
    for batch in track_progress(maker.in_order(config.batch_size), total=len(batches), label="synthesizing"):
        for sample in range(config.samples if has_features else 1):
            seed = config.seed + sample * len(maker.store) + batch.positions[0]
            styles = draw_styles(batch, bank, seed) if has_features else None
            for name, pixels in zip(batch.names, synthesize(networks, batch, styles, fabric), strict=True):
                yield SynthesizedPicture(name, sample, pixels)


def synthesize(
    networks: Networks, batch: Batch, styles: torch.Tensor | None, fabric: Fabric
) -> Sequence[NDArray[np.uint8]]:
    """Synthesize the pictures (H, W, 3) uint8 of a batch.

    Args:
        networks: on the fabric's device.
        batch: with the boundary map where the networks take one.
        styles: (B, M, F) of its instances, None for a model without features.
        fabric: the device.
    """
    features = None if styles is None else paint_instances(styles.to(fabric.device), batch.instance)
    with torch.no_grad(), fabric.autocast():
        image = networks.generator(batch.condition, features)
    return list(to_bytes(image).cpu().numpy())


def draw_styles(batch: Batch, bank: StyleBank, seed: int) -> torch.Tensor:
    """Draw each instance's style (B, M, F) float32, as a client of the bundle would from seed, seed + 1, ..."""
    assert batch.label is not None, "styles belong to classes"
    drawn = np.zeros((len(batch.names), batch.instance_count, bank.dimension), np.float32)
    for row, (label, instance) in enumerate(zip(batch.label.cpu().numpy(), batch.instance.cpu().numpy(), strict=True)):
        styles = bank.sample(label, instance.astype(np.int32), seed + row)
        drawn[row, : len(styles)] = styles
    return torch.from_numpy(drawn)
