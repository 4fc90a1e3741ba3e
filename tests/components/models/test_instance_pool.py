import pytest
import torch

from components.models.instance_pool import instance_mean, paint_instances
from tests.given import given


def _mean_by_loop(features: torch.Tensor, instance: torch.Tensor, count: int) -> torch.Tensor:
    means = []
    for picture, ids in zip(features, instance, strict=True):
        for number in range(count):
            pixels = picture[:, ids == number]  # (F, pixels of this instance)
            means.append(pixels.mean(1) if pixels.shape[1] else torch.zeros(len(picture)))
    return torch.stack(means).view(len(features), count, features.shape[1])


def _random_case() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(3, 4, 7, 9, generator=generator)
    instance = torch.randint(5, (3, 7, 9), generator=generator)
    instance[instance == 2] = 4  # id 2 has no pixel in any picture
    instance[0][instance[0] == 3] = 0  # id 3 has none in the first
    return features, instance


def test_an_instance_has_the_mean_of_its_pixels() -> None:
    features = torch.tensor([[[[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]], [[0.0, 0.0, -1.0], [0.0, 2.0, -3.0]]]])
    instance = torch.tensor([[[0, 0, 2], [0, 0, 2]]])
    # id 0: (1+2+3+4)/4 and (0+0+0+2)/4; id 1 has no pixel; id 2: (6+8)/2 and (-1-3)/2
    assert instance_mean(features, instance, 3).tolist() == [[[2.5, 0.5], [0.0, 0.0], [7.0, -2.0]]]


def test_the_mean_of_a_single_pixel_is_the_pixel() -> None:
    features = torch.tensor([[[[3.0, 5.0, 7.0]]]])
    assert instance_mean(features, torch.tensor([[[1, 0, 0]]]), 2).tolist() == [[[6.0], [3.0]]]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_the_means_are_those_of_a_loop_over_instances(dtype: torch.dtype) -> None:
    features, instance = _random_case()
    found = instance_mean(features, instance.to(dtype), 6)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, _mean_by_loop(features, instance, 6))


def test_the_gradients_are_those_of_a_loop_over_instances() -> None:
    features, instance = _random_case()
    weights = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(4))
    gradients = []
    for mean in (instance_mean, _mean_by_loop):
        leaf = features.clone().requires_grad_()
        (mean(leaf, instance, 6) * weights).sum().backward()  # type: ignore[no-untyped-call]
        gradients.append(given(leaf.grad))
    assert gradients[0].any()
    torch.testing.assert_close(gradients[0], gradients[1])


def test_pictures_of_a_batch_do_not_mix() -> None:
    features, instance = _random_case()
    changed = features.clone()
    changed[1] += 100
    before, after = instance_mean(features, instance, 5), instance_mean(changed, instance, 5)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    assert not torch.equal(before[1], after[1])


def test_a_large_region_keeps_its_precision() -> None:
    # Every partial sum past 2^24 would drop the ones if it were float32.
    features = torch.full((1, 1, 2048, 4096), 4.0)
    features[0, 0, :, ::2] = 5.0
    assert instance_mean(features, torch.zeros(1, 2048, 4096, dtype=torch.int64), 1).item() == 4.5


def test_painting_gives_each_pixel_the_vector_of_its_instance() -> None:
    vectors = torch.tensor([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]])
    instance = torch.tensor([[[0, 1, 1]], [[1, 0, 1]]])
    assert paint_instances(vectors, instance).tolist() == [
        [[[1.0, 2.0, 2.0]], [[10.0, 20.0, 20.0]]],
        [[[4.0, 3.0, 4.0]], [[40.0, 30.0, 40.0]]],
    ]


def test_the_mean_of_painted_vectors_is_the_vectors() -> None:
    instance = torch.tensor([[[0, 1, 1, 2], [0, 0, 1, 2]], [[2, 2, 1, 0], [2, 2, 1, 0]]])
    vectors = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(instance_mean(paint_instances(vectors, instance), instance, 3), vectors)


def test_painting_sends_the_gradient_of_every_pixel_to_its_instance() -> None:
    vectors = torch.zeros(1, 3, 1, requires_grad=True)
    instance = torch.tensor([[[0, 0, 2]]])
    painted = paint_instances(vectors, instance) * torch.tensor([1.0, 10.0, 100.0])
    painted.sum().backward()  # type: ignore[no-untyped-call]
    assert given(vectors.grad).flatten().tolist() == [11.0, 0.0, 100.0]
