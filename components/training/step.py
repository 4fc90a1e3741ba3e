"""One optimisation step of generator, encoder and discriminators (Wang et al. 2018, eq. 5 and 6).

Shapes: B pictures, C condition channels, H x W the size of the phase.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from components.data.loader import Batch
from components.losses.adversarial import least_squares
from components.losses.config import LossesConfig
from components.losses.feature_matching import feature_matching
from components.losses.perceptual import PerceptualLoss
from components.models.discriminator import ScaleFeatures
from components.models.networks import Networks


@dataclass(frozen=True)
class GeneratorLosses:
    """What generator and encoder minimise, each term with its λ; None where a term is left out."""

    adversarial: Tensor
    feature_matching: Tensor | None
    perceptual: Tensor | None

    def total(self) -> Tensor:
        """The sum of the terms."""
        return torch.stack([term for _, term in self.named()]).sum()

    def named(self) -> list[tuple[str, Tensor]]:
        """The terms that there are."""
        return [(name, term) for name, term in vars(self).items() if term is not None]

    def detached(self) -> "GeneratorLosses":
        """The same numbers, cut from the graph."""
        return replace(self, **{name: term.detach() for name, term in self.named()})


@dataclass(frozen=True)
class DiscriminatorLosses:
    """What the discriminators minimise half the sum of."""

    real: Tensor
    fake: Tensor

    def total(self) -> Tensor:
        """Half the sum of both terms, as published."""
        return 0.5 * (self.real + self.fake)

    def detached(self) -> "DiscriminatorLosses":
        """The same numbers, cut from the graph."""
        return DiscriminatorLosses(real=self.real.detach(), fake=self.fake.detach())


@dataclass(frozen=True)
class StepResult:
    """The losses of a step and the image (B, 3, H, W) in [-1, 1] that it synthesized, all detached."""

    generator: GeneratorLosses
    discriminator: DiscriminatorLosses
    image: Tensor

    def named(self) -> dict[str, Tensor]:
        """Every loss by name."""
        named = {f"generator_{name}": term for name, term in self.generator.named()}
        return named | {"discriminator_real": self.discriminator.real, "discriminator_fake": self.discriminator.fake}


class TrainingStep:
    """Computes the gradients of both players from one forward pass of each network."""

    def __init__(
        self,
        networks: Networks,
        losses: LossesConfig,
        *,
        perceptual: PerceptualLoss | None = None,
        autocast: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Choose the losses.

        Args:
            networks: the networks of the phase; only parameters that require a gradient get one.
            losses: the weights λ.
            perceptual: the VGG19 loss, where its weights are at hand.
            autocast: the context in which networks run, for reduced precision.
        """
        self.networks = networks
        self.losses = losses
        self.perceptual = perceptual
        self.autocast = autocast

    def gradients(self, batch: Batch) -> StepResult:
        """Fill `.grad` of all trainable parameters with this batch's gradients.

        The discriminators are not updated between the two losses, so one pass over the fake and one over the
        real image serve both: the generator's gradient is taken at the fake image, a leaf of its pass. As one
        batch [fake; real] they would be slower: the gradient at the images would be computed for the real half too,
        where it is zero (`benchmarks/discriminator_pass.py`).
        """
        networks = self.networks
        with self.autocast():
            synthesis = networks.reconstruct(batch.condition, batch.image, batch.instance, batch.instance_count)
        fake = synthesis.image.float()
        fake_leaf = fake.detach().requires_grad_()
        with self.autocast():
            judged_fake = networks.discriminator(batch.condition, fake_leaf)
            judged_real = networks.discriminator(batch.condition, batch.image)
            generator_losses = self._generator_losses(judged_fake, judged_real, fake_leaf, batch.image)
            discriminator_losses = DiscriminatorLosses(
                real=least_squares(judged_real, 1.0), fake=least_squares(judged_fake, 0.0)
            )
        (fake_gradient,) = torch.autograd.grad(generator_losses.total(), fake_leaf, retain_graph=True)
        judges = [p for p in networks.discriminator.parameters() if p.requires_grad]
        for parameter, gradient in zip(judges, torch.autograd.grad(discriminator_losses.total(), judges), strict=True):
            parameter.grad = gradient
        for parameter in synthesizing_parameters(networks):
            parameter.grad = None
        torch.autograd.backward(fake, fake_gradient)
        return StepResult(
            generator=generator_losses.detached(),
            discriminator=discriminator_losses.detached(),
            image=fake.detach(),
        )

    def _generator_losses(
        self, judged_fake: list[ScaleFeatures], judged_real: list[ScaleFeatures], fake: Tensor, real: Tensor
    ) -> GeneratorLosses:
        losses = self.losses
        matching = perceptual = None
        if losses.lambda_feature_matching:
            matching = losses.lambda_feature_matching * feature_matching(judged_fake, judged_real)
        if self.perceptual is not None and losses.lambda_perceptual:
            perceptual = losses.lambda_perceptual * self.perceptual(fake, real)
        return GeneratorLosses(least_squares(judged_fake, 1.0), matching, perceptual)


def synthesizing_parameters(networks: Networks) -> list[nn.Parameter]:
    """The trainable parameters of generator and encoder, in a fixed order."""
    players: Sequence[nn.Module] = [part for part in (networks.generator, networks.encoder) if part is not None]
    return [parameter for part in players for parameter in part.parameters() if parameter.requires_grad]
