"""One optimisation step of generator, encoder and discriminators (Wang et al. 2018, eq. 5).

Shapes: B pictures, C condition channels, H x W the size of the phase.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from components.data.loader import Batch
from components.losses.adversarial import fake_loss, generator_loss, real_loss
from components.losses.config import LossesConfig
from components.losses.feature_matching import feature_matching
from components.losses.l1 import l1
from components.losses.perceptual import PerceptualLoss
from components.models.discriminator import MultiscaleDiscriminator
from components.models.networks import Networks
from components.training.gradients import set_gradient
from components.training.history_pool import HistoryPool


@dataclass(frozen=True)
class GeneratorLosses:
    """What generator and encoder minimise the sum of, each term with its λ; None where a term is left out."""

    adversarial: Tensor | None = None
    feature_matching: Tensor | None = None
    l1: Tensor | None = None
    perceptual: Tensor | None = None


@dataclass(frozen=True)
class DiscriminatorLosses:
    """What the discriminators minimise half the sum of; None where there are no discriminators."""

    real: Tensor | None = None
    fake: Tensor | None = None


Losses = GeneratorLosses | DiscriminatorLosses
AnyLosses = TypeVar("AnyLosses", GeneratorLosses, DiscriminatorLosses)


@dataclass(frozen=True)
class StepResult:
    """The losses of a step and the image (B, 3, H, W) in [-1, 1] that it synthesized, all detached."""

    generator: GeneratorLosses
    discriminator: DiscriminatorLosses
    image: Tensor

    def named(self) -> dict[str, Tensor]:
        """Every loss that there is, by name."""
        of_generator = {f"generator_{name}": term for name, term in _terms(self.generator).items()}
        return of_generator | {f"discriminator_{name}": term for name, term in _terms(self.discriminator).items()}


class TrainingStep:
    """Computes the gradients of both players from one forward pass of each network."""

    def __init__(
        self,
        networks: Networks,
        losses: LossesConfig,
        *,
        perceptual: PerceptualLoss | None = None,
        pool: HistoryPool | None = None,
        autocast: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Choose the losses.

        Args:
            networks: the networks of the phase; only parameters that require a gradient get one.
            losses: their kinds and the weights λ.
            perceptual: the VGG19 loss, where its weights are at hand.
            pool: the history from which the discriminators' synthesized images are drawn; None for none.
            autocast: the context in which networks run, for reduced precision.
        """
        self.networks = networks
        self.losses = losses
        self.perceptual = perceptual
        self.pool = pool
        self.autocast = autocast

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The names that `StepResult.named` gives."""
        losses, has_discriminator = self.losses, self.networks.discriminator is not None
        there = {
            "generator_adversarial": has_discriminator,
            "generator_feature_matching": has_discriminator and bool(losses.lambda_feature_matching),
            "generator_l1": bool(losses.lambda_l1),
            "generator_perceptual": self.perceptual is not None and bool(losses.lambda_perceptual),
            "discriminator_real": has_discriminator,
            "discriminator_fake": has_discriminator,
        }
        return tuple(name for name, is_there in there.items() if is_there)

    def gradients(self, batch: Batch) -> StepResult:
        """Fill `.grad` of all trainable parameters with this batch's gradients.

        The generator's gradient is taken at the synthesized image, a leaf of what the losses compute, term by term:
        what a term kept for its gradient is gone before the next begins. Then it is carried on through the generator.
        """
        with self.autocast():
            synthesis = self.networks.reconstruct(batch)
        image = synthesis.image.float()
        fake = image.detach().requires_grad_()
        losses = self._distances(fake, batch.image)
        gradient = torch.zeros_like(fake)
        if _terms(losses):
            gradient += torch.autograd.grad(_total(losses), fake)[0]
        discriminator_losses = DiscriminatorLosses()
        if self.networks.discriminator is not None:
            judged, discriminator_losses = self._judge(self.networks.discriminator, batch, fake, gradient)
            losses = replace(losses, **_terms(judged))
        for parameter in synthesizing_parameters(self.networks):
            parameter.grad = None
        torch.autograd.backward(image, gradient)
        return StepResult(_detached(losses), _detached(discriminator_losses), fake.detach())

    def _distances(self, fake: Tensor, real: Tensor) -> GeneratorLosses:
        """The terms that need no discriminator."""
        absolute = perceptual = None
        if self.losses.lambda_l1:
            absolute = self.losses.lambda_l1 * l1(fake, real)
        if self.perceptual is not None and self.losses.lambda_perceptual:
            with self.autocast():
                perceptual = self.losses.lambda_perceptual * self.perceptual(fake, real)
        return GeneratorLosses(l1=absolute, perceptual=perceptual)

    def _judge(
        self, discriminator: MultiscaleDiscriminator, batch: Batch, fake: Tensor, gradient: Tensor
    ) -> tuple[GeneratorLosses, DiscriminatorLosses]:
        """Give both players' adversarial terms; add the first's gradient at `fake` to `gradient`, fill the second's.

        The discriminators are not updated between the two, so one pass over the fake and one over the real image
        serve both, and the condition's share of their first layers is computed once. As one batch [fake; real] they
        would be slower: the gradient at the images would be computed for the real half too, where it is zero
        (`benchmarks/discriminator_pass.py`).
        """
        kind = self.losses.adversarial
        with self.autocast():
            responses = discriminator.respond(batch.condition)
            judged_fake = discriminator.judge(responses, fake)
            judged_real = discriminator.judge(responses, batch.image)
            losses = GeneratorLosses(adversarial=generator_loss(kind, judged_fake))
            if self.losses.lambda_feature_matching:
                matching = self.losses.lambda_feature_matching * feature_matching(judged_fake, judged_real)
                losses = replace(losses, feature_matching=matching)
            if self.pool is None:
                learned_from = judged_fake
            else:
                earlier = self.pool.exchange(batch.condition, fake)
                learned_from = discriminator(earlier.condition, earlier.image)
            discriminator_losses = DiscriminatorLosses(real_loss(kind, judged_real), fake_loss(kind, learned_from))
        gradient += torch.autograd.grad(_total(losses), fake, retain_graph=True)[0]
        trained = [parameter for parameter in discriminator.parameters() if parameter.requires_grad]
        total = 0.5 * _total(discriminator_losses)
        for parameter, of_parameter in zip(trained, torch.autograd.grad(total, trained), strict=True):
            set_gradient(parameter, of_parameter)
        return losses, discriminator_losses


def synthesizing_parameters(networks: Networks) -> list[nn.Parameter]:
    """The trainable parameters of generator and encoder, in a fixed order."""
    players: Sequence[nn.Module] = [part for part in (networks.generator, networks.encoder) if part is not None]
    return [parameter for part in players for parameter in part.parameters() if parameter.requires_grad]


def _terms(losses: Losses) -> dict[str, Tensor]:
    return {name: term for name, term in vars(losses).items() if term is not None}


def _total(losses: Losses) -> Tensor:
    return torch.stack(list(_terms(losses).values())).sum()


def _detached(losses: AnyLosses) -> AnyLosses:
    return replace(losses, **{name: term.detach() for name, term in _terms(losses).items()})
