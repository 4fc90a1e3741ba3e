"""How the outcome of a retraining is told: an event, an artifact with the verdict, a webhook, tags of MLflow's run.

An event is `retraining.promoted`, `.unchanged`, `.rejected` or `.failed`. Failing to tell never fails the run.
"""

import logging
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.webhook import Webhook
from prefect.events import emit_event
from prefect.runtime import flow_run
from prefect.utilities.asyncutils import run_coro_as_sync

from pipelines.flows.outcome import Outcome
from pipelines.tracking import StageRun

TAG_LIMIT = 5000  # characters; MLflow's databases hold no more
ARTIFACT_KEY = "retraining"
SHOWN_SIZE = (1024, 1024)  # pixels at most, width and height, of the picture in the artifact


def tell(outcome: Outcome, name: str, run: StageRun | None, webhook: str | None) -> None:
    """Tell it everywhere; what cannot be told is a warning in the log.

    Args:
        outcome: of the run.
        name: of the registered model.
        run: MLflow's run of the retraining, None where that could not begin.
        webhook: name of a block of the type `webhook`, None for none.
    """
    logger = get_run_logger()
    message = _message(outcome, name, run)
    _try(lambda: _emit(message), "event", logger)
    _try(lambda: create_markdown_artifact(_page(outcome, message), ARTIFACT_KEY, _title(outcome)), "artifact", logger)
    if run is not None:
        tags = {"outcome": outcome.kind, "reason": outcome.reason[:TAG_LIMIT]}
        known = {"step": outcome.step, "version": outcome.version, "champion": outcome.champion}
        run.set_tags(tags | {key: str(value) for key, value in known.items() if value is not None})
    if webhook is not None:
        _try(lambda: _call(webhook, message), f"webhook {webhook!r}", logger)


def _message(outcome: Outcome, name: str, run: StageRun | None) -> dict[str, Any]:
    """What event and webhook carry; `log` holds the lines of a failed step."""
    reason, *log = outcome.reason.splitlines()
    return {
        "outcome": outcome.kind,
        "model": name,
        "version": outcome.version,
        "champion": outcome.champion,
        "reason": reason,
        "step": outcome.step,
        "log": log,
        "scores": (outcome.verdict.scores or {}) if outcome.verdict else {},
        "mlflow_run": run.run_id if run else None,
        "flow_run": flow_run.get_name(),
        "url": flow_run.get_flow_run_ui_url(),
    }


def _title(outcome: Outcome) -> str:
    what = "retraining" if outcome.version is None else f"version {outcome.version}"
    return f"{what}: {outcome.kind}"


def _page(outcome: Outcome, message: dict[str, Any]) -> str:
    if outcome.verdict is not None:
        pictures = outcome.verdict.pictures
        return outcome.verdict.markdown() + ("" if pictures is None else f"\n\n![pictures]({_embedded(pictures)})")
    where = f" in step `{outcome.step}`" if outcome.step else ""
    lines = [f"## {_title(outcome)}{where}", "", message["reason"]]
    if message["log"]:
        lines += ["", "```", *message["log"], "```"]
    return "\n".join(lines)


def _embedded(picture: Path) -> str:
    """Give a picture as part of the address itself: Prefect's page reaches no file of this machine."""
    content = BytesIO()
    with Image.open(picture) as image:
        image.thumbnail(SHOWN_SIZE)
        image.convert("RGB").save(content, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}"


def _emit(message: dict[str, Any]) -> None:
    resource = {
        "prefect.resource.id": f"semantic-synthesis.model.{message['model']}",
        "prefect.resource.name": message["model"],
    }
    emit_event(f"retraining.{message['outcome']}", resource, payload=message)


def _call(block: str, message: dict[str, Any]) -> None:
    webhook = Webhook.load(block)
    assert isinstance(webhook, Webhook), "loaded in no event loop"
    response = run_coro_as_sync(webhook.call(message))
    assert response is not None
    response.raise_for_status()


def _try(action: Callable[[], object], what: str, logger: "logging.Logger | logging.LoggerAdapter[Any]") -> None:
    try:
        action()
    except Exception as error:  # a client of the Prefect server, or of whatever the webhook leads to
        logger.warning("the outcome was not told by %s: %s", what, error)
