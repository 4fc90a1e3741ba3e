"""Layers whose results are computed again for the gradients instead of being kept (Chen et al. 2016)."""

from collections.abc import Iterator
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from components.models.blocks import ResidualBlock
from components.models.networks import Networks


def enable_gradient_checkpointing(networks: Networks) -> None:
    """Keep only what passes between layers: convolution, norm and activation run once more in the backward pass.

    Batch norm is not for it: its running statistics would move twice a step.
    """
    for layer in _layers(networks):
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """Residual blocks, and sequences that hold no sequence."""
    parts = list(module.children())
    is_layer = isinstance(module, nn.Sequential) and not any(
        isinstance(part, nn.Sequential | ResidualBlock) for part in parts
    )
    if is_layer or isinstance(module, ResidualBlock):
        yield module
    else:
        for part in parts:
            yield from _layers(part)
