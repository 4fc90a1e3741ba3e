"""The phases of coarse-to-fine training as data (Wang et al. 2018, Sec. 3.2)."""

from dataclasses import dataclass
from typing import Literal, get_args

from components.models.config import ModelConfig
from components.models.generator import Generator
from components.models.networks import Networks, PhaseShape
from components.training.config import PhaseConfig

StageName = Literal["train_global", "train_local", "finetune"]
STAGES: tuple[StageName, ...] = get_args(StageName)


@dataclass(frozen=True)
class Phase:
    """One training run of the loop.

    Attributes:
        name: `global`, `local_1`, ..., `joint`.
        shape: of its networks.
        config: how it is trained.
        freeze_coarser: whether only the finest enhancer, the output layer, the encoder and the
            discriminators are trained.
    """

    name: str
    shape: PhaseShape
    config: PhaseConfig
    freeze_coarser: bool = False


def phases_of(stage: StageName, model: ModelConfig, class_count: int, config: PhaseConfig) -> list[Phase]:
    """The phases of a stage: the local stage has one an enhancer; where G1 is alone, only the global stage has any.

    Raises:
        ValueError: where a model has features for a dataset without classes.
    """
    if model.n_features and not class_count:
        raise ValueError(
            f"model.n_features: must be 0 for a dataset without classes, whose styles they are, got {model.n_features}"
        )

    def shape(enhancers: int) -> PhaseShape:
        return PhaseShape(model=model, class_count=class_count, n_local_enhancers=enhancers)

    total = model.n_local_enhancers
    if stage == "train_global":
        return [Phase("global", shape(0), config)]
    if stage == "train_local":
        return [Phase(f"local_{number}", shape(number), config, True) for number in range(1, total + 1)]
    return [Phase("joint", shape(total), config)] if total else []


def freeze_for(phase: Phase, networks: Networks) -> None:
    """Make trainable what the phase trains, and nothing else."""
    networks.requires_grad_(True)
    if phase.freeze_coarser:
        networks.generator.requires_grad_(False)
        assert isinstance(networks.generator, Generator), "only the coarse-to-fine generator has local phases"
        networks.generator.local_enhancers[-1].requires_grad_(True)
        networks.generator.head.requires_grad_(True)
