"""Whether a new version becomes the champion: only where it is better on the same validation set."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components.inference import Bundle
from pipelines import registry


@dataclass(frozen=True)
class Decision:
    """Whether to promote, and why; the reason is a clause for logs and for a tag of the version."""

    promote: bool
    reason: str


def decide(version: int, name: str, bundle: Path, shards: Path, segmenter: Path) -> Decision:
    """Compare a registered version with the present champion by mean IoU.

    Their recorded scores are compared where both were measured on the same validation set; else both are scored
    on the present one.

    Args:
        version: the new one.
        name: of the registered model.
        bundle: the serving bundle of the new version.
        shards: the present validation shards.
        segmenter: the segmenter that scores pictures.
    """
    known = {int(entry.version): entry for entry in registry.versions(name)}
    champion = registry.aliases(name).get(registry.CHAMPION)
    if champion is None:
        return Decision(True, "there is no champion")
    if champion == version:
        return Decision(False, "it is the champion")
    new_score, old_score = registry.score(known[version]), registry.score(known[champion])
    new_set, old_set = (known[number].tags.get("validation_fingerprint") for number in (version, champion))
    where = "on the same validation set"
    if new_set is None or new_set != old_set or new_score is None or old_score is None:
        try:
            new_score, old_score = _score_both(name, bundle, shards, segmenter)
        except ValueError as error:
            return Decision(False, f"it and champion version {champion} cannot be compared: {error}")
        where = "both scored anew on the present validation set"
    better = new_score > old_score
    relation = "above" if better else "not above"
    return Decision(
        better, f"its mean IoU {new_score:.4f} is {relation} {old_score:.4f} of champion version {champion}, {where}"
    )


def _score_both(name: str, bundle: Path, shards: Path, segmenter: Path) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        champion = registry.champion_bundle(name, Path(folder))
        assert champion is not None
        old_names, new_names = ([entry.name for entry in Bundle.load(path).classes] for path in (champion, bundle))
        if old_names != new_names:
            raise ValueError(f"found classes {old_names} in the champion, expected {new_names}")
        from pipelines.score_bundle import score_bundle

        return (
            score_bundle(bundle, shards, segmenter)["mean_iou"],
            score_bundle(champion, shards, segmenter)["mean_iou"],
        )
