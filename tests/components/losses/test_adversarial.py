import math
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from components.losses.adversarial import fake_loss, generator_loss, real_loss
from components.losses.config import Adversarial
from components.models.discriminator import ScaleFeatures


def _map(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


# Two discriminators, the first with two patches of two pictures; only the last result of each is a prediction.
SCALES = [
    [_map(9.0), torch.tensor([[[[1.0, 3.0]]], [[[0.0, -2.0]]]])],
    [_map(7.0), _map(0.5)],
]


def test_least_squares_is_the_mean_over_patches_and_the_sum_over_scales() -> None:
    # to 1: (0 + 4 + 1 + 9) / 4 + 0.25; to 0: (1 + 9 + 0 + 4) / 4 + 0.25
    assert real_loss("least_squares", SCALES).item() == 3.75
    assert generator_loss("least_squares", SCALES).item() == 3.75
    assert fake_loss("least_squares", SCALES).item() == 3.75
    # to 1: (1 + 9) / 2; to 0: (4 + 4) / 2
    assert real_loss("least_squares", [[_map(2.0, -2.0)]]).item() == 5
    assert fake_loss("least_squares", [[_map(2.0, -2.0)]]).item() == 4


def test_hinge_stops_at_the_margin_for_the_discriminators_and_never_for_the_generator() -> None:
    # max(0, 1 - D): (0 + 0 + 1 + 3) / 4 + 0.5; max(0, 1 + D): (2 + 4 + 1 + 0) / 4 + 1.5; -D: -(1 + 3 + 0 - 2) / 4 - 0.5
    assert real_loss("hinge", SCALES).item() == 1.5
    assert fake_loss("hinge", SCALES).item() == 3.25
    assert generator_loss("hinge", SCALES).item() == -1


def test_cross_entropy_takes_the_predictions_for_logits() -> None:
    # The logit of the probability 3/4 is ln 3: -ln(3/4) for real, -ln(1/4) for fake.
    scales = [[_map(math.log(3))], [_map(0.0)]]
    assert real_loss("cross_entropy", scales).item() == pytest.approx(math.log(4 / 3) + math.log(2))
    assert generator_loss("cross_entropy", scales).item() == pytest.approx(math.log(4 / 3) + math.log(2))
    assert fake_loss("cross_entropy", scales).item() == pytest.approx(math.log(4) + math.log(2))


def test_cross_entropy_is_torchs_summed_over_scales_and_finite_for_large_logits() -> None:
    scales = [[torch.tensor([[[[-200.0, 3.0]]]])], [torch.tensor([[[[200.0, -0.5]]]])]]
    for target, loss in ((1.0, real_loss), (0.0, fake_loss)):
        terms = [
            binary_cross_entropy_with_logits(prediction, torch.full_like(prediction, target))
            for (prediction,) in scales
        ]
        expected = torch.stack(terms).sum()
        assert loss("cross_entropy", scales).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("kind", ["least_squares", "cross_entropy", "hinge"])
def test_the_generator_raises_what_the_discriminators_lower_on_its_images(kind: Adversarial) -> None:
    def gradient(loss: torch.Tensor) -> float:
        return torch.autograd.grad(loss, prediction)[0].item()

    prediction = _map(0.5).requires_grad_()
    assert gradient(generator_loss(kind, [[prediction]])) < 0
    assert gradient(real_loss(kind, [[prediction]])) < 0
    assert gradient(fake_loss(kind, [[prediction]])) > 0


def test_the_hinge_gives_no_gradient_past_the_margin_but_to_the_generator() -> None:
    prediction = _map(3.0, -3.0).requires_grad_()
    (real,) = torch.autograd.grad(real_loss("hinge", [[prediction]]), prediction)
    (fake,) = torch.autograd.grad(fake_loss("hinge", [[prediction]]), prediction)
    (generator,) = torch.autograd.grad(generator_loss("hinge", [[prediction]]), prediction)
    assert real.flatten().tolist() == [0.0, -0.5]
    assert fake.flatten().tolist() == [0.5, 0.0]
    assert generator.flatten().tolist() == [-0.5, -0.5]


@pytest.mark.parametrize("loss", [real_loss, fake_loss, generator_loss])
@pytest.mark.parametrize("kind", ["least_squares", "cross_entropy", "hinge"])
def test_predictions_in_reduced_precision_are_judged_in_float32(
    kind: Adversarial, loss: Callable[[Adversarial, list[ScaleFeatures]], torch.Tensor]
) -> None:
    # 257 is no bfloat16: its square and its sum with 1 would be rounded
    result = loss(kind, [[_map(256.0, -256.0).bfloat16()]])
    assert result.dtype == torch.float32
    assert result.item() == loss(kind, [[_map(256.0, -256.0)]]).item()
