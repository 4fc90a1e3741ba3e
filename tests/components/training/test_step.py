from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from components.losses.config import LossesConfig
from components.losses.perceptual import PerceptualLoss
from components.models.discriminator import PatchDiscriminator
from components.models.networks import Networks
from components.training.history_pool import HistoryPool, Judged
from components.training.step import TrainingStep, synthesizing_parameters
from tests.given import as_a, given
from tests.tiny import random_batch, tiny_losses, tiny_model, tiny_networks

LABELS: dict[str, Any] = {}
RGB: dict[str, Any] = {"boundary_map": False, "n_features": 0}


class PixelDistance(PerceptualLoss):
    """Stands for the perceptual loss, without VGG19."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        return (fake - real).square().mean()


def _losses(matching: float = 10.0, perceptual: float = 0.0, **overrides: Any) -> LossesConfig:
    return tiny_losses(lambda_feature_matching=matching, lambda_perceptual=perceptual, **overrides)


def _patch_losses(kind: str, prediction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What discriminators lose on real and on fake patches, and what the generator loses, as the papers write them."""
    if kind == "least_squares":  # Mao et al. 2017, eq. 9, labels 0 and 1
        losses = (prediction - 1) ** 2, prediction**2, (prediction - 1) ** 2
    elif kind == "cross_entropy":  # Goodfellow et al. 2014, eq. 1 and end of Sec. 3: -log D, -log(1 - D), -log D
        probability = 1 / (1 + torch.exp(-prediction))
        losses = -torch.log(probability), -torch.log(1 - probability), -torch.log(probability)
    else:  # Lim & Ye 2017
        zero = torch.zeros_like(prediction)
        losses = torch.maximum(zero, 1 - prediction), torch.maximum(zero, 1 + prediction), -prediction
    real, fake, generator = (loss.mean() for loss in losses)
    return real, fake, generator


def _sum(losses: Iterable[Tensor]) -> Tensor:
    return sum(losses, torch.zeros(()))


def _judge(networks: Networks, condition: Tensor, image: Tensor) -> list[list[Tensor]]:
    """The layer results of every discriminator on one picture a pass, the finest first."""
    x = torch.cat([condition, image], dim=1)
    results: list[list[Tensor]] = []
    for discriminator in reversed(list(given(networks.discriminator).discriminators)):
        results.append([])
        seen = x
        for layer in as_a(PatchDiscriminator, discriminator).layers:
            seen = layer(seen)
            results[-1].append(seen)
        x = avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return results


def _published_step(
    networks: Networks, batch: Any, matching: float, perceptual: float, kind: str = "least_squares"
) -> dict[str, Tensor]:
    """Gradients as published: three discriminator passes and a backward pass a player; leaves them in `.grad`."""
    fake = networks.reconstruct(batch).image
    judged_detached = _judge(networks, batch.condition, fake.detach())
    judged_real = _judge(networks, batch.condition, batch.image)
    judged_fake = _judge(networks, batch.condition, fake)
    loss_fake = _sum(_patch_losses(kind, scale[-1])[1] for scale in judged_detached)
    loss_real = _sum(_patch_losses(kind, scale[-1])[0] for scale in judged_real)
    adversarial = _sum(_patch_losses(kind, scale[-1])[2] for scale in judged_fake)
    distance = torch.zeros(())
    for scale_fake, scale_real in zip(judged_fake, judged_real, strict=True):
        layers = len(scale_fake) - 1  # n_layers_D + 1
        for layer in range(layers):
            gap = (scale_fake[layer] - scale_real[layer].detach()).abs().mean()
            distance = distance + gap * 4 / layers / len(judged_fake)
    perceptual_term = perceptual * (fake - batch.image).square().mean()
    networks.zero_grad()
    (adversarial + matching * distance + perceptual_term).backward()
    given(networks.discriminator).zero_grad()
    (0.5 * (loss_fake + loss_real)).backward()  # type: ignore[no-untyped-call]
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

    _assert_losses(found.named(), expected)
    _assert_gradients(ours, theirs)
    if class_count:
        assert given(ours.get_parameter("encoder.stem.1.weight").grad).any()
    assert found.image.shape == batch.image.shape


@pytest.mark.parametrize("kind", ["cross_entropy", "hinge"])
def test_other_adversarial_losses_give_the_losses_and_gradients_of_three_separate_passes(kind: str) -> None:
    model = tiny_model()
    ours, theirs = tiny_networks(model), tiny_networks(model)
    batch = random_batch(model)
    expected = _published_step(theirs, batch, matching=10.0, perceptual=3.0, kind=kind)
    losses = _losses(10.0, 3.0, adversarial=kind)
    found = TrainingStep(ours, losses, perceptual=PixelDistance(), autocast=nullcontext).gradients(batch)
    _assert_losses(found.named(), expected)
    _assert_gradients(ours, theirs)


def _assert_losses(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, loss in found.items():
        torch.testing.assert_close(loss, expected[name].detach(), rtol=1e-5, atol=1e-7, msg=name)


def _assert_gradients(ours: nn.Module, theirs: nn.Module) -> None:
    published = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        gradient = given(published[name].grad)
        largest = gradient.abs().max().item()
        # A bias ahead of a norm has a gradient of zero but for the rounding of its many terms.
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=max(1e-5 * largest, 3e-6), msg=name)


def test_the_l1_term_is_the_mean_absolute_distance_times_its_weight_and_reaches_the_generator() -> None:
    model = tiny_model(num_D=0, n_features=0)
    ours, theirs = tiny_networks(model), tiny_networks(model)
    batch = random_batch(model)
    result = TrainingStep(ours, _losses(0.0, lambda_l1=100), autocast=nullcontext).gradients(batch)
    distance = 100 * (theirs.reconstruct(batch).image - batch.image).abs().mean()
    distance.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(result.named(), {"generator_l1": distance.detach()})
    _assert_gradients(ours, theirs)


def test_terms_with_and_without_discriminators_add_up_in_the_generators_gradient() -> None:
    model = tiny_model()
    batch = random_batch(model)
    gradients = []
    for overrides in ({"lambda_l1": 100}, {"lambda_l1": 0}):
        networks = tiny_networks(model)
        TrainingStep(networks, _losses(**overrides), autocast=nullcontext).gradients(batch)
        gradients.append(given(networks.get_parameter("generator.head.1.weight").grad))
    networks = tiny_networks(model)
    (100 * (networks.reconstruct(batch).image - batch.image).abs().mean()).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(
        gradients[0] - gradients[1], networks.get_parameter("generator.head.1.weight").grad, rtol=1e-4, atol=1e-5
    )


def test_without_discriminators_only_distances_are_trained() -> None:
    model = tiny_model(num_D=0)
    networks = tiny_networks(model)
    assert networks.discriminator is None
    losses = _losses(0.0, 3.0, lambda_l1=2)
    step = TrainingStep(networks, losses, perceptual=PixelDistance(), autocast=nullcontext)
    result = step.gradients(random_batch(model))
    assert list(result.named()) == ["generator_l1", "generator_perceptual"]
    assert step.loss_names == ("generator_l1", "generator_perceptual")
    assert result.discriminator.real is result.discriminator.fake is result.generator.adversarial is None
    assert all(parameter.grad is not None for parameter in networks.parameters())


@pytest.mark.parametrize("with_perceptual", [False, True], ids=["", "perceptual"])
@pytest.mark.parametrize("lambda_l1", [0.0, 1.0])
@pytest.mark.parametrize("matching", [0.0, 10.0])
@pytest.mark.parametrize("num_D", [0, 1])
def test_the_names_of_the_losses_are_known_before_the_step(
    num_D: int, matching: float, lambda_l1: float, with_perceptual: bool
) -> None:
    model = tiny_model(num_D=num_D, n_local_enhancers=0, n_features=0)
    losses = _losses(matching, 10.0, lambda_l1=lambda_l1)
    perceptual = PixelDistance() if with_perceptual else None
    step = TrainingStep(tiny_networks(model), losses, perceptual=perceptual, autocast=nullcontext)
    assert set(step.loss_names) == step.gradients(random_batch(model, batch=1)).named().keys()


class GivenPool(HistoryPool):
    """Shows the discriminators a pair that a test chose."""

    def __init__(self, judged: Judged) -> None:
        super().__init__(1)
        self.judged = judged
        self.asked: list[tuple[Tensor, Tensor]] = []

    def exchange(self, condition: Tensor, image: Tensor) -> Judged:
        self.asked.append((condition, image))
        return self.judged


@pytest.mark.parametrize("kind", ["least_squares", "hinge"])
def test_discriminators_learn_from_the_pools_pair_and_the_generator_from_its_own_image(kind: str) -> None:
    model = tiny_model()
    ours, plain = tiny_networks(model), tiny_networks(model)
    batch = random_batch(model)
    earlier = Judged(batch.condition.flip(0), torch.rand(2, 3, 32, 64) * 2 - 1)
    pool = GivenPool(earlier)
    result = TrainingStep(ours, _losses(adversarial=kind), pool=pool, autocast=nullcontext).gradients(batch)
    without = TrainingStep(plain, _losses(adversarial=kind), autocast=nullcontext).gradients(batch)

    ((condition, image),) = pool.asked
    assert torch.equal(condition, batch.condition)
    assert torch.equal(image, without.image)
    for name, parameter in ours.named_parameters():
        if not name.startswith("discriminator."):
            assert torch.equal(given(parameter.grad), given(plain.get_parameter(name).grad)), name
    # Literally: the discriminators' loss on the photo with its condition and on the pool's image with its own.
    theirs = tiny_networks(model)
    fake = _sum(_patch_losses(kind, scale[-1])[1] for scale in _judge(theirs, earlier.condition, earlier.image))
    real = _sum(_patch_losses(kind, scale[-1])[0] for scale in _judge(theirs, batch.condition, batch.image))
    (0.5 * (fake + real)).backward()  # type: ignore[no-untyped-call]
    _assert_gradients(given(ours.discriminator), given(theirs.discriminator))
    coarsest = "discriminator.discriminators.0.layers.0.0.weight"
    assert not torch.allclose(given(ours.get_parameter(coarsest).grad), given(plain.get_parameter(coarsest).grad))
    torch.testing.assert_close(result.discriminator.fake, fake.detach())
    assert result.discriminator.real == without.discriminator.real
    assert result.generator.adversarial == without.generator.adversarial


def test_frozen_parameters_get_no_gradient_and_the_others_the_same_as_before() -> None:
    model = tiny_model()
    whole, frozen = tiny_networks(model), tiny_networks(model)
    g1 = frozen.generator.get_submodule("global_generator").requires_grad_(False)
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
    assert not trainable & {id(parameter) for parameter in g1.parameters()}
    assert {id(parameter) for parameter in given(frozen.encoder).parameters()} <= trainable
    assert not trainable & {id(parameter) for parameter in given(frozen.discriminator).parameters()}


def test_gradients_of_a_step_replace_those_of_the_step_before() -> None:
    model = tiny_model()
    networks = tiny_networks(model)
    step = TrainingStep(networks, _losses(), autocast=nullcontext)
    batch = random_batch(model)
    step.gradients(batch)
    first = {name: given(parameter.grad).clone() for name, parameter in networks.named_parameters()}
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
        gradient = given(parameter.grad)
        assert gradient.dtype == torch.float32, name
        assert gradient.isfinite().all(), name
