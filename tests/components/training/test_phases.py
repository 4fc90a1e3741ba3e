import pytest

from components.models.networks import Networks
from components.training.phases import StageName, freeze_for, phases_of
from tests.tiny import tiny_model, tiny_networks
from tests.training_run import phase_config

CONFIG = phase_config()


def _trainable(networks: Networks) -> set[str]:
    return {name for name, parameter in networks.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("enhancers", "local", "joint"),
    [
        (0, [], []),
        (1, [("local_1", 1)], [("joint", 1)]),
        (3, [("local_1", 1), ("local_2", 2), ("local_3", 3)], [("joint", 3)]),
    ],
)
def test_each_stage_has_the_phases_of_its_enhancers(
    enhancers: int, local: list[tuple[str, int]], joint: list[tuple[str, int]]
) -> None:
    model = tiny_model(n_local_enhancers=enhancers, num_D=enhancers + 1)

    def named(stage: StageName) -> list[tuple[str, int]]:
        phases = phases_of(stage, model, 4, CONFIG)
        assert all(phase.config == CONFIG and phase.shape.model == model for phase in phases)
        assert all(phase.shape.class_count == 4 for phase in phases)
        assert all(phase.freeze_coarser == (stage == "train_local") for phase in phases)
        return [(phase.name, phase.shape.n_local_enhancers) for phase in phases]

    assert named("train_global") == [("global", 0)]
    assert named("train_local") == local
    assert named("finetune") == joint


def test_a_local_phase_trains_finest_enhancer_output_layer_encoder_and_discriminators() -> None:
    model = tiny_model(n_local_enhancers=2, num_D=3)
    networks = tiny_networks(model)
    freeze_for(phases_of("train_local", model, 4, CONFIG)[1], networks)
    everything = {name for name, _ in networks.named_parameters()}
    frozen = {
        name for name in everything if name.startswith(("generator.global_generator.", "generator.local_enhancers.0."))
    }
    assert frozen
    assert _trainable(networks) == everything - frozen


def test_the_joint_phase_trains_everything_again() -> None:
    model = tiny_model()
    networks = tiny_networks(model)
    freeze_for(phases_of("train_local", model, 4, CONFIG)[0], networks)
    freeze_for(phases_of("finetune", model, 4, CONFIG)[0], networks)
    assert _trainable(networks) == {name for name, _ in networks.named_parameters()}


def test_the_global_phase_trains_everything() -> None:
    model = tiny_model()
    networks = tiny_networks(model, enhancers=0)
    (phase,) = phases_of("train_global", model, 4, CONFIG)
    freeze_for(phase, networks)
    assert all(parameter.requires_grad for parameter in networks.parameters())
    assert phase.shape.scale == 2
