import pytest
import torch

from components.export.output_layer import with_output_of_four_pixels
from tests.given import as_a
from tests.tiny import CLASSES, tiny_model, tiny_networks


@pytest.mark.parametrize("enhancers", [0, 1])
def test_four_pixels_at_once_are_those_of_the_published_output_layer(enhancers: int) -> None:
    networks = tiny_networks(tiny_model(n_local_enhancers=enhancers, num_D=enhancers + 1), class_count=len(CLASSES))
    generator = networks.generator.eval()
    torch.nn.init.normal_(generator.get_parameter("head.1.bias"))
    changed = with_output_of_four_pixels(generator)
    channels = next(module for module in generator.modules() if isinstance(module, torch.nn.Conv2d)).in_channels
    condition = torch.randn(2, channels, 24, 40)
    with torch.no_grad():
        torch.testing.assert_close(changed(condition), generator(condition), rtol=0, atol=1e-5)
    assert as_a(torch.nn.Conv2d, changed.get_submodule("head.1")).stride == (2, 2)
    published = as_a(torch.nn.Conv2d, generator.get_submodule("head.1"))
    assert published.stride == (1, 1), "the trained generator stays as it is"


def test_a_baseline_keeps_its_output_layer() -> None:
    model = tiny_model(generator="crn", n_local_enhancers=0, num_D=1)
    generator = tiny_networks(model, class_count=len(CLASSES)).generator
    assert with_output_of_four_pixels(generator) is generator
