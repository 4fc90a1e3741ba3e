import json
from pathlib import Path
from typing import Any

import pytest
import torch

from components.models.official_options import (
    official_options,
    options_that_fit,
    parse_assignments,
    read_opt_file,
)
from tests.golden.published_layout import PublishedGenerator

OPT_FILE = """------------ Options -------------
checkpoints_dir: ./checkpoints
dataroot: D:\\data: mine
gpu_ids: [0, 1]
instance_feat: True
label_nc: 20
load_pretrain: 
loadSize: 512
max_dataset_size: inf
n_local_enhancers: 2
netG: local
ngf: 16
no_instance: False
-------------- End ----------------
"""  # noqa: W291


def test_an_opt_file_gives_the_options_that_shape_a_model_and_published_defaults_for_the_rest(tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_text(OPT_FILE)
    options = official_options(read_opt_file(tmp_path / "opt.txt"))
    assert (options.netG, options.ngf, options.label_nc, options.n_local_enhancers) == ("local", 16, 20, 2)
    assert (options.instance_feat, options.no_instance, options.loadSize) == (True, False, 512)
    assert (options.n_downsample_global, options.n_blocks_global, options.n_blocks_local) == (4, 9, 3)
    assert (options.norm, options.feat_num, options.nef, options.n_downsample_E) == ("instance", 3, 16, 4)
    assert (options.num_D, options.ndf, options.n_layers_D, options.n_clusters) == (2, 64, 3, 10)


def test_the_command_line_overrides_the_opt_file() -> None:
    options = official_options({"ngf": "16", "netG": "local"}, parse_assignments(["ngf=32", "no_instance=True"]))
    assert (options.ngf, options.netG, options.no_instance) == (32, "local", True)


def test_a_file_without_any_option_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "opt.txt").write_text("<html>\nerror: 404\n")
    with pytest.raises(ValueError, match=r"opt\.txt: found no option .* such as 'netG: global'"):
        read_opt_file(tmp_path / "opt.txt")


@pytest.mark.parametrize("assignment", ["ngff=32", "ngf", "ngf:32"])
def test_an_assignment_of_nothing_known_is_refused_with_the_names_that_are(assignment: str) -> None:
    with pytest.raises(ValueError, match=rf"--option {assignment}: expected NAME=VALUE .*\bn_blocks_local\b"):
        parse_assignments([assignment])


def test_every_bad_value_is_named_with_what_it_must_be() -> None:
    with pytest.raises(ValueError, match="published options") as caught:
        official_options({"netG": "encoder", "ngf": "many", "output_nc": "1", "no_instance": "perhaps"})
    for phrase in ("netG: must be 'global' or 'local', got 'encoder'", "ngf: must be", "'many'", "'perhaps'", "'1'"):
        assert phrase in str(caught.value)


def test_the_names_of_the_reference_vectors_mean_the_published_ones(shared_reference: Path) -> None:
    for name, no_instance, features in (("local_features", False, 3), ("global_labels", True, 0)):
        config = json.loads((shared_reference / name / "expected.json").read_text())["config"]
        options = official_options(config)
        assert (options.no_instance, options.n_features) == (no_instance, features)
    assert official_options({"instance": False, "features": True}).no_instance
    assert official_options({"instance": False, "features": True}).instance_feat


def test_options_become_the_shape_of_our_networks() -> None:
    shape = official_options({"netG": "local", "ngf": 32, "num_D": 3, "instance_feat": True}).shape
    assert (shape.class_count, shape.n_local_enhancers, shape.num_D) == (35, 1, 3)
    assert (shape.model.ngf, shape.model.n_features, shape.model.boundary_map) == (32, 3, True)
    assert shape.model.size_multiple == 32
    assert shape.model.features == "instance"


def test_enhancers_count_only_where_the_generator_is_local() -> None:
    assert official_options({"netG": "global", "n_local_enhancers": 2}).shape.n_local_enhancers == 0
    assert official_options({"netG": "local", "n_local_enhancers": 2}).shape.n_local_enhancers == 2


def test_features_of_labels_and_precomputed_ones_are_told_apart() -> None:
    labels = official_options({"label_feat": True}).shape.model
    assert (labels.features, labels.n_features) == ("label", 3)
    precomputed = official_options({"instance_feat": True, "load_features": True, "feat_num": 5}).shape.model
    assert (precomputed.features, precomputed.n_features, precomputed.has_encoder) == ("precomputed", 5, False)
    assert official_options({"load_features": True}).shape.model.n_features == 0


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, (512, 1024)),
        ({"resize_or_crop": "scale_width_and_crop", "loadSize": 600}, (300, 600)),
        ({"resize_or_crop": "resize_and_crop", "loadSize": 286}, (286, 286)),
        ({"resize_or_crop": "none"}, (1024, 2048)),
        ({"resize_or_crop": "crop", "label_nc": 12}, None),
    ],
)
def test_the_trained_size_is_told_where_the_options_fix_it(given: dict[str, Any], size: tuple[int, int] | None) -> None:
    assert official_options(given).trained_size == size


SMALL: dict[str, Any] = {
    **{"netG": "local", "ngf": 2, "n_downsample_global": 2, "n_blocks_global": 3},
    **{"n_local_enhancers": 2, "n_blocks_local": 4, "norm": "instance"},
}


@pytest.mark.parametrize(
    ("made_with", "channels", "assumed", "fitting"),
    [
        (SMALL, 36, SMALL, {}),
        (
            SMALL,
            36,
            {},
            {name: SMALL[name] for name in SMALL if name not in ("norm",)},
        ),
        (SMALL | {"netG": "global", "norm": "batch"}, 36, SMALL, {"netG": "global", "norm": "batch"}),
        (SMALL, 39, SMALL, {"instance_feat": True}),
        (SMALL, 35, SMALL, {"no_instance": True}),
        (SMALL, 36, SMALL | {"label_feat": True}, {"label_feat": False}),
        (SMALL, 21, SMALL, {"label_nc": 20}),
        (SMALL, 24, SMALL | {"instance_feat": True}, {"label_nc": 20}),
    ],
)
def test_a_generator_tells_which_options_would_fit_it(
    made_with: dict[str, Any], channels: int, assumed: dict[str, Any], fitting: dict[str, Any]
) -> None:
    weights = PublishedGenerator(made_with, channels).state_dict()
    assert options_that_fit(weights, official_options(assumed)) == fitting


def test_tensors_of_another_network_fit_no_options() -> None:
    assert options_that_fit({}, official_options({})) == {}
    assert options_that_fit({"model.1.weight": torch.zeros(4)}, official_options({})) == {}
    assert options_that_fit({"layers.0.weight": torch.zeros(4, 3, 7, 7)}, official_options({})) == {}
