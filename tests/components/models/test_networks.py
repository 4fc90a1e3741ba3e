import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.models.config import ModelConfig
from components.models.networks import Networks, PhaseShape, load_networks
from tests.given import given
from tests.tiny import random_batch, tiny_model, tiny_networks

VARIANTS = [
    *({"n_local_enhancers": number, "num_D": number + 1} for number in range(4)),
    *(
        {"norm": norm, "upsampling": upsampling, "n_features": features}
        for norm, upsampling, features in itertools.product(("instance", "batch"), ("transposed", "nearest"), (0, 2))
    ),
    {"boundary_map": False},
    {"boundary_map": False, "n_features": 0},
]


def _reconstruct(networks: Networks, model: ModelConfig, class_count: int, height: int, width: int) -> torch.Tensor:
    batch = random_batch(model, class_count=class_count, height=height, width=width)
    return networks.reconstruct(batch).image


@pytest.mark.parametrize("class_count", [4, 0], ids=["labels", "rgb"])
@pytest.mark.parametrize("overrides", VARIANTS, ids=str)
def test_every_variant_synthesizes_trains_all_its_weights_and_is_saved_whole(
    overrides: dict[str, Any], class_count: int, tmp_path: Path
) -> None:
    model = tiny_model(**overrides)
    networks = tiny_networks(model, class_count=class_count)
    batch = random_batch(model, class_count=class_count, height=64, width=96)
    synthesis = networks.reconstruct(batch)
    assert synthesis.image.shape == (2, 3, 64, 96)
    assert synthesis.image.abs().max() <= 1
    if model.n_features:
        assert given(synthesis.styles).shape == (2, 6, model.n_features)
    else:
        assert synthesis.styles is None
    judged = given(networks.discriminator)(batch.condition, synthesis.image)
    torch.stack([scale[-1].square().mean() for scale in judged]).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in networks.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if name.endswith("weight"):
            assert parameter.grad.any(), name

    networks.save(tmp_path)
    loaded = load_networks(tmp_path, model)
    assert loaded.shape == networks.shape
    saved = networks.state_dict()
    assert loaded.state_dict().keys() == saved.keys()
    assert all(torch.equal(value, saved[key]) for key, value in loaded.state_dict().items())


@pytest.mark.parametrize(("height", "width"), [(16, 40), (56, 24), (32, 32)])
def test_any_multiple_of_the_size_that_the_model_states_keeps_its_height_and_width(height: int, width: int) -> None:
    model = tiny_model()
    assert model.size_multiple == 8  # two downsamplings of G1 at half size
    image = _reconstruct(tiny_networks(model), model, 4, height, width)
    assert image.shape == (2, 3, height, width)


def test_a_coarser_phase_works_at_its_own_size_with_one_discriminator_less_each() -> None:
    model = tiny_model(n_local_enhancers=2, num_D=4)
    shapes = [tiny_networks(model, enhancers=enhancers).shape for enhancers in range(3)]
    assert [shape.scale for shape in shapes] == [4, 2, 1]
    assert [shape.num_D for shape in shapes] == [2, 3, 4]
    assert _reconstruct(tiny_networks(model, enhancers=0), model, 4, 8, 16).shape == (2, 3, 8, 16)


def test_channels_double_with_each_coarser_network() -> None:
    generator = tiny_networks(tiny_model(n_local_enhancers=2, num_D=3)).generator
    shapes = {name: tuple(weight.shape) for name, weight in generator.named_parameters()}
    assert shapes["global_generator.stem.1.weight"] == (16, 4 + 1 + 3, 7, 7)  # labels, boundary, features
    assert shapes["local_enhancers.0.front.0.1.weight"] == (8, 8, 7, 7)
    assert shapes["local_enhancers.1.front.0.1.weight"] == (4, 8, 7, 7)
    assert shapes["head.1.weight"] == (3, 4, 7, 7)


def test_weights_start_from_a_normal_distribution_of_deviation_2_percent() -> None:
    generator = tiny_networks(tiny_model(ngf=16, norm="batch", ndf=16)).generator
    block = generator.get_submodule("global_generator.residual_blocks.0.block")
    weight = block.get_parameter("1.weight")
    assert weight.numel() == 128 * 128 * 9
    assert abs(weight.mean()) < 3e-4  # six standard errors of the mean
    assert 0.0198 < weight.std() < 0.0202
    scale = block.get_parameter("2.weight")
    assert abs(scale.mean() - 1) < 0.015
    assert 0 < scale.std() < 0.04
    assert not block.get_parameter("2.bias").any()


def test_a_local_phase_starts_from_all_coarser_weights_but_the_output_layer() -> None:
    model = tiny_model(n_local_enhancers=2, num_D=4)
    coarse = tiny_networks(model, enhancers=1, seed=1)
    fine = tiny_networks(model, enhancers=2, seed=2)
    untouched = {key: value.clone() for key, value in fine.state_dict().items()}
    fine.start_from(coarse)

    # Discriminators are counted from the coarsest, as the published scale numbers.
    discriminators = [f"discriminator.discriminators.{position}" for position in range(3)]
    for part in (*discriminators, "generator.global_generator", "generator.local_enhancers.0", "encoder"):
        before, after = coarse.get_submodule(part).state_dict(), fine.get_submodule(part).state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(value, after[key]) for key, value in before.items()), part
    for new in ("generator.head.", "generator.local_enhancers.1.", "discriminator.discriminators.3."):
        keys = [key for key in untouched if key.startswith(new)]
        assert keys
        assert all(torch.equal(fine.state_dict()[key], untouched[key]) for key in keys), new


def test_a_discriminator_of_a_coarser_phase_judges_the_same_size_in_the_finer_one() -> None:
    model = tiny_model()
    coarse, fine = tiny_networks(model, enhancers=0, seed=1), tiny_networks(model, enhancers=1, seed=2)
    fine.start_from(coarse)
    batch = random_batch(model)
    of_coarse, of_fine = given(coarse.discriminator), given(fine.discriminator)
    halved = of_fine.halve(batch.condition), of_fine.halve(batch.image)
    assert halved[1].shape == (2, 3, 16, 32)
    expected = of_coarse(*halved)[0]
    found = of_fine(batch.condition, batch.image)[1]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_joint_phase_starts_from_every_weight_of_the_local_one() -> None:
    model = tiny_model()
    local, joint = tiny_networks(model, seed=1), tiny_networks(model, seed=2)
    joint.start_from(local)
    assert all(torch.equal(value, joint.state_dict()[key]) for key, value in local.state_dict().items())


def test_weights_of_other_shapes_than_the_parameters_say_are_refused_with_field_and_both_values(tmp_path: Path) -> None:
    tiny_networks(tiny_model()).save(tmp_path)
    with pytest.raises(ValueError, match="model") as caught:
        load_networks(tmp_path, tiny_model(ngf=8, norm="batch"))
    assert str(caught.value).splitlines() == [
        f"model.ngf: {tmp_path} was trained with 4, the parameters say 8",
        f'model.norm: {tmp_path} was trained with "instance", the parameters say "batch"',
    ]


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_a_folder_without_the_shape_of_networks_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "networks.json").write_text(content)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / 'networks.json'}: expected the shape of trained")):
        load_networks(tmp_path, tiny_model())


def test_a_file_with_missing_surplus_and_misshapen_tensors_is_refused_with_all_their_names(tmp_path: Path) -> None:
    model = tiny_model()
    tiny_networks(model).save(tmp_path)
    path = tmp_path / "encoder.safetensors"
    weights = load_file(path)
    del weights["stem.1.weight"]
    weights["stem.9.weight"] = torch.zeros(1)
    weights["head.1.bias"] = torch.zeros(5)
    save_file(weights, path)
    with pytest.raises(ValueError, match="encoder") as caught:
        load_networks(tmp_path, model)
    assert str(caught.value) == (
        f"{path}: missing stem.1.weight; surplus stem.9.weight; head.1.bias has shape (5,), expected (3,)"
    )


def test_the_saved_shape_is_readable_without_this_library(tmp_path: Path) -> None:
    tiny_networks(tiny_model()).save(tmp_path)
    shape = json.loads((tmp_path / "networks.json").read_text())
    assert shape["class_count"] == 4
    assert shape["n_local_enhancers"] == 1
    assert shape["model"]["ngf"] == 4


@pytest.mark.parametrize(
    ("height", "width", "fields"),
    [(32, 64, []), (36, 64, ["height"]), (32, 60, ["width"]), (8, 12, ["height", "width"])],
)
def test_a_size_that_a_network_cannot_halve_often_enough_is_refused_by_field(
    height: int, width: int, fields: list[str]
) -> None:
    model = tiny_model()  # multiples of 8, at least 16
    values = {"height": height, "width": width}
    lines = model.size_problems({"preprocess.height": height, "preprocess.width": width})
    assert len(lines) == len(fields)
    for field, line in zip(fields, lines, strict=True):
        assert line.startswith(f"preprocess.{field}: must be a multiple of 8 and at least 16, got {values[field]}")


def test_a_deeper_encoder_asks_for_a_larger_multiple() -> None:
    model = tiny_model(n_downsample_encoder=4)
    assert model.size_multiple == 8  # of the generator, which serves alone
    (problem,) = model.size_problems({"preprocess.height": 32})
    assert problem.startswith("preprocess.height: must be a multiple of 32 and at least 64, got 32")
    assert model.model_copy(update={"n_features": 0}).size_problems({"preprocess.height": 32}) == []


@pytest.mark.parametrize(
    ("num_D", "in_each_phase"), [(0, [0, 0, 0]), (1, [1, 1, 1]), (2, [1, 1, 2]), (3, [1, 2, 3]), (4, [2, 3, 4])]
)
def test_each_phase_has_one_discriminator_less_than_the_next_but_at_least_one_where_there_are_any(
    num_D: int, in_each_phase: list[int]
) -> None:
    model = tiny_model(n_local_enhancers=2, num_D=num_D)
    assert [PhaseShape(model=model, class_count=4, n_local_enhancers=n).num_D for n in range(3)] == in_each_phase


def test_a_baseline_may_end_in_one_pixel_but_has_no_enhancers() -> None:
    model = tiny_model(generator="unet", n_local_enhancers=1, n_features=0)
    assert model.problems() == ["model.n_local_enhancers: must be 0 for the generator unet, got 1"]
    alone = tiny_model(generator="unet", n_local_enhancers=0, n_features=0, n_downsample_global=5)
    assert alone.problems() == []
    assert alone.size_problems({"preprocess.height": 32}) == []


def test_precomputed_features_need_a_file_and_others_none() -> None:
    assert tiny_model(features="precomputed").problems() == [
        "model.features_file: must be a file for precomputed features, got null"
    ]
    assert tiny_model(features_file="styles/features.safetensors").problems() == [
        "model.features_file: must be null without precomputed features, got styles/features.safetensors"
    ]
    assert tiny_model(features="precomputed", features_file="styles/features.safetensors").problems() == []
