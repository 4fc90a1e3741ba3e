import pytest
import torch

from components.losses.feature_matching import feature_matching
from tests.given import given


def _map(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


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
    feature_matching(fake, real).backward()  # type: ignore[no-untyped-call]
    # n_layers_D = 0: 4 / 1 a layer, and the mean is over two values
    assert given(fake[0][0].grad).flatten().tolist() == [2.0, -2.0]
    assert fake[0][1].grad is None
    assert real[0][0].grad is None
    assert real[0][1].grad is None


def test_distances_of_features_in_reduced_precision_are_averaged_in_float32() -> None:
    # 1 and 1 + 1/128 are bfloat16, their mean 1 + 1/256 is not
    fake = [[_map(1.0, 1 + 1 / 128).bfloat16(), _map(0.0).bfloat16()]]
    real = [[_map(0.0, 0.0).bfloat16(), _map(0.0).bfloat16()]]
    loss = feature_matching(fake, real)
    assert loss.dtype == torch.float32
    assert loss.item() == 4 * (1 + 1 / 256)


def test_features_of_other_scales_or_layers_are_not_compared() -> None:
    scale = [_map(1.0), _map(2.0), _map(0.0)]
    for fake, real in (([scale, scale], [scale]), ([scale], [scale, scale])):
        with pytest.raises(ValueError, match="zip"):
            feature_matching(fake, real)
    for fake, real in (([scale], [scale[1:]]), ([scale[1:]], [scale])):
        with pytest.raises(ValueError, match="zip"):
            feature_matching(fake, real)
