"""Gradients as an optimizer takes them."""

import torch
from torch import Tensor, nn


def set_gradient(parameter: nn.Parameter, gradient: Tensor) -> None:
    """Make `gradient`, of the parameter's shape, its `.grad`, laid out in memory as the parameter is.

    Fused Adam pairs a parameter with its gradient by memory, whatever the order of their axes.
    """
    if gradient.stride() != parameter.stride():
        gradient = torch.empty_like(parameter).copy_(gradient)
    parameter.grad = gradient
