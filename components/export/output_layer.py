"""The output layer as it is exported: four pixels at once, with a third of the work.

Kernels compute channels in blocks of 8 or 16, so that a 7x7 convolution to 3 channels mostly makes channels that nobody
reads. An 8x8 convolution of stride 2 to 12 channels, 3 for each of the four pixels, gives the same numbers.
"""

import copy

import torch
from torch import nn

from components.models.generator import Generator


def with_output_of_four_pixels(generator: nn.Module) -> nn.Module:
    """Give a generator that computes the same and shares all weights but those of its output layer.

    Generators with another output layer are given back as they are.
    """
    if not isinstance(generator, Generator):
        return generator
    pad, convolution, tanh = generator.head
    assert isinstance(convolution, nn.Conv2d)
    channels, size = convolution.in_channels, convolution.kernel_size[0]
    weight = convolution.weight.new_zeros(3, 2, 2, channels, size + 1, size + 1)
    for down in range(2):
        for right in range(2):
            weight[:, down, right, :, down : down + size, right : right + size] = convolution.weight.detach()
    merged = nn.Conv2d(channels, 12, kernel_size=size + 1, stride=2)
    with torch.no_grad():
        merged.weight.copy_(weight.flatten(0, 2))
        assert convolution.bias is not None
        assert merged.bias is not None
        merged.bias.copy_(convolution.bias.repeat_interleave(4))
    changed = copy.copy(generator)
    changed._modules = {**generator._modules, "head": nn.Sequential(pad, merged, nn.PixelShuffle(2), tanh)}
    return changed
