"""The judgement on a new version: measured beside the champion on the present validation set, by the same evaluator.

What needs torch is imported where it runs: a flow that finds nothing to do does not wait for it.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from components.atomic import atomic_folder
from components.evaluation.config import EvaluateConfig
from components.inference import Bundle, Synthesizer
from components.inference.bundle import FLOAT32
from components.inference.providers import CPU
from pipelines import registry
from pipelines.bundle_scores import BundleScores
from pipelines.flows.config import RetrainConfig
from pipelines.flows.gate import Candidate, Criterion, gate
from pipelines.flows.verdict import Verdict, failures
from pipelines.tracking import MLFLOW_PARENT_TAG, start_run

logger = logging.getLogger(__name__)

SCORES_TAG = "scores"
VERDICT_FOLDER = Path("results") / "verdict"
PICTURES = "pictures.png"
TIMED_PICTURES = 5


def judge(
    version: int,
    name: str,
    bundle: Path,
    shards: Path,
    segmenter: Path,
    config: RetrainConfig,
    evaluate_config: EvaluateConfig,
    parent_run: str | None = None,
) -> Verdict:
    """Measure a version and the champion, and tell whether it shall take the champion's place.

    The verdict is also an MLflow run `judge` and the folder `results/verdict`: a table in Markdown, JSON, and a
    picture of both. Nothing of the registry changes but a tag that keeps scores for the next time.

    Args:
        version: the challenger.
        name: of the registered model.
        bundle: the challenger's serving bundle.
        shards: the preprocessed validation split.
        segmenter: the evaluator, with its scores on real photos beside it.
        config: the limits.
        evaluate_config: how scores are made.
        parent_run: MLflow run of the retraining, whose child the verdict's run becomes.

    Raises:
        ValueError: the bundle is not of the validation set's classes.
        TrackingError: the tracking server does not answer.
    """
    champion = registry.aliases(name).get(registry.CHAMPION)
    if champion == version:
        return Verdict(version, champion, promote=False, reason="it is the champion")
    sections = {"retrain": config.model_dump(mode="json"), "evaluate": evaluate_config.model_dump(mode="json")}
    challenger_bundle = Bundle.load(bundle)
    with (
        TemporaryDirectory() as folder,
        start_run("judge", sections, challenger_bundle.fingerprint["validation"]) as run,
    ):
        rival = _rival(champion, name, challenger_bundle, Path(folder))
        measuring = _Measuring(name, shards, segmenter, evaluate_config)
        challenger = measuring.candidate(version, challenger_bundle)
        other = None if champion is None or rival.bundle is None else measuring.candidate(champion, rival.bundle)
        criteria = gate(
            challenger,
            other,
            config,
            oracle_mean_iou=_oracle_mean_iou(segmenter),
            minimum_oracle_mean_iou=evaluate_config.minimum_oracle_mean_iou,
        )
        verdict = Verdict(
            version=version,
            champion=champion,
            promote=rival.comparable and all(each.passed for each in criteria),
            reason=_reason(rival, challenger, other, criteria),
            criteria=tuple(criteria),
            scores=_figures(challenger) | _figures(other, "champion_"),
            pictures=VERDICT_FOLDER / PICTURES,
        )
        with atomic_folder(VERDICT_FOLDER) as files:
            shown = [bundle] if rival.bundle is None else [bundle, rival.bundle.folder]
            measuring.write_comparison(files / PICTURES, shown, rows=config.shown_pictures)
            (files / "verdict.json").write_text(json.dumps(verdict.as_document(), indent=1))
            (files / "verdict.md").write_text(verdict.markdown() + "\n")
        run.log_score(verdict.scores)
        run.log_artifacts(VERDICT_FOLDER, "verdict")
        parent = {MLFLOW_PARENT_TAG: parent_run} if parent_run else {}
        run.set_tags({"verdict": verdict.text, "model": name, "version": str(version), **parent})
    return verdict


@dataclass(frozen=True)
class _Rival:
    """What there is to compare with.

    Attributes:
        bundle: the champion's; None where there is none to measure.
        situation: why there is none, or why no comparison decides; empty otherwise.
        comparable: whether the criteria may decide.
    """

    bundle: Bundle | None
    situation: str
    comparable: bool


def _rival(champion: int | None, name: str, challenger: Bundle, folder: Path) -> _Rival:
    if champion is None:
        return _Rival(None, "there is no champion", comparable=True)
    try:
        bundle = Bundle.load(registry.version_bundle(champion, name, folder))
    except registry.FilesGone as error:
        logger.warning("%s", error)
        return _Rival(None, f"the files of champion version {champion} are gone", comparable=True)
    found, expected = ([each.name for each in each_bundle.classes] for each_bundle in (bundle, challenger))
    if found != expected:
        why = f"found classes {found} in the champion, expected {expected}"
        return _Rival(None, f"it and champion version {champion} cannot be compared: {why}", comparable=False)
    if not found:
        why = "without classes nothing scores their pictures"
        return _Rival(bundle, f"it and champion version {champion} cannot be compared: {why}", comparable=False)
    return _Rival(bundle, "", comparable=True)


@dataclass(frozen=True)
class _Measuring:
    """On what bundles are measured: the present validation set and evaluator."""

    name: str
    shards: Path
    segmenter: Path
    evaluate: EvaluateConfig

    def candidate(self, version: int, bundle: Bundle) -> Candidate:
        """Measure a version by its bundle."""
        graph = bundle.graphs[FLOAT32]
        return Candidate(
            version=version,
            scores=self._scores(version, bundle.folder),
            parity=graph.largest_difference,
            seconds=_seconds(bundle.folder),
            megabytes=graph.file.stat().st_size / 1e6,
        )

    def write_comparison(self, path: Path, bundles: list[Path], *, rows: int) -> None:
        """Write a picture of some conditions, what each bundle makes of them, and the photos."""
        from pipelines.score_bundle import write_comparison

        write_comparison(path, bundles, self.shards, rows=rows)

    def _scores(self, version: int, bundle: Path) -> BundleScores | None:
        """Scores of a version, from its tag where they were made on all the same before."""
        from pipelines.score_bundle import score_bundle, scoring_key

        key = scoring_key(self.shards, self.segmenter, self.evaluate)
        kept = json.loads(registry.tag(version, self.name, SCORES_TAG) or "{}")
        if kept.get("key") == key:
            return BundleScores.from_document(kept["scores"])
        scores = score_bundle(bundle, self.shards, self.segmenter, self.evaluate)
        if scores is not None:
            document = json.dumps({"key": key, "scores": scores.as_document()})
            registry.set_tag(version, self.name, SCORES_TAG, document)
        return scores


def _seconds(bundle: Path) -> float:
    """Median time of a picture of the trained size on the CPU, after the first."""
    synthesizer = Synthesizer(bundle, providers=[CPU])
    synthesizer.warm_up()
    times = []
    for _ in range(TIMED_PICTURES):
        started = perf_counter()
        synthesizer.warm_up()
        times.append(perf_counter() - started)
    return median(times)


def _oracle_mean_iou(segmenter: Path) -> float | None:
    path = segmenter / "oracle.json"
    return json.loads(path.read_text()).get("mean_iou") if path.is_file() else None


def _reason(rival: _Rival, challenger: Candidate, champion: Candidate | None, criteria: list[Criterion]) -> str:
    if not rival.comparable:
        return rival.situation
    failed = [each for each in criteria if not each.passed]
    if failed:
        found = f"it fails {len(failed)} of {len(criteria)} criteria: {failures(failed)}"
        return f"{rival.situation}, but {found}" if rival.situation else found
    if champion is None or champion.scores is None or challenger.scores is None:
        return f"{rival.situation}, and it meets every limit"
    return (
        f"its mean IoU {challenger.scores.mean_iou.value:.4f} is above {champion.scores.mean_iou.value:.4f} of "
        f"champion version {champion.version}, and it meets every limit"
    )


def _figures(candidate: Candidate | None, prefix: str = "") -> dict[str, float]:
    """Figures of a version for MLflow, by name."""
    if candidate is None:
        return {}
    figures = {"seconds": candidate.seconds, "megabytes": candidate.megabytes}
    if candidate.scores is not None:
        figures["mean_iou"] = candidate.scores.mean_iou.value
        figures["pixel_accuracy"] = candidate.scores.pixel_accuracy.value
    return {prefix + name: value for name, value in figures.items()}
