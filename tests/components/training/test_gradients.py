import torch
from torch import nn

from components.training.gradients import set_gradient
from tests.given import given


def test_a_gradient_lies_in_memory_as_its_parameter_does() -> None:
    parameter = nn.Parameter(torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last))
    gradient = torch.arange(24.0).view(2, 3, 2, 2)
    set_gradient(parameter, gradient)
    found = given(parameter.grad)
    assert found.stride() == parameter.stride()
    assert torch.equal(found, gradient)


def test_fused_adam_moves_each_weight_against_its_own_gradient() -> None:
    # Adam's first step is the learning rate against the gradient's sign.
    parameter = nn.Parameter(torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last))
    gradient = torch.arange(24.0).view(2, 3, 2, 2) - 11.5
    set_gradient(parameter, gradient)
    torch.optim.Adam([parameter], lr=0.5, fused=True).step()
    torch.testing.assert_close(parameter.detach(), -0.5 * gradient.sign())
