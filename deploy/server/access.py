"""Who may ask, and one line of log for each request that says nothing of its content."""

import logging
import secrets
from collections.abc import Callable
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.web.problems import problem

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = logging.getLogger(__name__)


class AccessLog:
    """Middleware that logs and counts each answer.

    Args:
        app: the application.
        on_answered: called with method, template of the route, status and seconds.
    """

    def __init__(self, app: ASGIApp, on_answered: Callable[[str, str, int, float], None]) -> None:
        self._app = app
        self._on_answered = on_answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = _template(scope)
            self._on_answered(method, route, status, seconds)
            _log.info("%s %s %d %.1f ms", method, route, status, 1000 * seconds)


def _template(scope: Scope) -> str:
    """Give the route as it is declared, which holds nothing that the client wrote."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    return "/page" if scope["path"].startswith("/page/") else "other"


class BearerToken:
    """Middleware that asks for a token, where the server has one.

    Args:
        app: the application.
        token: that clients have to show; None lets all in.
        guarded: whether a path needs it.
    """

    def __init__(self, app: ASGIApp, token: str | None, guarded: Callable[[str], bool]) -> None:
        self._app = app
        self._token = token
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and self._token is not None and self._guarded(scope["path"]):
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            known = secrets.compare_digest(given.strip().encode("latin-1"), self._token.encode())
            if scheme.lower() != "bearer" or not known:
                refused = problem(401, "expected the server's token", {"WWW-Authenticate": "Bearer"})
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)
