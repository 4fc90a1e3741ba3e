"""The web application of a served model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from deploy.server import routes_health, routes_model, routes_programs, routes_scenes
from deploy.server.access import AccessLog, BearerToken
from deploy.server.attendance import Attendance, expiry
from deploy.server.batching import ExpiredError
from deploy.server.description import describe
from deploy.server.limits import Limits
from deploy.server.page_files import install_page
from deploy.server.served import Served
from deploy.server.workshop import Workshop
from deploy.web.safeguards import install_safeguards


def create_application(served: Served, limits: Limits, token: str | None = None) -> FastAPI:
    """Make the application.

    Args:
        served: holds the model in use, perhaps none yet.
        limits: of what requests may ask.
        token: that clients have to show for all but the page and the answers to health checks; None lets all in.
    """
    workshop = Workshop(served, limits)

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        yield
        await workshop.close()

    async def expired(request: Request, error: Exception) -> Response:
        workshop.metrics.dropped("expired")
        return expiry(limits)

    application = FastAPI(
        title="Semantic image synthesis",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # it and the next one load from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    application.add_middleware(
        Attendance,
        limits=limits,
        on_dropped=workshop.metrics.dropped,
        retry_after=lambda: workshop.queue.seconds_to_wait(workshop.queue.length),
    )
    application.add_middleware(BearerToken, token=token, guarded=_guarded)
    application.add_exception_handler(ExpiredError, expired)
    install_safeguards(application, body_limit=limits.bytes)
    application.add_middleware(AccessLog, on_answered=workshop.metrics.answered)
    application.state.workshop = workshop
    for router in (routes_model.router, routes_scenes.router, routes_programs.router, routes_health.router):
        application.include_router(router)
    install_page(application)
    # FastAPI's way to describe an application otherwise.
    application.openapi = describe(application, served, limits, _guarded if token else None)  # type: ignore[method-assign]
    return application


def _guarded(path: str) -> bool:
    return path.startswith("/api") or path == "/metrics"
