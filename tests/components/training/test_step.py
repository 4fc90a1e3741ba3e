from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from components.losses.config import LossesConfig
from components.models.networks import Networks
from components.training.step import TrainingStep, synthesizing_parameters
from tests.tiny import random_batch, tiny_model, tiny_networks

LABELS: dict[str, Any] = {}
RGB: dict[str, Any] = {"boundary_map": False, "n_features": 0}


class PixelDistance(nn.Module):
    """Stands for the perceptual loss."""

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        return (fake - real).square().mean()


def _losses(matching: float = 10.0, perceptual: float = 0.0) -> LossesConfig:
    return LossesConfig(lambda_feature_matching=matching, lambda_perceptual=perceptual, vgg_weights=None)


def _judge(networks: Networks, condition: Tensor, image: Tensor) -> list[list[Tensor]]:
    """The layer results of every discriminator on one picture a pass, the finest first."""
    x, results = torch.cat([condition, image], dim=1), []
    for discriminator in reversed(list(networks.discriminator.discriminators)):
        results.append([])
        seen = x
        for layer in discriminator.layers:
            seen = layer(seen)
            results[-1].append(seen)
        x = avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return results


def _published_step(networks: Networks, batch: Any, matching: float, perceptual: float) -> dict[str, Tensor]:
    """Gradients as published: three discriminator passes and a backward pass a player; leaves them in `.grad`."""
    fake = networks.reconstruct(batch.condition, batch.image, batch.instance, batch.instance_count).image
    judged_detached = _judge(networks, batch.condition, fake.detach())
    judged_real = _judge(networks, batch.condition, batch.image)
    judged_fake = _judge(networks, batch.condition, fake)
    loss_fake = sum(scale[-1].square().mean() for scale in judged_detached)
    loss_real = sum((scale[-1] - 1).square().mean() for scale in judged_real)
    adversarial = sum((scale[-1] - 1).square().mean() for scale in judged_fake)
    distance = torch.zeros(())
    for scale_fake, scale_real in zip(judged_fake, judged_real, strict=True):
        layers = len(scale_fake) - 1  # n_layers_D + 1
        for layer in range(layers):
            gap = (scale_fake[layer] - scale_real[layer].detach()).abs().mean()
            distance = distance + gap * 4 / layers / len(judged_fake)
    perceptual_term = perceptual * (fake - batch.image).square().mean()
    networks.zero_grad()
    (adversarial + matching * distance + perceptual_term).backward()
    networks.discriminator.zero_grad()
    (0.5 * (loss_fake + loss_real)).backward()
    return {
        "generator_adversarial": adversarial,
        "generator_feature_matching": matching * distance,
        "generator_perceptual": perceptual_term,
        "discriminator_real": loss_real,
        "discriminator_fake": loss_fake,
    }


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize(("overrides", "class_count"), [(LABELS, 4), (RGB, 0)], ids=["labels", "rgb"])
def test_losses_and_gradients_are_those_of_three_separate_discriminator_passes(
    norm: str, overrides: dict[str, Any], class_count: int
) -> None:
    model = tiny_model(norm=norm, num_D=3, **overrides)
    ours = tiny_networks(model, class_count=class_count)
    theirs = tiny_networks(model, class_count=class_count)
    batch = random_batch(model, class_count=class_count)
    expected = _published_step(theirs, batch, matching=10.0, perceptual=3.0)
    step = TrainingStep(ours, _losses(10.0, 3.0), perceptual=PixelDistance(), autocast=nullcontext)
    found = step.gradients(batch)

    assert found.named().keys() == expected.keys()
    for name, loss in found.named().items():
        torch.testing.assert_close(loss, expected[name].detach(), rtol=1e-5, atol=0)
    published = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        gradient = published[name].grad
        largest = gradient.abs().max().item()
        # Biases ahead of a norm have a gradient of zero but for rounding.
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=max(1e-5 * largest, 1e-6), msg=name)
    if class_count:
        assert ours.encoder.stem[1].weight.grad.any()
    assert found.image.shape == batch.image.shape


def test_totals_are_the_sum_for_the_generator_and_half_the_sum_for_the_discriminators() -> None:
    model = tiny_model()
    step = TrainingStep(tiny_networks(model), _losses(10.0, 3.0), perceptual=PixelDistance(), autocast=nullcontext)
    result = step.gradients(random_batch(model))
    terms = result.named()
    torch.testing.assert_close(
        result.generator.total(),
        terms["generator_adversarial"] + terms["generator_feature_matching"] + terms["generator_perceptual"],
    )
    torch.testing.assert_close(
        result.discriminator.total(), (terms["discriminator_real"] + terms["discriminator_fake"]) / 2
    )


def test_frozen_parameters_get_no_gradient_and_the_others_the_same_as_before() -> None:
    model = tiny_model()
    whole, frozen = tiny_networks(model), tiny_networks(model)
    frozen.generator.global_generator.requires_grad_(False)
    batch = random_batch(model)
    for networks in (whole, frozen):
        TrainingStep(networks, _losses(), autocast=nullcontext).gradients(batch)
    expected = dict(whole.named_parameters())
    for name, parameter in frozen.named_parameters():
        if name.startswith("generator.global_generator."):
            assert parameter.grad is None, name
        else:
            torch.testing.assert_close(parameter.grad, expected[name].grad, msg=name)
    trainable = {id(parameter) for parameter in synthesizing_parameters(frozen)}
    assert not trainable & {id(parameter) for parameter in frozen.generator.global_generator.parameters()}
    assert {id(parameter) for parameter in frozen.encoder.parameters()} <= trainable
    assert not trainable & {id(parameter) for parameter in frozen.discriminator.parameters()}


def test_gradients_of_a_step_replace_those_of_the_step_before() -> None:
    model = tiny_model()
    networks = tiny_networks(model)
    step = TrainingStep(networks, _losses(), autocast=nullcontext)
    batch = random_batch(model)
    step.gradients(batch)
    first = {name: parameter.grad.clone() for name, parameter in networks.named_parameters()}
    step.gradients(batch)
    for name, parameter in networks.named_parameters():
        torch.testing.assert_close(parameter.grad, first[name], msg=name)


def test_terms_that_are_left_out_are_none_and_have_no_name() -> None:
    model = tiny_model()
    step = TrainingStep(tiny_networks(model), _losses(matching=0.0, perceptual=10.0), autocast=nullcontext)
    result = step.gradients(random_batch(model))
    assert result.generator.feature_matching is None
    assert result.generator.perceptual is None
    assert list(result.named()) == ["generator_adversarial", "discriminator_real", "discriminator_fake"]
    assert result.generator.total() == result.generator.adversarial
    step = TrainingStep(tiny_networks(model), _losses(perceptual=0.0), perceptual=PixelDistance(), autocast=nullcontext)
    assert step.gradients(random_batch(model)).generator.perceptual is None


def test_losses_and_picture_are_detached() -> None:
    model = tiny_model()
    result = TrainingStep(tiny_networks(model), _losses(), autocast=nullcontext).gradients(random_batch(model))
    assert not any(loss.requires_grad for loss in result.named().values())
    assert not result.image.requires_grad


def test_reduced_precision_gives_finite_gradients_in_float32() -> None:
    model = tiny_model()
    networks = tiny_networks(model)
    step = TrainingStep(networks, _losses(), autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    result = step.gradients(random_batch(model))
    assert all(loss.dtype == torch.float32 for loss in result.named().values())
    for name, parameter in networks.named_parameters():
        assert parameter.grad.dtype == torch.float32, name
        assert parameter.grad.isfinite().all(), name
