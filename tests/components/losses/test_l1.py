import torch

from components.losses.l1 import l1
from tests.given import given


def test_l1_is_the_mean_absolute_distance_and_takes_the_photo_for_a_constant() -> None:
    fake = torch.tensor([0.5, -1.0, 0.0, 1.0]).view(2, 1, 1, 2).requires_grad_()
    real = torch.tensor([0.0, 1.0, 0.0, 0.75]).view(2, 1, 1, 2).requires_grad_()
    loss = l1(fake, real)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == (0.5 + 2 + 0 + 0.25) / 4
    assert given(fake.grad).flatten().tolist() == [0.25, -0.25, 0.0, 0.25]
    assert real.grad is None


def test_l1_of_images_in_reduced_precision_is_taken_in_float32() -> None:
    # 1 + 1/256 is no bfloat16
    loss = l1(torch.tensor([[1.0]]).bfloat16(), torch.tensor([[-1 / 256]]))
    assert loss.dtype == torch.float32
    assert loss.item() == 1 + 1 / 256
