"""What makes training faster or smaller gives the same losses."""

import math
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from components.data.loader import Batch
from components.models.config import ModelConfig
from components.training.phases import StageName, phases_of
from components.training.setup import begin_phase
from components.training.state import TrainingState
from components.training.step import TrainingStep
from tests.given import given
from tests.tiny import CLASSES, random_batch, tiny_losses, tiny_model, tiny_runtime
from tests.training_run import phase_config

STEPS = 3
MODELS: dict[str, dict[str, Any]] = {
    "coarse_to_fine": {},
    "unet": {"generator": "unet", "n_local_enhancers": 0},
    "crn": {"generator": "crn", "n_local_enhancers": 0},
}


def _begin(model: ModelConfig, *, accelerator: str = "cpu", **runtime: Any) -> tuple[TrainingState, Fabric]:
    config = tiny_runtime(accelerator=accelerator, **runtime)
    fabric = Fabric(accelerator=accelerator, devices=1, precision=config.precision)
    stage: StageName = "finetune" if model.n_local_enhancers else "train_global"
    (phase,) = phases_of(stage, model, len(CLASSES), phase_config(learning_rate=1e-3))
    return begin_phase(0, phase, None, fabric=fabric, runtime=config), fabric


def _steps(state: TrainingState, fabric: Fabric, batch: Batch) -> list[dict[str, float]]:
    """The losses of some optimisation steps."""
    step = TrainingStep(state.networks, tiny_losses(lambda_l1=1), autocast=fabric.autocast)
    losses = []
    for number in range(STEPS):
        torch.manual_seed(number)
        losses.append({name: loss.item() for name, loss in step.gradients(batch).named().items()})
        for optimizer in state.optimizers:
            optimizer.step()
    return losses


def _losses(model: ModelConfig, **runtime: Any) -> list[dict[str, float]]:
    return _steps(*_begin(model, **runtime), random_batch(model))


def _assert_close(found: list[dict[str, float]], expected: list[dict[str, float]], rel: float) -> None:
    assert len(found) == len(expected) == STEPS
    assert expected[0]["generator_l1"] != expected[1]["generator_l1"]  # the weights did change
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=rel)


@pytest.mark.parametrize(
    "runtime",
    [
        {"gradient_checkpointing": True},
        {"channels_last": True},
        {"gradient_checkpointing": True, "channels_last": True},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("overrides", MODELS.values(), ids=MODELS)
def test_losses_are_those_of_the_plain_networks(overrides: dict[str, Any], runtime: dict[str, Any]) -> None:
    model = tiny_model(**overrides)
    _assert_close(_losses(model, **runtime), _losses(model), rel=1e-5)


def test_weights_with_channels_last_lie_in_memory_so_and_plain_ones_do_not() -> None:
    for channels_last in (False, True):
        state, _ = _begin(tiny_model(), channels_last=channels_last)
        weight = state.networks.get_parameter("generator.global_generator.stem.1.weight")  # (8, 8, 7, 7)
        assert weight.is_contiguous(memory_format=torch.channels_last) == channels_last
        batch = random_batch(tiny_model())
        image = state.networks.reconstruct(batch).image
        assert image.shape == batch.image.shape


def test_checkpointing_is_enabled_only_where_it_is_asked_for() -> None:
    for asked in (False, True):
        state, _ = _begin(tiny_model(), gradient_checkpointing=asked)
        assert any("forward" in vars(module) for module in state.networks.modules()) == asked


@pytest.mark.parametrize("runtime", [{}, {"gradient_checkpointing": True}, {"channels_last": True}], ids=" ".join)
@pytest.mark.parametrize("overrides", MODELS.values(), ids=MODELS)
def test_reduced_precision_trains_finite_float32_weights_to_about_the_same_losses(
    overrides: dict[str, Any], runtime: dict[str, Any]
) -> None:
    model = tiny_model(**overrides)
    state, fabric = _begin(model, precision="bf16-mixed", **runtime)
    before = {name: parameter.clone() for name, parameter in state.networks.named_parameters()}
    found = _steps(state, fabric, random_batch(model))
    exact = _losses(model)
    assert found != exact
    _assert_close(found, exact, rel=0.05)  # of three digits that bfloat16 has, one may be lost
    _assert_trained(state, before)


def _assert_trained(state: TrainingState, before: dict[str, torch.Tensor]) -> None:
    for name, parameter in state.networks.named_parameters():
        assert parameter.dtype == torch.float32, name
        assert parameter.isfinite().all(), name
        assert not torch.equal(parameter, before[name]) or not name.endswith("weight"), name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiled_networks_give_the_losses_of_the_plain_ones() -> None:
    model = tiny_model(n_local_enhancers=0, n_downsample_global=1, n_downsample_encoder=1, num_D=1, n_layers_D=1)
    plain, compiled = _begin(model)[0], _begin(model, compile=True)[0]
    assert compiled.networks.state_dict().keys() == plain.networks.state_dict().keys()
    for network in (compiled.networks.generator, given(compiled.networks.encoder)):
        assert network._compiled_call_impl is not None
    assert plain.networks.generator._compiled_call_impl is None
    _assert_close(_losses(model, compile=True), _losses(model), rel=1e-4)


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("ignore")
def test_steps_on_a_gpu_compiled_in_reduced_precision_with_channels_last_give_finite_weights() -> None:
    model = tiny_model()
    runtime: dict[str, Any] = {"precision": "bf16-mixed", "channels_last": True, "compile": True}
    state, fabric = _begin(model, accelerator="cuda", **runtime)
    assert all(optimizer.defaults["fused"] for optimizer in state.optimizers)
    before = {name: parameter.clone() for name, parameter in state.networks.named_parameters()}
    on_host = random_batch(model)
    batch = Batch(**{name: fabric.to_device(value) for name, value in vars(on_host).items()})
    losses = _steps(state, fabric, batch)
    assert all(math.isfinite(value) for each in losses for value in each.values())
    _assert_trained(state, before)
