import json

import pytest
import torch

from benchmarks import discriminator_pass
from components.models.discriminator import MultiscaleDiscriminator
from tests.tiny import tiny_model


def test_both_ways_judge_alike() -> None:
    torch.manual_seed(0)
    discriminator = MultiscaleDiscriminator(tiny_model(), condition_channels=3, num_D=2)
    condition, fake, real = torch.rand(2, 3, 32, 64), torch.rand(2, 3, 32, 64), torch.rand(2, 3, 32, 64)
    separate = discriminator_pass.one_after_the_other(discriminator, condition, fake, real)
    together = discriminator_pass.as_one_batch(discriminator, condition, fake, real)
    torch.testing.assert_close(separate, together)


@pytest.mark.slow
def test_it_prints_a_json_line_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    discriminator_pass.main(device="cpu", quick=True)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line.keys() == {"case", "unit", "value", "baseline", "ratio"}
    assert line["ratio"] == pytest.approx(line["value"] / line["baseline"], abs=0.01)
