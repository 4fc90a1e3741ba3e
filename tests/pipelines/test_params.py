import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from pipelines import compose
from pipelines.params import Params, ParamsError, load_params

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.stem for path in (ROOT / "recipes" / "recipe").glob("*.yaml"))


@pytest.fixture
def params() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    return content


def _load(tmp_path: Path, content: Any) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return load_params(path)


def _problems(tmp_path: Path, content: Any) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        _load(tmp_path, content)
    first, *problems = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path / 'params.yaml'}: ")
    return [problem.strip() for problem in problems]


def _changed(params: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Parameters with fields set, each named `section__field`."""
    changed = copy.deepcopy(params)
    for name, value in fields.items():
        section, field = name.split("__")
        changed[section][field] = value
    return changed


def _compose(tmp_path: Path, *overrides: str) -> Path:
    path = tmp_path / "composed.yaml"
    compose_and_dump(str(path), str(ROOT / "recipes"), None, "config", "", list(overrides))
    return path


def test_the_parameters_of_the_repository_are_sound() -> None:
    assert isinstance(load_params(ROOT / "params.yaml"), Params)


def test_the_parameters_of_the_repository_are_the_default_recipe(tmp_path: Path, params: dict[str, Any]) -> None:
    assert yaml.safe_load(_compose(tmp_path).read_text()) == params


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_composes_into_sound_parameters(tmp_path: Path, recipe: str) -> None:
    given = ["losses.vgg_weights=vgg19.pth"] if recipe == "crn" else []  # its loss is nothing without them
    composed = load_params(_compose(tmp_path, f"recipe={recipe}", *given))
    assert composed.recipe == recipe


@pytest.mark.parametrize("recipe", ["cityscapes_512p", "cityscapes_1024p"])
def test_the_recipes_of_the_paper_are_free_of_what_a_short_training_needs(tmp_path: Path, recipe: str) -> None:
    composed = load_params(_compose(tmp_path, f"recipe={recipe}"))
    assert (composed.model.ndf, composed.model.n_layers_D) == (64, 3)  # C64-C128-C256-C512
    assert composed.model.upsampling == "transposed"
    losses = composed.losses
    assert (losses.adversarial, losses.lambda_feature_matching, losses.lambda_l1) == ("least_squares", 10, 0)
    assert composed.train_global.learning_rate == 2e-4


def test_there_are_the_recipes_that_the_documents_name() -> None:
    named = {"default", "camvid", "cityscapes_512p", "cityscapes_1024p", "edges", "pix2pix", "crn"}
    assert named == set(RECIPES)
    documents = (ROOT / "docs" / "parameters.md").read_text()
    assert all(f"| `{recipe}` |" in documents for recipe in named)


def test_a_single_parameter_may_be_set_over_a_recipe(tmp_path: Path) -> None:
    composed = load_params(_compose(tmp_path, "recipe=camvid", "prepare.root=elsewhere", "train_global.epochs=90"))
    assert composed.prepare.root == Path("elsewhere")
    assert composed.train_global.epochs == 90


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"model__ngff": 8}, "model.ngff: unknown parameter, got 8"),
        ({"train_global__epochs": 0}, "train_global.epochs: must be at least 1, got 0"),
        ({"cluster__min_area": 1.0}, "cluster.min_area: must be less than 1, got 1.0"),
        ({"finetune__learning_rate": 0}, "finetune.learning_rate: must be greater than 0, got 0"),
        ({"export__tolerance": 256}, "export.tolerance: must be at most 255, got 256"),
        ({"model__norm": "layer"}, "model.norm: must be 'instance' or 'batch', got 'layer'"),
        ({"losses__lambda_perceptual": "much"}, "losses.lambda_perceptual: must be number"),
        ({"model__boundary_map": "maybe"}, "model.boundary_map: must be boolean"),
        ({"train_local__epochs": 2.5}, "train_local.epochs: must be "),
        ({"prepare__street_scenes": None}, "prepare.street_scenes: must be "),
        (
            {"finetune__epochs": 3, "finetune__epochs_decay": 4},
            "finetune.epochs_decay: must be at most epochs (3), got 4",
        ),
        ({"preprocess__height": 60}, "preprocess.height: must be a multiple of 8 (preprocess.multiple), got 60"),
        ({"preprocess__height": 8}, "preprocess.height: must be a multiple of 8 and at least 16, got 8"),
        ({"preprocess__resize": "scale_width"}, "preprocess.height: must be null where resize is scale_width, got 64"),
        (
            {"finetune__crop": {"height": 32, "width": 36}},
            "finetune.crop.width: must be a multiple of 8 and at least 16, got 36",
        ),
        ({"retrain__minimum_gain": 2}, "retrain.minimum_gain: must be at most 1, got 2"),
        ({"model__generator": "unet"}, "model.n_local_enhancers: must be 0 for the generator unet, got 1"),
        ({"model__features": "precomputed"}, "model.features_file: must be a file for precomputed features, got null"),
    ],
)
def test_a_problem_names_its_field_what_was_expected_and_what_was_found(
    tmp_path: Path, params: dict[str, Any], fields: dict[str, Any], problem: str
) -> None:
    (found,) = _problems(tmp_path, _changed(params, **fields))
    assert found.startswith(problem)
    value = list(fields.values())[-1]
    if isinstance(value, int | float):
        assert repr(value) in found


def test_a_missing_field_and_a_missing_section_are_named(tmp_path: Path, params: dict[str, Any]) -> None:
    del params["model"]["ngf"]
    del params["cluster"]
    assert _problems(tmp_path, params) == ["model.ngf: missing", "cluster: missing"]


def test_an_unknown_section_is_named(tmp_path: Path, params: dict[str, Any]) -> None:
    (problem,) = _problems(tmp_path, params | {"models": 3})
    assert problem == "models: unknown parameter, got 3"


def test_both_sizes_that_do_not_fit_the_networks_are_named(tmp_path: Path, params: dict[str, Any]) -> None:
    problems = _problems(tmp_path, _changed(params, preprocess__multiple=1, preprocess__height=60, preprocess__width=8))
    assert [problem.split(":")[0] for problem in problems] == ["preprocess.height", "preprocess.width"]
    assert [problem.split("got ")[1].split(",")[0] for problem in problems] == ["60", "8"]


def test_pictures_of_their_own_sizes_are_rounded_to_what_the_networks_need(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    own_sizes = _changed(params, preprocess__resize="none", preprocess__height=None, preprocess__width=None)
    assert _load(tmp_path, own_sizes).preprocess.multiple == 8
    assert _problems(tmp_path, _changed(own_sizes, preprocess__multiple=12)) == [
        "preprocess.multiple: must be a multiple of 8, what the networks need, got 12"
    ]


def test_a_generator_without_adversary_needs_another_loss(tmp_path: Path, params: dict[str, Any]) -> None:
    alone = _changed(params, model__num_D=0, losses__lambda_l1=0)
    assert [problem.split(":")[0] for problem in _problems(tmp_path, alone)] == [
        "losses.lambda_feature_matching",
        "losses",
    ]
    assert _load(tmp_path, _changed(alone, losses__lambda_feature_matching=0, losses__lambda_l1=1)).model.num_D == 0


def test_batch_norm_is_not_computed_twice(tmp_path: Path, params: dict[str, Any]) -> None:
    (problem,) = _problems(tmp_path, _changed(params, model__norm="batch", runtime__gradient_checkpointing=True))
    assert problem == "runtime.gradient_checkpointing: must be false where model.norm is batch, got true"


def test_sizes_and_generators_are_checked_beside_problems_of_other_sections(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    changed = _changed(
        params, preprocess__height=8, model__generator="crn", losses__foo=1, finetune__beta1=float("inf")
    )
    fields = {problem.split(":")[0] for problem in _problems(tmp_path, changed)}
    assert fields == {"preprocess.height", "model.n_local_enhancers", "losses.foo", "finetune.beta1"}


def test_all_problems_of_all_sections_are_told_at_once(tmp_path: Path, params: dict[str, Any]) -> None:
    changed = _changed(
        params,
        preprocess__shard_size=0,
        model__ngff=8,
        train_global__epochs=3,
        train_global__epochs_decay=4,
        evaluate__grid_rows="all",
    )
    del changed["export"]["opset"]
    fields = [problem.split(":")[0] for problem in _problems(tmp_path, changed)]
    assert sorted(fields) == [
        "evaluate.grid_rows",
        "export.opset",
        "model.ngff",
        "preprocess.shard_size",
        "train_global.epochs_decay",
    ]


@pytest.mark.parametrize("content", ["", "- 1", "just text", "a: [1", "a: 1\n\tb: 2"])
def test_a_file_that_holds_no_parameters_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(ParamsError, match="params.yaml"):
        _load(tmp_path, content)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="nowhere.yaml: expected a YAML file of parameters, found"):
        load_params(tmp_path / "nowhere.yaml")


def test_parsed_parameters_cannot_be_changed() -> None:
    parsed = load_params(ROOT / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        parsed.model.ngf = 8  # type: ignore[misc]


def test_composing_writes_the_chosen_recipe_and_nothing_unsound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    monkeypatch.chdir(tmp_path)
    compose.main(["recipe=camvid", "prepare.root=photos"])
    assert load_params(Path("params.yaml")).recipe == "camvid"
    with pytest.raises(ParamsError, match="recipe/nope"):
        compose.main(["recipe=nope"])
    with pytest.raises(ParamsError, match="export.tolerance: must be at most 255, got 999"):
        compose.main(["export.tolerance=999"])
    assert load_params(Path("params.yaml")).recipe == "camvid"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml", "recipes"]
