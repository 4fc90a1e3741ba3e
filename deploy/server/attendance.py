"""How long a request is worked on: until it is answered, its deadline passes, or its client goes away.

The middleware reads the body, then runs the application beside a watch over the connection. What it stops is a task
that waits; work in a thread looks at its `Turn` between steps.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Literal

from fastapi import HTTPException, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.server.batching import ExpiredError
from deploy.server.limits import Limits
from deploy.web.problems import ProblemResponse, problem

GUARDED = "/api/"
CLIENT_GONE = 499  # of no standard, and read by nobody but the log

Dropped = Literal["cancelled", "expired", "refused"]


class StoppedError(Exception):
    """Nobody waits for this work."""


class Turn:
    """What a request may take.

    Attributes:
        deadline: on the clock of `time.monotonic`.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._stopped = Event()

    def stop(self) -> None:
        """Tell the threads that work for it to leave off."""
        self._stopped.set()

    def check(self) -> None:
        """Go on only while somebody waits.

        Raises:
            StoppedError: nobody does.
            ExpiredError: the deadline has passed.
        """
        if self._stopped.is_set():
            raise StoppedError
        if monotonic() > self.deadline:
            raise ExpiredError


class Attendance:
    """Middleware around all that works for clients.

    Args:
        app: the application.
        limits: of the server; no more requests than pictures may wait or be made are let in.
        on_dropped: called where a request ends without its answer.
        retry_after: gives the seconds after which a refused client may ask again.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, on_dropped: Callable[[Dropped], None], retry_after: Callable[[], int]
    ) -> None:
        self._app = app
        self._limits = limits
        self._on_dropped = on_dropped
        self._retry_after = retry_after
        self._present = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        most = self._limits.queue + self._limits.batch
        if self._present >= most:
            self._on_dropped("refused")
            await refusal(f"found {most} requests under way, expected fewer", self._retry_after())(scope, receive, send)
            return
        self._present += 1
        turn = Turn(monotonic() + self._limits.deadline)
        try:
            await self._attend(turn, scope, receive, send)
        finally:
            turn.stop()
            self._present -= 1

    async def _attend(self, turn: Turn, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(scope, receive)
        if isinstance(body, Response):
            await body(scope, receive, send)
            return
        answer = _Answer(body, send)
        gone = asyncio.ensure_future(_disconnected(receive))
        scope["turn"] = turn
        work = asyncio.ensure_future(self._app(scope, answer.receive, answer.send))
        try:
            left = turn.deadline - monotonic()
            await asyncio.wait({work, gone}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not answer.begun:
                turn.stop()
                await _cancelled(work)
            if answer.begun or (work.done() and not work.cancelled()):
                await work
                return
            self._on_dropped("cancelled" if gone.done() else "expired")
            ending = Response(status_code=CLIENT_GONE) if gone.done() else expiry(self._limits)
            await ending(scope, receive, send)
        finally:
            await _cancelled(gone)
            await _cancelled(work)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Response:
        """Read the body, or give the answer to one that cannot be taken."""
        try:
            async with asyncio.timeout(self._limits.deadline):
                body = await _whole_body(receive)
            if body is None:
                self._on_dropped("cancelled")
                return Response(status_code=CLIENT_GONE)
            if not Headers(scope=scope).get("content-type", "").startswith("multipart/"):
                _check_values(body, self._limits.values)
            return body
        except TimeoutError:
            self._on_dropped("expired")
            return problem(408, f"expected the whole body within {self._limits.deadline:g} s")
        except HTTPException as error:  # of the limit on bytes
            return problem(error.status_code, str(error.detail), error.headers)
        except ValueError as error:
            return problem(413, str(error))


class _Answer:
    """What the application is given in place of the connection."""

    def __init__(self, body: bytes, send: Send) -> None:
        self._body: bytes | None = body
        self._send = send
        self.begun = False

    async def receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # that the client goes is seen elsewhere
        message = {"type": "http.request", "body": self._body, "more_body": False}
        self._body = None
        return message

    async def send(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


def refusal(found: str, seconds: int) -> ProblemResponse:
    """Give the answer to a client that has to come back later."""
    return problem(429, f"{found}; ask again in {seconds} s", {"Retry-After": str(seconds)})


def expiry(limits: Limits) -> ProblemResponse:
    """Give the answer to a request whose deadline has passed."""
    return problem(504, f"found no answer within {limits.deadline:g} s; the server has too much to do")


async def _whole_body(receive: Receive) -> bytes | None:
    """Read a body; None where the client goes away before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_values(document: bytes, most: int) -> None:
    """Count the values of a JSON document, or rather the marks before them, which costs next to nothing.

    Raises:
        ValueError: they are too many.
    """
    count = sum(document.count(mark) for mark in (b",", b"[", b"{"))
    if count > most:
        raise ValueError(f"body: found {count} values, expected at most {most}")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: "asyncio.Future[None]") -> None:
    """End a task and wait until it has ended; one that has failed already has said so."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
