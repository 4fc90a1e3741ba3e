from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models.blocks import ResidualBlock
from components.models.gradient_checkpointing import enable_gradient_checkpointing
from components.models.networks import Networks
from tests.given import given
from tests.tiny import random_batch, tiny_model, tiny_networks

GENERATORS: dict[str, dict[str, Any]] = {
    "coarse_to_fine": {},
    "unet": {"generator": "unet", "n_local_enhancers": 0, "n_downsample_global": 4},
    "crn": {"generator": "crn", "n_local_enhancers": 0},
}
every_generator = pytest.mark.parametrize("overrides", GENERATORS.values(), ids=GENERATORS)


def _both(overrides: dict[str, Any]) -> tuple[Networks, Networks]:
    """The same networks without and with checkpointing."""
    plain, checkpointed = (tiny_networks(tiny_model(**overrides)) for _ in range(2))
    enable_gradient_checkpointing(checkpointed)
    return plain, checkpointed


def _loss(networks: Networks) -> Tensor:
    """A value that every weight changes."""
    batch = random_batch(networks.shape.model)
    judged = given(networks.discriminator)(batch.condition, networks.reconstruct(batch).image)
    return torch.stack([scale[-1].square().mean() for scale in judged]).sum()


@contextmanager
def _kept(networks: Networks) -> Iterator[dict[int, int]]:
    """Bytes by memory block of what is kept for the backward pass, weights left out.

    That is what autograd saves, and the inputs of the layers that are computed again, which autograd does not see.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in networks.parameters()}
    alive: list[Tensor] = []  # or a block could be freed and used again
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    def keep_inputs(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        for tensor in inputs:
            keep(tensor)

    layers = [module for module in networks.modules() if "forward" in vars(module)]
    hooks = [layer.register_forward_pre_hook(keep_inputs) for layer in layers]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes
    for hook in hooks:
        hook.remove()


@every_generator
def test_losses_and_gradients_stay_the_same_to_the_last_bit(overrides: dict[str, Any]) -> None:
    plain, checkpointed = _both(overrides)
    losses = []
    for networks in (plain, checkpointed):
        losses.append(_loss(networks))
        losses[-1].backward()  # type: ignore[no-untyped-call]
    assert torch.equal(*losses)
    expected = dict(plain.named_parameters())
    for name, parameter in checkpointed.named_parameters():
        assert torch.equal(given(parameter.grad), given(expected[name].grad)), name


def test_dropout_is_the_same_when_a_layer_is_computed_again() -> None:
    plain, checkpointed = _both(GENERATORS["unet"] | {"n_downsample_global": 6, "n_features": 0})
    batch = random_batch(plain.shape.model, height=64)
    for networks in (plain, checkpointed):
        torch.manual_seed(1)
        networks.generator(batch.condition).square().sum().backward()
    expected = dict(plain.generator.named_parameters())
    assert any(isinstance(module, nn.Dropout) for module in plain.generator.modules())
    for name, parameter in checkpointed.generator.named_parameters():
        assert torch.equal(given(parameter.grad), given(expected[name].grad)), name


@every_generator
def test_at_most_two_thirds_are_kept_for_the_backward_pass(overrides: dict[str, Any]) -> None:
    kept = []
    for networks in _both(overrides):
        with _kept(networks) as sizes:
            _loss(networks)
        kept.append(sum(sizes.values()))
    assert 0 < kept[1] < kept[0] * 2 / 3


@every_generator
def test_weights_keep_their_names_and_without_gradients_pictures_are_the_same(overrides: dict[str, Any]) -> None:
    plain, checkpointed = _both(overrides)
    assert checkpointed.state_dict().keys() == plain.state_dict().keys()
    batch = random_batch(plain.shape.model)
    images = []
    for networks in (plain, checkpointed):
        networks.eval()
        with torch.no_grad():
            images.append(networks.reconstruct(batch).image)
    assert torch.equal(*images)


def test_every_convolution_is_in_one_layer_that_is_computed_again() -> None:
    _, networks = _both({})
    layers = {name for name, module in networks.named_modules() if "forward" in vars(module)}
    left = {
        name
        for name, module in networks.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        and not any(name.startswith(f"{layer}.") for layer in layers)
    }
    assert left == set()
    nested = [(a, b) for a in layers for b in layers if a.startswith(f"{b}.")]
    assert nested == []  # or it would be computed three times
    blocks = {name for name, module in networks.named_modules() if isinstance(module, ResidualBlock)}
    assert blocks <= layers
