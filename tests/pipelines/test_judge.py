"""The judge, with bundles whose scores are what they say, and real registry, timing, pictures and MLflow run."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from components.evaluation.bootstrap import Estimate
from components.inference import Bundle
from pipelines import registry, score_bundle
from pipelines.bundle_scores import BundleScores
from pipelines.flows.judge import VERDICT_FOLDER, judge
from pipelines.flows.verdict import Verdict
from pipelines.tracking import EXPERIMENT, tracking_uri
from tests.retrain_params import retrain_config
from tests.tiny import CLASSES, tiny_store
from tests.tiny_bundle import write_tiny_bundle
from tests.tiny_evaluation import evaluate_config

NAME = "street"
NAMES = [each.name for each in CLASSES]


@pytest.fixture
def project(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts a loaded model's code before ours, and leaves it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project_folder}/mlflow.db")
    tiny_store(project_folder / "val", count=2)
    (project_folder / "segmenter").mkdir()
    (project_folder / "segmenter" / "oracle.json").write_text(json.dumps({"mean_iou": 0.8}))
    return project_folder


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands for the evaluator: a bundle scores what it says; gives the names of those that were scored."""
    names: list[str] = []

    def score(bundle: Path, shards: Path, segmenter: Path, config: object) -> BundleScores | None:
        said = Bundle.load(bundle).scores["mean_iou"]
        assert said is not None
        names.append(f"{said}")
        mean_iou = Estimate(said, said - 0.01, said + 0.01)
        return BundleScores(mean_iou, mean_iou, {"road": mean_iou}) if Bundle.load(bundle).classes else None

    monkeypatch.setattr(score_bundle, "score_bundle", score)
    return names


def _register(project: Path, mean_iou: float, **fields: Any) -> Path:
    values: dict[str, Any] = {"class_names": NAMES, "mean_iou": mean_iou} | fields
    folder = write_tiny_bundle(project / f"bundle_{len(registry.versions(NAME)) + 1}", **values)
    registry.register(folder, NAME)
    return folder


def _champion(project: Path, mean_iou: float, **fields: Any) -> None:
    _register(project, mean_iou, **fields)
    registry.promote(1, NAME, why="the first")


def _judge(project: Path, version: int, bundle: Path, **limits: Any) -> Verdict:
    config, evaluate = retrain_config(**limits), evaluate_config(minimum_oracle_mean_iou=0.4)
    return judge(version, NAME, bundle, project / "val", project / "segmenter", config, evaluate, parent_run="abc")


def _run() -> Any:
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return client.search_runs([experiment.experiment_id], "tags.stage = 'judge'", max_results=1)[0]


def test_a_better_challenger_is_to_be_promoted_with_the_figures_of_both(project: Path) -> None:
    _champion(project, 0.5)
    verdict = _judge(project, 2, _register(project, 0.6))
    assert (verdict.promote, verdict.version, verdict.champion) == (True, 2, 1)
    assert verdict.reason == "its mean IoU 0.6000 is above 0.5000 of champion version 1, and it meets every limit"
    assert (verdict.scores["mean_iou"], verdict.scores["champion_mean_iou"]) == (0.6, 0.5)
    assert verdict.scores["megabytes"] == (project / "bundle_2" / "generator.onnx").stat().st_size / 1e6
    assert 0 < verdict.scores["seconds"] < 60
    assert registry.aliases(NAME) == {"champion": 1, "challenger": 2}, "the judge changes no alias"


def test_the_verdict_is_a_run_with_table_json_and_pictures(project: Path) -> None:
    _champion(project, 0.5)
    verdict = _judge(project, 2, _register(project, 0.4))
    run = _run()
    assert run.info.status == "FINISHED"
    assert run.data.tags["verdict"] == verdict.text
    assert (run.data.tags["model"], run.data.tags["version"]) == (NAME, "2")
    assert run.data.tags["mlflow.parentRunId"] == "abc"
    assert (run.data.metrics["mean_iou"], run.data.metrics["champion_mean_iou"]) == (0.4, 0.5)
    kept = {entry.path for entry in MlflowClient(tracking_uri()).list_artifacts(run.info.run_id, "verdict")}
    assert kept == {"verdict/verdict.md", "verdict/verdict.json", "verdict/pictures.png"}
    assert (VERDICT_FOLDER / "verdict.md").read_text() == verdict.markdown() + "\n"
    assert json.loads((VERDICT_FOLDER / "verdict.json").read_text()) == json.loads(json.dumps(verdict.as_document()))
    assert verdict.pictures == VERDICT_FOLDER / "pictures.png"
    assert verdict.pictures.is_file()


def test_a_worse_challenger_is_rejected_with_every_criterion_that_failed(project: Path) -> None:
    _champion(project, 0.5)
    verdict = _judge(project, 2, _register(project, 0.3))
    assert not verdict.promote
    assert verdict.reason == (
        "it fails 2 of 6 criteria: mean IoU: found 0.3000 (0.2900 to 0.3100), expected above 0.5; "
        "IoU of road: found 0.3000 (0.2900 to 0.3100), expected at least 0.4"
    )


def test_the_first_version_is_measured_against_the_limits_alone(project: Path) -> None:
    bundle = _register(project, 0.1)
    verdict = _judge(project, 1, bundle)
    assert (verdict.promote, verdict.champion) == (True, None)
    assert verdict.reason == "there is no champion, and it meets every limit"
    refused = _judge(project, 1, bundle, maximum_megabytes=1e-9)
    assert not refused.promote
    assert refused.reason.startswith("there is no champion, but it fails 1 of 6 criteria: megabytes: found")


def test_an_evaluator_that_is_too_weak_promotes_nobody(project: Path) -> None:
    (project / "segmenter" / "oracle.json").write_text(json.dumps({"mean_iou": 0.3}))
    verdict = _judge(project, 1, _register(project, 0.9))
    assert not verdict.promote
    assert "oracle mean IoU: found 0.3, expected at least 0.4" in verdict.reason


def test_the_champion_itself_is_not_judged(project: Path, scored: list[str]) -> None:
    _champion(project, 0.5)
    verdict = _judge(project, 1, project / "bundle_1")
    assert (verdict.promote, verdict.reason, verdict.criteria, scored) == (False, "it is the champion", (), [])


def test_scores_are_kept_with_the_version_until_what_they_depend_on_changes(project: Path, scored: list[str]) -> None:
    _champion(project, 0.5)
    first = _judge(project, 2, _register(project, 0.4))
    _judge(project, 3, _register(project, 0.3))
    assert scored == ["0.4", "0.5", "0.3"], "the champion is not scored again"
    again = _judge(project, 2, project / "bundle_2")
    assert [each.challenger for each in again.criteria if "IoU" in each.name] == [
        each.challenger for each in first.criteria if "IoU" in each.name
    ]
    (project / "segmenter" / "weights").write_text("others")
    _judge(project, 3, project / "bundle_3")
    assert scored[3:] == ["0.3", "0.5"]


def test_a_champion_whose_files_are_gone_leaves_the_limits_to_decide(project: Path) -> None:
    _champion(project, 0.9)
    shutil.rmtree(MlflowClient(tracking_uri()).get_model_version_download_uri(NAME, "1"))
    verdict = _judge(project, 2, _register(project, 0.4))
    assert (verdict.promote, verdict.champion) == (True, 1)
    assert verdict.reason == "the files of champion version 1 are gone, and it meets every limit"


def test_a_champion_of_other_classes_is_kept_and_the_reason_given(project: Path) -> None:
    _champion(project, 0.1, class_names=["road", "car", "tree"])
    verdict = _judge(project, 2, _register(project, 0.9))
    assert not verdict.promote
    assert verdict.reason == (
        "it and champion version 1 cannot be compared: found classes ['road', 'car', 'tree'] in the champion, "
        f"expected {NAMES}"
    )


@pytest.fixture
def without_classes(project: Path) -> Path:
    shutil.rmtree(project / "val")
    tiny_store(project / "val", count=2, rgb=True)
    (project / "segmenter" / "oracle.json").write_text(json.dumps({"no_segmenter": "the dataset has no classes"}))
    return project


def test_without_classes_the_first_version_is_promoted_and_no_champion_is_replaced(without_classes: Path) -> None:
    project = without_classes
    first = _register(project, 0.5, inputs=("picture",))
    assert _judge(project, 1, first).reason == "there is no champion, and it meets every limit"
    registry.promote(1, NAME, why="the first")
    verdict = _judge(project, 2, _register(project, 0.6, inputs=("picture",)))
    assert not verdict.promote
    assert verdict.reason.endswith("cannot be compared: without classes nothing scores their pictures")
    assert verdict.pictures is not None
    assert verdict.pictures.is_file()
