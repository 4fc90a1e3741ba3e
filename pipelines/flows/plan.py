"""What a retraining would do, for a dry run."""

from pathlib import Path

from pipelines import registry
from pipelines.flows.busy import read_holder
from pipelines.flows.config import RetrainConfig
from pipelines.flows.graph import Sources, changed_stages, first_out, read_sources, read_stages
from pipelines.flows.uncommitted import uncommitted_files
from pipelines.tracking import tracking_uri


def plan(name: str, force: bool, config: RetrainConfig) -> list[str]:
    """Give what would be done, a line a step; nothing is changed, and no remote is asked.

    Raises:
        GraphError: there is no `dvc.yaml`, or its graph lacks what the flow needs.
        TrackingError: the tracking server does not answer.
    """
    stages, sources = read_stages(), read_sources()
    lines = [*_obstacles(config), *_fetches(sources)]
    pending = set(stages) if force else changed_stages(stages)
    for stage in stages:
        if stage in pending:
            what = "run it"
        elif pending.intersection(stages[stage].upstream):
            what = "run it if its inputs change"
            pending.add(stage)
        else:
            what = "up to date"
        lines.append(f"stage {stage}: {what}")
    champion = _champion(name)
    lines.append(f"then register {first_out(stages, 'export')} as a version of {name}, unless one holds it already")
    lines.append(
        "then make it the champion if it passes the limits of `retrain`: there is none"
        if champion is None
        else "then make it the champion if it passes the limits of `retrain` and its mean IoU is more than "
        f"{config.minimum_gain:g} above that of version {champion} on the present validation set"
    )
    if sources.remote is not None:
        lines.append(f"then push to remote {sources.remote}")
    if config.webhook is not None:
        lines.append(f"then tell webhook {config.webhook}")
    return lines


def _obstacles(config: RetrainConfig) -> list[str]:
    lines = []
    if holder := read_holder():
        lines.append(f"another run holds the project ({holder}), or was killed: {config.when_busy} if it still runs")
    files = uncommitted_files()
    if files is None and config.uncommitted == "refuse":
        lines.append("refuse to run: no git commit holds the code")
    if files:
        what = "refuse to run" if config.uncommitted == "refuse" else "record"
        lines.append(f"{what}: not committed: {', '.join(files)}")
    return lines


def _fetches(sources: Sources) -> list[str]:
    lines = [f"take the newest version of {source}" for source in sources.imports]
    if sources.remote is not None:
        lines += [f"pull {out} from remote {sources.remote}" for out in sources.missing]
    return lines


def _champion(name: str) -> int | None:
    database = tracking_uri().removeprefix("sqlite:///")
    unused = database != tracking_uri() and not Path(database).exists()  # asking MLflow would make the database
    return None if unused else registry.aliases(name).get(registry.CHAMPION)
