"""Sample pictures on the way of training."""

import torch
from lightning_fabric import Fabric

from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.pictures import Picture, comparison_rows, grid, spread_positions
from components.models.networks import Networks

SAMPLE_COUNT = 4


def sample_grid(networks: Networks, maker: BatchMaker, fabric: Fabric) -> Picture:
    """Condition, synthesized and real picture of some pictures, a row each.

    Args:
        networks: on the device; they are left in training mode.
        maker: of the validation split, at the networks' scale.
        fabric: the device and its precision.
    """
    rows = []
    networks.eval()
    for position in spread_positions(len(maker.store), SAMPLE_COUNT):
        batch = maker.make([Draw(position)])
        with torch.no_grad(), fabric.autocast():
            image = networks.reconstruct(batch).image
        rows += comparison_rows(batch, image, maker.store.index.classes)
    networks.train()
    return grid(rows)
