import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models.vgg import make_layers

from components.losses import perceptual
from components.losses.adversarial import least_squares
from components.losses.feature_matching import feature_matching
from components.losses.perceptual import PerceptualLoss

THIN_VGG19 = [2, 3, "M", 4, 4, "M", 5, 5, 5, 5, "M", 6, 6, 6, 6, "M", 7, 7, 7, 7, "M"]


def _map(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


class ThinVGG19(nn.Module):
    """The layers of VGG19's feature part with few channels: the real one has 550 MB."""

    def __init__(self, weights: None = None) -> None:
        super().__init__()
        self.features = make_layers(THIN_VGG19)
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):  # as large at every depth, so that each term counts
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


@pytest.fixture
def vgg_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(perceptual, "vgg19", ThinVGG19)
    torch.manual_seed(0)
    torch.save(ThinVGG19().state_dict(), tmp_path / "vgg19.pth")
    return tmp_path / "vgg19.pth"


def test_least_squares_is_the_mean_over_patches_and_the_sum_over_scales() -> None:
    scales = [
        [_map(9.0), torch.tensor([[[[1.0, 3.0]]], [[[0.0, 2.0]]]])],  # only the last result is a prediction
        [_map(7.0), _map(0.5)],
    ]
    # to 1: (0 + 4 + 1 + 1) / 4 + 0.25; to 0: (1 + 9 + 0 + 4) / 4 + 0.25
    assert least_squares(scales, 1.0).item() == 1.75
    assert least_squares(scales, 0.0).item() == 3.75


def test_least_squares_is_zero_where_every_patch_meets_the_target() -> None:
    assert least_squares([[_map(1.0, 1.0)], [_map(1.0)]], 1.0).item() == 0


def test_feature_matching_weighs_layers_and_scales_as_published() -> None:
    # n_layers_D = 2: results of 3 layers and the prediction, so 4 / (2 + 1) a layer; 1 / 2 a scale.
    fake = [
        [_map(1.0, 3.0), _map(0.0), _map(2.0), _map(100.0)],
        [_map(0.0, 0.0), _map(5.0), _map(1.0), _map(-100.0)],
    ]
    real = [
        [_map(0.0, 0.0), _map(3.0), _map(2.0), _map(0.0)],
        [_map(0.0, 1.0), _map(4.0), _map(1.0), _map(0.0)],
    ]
    # mean distances: 2, 3, 0 and 0.5, 1, 0
    assert feature_matching(fake, real).item() == pytest.approx((2 + 3 + 0 + 0.5 + 1 + 0) * 4 / 3 / 2)


def test_feature_matching_sends_no_gradient_to_the_photo_or_the_prediction() -> None:
    fake = [[_map(2.0, 0.0).requires_grad_(), _map(1.0).requires_grad_()]]
    real = [[_map(1.0, 1.0).requires_grad_(), _map(0.0).requires_grad_()]]
    feature_matching(fake, real).backward()
    # n_layers_D = 0: 4 / 1 a layer, and the mean is over two values
    assert fake[0][0].grad.flatten().tolist() == [2.0, -2.0]
    assert fake[0][1].grad is None
    assert real[0][0].grad is None
    assert real[0][1].grad is None


def test_perceptual_loss_is_zero_for_equal_pictures_and_not_for_others(vgg_weights: Path) -> None:
    loss = PerceptualLoss(vgg_weights)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    assert loss(pictures, pictures.clone()).item() == 0
    assert loss(pictures, -pictures).item() > 0


def test_perceptual_loss_is_that_of_a_literal_walk_through_the_layers(vgg_weights: Path) -> None:
    fake, real = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    network = ThinVGG19()
    network.load_state_dict(torch.load(vgg_weights, weights_only=True))
    # The first activation of each block: a block starts at the start and after each pooling.
    weights = iter((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0))
    terms, first_of_block = [], True
    a, b = fake, real
    for layer in network.features:
        a, b = layer(a.clone()), layer(b.clone())
        if isinstance(layer, nn.ReLU) and first_of_block:
            terms.append((next(weights) * (a - b).abs().mean()).item())
            first_of_block = False
        elif isinstance(layer, nn.MaxPool2d):
            first_of_block = True
    assert len(terms) == 5
    assert min(terms) > 1e-3 * sum(terms)
    assert PerceptualLoss(vgg_weights)(fake, real).item() == pytest.approx(sum(terms), rel=1e-5)


def test_perceptual_loss_trains_the_synthesized_picture_and_neither_photo_nor_weights(vgg_weights: Path) -> None:
    loss = PerceptualLoss(vgg_weights)
    fake, real = torch.rand(1, 3, 32, 32, requires_grad=True), torch.rand(1, 3, 32, 32, requires_grad=True)
    loss(fake, real).backward()
    assert fake.grad.any()
    assert real.grad is None
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in loss.parameters())


@pytest.mark.parametrize("content", ["missing", "text", "other tensors"])
def test_a_file_that_holds_no_vgg19_is_refused_with_field_and_file(
    vgg_weights: Path, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "wrong.pth"
    if content == "text":
        path.write_text("no weights")
    elif content == "other tensors":
        torch.save({"features.0.weight": torch.zeros(1)}, path)
    expected = re.escape(f"losses.vgg_weights: {path} is no state dict of torchvision's vgg19")
    with pytest.raises(ValueError, match=expected):
        PerceptualLoss(path)
