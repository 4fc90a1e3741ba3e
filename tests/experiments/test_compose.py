"""What each run trains with."""

from pathlib import Path
from typing import Any

import pytest

from experiments.compose import Run, read_runs, write_runs
from experiments.rows import FOLDER, Rows, Setting, load_setting
from tests.table_runs import Plan

STAGES = ("train_global", "train_local", "finetune")
SHARED = ("prepare", "preprocess", "runtime", "train_segmenter", "cluster", "synthesize", "evaluate")


def flat(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in params.items():
        leaves |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return leaves


def differences(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    one, other = flat(first), flat(second)
    assert one.keys() == other.keys()
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


def test_rows_of_ours_differ_in_what_their_title_says_alone(plan_with_vgg: Plan) -> None:
    ours = plan_with_vgg.params("ours")
    expected = {
        "ours_without_vgg": {"losses.lambda_perceptual": (10, 0)},
        "single_discriminator": {"model.num_D": (3, 1)},
        "gan_only": {"losses.lambda_feature_matching": (10, 0), "losses.lambda_perceptual": (10, 0)},
        "no_boundary_map": {"model.boundary_map": (True, False)},
        "features": {"model.n_features": (0, 3), "losses.lambda_perceptual": (10, 0)},
        "smaller_patches": {
            "model.n_layers_D": (3, 2),
            "model.num_D": (3, 2),
            "losses.lambda_perceptual": (10, 0),
        },
    }
    assert {name: differences(ours, plan_with_vgg.params(name)) for name in expected} == expected


def test_generators_under_our_losses_differ_from_ours_in_shape_and_stages_alone(plan: Plan) -> None:
    ours = plan.params("single_discriminator")
    for name in ("unet_our_losses", "crn_our_losses"):
        changed = {field.split(".")[0] for field in differences(ours, plan.params(name))}
        assert changed - set(STAGES) == {"model"}
        model, losses = plan.params(name)["model"], plan.params(name)["losses"]
        assert (model["num_D"], model["boundary_map"], model["n_features"]) == (3, True, 0)
        assert losses == ours["losses"]


def test_pix2pix_has_neither_boundaries_nor_features_nor_our_losses(plan: Plan) -> None:
    params = plan.params("pix2pix")
    model, losses = params["model"], params["losses"]
    assert (model["generator"], model["norm"], model["boundary_map"], model["n_features"]) == (
        "unet",
        "batch",
        False,
        0,
    )
    assert model["num_D"] == 1
    assert losses["adversarial"] == "cross_entropy"
    assert (losses["lambda_feature_matching"], losses["lambda_l1"], losses["lambda_perceptual"]) == (0, 100, 0)


def test_crn_has_no_discriminator_and_its_perceptual_loss_where_there_are_weights(plan_with_vgg: Plan) -> None:
    for name, weights in (("crn", (1, 0)), ("crn_l1", (0, 1))):
        params = plan_with_vgg.params(name)
        assert (params["model"]["generator"], params["model"]["num_D"]) == ("crn", 0)
        losses = params["losses"]
        assert (losses["lambda_perceptual"], losses["lambda_l1"], losses["lambda_feature_matching"]) == (*weights, 0)
    assert plan_with_vgg.params("crn")["losses"]["perceptual"] == "chen_koltun"


def test_all_runs_share_data_evaluator_batch_and_budget(plan: Plan, setting: Setting) -> None:
    first = plan.params("pix2pix")
    for run in plan.runs:
        params = plan.params(run.row, run.seed)
        assert {name: params[name] for name in SHARED} == {name: first[name] for name in SHARED}
        phases = [params[stage] for stage in STAGES[: STAGES.index(run.last) + 1]]
        assert sum(phase["epochs"] for phase in phases) == setting.budget
        assert all(phase["epochs_decay"] == phase["epochs"] // 2 for phase in phases)
        assert {(phase["batch_size"], phase["learning_rate"]) for phase in phases} == {
            (first["train_global"]["batch_size"], first["train_global"]["learning_rate"])
        }


def test_no_two_stages_of_a_row_have_the_same_seed(plan: Plan) -> None:
    for row in {run.row for run in plan.runs}:
        own = [run for run in plan.runs if run.row == row]
        stages = STAGES[: STAGES.index(own[0].last) + 1]
        seeds = [plan.params(row, run.seed)[stage]["seed"] for run in own for stage in stages]
        assert len(set(seeds)) == len(seeds)


def test_every_row_is_planned_under_the_seeds_of_its_tables_the_first_seeds_first(
    plan_with_vgg: Plan, rows: Rows, setting: Setting
) -> None:
    seeds = [run.seed for run in plan_with_vgg.runs]
    assert seeds == sorted(seeds)
    assert {run.row for run in plan_with_vgg.runs} == set(rows.rows)
    assert {run.seed for run in plan_with_vgg.runs if run.row == "single_discriminator"} == set(
        setting.seeds["table_5"]
    )
    assert read_runs(plan_with_vgg.build) == plan_with_vgg.runs


def test_cityscapes_can_be_planned_with_as_many_runs(plan: Plan, rows: Rows, tmp_path: Path) -> None:
    setting = load_setting(rows, FOLDER / "cityscapes.yaml")
    assert len(write_runs(rows, setting, ["prepare.root=cityscapes"], tmp_path)) == len(plan.runs)


def test_rows_that_need_weights_of_vgg_are_left_out_without(plan: Plan, rows: Rows) -> None:
    assert set(rows.rows) - {run.row for run in plan.runs} == {"crn", "ours"}


def test_paths_are_those_seen_from_where_the_command_runs(plan_with_vgg: Plan) -> None:
    params = plan_with_vgg.params("ours")
    assert params["losses"]["vgg_weights"] == str(Path.cwd() / "vgg19.pth")
    assert params["prepare"]["root"] == str(Path.cwd() / "camvid")
    assert params["evaluate"]["inception_weights"] is None


def test_an_unsound_row_is_named(tmp_path: Path, rows: Rows, setting: Setting) -> None:
    row = rows.rows["gan_only"].model_copy(
        update={"overrides": ("model.n_local_enhancers=2", "preprocess.multiple=64", "preprocess.height=128")}
    )
    changed = rows.model_copy(update={"rows": rows.rows | {"gan_only": row}})
    with pytest.raises(
        ValueError, match="row gan_only: model.n_local_enhancers: expected 1 where finetune is the last stage, got 2"
    ):
        write_runs(changed, setting, build=tmp_path)
    row = row.model_copy(update={"overrides": ("model.num_E=1",)})
    changed = rows.model_copy(update={"rows": rows.rows | {"gan_only": row}})
    with pytest.raises(ValueError, match="row gan_only: .*num_E"):
        write_runs(changed, setting, build=tmp_path)


def test_scores_of_other_parameters_are_removed_and_those_of_the_same_stay(
    tmp_path: Path, rows: Rows, setting: Setting
) -> None:
    write_runs(rows, setting, build=tmp_path)
    scores = tmp_path / "pix2pix-0" / "scores.json"
    scores.write_text("{}")
    write_runs(rows, setting, build=tmp_path)
    assert scores.is_file()
    write_runs(rows, setting, ["train_global.beta2=0.9"], build=tmp_path)
    assert not scores.exists()


def test_runs_that_nobody_planned_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="runs.yaml: expected the runs that `python -m experiments.run` plans"):
        read_runs(tmp_path)


def test_a_run_lists_its_stages_in_the_order_of_their_dependence() -> None:
    assert Run("local", 2, "train_local").stages == [
        "train_global@local-2",
        "train_local@local-2",
        "cluster@local-2",
        "synthesize@local-2",
        "evaluate@local-2",
    ]
