"""Security headers on every answer, a limit on the bytes of every request, and errors as problem+json."""

from collections.abc import Mapping

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.web.problems import install_problems, problem

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def install_safeguards(application: FastAPI, *, body_limit: int, headers: Mapping[str, str] = SECURITY_HEADERS) -> None:
    """Guard an application.

    Args:
        application: that gets handlers of errors and two middlewares.
        body_limit: bytes that a request may send; more ends in a 413.
        headers: of every answer, those of unexpected errors too, where the answer has not set its own.
    """

    def unexpected(request: Request, error: Exception) -> Response:
        return problem(500, "the server failed at this request; its log says why", headers)

    install_problems(application)
    application.add_exception_handler(Exception, unexpected)  # runs outside of the middlewares
    application.add_middleware(BodyLimit, limit=body_limit)
    application.add_middleware(DefaultHeaders, headers=headers)


class DefaultHeaders:
    """Middleware that adds headers to the answers that lack them."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    found.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Middleware that refuses a request whose body is longer than `limit` bytes, by what it says or by what comes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"expected a body of at most {self._limit} bytes"
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:19]) > self._limit:
            await problem(413, detail)(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise HTTPException(413, detail)
            return message

        await self._app(scope, receive_within_limit, send)
