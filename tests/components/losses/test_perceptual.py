import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models.vgg import make_layers

from components.losses import perceptual
from components.losses.config import LossesConfig, Perceptual
from components.losses.perceptual import ImageNetNormalisation, PerceptualLoss, perceptual_loss
from tests.given import given

THIN_VGG19 = [2, 3, "M", 4, 4, "M", 5, 5, 5, 5, "M", 6, 6, 6, 6, "M", 7, 7, 7, 7, "M"]
KINDS = ["johnson", "chen_koltun"]


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


def _pictures() -> torch.Tensor:
    return torch.rand(2, 3, 32, 32) * 2 - 1


def _activations(weights: Path, image: torch.Tensor, pooling: nn.Module) -> dict[str, torch.Tensor]:
    """Every activation by its published name: relu1_1 to relu5_4, counted by block and convolution."""
    network = ThinVGG19()
    network.load_state_dict(torch.load(weights, weights_only=True))
    found, block, convolution, x = {}, 1, 0, image
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            convolution += 1
            x = layer(x)
        elif isinstance(layer, nn.ReLU):
            x = x.clamp(min=0)
            found[f"relu{block}_{convolution}"] = x
        else:
            block, convolution, x = block + 1, 0, pooling(x)
    return found


def _expected_terms(weights: Path, fake: torch.Tensor, real: torch.Tensor, published: dict[str, float]) -> list[float]:
    """A literal walk through VGG19 with the published layers and factors."""
    terms = []
    if "image" in published:
        for channel, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
            fake[:, channel] = ((fake[:, channel] + 1) / 2 - mean) / std
            real[:, channel] = ((real[:, channel] + 1) / 2 - mean) / std
        terms.append((fake - real).abs().mean().item() * published["image"])
    pooling = nn.AvgPool2d(2) if terms else nn.MaxPool2d(2)
    a, b = _activations(weights, fake, pooling), _activations(weights, real, pooling)
    return terms + [(a[name] - b[name]).abs().mean().item() * published[name] for name in published if name in a]


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("johnson", {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1}),
        (
            "chen_koltun",
            {
                "image": 1,
                "relu1_2": 1 / 2.6,
                "relu2_2": 1 / 4.8,
                "relu3_2": 1 / 3.7,
                "relu4_2": 1 / 5.6,
                "relu5_2": 10 / 1.5,
            },
        ),
    ],
)
def test_perceptual_loss_is_that_of_a_literal_walk_through_the_layers(
    vgg_weights: Path, kind: Perceptual, published: dict[str, float]
) -> None:
    fake, real = _pictures(), _pictures()
    terms = _expected_terms(vgg_weights, fake.clone(), real.clone(), published)
    assert len(terms) == len(published)
    assert min(terms) > 1e-3 * sum(terms)
    assert PerceptualLoss(vgg_weights, kind)(fake, real).item() == pytest.approx(sum(terms), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_loss_is_zero_for_equal_pictures_and_not_for_others(vgg_weights: Path, kind: Perceptual) -> None:
    loss = PerceptualLoss(vgg_weights, kind)
    pictures = _pictures()
    assert loss(pictures, pictures.clone()).item() == 0
    assert loss(pictures, -pictures).item() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_loss_trains_the_synthesized_picture_and_neither_photo_nor_weights(
    vgg_weights: Path, kind: Perceptual
) -> None:
    loss = PerceptualLoss(vgg_weights, kind)
    fake, real = _pictures().requires_grad_(), _pictures().requires_grad_()
    loss(fake, real).backward()
    assert given(fake.grad).any()
    assert real.grad is None
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in loss.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_loss_leaves_its_pictures_as_they_are(vgg_weights: Path, kind: Perceptual) -> None:
    fake, real = _pictures(), _pictures()
    kept = fake.clone(), real.clone()
    PerceptualLoss(vgg_weights, kind)(fake, real)
    assert torch.equal(fake, kept[0])
    assert torch.equal(real, kept[1])


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_loss_is_summed_in_float32_where_vgg_runs_in_reduced_precision(
    vgg_weights: Path, kind: Perceptual
) -> None:
    loss = PerceptualLoss(vgg_weights, kind)
    fake, real = _pictures(), _pictures()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        reduced = loss(fake, real)
    assert reduced.dtype == torch.float32
    assert reduced.item() == pytest.approx(loss(fake, real).item(), rel=0.02)


def test_normalisation_takes_the_mean_colour_to_zero_and_a_deviation_to_one() -> None:
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    colours = torch.stack([mean, mean + deviation, mean - 2 * deviation]).T.view(1, 3, 1, 3) * 2 - 1
    expected = torch.tensor([0.0, 1.0, -2.0]).expand(1, 3, 1, 3)
    torch.testing.assert_close(ImageNetNormalisation()(colours), expected, rtol=0, atol=1e-6)


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
        PerceptualLoss(path, "johnson")


class _WritesOnLoading:
    """What pickle makes of it on loading is a folder: a file of weights could as well delete one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_file_of_weights_runs_no_code(vgg_weights: Path, tmp_path: Path) -> None:
    torch.save(_WritesOnLoading(tmp_path / "made"), tmp_path / "code.pth")
    with pytest.raises(ValueError, match="is no state dict of torchvision's vgg19: Weights only load failed"):
        PerceptualLoss(tmp_path / "code.pth", "johnson")
    assert not (tmp_path / "made").exists()


def test_weights_saved_on_a_gpu_are_read_without_one(vgg_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.load(vgg_weights, weights_only=True)
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(weights, vgg_weights.with_name("gpu.pth"))
    assert b"cuda:0" in vgg_weights.with_name("gpu.pth").read_bytes()
    loss = PerceptualLoss(vgg_weights.with_name("gpu.pth"), "johnson")
    assert {parameter.device.type for parameter in loss.parameters()} == {"cpu"}


def _losses(weights: Path | None, lambda_perceptual: float, kind: Perceptual = "johnson") -> LossesConfig:
    return LossesConfig(
        adversarial="hinge",
        lambda_feature_matching=10,
        lambda_l1=0,
        lambda_perceptual=lambda_perceptual,
        perceptual=kind,
        vgg_weights=weights,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameters_choose_weights_and_kind_of_the_perceptual_loss(vgg_weights: Path, kind: Perceptual) -> None:
    fake, real = _pictures(), _pictures()
    chosen = given(perceptual_loss(_losses(vgg_weights, 10, kind)))
    assert chosen(fake, real).item() == PerceptualLoss(vgg_weights, kind)(fake, real).item() > 0


def test_without_weights_or_with_a_lambda_of_zero_there_is_no_perceptual_loss(vgg_weights: Path) -> None:
    assert perceptual_loss(_losses(vgg_weights, 0)) is None
    assert perceptual_loss(_losses(None, 10)) is None
    assert perceptual_loss(_losses(None, 0)) is None
