"""Routes for whoever runs the server: whether it lives, whether it serves, and what it counts."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from deploy.server.declared_answers import file, problems
from deploy.server.workshop import WorkshopOf
from deploy.web.problems import problem


class Health(BaseModel):
    """That the process runs."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """That a model serves, and which."""

    status: Literal["ready"] = "ready"
    name: str
    version: str | None
    model: str
    refused: str | None


router = APIRouter(tags=["running"])


@router.get("/health", summary="Whether the process runs")
async def health() -> Health:
    """Answers as long as it does."""
    return Health()


@router.get("/ready", summary="Whether a model serves", response_model=Ready, responses=problems(503))
async def ready(workshop: WorkshopOf) -> Ready | Response:
    """Says which model serves, after its self-test, and why a newer version was not taken, if one was not."""
    served = workshop.served
    model = served.current
    if model is None:
        return problem(503, "found no model that serves yet", refused=served.refused)
    return Ready(name=model.name, version=model.version, model=model.digest, refused=served.refused)


@router.get(
    "/metrics",
    summary="What the server counts",
    response_class=Response,
    responses={**file("Prometheus' text format", "text/plain"), **problems()},
)
async def metrics(workshop: WorkshopOf) -> Response:
    """Requests by route and status, seconds, the queue, batches, dropped requests, and the model in use."""
    return Response(workshop.metrics.text(), media_type=CONTENT_TYPE_LATEST)
