"""Time of both players' gradients with fake and real judged one after the other, over that as one batch.

As one batch [fake; real] the kernels are larger, but the gradient at the images is computed for the real half too.
"""

from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer
from torch import Tensor

from benchmarks.json_line import print_json_line
from benchmarks.training_step import make_phase
from components.losses.adversarial import fake_loss, generator_loss, real_loss
from components.losses.config import Adversarial
from components.losses.feature_matching import feature_matching
from components.models.discriminator import MultiscaleDiscriminator, ScaleFeatures

Judged = tuple[list[ScaleFeatures], list[ScaleFeatures]]


def one_after_the_other(
    discriminator: MultiscaleDiscriminator, condition: Tensor, fake: Tensor, real: Tensor
) -> Judged:
    """Two passes, that share what the first layers make of the condition."""
    responses = discriminator.respond(condition)
    return discriminator.judge(responses, fake), discriminator.judge(responses, real)


def as_one_batch(discriminator: MultiscaleDiscriminator, condition: Tensor, fake: Tensor, real: Tensor) -> Judged:
    """One pass, whose results are cut in two."""
    count = len(fake)
    both = discriminator(torch.cat([condition, condition]), torch.cat([fake, real]))
    return [[x[:count] for x in scale] for scale in both], [[x[count:] for x in scale] for scale in both]


def gradients(discriminator: MultiscaleDiscriminator, judged: Judged, fake: Tensor) -> None:
    """The generator's gradient at the fake image and the discriminators' at their weights."""
    judged_fake, judged_real = judged
    kind: Adversarial = "least_squares"
    for_generator = generator_loss(kind, judged_fake) + 10 * feature_matching(judged_fake, judged_real)
    for_discriminator = 0.5 * (fake_loss(kind, judged_fake) + real_loss(kind, judged_real))
    torch.autograd.grad(for_generator, fake, retain_graph=True)
    torch.autograd.grad(for_discriminator, list(discriminator.parameters()))


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    quick: Annotated[bool, typer.Option("--quick", help="the smaller size, few repetitions")] = False,
) -> None:
    """Print a JSON line for each size: seconds a step, the baseline's, and their ratio."""
    torch.set_num_threads(2)
    config = make_phase(ngf=1, ndf=64 if device == "cuda" else 16).shape.model
    discriminator = MultiscaleDiscriminator(config, condition_channels=36, num_D=3).to(device)
    for height, width in [(256, 512)] if quick else [(256, 512), (512, 1024)]:
        condition = torch.rand(1, 36, height, width, device=device)
        fake = (torch.rand(1, 3, height, width, device=device) * 2 - 1).requires_grad_()
        real = torch.rand(1, 3, height, width, device=device) * 2 - 1
        seconds: dict[str, list[float]] = {"halves": [], "batch": []}
        for repetition in range(4 if quick else 12):
            for name, judge in (("halves", one_after_the_other), ("batch", as_one_batch)):
                started = perf_counter()
                gradients(discriminator, judge(discriminator, condition, fake, real), fake)
                if device == "cuda":
                    torch.cuda.synchronize()
                if repetition:
                    seconds[name].append(perf_counter() - started)
        value, baseline = median(seconds["halves"]), median(seconds["batch"])
        case = f"fake then real, {width}x{height}, {device}"
        print_json_line(case, "s", value, baseline)


if __name__ == "__main__":
    typer.run(main)
