"""The published training step written down as the paper states it: what `training_step` is measured against.

Three discriminator passes, a mask for every instance and feature, float32, one `backward` a player over everything
(Wang et al. 2018, Sec. 3.2 to 3.4). The networks are those of the project, so both sides have the same weights.

Shapes: B pictures, C classes, H x W pixels.
"""

import torch
from torch import Tensor
from torch.autograd import backward
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss
from torch.optim import Adam

from components.models.discriminator import MultiscaleDiscriminator, PatchDiscriminator
from components.models.feature_encoder import FeatureEncoder
from components.models.networks import Networks

LAMBDA = 10.0  # of feature matching


def encode(label: Tensor, instance: Tensor, class_count: int) -> Tensor:
    """(B, H, W) each -> condition (B, C + 1, H, W): one-hot label map, and edges of the instance map."""
    batch, height, width = label.shape
    one_hot = torch.zeros(batch, class_count, height, width, device=label.device)
    one_hot.scatter_(1, label.long().unsqueeze(1), 1.0)
    edge = torch.zeros(batch, 1, height, width, device=label.device, dtype=torch.bool)
    ids = instance.unsqueeze(1)
    edge[:, :, :, 1:] = edge[:, :, :, 1:] | (ids[:, :, :, 1:] != ids[:, :, :, :-1])
    edge[:, :, :, :-1] = edge[:, :, :, :-1] | (ids[:, :, :, 1:] != ids[:, :, :, :-1])
    edge[:, :, 1:, :] = edge[:, :, 1:, :] | (ids[:, :, 1:, :] != ids[:, :, :-1, :])
    edge[:, :, :-1, :] = edge[:, :, :-1, :] | (ids[:, :, 1:, :] != ids[:, :, :-1, :])
    return torch.cat([one_hot, edge.float()], dim=1)


def features_by_masks(encoder: FeatureEncoder, image: Tensor, instance: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, F, H, W): for every instance and channel, a mask, a mean and an assignment."""
    outputs = encoder.pixels(image)
    pooled = outputs.clone()
    for picture in range(len(image)):
        for each in torch.unique(instance[picture]):
            mask = instance[picture] == each
            for channel in range(outputs.shape[1]):
                mean = outputs[picture, channel][mask].mean()
                pooled[picture, channel] = torch.where(mask, mean, pooled[picture, channel])
    return pooled


def discriminate(discriminator: MultiscaleDiscriminator, condition: Tensor, image: Tensor) -> list[list[Tensor]]:
    """The layer results of every discriminator on the condition and the image side by side, the finest first."""
    x, results = torch.cat([condition, image], dim=1), []
    for network in reversed(list(discriminator.discriminators)):
        assert isinstance(network, PatchDiscriminator)
        seen, layers = x, []
        for layer in network.layers:
            seen = layer(seen)
            layers.append(seen)
        results.append(layers)
        x = avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return results


def _adversarial(judged: list[list[Tensor]], target: float) -> Tensor:
    terms = [mse_loss(scale[-1], torch.full_like(scale[-1], target)) for scale in judged]
    return torch.stack(terms).sum()


def take_step(
    networks: Networks, optimizers: tuple[Adam, Adam], label: Tensor, instance: Tensor, image: Tensor
) -> dict[str, Tensor]:
    """Both players' updates; give the losses."""
    assert networks.discriminator is not None
    assert networks.encoder is not None
    condition = encode(label, instance, networks.shape.class_count).to(image.dtype)
    features = features_by_masks(networks.encoder, image, instance)
    fake = networks.generator(condition, features)

    judged_detached = discriminate(networks.discriminator, condition, fake.detach())
    loss_fake = _adversarial(judged_detached, 0.0)
    judged_real = discriminate(networks.discriminator, condition, image)
    loss_real = _adversarial(judged_real, 1.0)
    judged_fake = discriminate(networks.discriminator, condition, fake)
    loss_adversarial = _adversarial(judged_fake, 1.0)

    loss_matching = image.new_zeros(())
    for of_fake, of_real in zip(judged_fake, judged_real, strict=True):
        for ours, theirs in zip(of_fake[:-1], of_real[:-1], strict=True):
            weight = 4.0 / (len(of_fake) - 1) / len(judged_fake)
            loss_matching = loss_matching + LAMBDA * weight * l1_loss(ours, theirs.detach())

    generator_optimizer, discriminator_optimizer = optimizers
    generator_optimizer.zero_grad()
    backward(loss_adversarial + loss_matching)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    backward((loss_fake + loss_real) * 0.5)
    discriminator_optimizer.step()
    return {
        "generator_adversarial": loss_adversarial,
        "generator_feature_matching": loss_matching,
        "discriminator_real": loss_real,
        "discriminator_fake": loss_fake,
    }
