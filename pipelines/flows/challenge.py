"""The tasks from a bundle to a champion: look whether anything is new, register, judge, promote."""

from dataclasses import dataclass
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from components.inference import Bundle
from pipelines import registry
from pipelines.flows.graph import Stage, changed_stages, first_out
from pipelines.flows.judge import judge
from pipelines.flows.retries import is_no_bad_value
from pipelines.flows.verdict import Verdict
from pipelines.params import Params
from pipelines.registry import ChampionChanged
from pipelines.tracking import latest_run

VERDICT_TAG = "promotion"


@dataclass(frozen=True)
class Standing:
    """What became of a version when it was judged.

    Attributes:
        version: of the registered model.
        champion: the version that is champion now.
        verdict: in words.
    """

    version: int
    champion: int
    verdict: str


@dataclass(frozen=True)
class Registered:
    """A version, and its standing where it was judged before."""

    version: int
    standing: Standing | None


@task(cache_policy=NO_CACHE, retry_condition_fn=is_no_bad_value)
def look_for_changes(stages: dict[str, Stage], name: str) -> Standing | None:
    """Give the standing of what the graph has made; None where DVC finds a change, or where it was never judged."""
    changed = changed_stages(stages)
    if changed:
        get_run_logger().info("changed: %s", ", ".join(stage for stage in stages if stage in changed))
        return None
    version = registry.find(first_out(stages, "export"), name)
    return None if version is None else _standing(version, name)


@task(cache_policy=NO_CACHE, retry_condition_fn=is_no_bad_value)
def register(bundle: Path, name: str, parent_run: str) -> Registered:
    """Register the bundle, unless a version holds exactly it already."""
    made_by = latest_run("export", Bundle.load(bundle).fingerprint["data"])
    version = registry.register(bundle, name, run_id=made_by, parent_run=parent_run)
    get_run_logger().info("%s is %s version %d", bundle, name, version)
    return Registered(version, _standing(version, name))


@task(cache_policy=NO_CACHE, retry_condition_fn=is_no_bad_value)
def judge_version(version: int, name: str, stages: dict[str, Stage], params: Params, parent_run: str) -> Verdict:
    """Measure challenger and champion side by side and compare them with the limits of `retrain`."""
    verdict = judge(
        version,
        name,
        bundle=first_out(stages, "export"),
        shards=first_out(stages, "preprocess") / "val",
        segmenter=first_out(stages, "train_segmenter"),
        config=params.retrain,
        evaluate_config=params.evaluate,
        parent_run=parent_run,
    )
    get_run_logger().info("%s version %d %s", name, version, verdict.text)
    return verdict


@task(cache_policy=NO_CACHE, retry_condition_fn=is_no_bad_value)
def promote(verdict: Verdict, name: str, parent_run: str) -> bool:
    """Promote the version where the verdict says so, and note on the version that it was judged.

    Returns:
        False where the champion is no longer the one that the version was judged against; nothing is changed then.
    """
    if verdict.promote:
        try:
            registry.promote(
                verdict.version,
                name,
                why=verdict.reason,
                expected_champion=verdict.champion,
                scores=verdict.scores,
                parent_run=parent_run,
            )
        except ChampionChanged as error:
            get_run_logger().warning("%s", error)
            return False
    registry.set_tag(verdict.version, name, VERDICT_TAG, verdict.text)
    return True


def _standing(version: int, name: str) -> Standing | None:
    """Give what became of a version; None where it was never judged, or where there is no champion with its files.

    A version is judged once: what a person does with the aliases afterwards is not undone by the next run.
    """
    verdict = registry.tag(version, name, VERDICT_TAG)
    champion = registry.aliases(name).get(registry.CHAMPION)
    if verdict is None or champion is None or registry.missing_files(champion, name):
        return None
    return Standing(version, champion, verdict)
