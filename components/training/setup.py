"""What a phase begins with: its networks, made fast for the device, and their optimizers."""

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam

from components.models.gradient_checkpointing import enable_gradient_checkpointing
from components.models.networks import Networks
from components.runtime import RuntimeConfig
from components.training.history_pool import HistoryPool
from components.training.phases import Phase, freeze_for
from components.training.state import TrainingState
from components.training.step import synthesizing_parameters


def begin_phase(
    number: int, phase: Phase, before: Networks | None, *, fabric: Fabric, runtime: RuntimeConfig
) -> TrainingState:
    """Make the networks of a phase, from those before it or from noise.

    Args:
        number: index of the phase in its stage.
        phase: what is trained.
        before: the networks of the phase before.
        fabric: the device.
        runtime: how the networks are made fast or small.
    """
    torch.manual_seed(phase.config.seed)
    networks = Networks(phase.shape)
    if before is not None:
        networks.start_from(before)
    networks.to(fabric.device)
    freeze_for(phase, networks)
    if runtime.channels_last:
        networks.to(memory_format=torch.channels_last)
    if runtime.gradient_checkpointing:
        enable_gradient_checkpointing(networks)
    if runtime.compile:
        _compile(networks)
    discriminator = networks.discriminator
    return TrainingState(
        networks=networks,
        generator_optimizer=_adam(phase, synthesizing_parameters(networks)),
        discriminator_optimizer=_adam(phase, list(discriminator.parameters())) if discriminator is not None else None,
        pool=HistoryPool(phase.config.pool_size) if phase.config.pool_size else None,
        phase=number,
    )


def _adam(phase: Phase, parameters: list[nn.Parameter]) -> Adam:
    config = phase.config
    betas = (config.beta1, config.beta2)
    return Adam(parameters, lr=config.learning_rate, betas=betas, fused=True)


def _compile(networks: Networks) -> None:
    # Both players' gradients come from one pass of the discriminators, whose buffers must live until the second.
    torch._functorch.config.donated_buffer = False
    # Each discriminator is compiled for its own size, with and without a gradient at the image.
    torch._dynamo.config.recompile_limit = 64
    discriminators = [] if networks.discriminator is None else list(networks.discriminator.discriminators)
    for network in (networks.generator, networks.encoder, *discriminators):
        if network is not None:
            network.compile()
