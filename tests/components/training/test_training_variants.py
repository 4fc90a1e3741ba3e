"""Training of each kind of model and phase, alone and interrupted."""

import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam

from components.data.draws import CropConfig
from components.data.store import ShardStore
from components.models.config import ModelConfig
from components.models.networks import Networks
from components.training.state import TrainingState
from components.training.trainer import TrainingResult
from tests.given import given
from tests.tiny import CLASSES, mixed_store, random_features, tiny_losses, tiny_model, tiny_networks, tiny_store
from tests.training_run import InterruptError, assert_equal, interrupt_at_step, phase_config, train_stage

SIZES = [(32, 64), (40, 48), (32, 64), (48, 32), (40, 48)]
NO_ADVERSARY = {"lambda_feature_matching": 0, "lambda_l1": 10}


@dataclass(frozen=True)
class Variant:
    """What differs from the tiny G1 alone, least squares and whole pictures; `data` names a kind of store."""

    model: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, Any] = field(default_factory=dict)
    runtime: dict[str, Any] = field(default_factory=dict)
    data: str = "labels"


UNET = {"generator": "unet", "n_features": 0}
CRN = {"generator": "crn", "ngf": 2}
VARIANTS = {
    "U-Net": Variant(UNET),
    "U-Net as in pix2pix": Variant(
        UNET | {"norm": "batch", "boundary_map": False, "n_downsample_global": 6, "num_D": 1},
        losses={"adversarial": "cross_entropy", "lambda_feature_matching": 0, "lambda_l1": 100},
        data="square",
    ),
    "U-Net with features and nearest upsampling": Variant({"generator": "unet", "upsampling": "nearest"}),
    "CRN": Variant(CRN | {"n_features": 0}),
    "CRN with features": Variant(CRN),
    "CRN without discriminators": Variant(CRN | {"n_features": 0, "num_D": 0}, losses=NO_ADVERSARY),
    "batch norm": Variant({"norm": "batch"}),
    "batch norm, nearest upsampling": Variant({"norm": "batch", "upsampling": "nearest"}),
    "nearest upsampling": Variant({"upsampling": "nearest"}),
    "no boundary map": Variant({"boundary_map": False}),
    "no features": Variant({"n_features": 0}),
    "features of labels": Variant({"features": "label"}),
    "precomputed features": Variant({"features": "precomputed"}),
    "RGB": Variant({"n_features": 0, "boundary_map": False}, data="rgb"),
    "RGB, U-Net": Variant(UNET, data="rgb"),
    "cross entropy": Variant(losses={"adversarial": "cross_entropy"}),
    "hinge, L1": Variant(losses={"adversarial": "hinge", "lambda_l1": 1}),
    "pool": Variant(config={"pool_size": 2}),
    "pool of RGB": Variant({"n_features": 0}, {"pool_size": 2}, data="rgb"),
    "pool of several sizes": Variant(config={"pool_size": 3}, data="mixed"),
    "several sizes": Variant(data="mixed"),
    "crop": Variant(config={"crop": CropConfig(height=16, width=32)}, data="mixed"),
    "crop of RGB": Variant({"n_features": 0}, {"crop": CropConfig(height=24, width=16)}, data="rgb"),
    "no flips": Variant(config={"flip": False}),
    "batch of one": Variant(config={"batch_size": 1}),
    "batch of four": Variant(config={"batch_size": 4}),
    "batch of all": Variant(config={"batch_size": 8}),
    "gradient checkpointing": Variant(runtime={"gradient_checkpointing": True}),
    "gradient checkpointing, U-Net with dropout": Variant(
        UNET | {"n_downsample_global": 6}, runtime={"gradient_checkpointing": True}, data="square"
    ),
    "gradient checkpointing, CRN": Variant(CRN, runtime={"gradient_checkpointing": True}),
    "channels last": Variant(runtime={"channels_last": True}),
}  # fmt: skip
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[ShardStore, ShardStore]]:
    """Training and validation pictures of each kind: five, of which a batch of two leaves one, and two."""
    folder = tmp_path_factory.mktemp("stores")

    def both(name: str, **how: Any) -> tuple[ShardStore, ShardStore]:
        train, val = (tiny_store(folder / name / str(count), count=count, seed=count, **how) for count in (5, 2))
        return train, val

    return {
        "labels": both("labels"),
        "rgb": both("rgb", rgb=True),
        "square": both("square", height=64),
        "mixed": (mixed_store(folder / "mixed" / "5", SIZES), mixed_store(folder / "mixed" / "2", SIZES[:2])),
    }


def _model(variant: Variant, folder: Path, stores: tuple[ShardStore, ShardStore]) -> ModelConfig:
    overrides = {"n_local_enhancers": 0, "num_D": 1} | variant.model
    if variant.model.get("features") == "precomputed":
        overrides["features_file"] = random_features(folder / "features.safetensors", stores, 3)
    model = tiny_model(**overrides)
    assert not model.problems()
    return model


def _train(
    variant: Variant, model: ModelConfig, stores: tuple[ShardStore, ShardStore], state: Path, **overrides: Any
) -> TrainingResult:
    config = phase_config(**(variant.config | overrides))
    losses, runtime = tiny_losses(**variant.losses), variant.runtime
    return train_stage(*stores, state, "train_global", config=config, model=model, losses=losses, runtime=runtime)


def _players(networks: Networks) -> dict[str, nn.Module]:
    """Generator, encoder and each of the discriminators: those that there are."""
    players = {"generator": networks.generator, "encoder": networks.encoder}
    if networks.discriminator is not None:
        players |= {f"discriminator {k}": each for k, each in enumerate(networks.discriminator.discriminators)}
    return {name: player for name, player in players.items() if player is not None}


def _assert_all_changed(found: Networks, before: Networks) -> None:
    assert _players(found).keys() == _players(before).keys()
    for name, player in _players(found).items():
        earlier = dict(_players(before)[name].named_parameters())
        for key, weight in player.named_parameters():
            assert weight.isfinite().all(), f"{name} {key}"
            assert not torch.equal(weight, earlier[key]) or not key.endswith("weight"), f"{name} {key}"


@every_variant
def test_every_variant_trains_to_finite_losses_and_changes_every_weight(
    variant: Variant, stores: dict[str, tuple[ShardStore, ShardStore]], tmp_path: Path
) -> None:
    model = _model(variant, tmp_path, stores[variant.data])
    result = _train(variant, model, stores[variant.data], tmp_path / "state", epochs=1, epochs_decay=0)
    (row,) = result.history
    assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
    class_count = 0 if variant.data == "rgb" else len(CLASSES)
    _assert_all_changed(result.networks, tiny_networks(model, class_count=class_count, enhancers=0, seed=5))


@every_variant
def test_every_variant_interrupted_in_an_epoch_ends_as_if_never_interrupted(
    variant: Variant,
    stores: dict[str, tuple[ShardStore, ShardStore]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_variant = stores[variant.data]
    model = _model(variant, tmp_path, of_variant)
    with monkeypatch.context() as patch:
        all_steps = interrupt_at_step(patch, 0)
        uninterrupted = _train(variant, model, of_variant, tmp_path / "one")
    done = max(1, len(all_steps) - 2)
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, done + 1)
        with pytest.raises(InterruptError):
            _train(variant, model, of_variant, tmp_path / "two")
    with monkeypatch.context() as patch:
        steps = interrupt_at_step(patch, 0)
        assert_equal(_train(variant, model, of_variant, tmp_path / "two"), uninterrupted)
    assert len(steps) == len(all_steps) - done


def test_the_variants_with_dropout_have_dropout() -> None:
    for name in ("U-Net as in pix2pix", "gradient checkpointing, U-Net with dropout"):
        networks = tiny_networks(tiny_model(**(VARIANTS[name].model | {"n_local_enhancers": 0})))
        assert any(isinstance(module, nn.Dropout) for module in networks.generator.modules()), name


def test_each_step_of_each_process_draws_random_numbers_of_its_own_and_the_same_again() -> None:
    networks = tiny_networks(tiny_model())

    def drawn(epoch: int, batch: int, process: int, seed: int) -> float:
        state = TrainingState(networks, Adam(networks.parameters()), None, None, 0, epoch, batch)
        state.seed_step(seed, process)
        return torch.rand(()).item()

    places = list(itertools.product(range(3), repeat=4))
    assert len({drawn(*place) for place in places}) == len(places)
    assert [drawn(*place) for place in places] == [drawn(*place) for place in places]


@pytest.mark.parametrize("enhancers", [0, 1, 2, 3])
@pytest.mark.parametrize("num_D", [0, 1, 2, 3, 4])
def test_any_number_of_discriminators_and_enhancers_trains_through_all_stages(
    num_D: int, enhancers: int, stores: dict[str, tuple[ShardStore, ShardStore]], tmp_path: Path
) -> None:
    model = tiny_model(
        n_local_enhancers=enhancers, num_D=num_D, n_downsample_global=1, n_downsample_encoder=1, n_layers_D=1, ngf=1
    )
    losses = tiny_losses(**({} if num_D else NO_ADVERSARY))
    before: Networks | None = None
    networks: Networks | None = None
    for stage in ("train_global", "train_local", "finetune"):
        result = train_stage(
            *stores["labels"], tmp_path / stage, stage, start=networks, model=model, losses=losses,
            config=phase_config(epochs=1, epochs_decay=0, batch_size=4), checkpoint_seconds=60,
        )  # fmt: skip
        before, networks = networks, result.networks
        for row in result.history:
            assert ("discriminator_real" in row) == bool(num_D)
            assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
    assert (networks is before) == (not enhancers)
    if enhancers:
        _assert_all_changed(given(networks), given(before))
    assert len(_players(given(networks))) == 2 + num_D
