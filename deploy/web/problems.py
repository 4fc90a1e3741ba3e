"""Errors as `application/problem+json` (RFC 9457), which name what was found and expected."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MOST_TOLD = 20  # problems of one request; a hostile one has thousands


class ProblemResponse(JSONResponse):
    """An answer that tells of an error."""

    media_type = "application/problem+json"


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> ProblemResponse:
    """Make the answer to a request that failed.

    Args:
        status: of HTTP.
        detail: for a person: what was found and what was expected.
        headers: more headers.
        members: more members of the document, which JSON can hold.
    """
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    return ProblemResponse(content, status, dict(headers or {}))


def install_problems(application: FastAPI) -> None:
    """Answer the errors that routes raise, and requests that are not what they declare, with problems."""

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), error.headers)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = error.errors()
        messages = list(dict.fromkeys(located_messages(map(_without_names_sent, found[:MOST_TOLD]))))
        if len(found) > MOST_TOLD:
            messages.append(f"and {len(found) - MOST_TOLD} more")
        return problem(422, "; ".join(messages))

    application.add_exception_handler(HTTPException, refused)
    application.add_exception_handler(RequestValidationError, invalid)


def located_messages(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say of each of pydantic's errors where it is and what was expected, without the value that was found."""
    return [
        f"{'.'.join(map(str, error['loc'])) or 'content'}: {error['msg'].removeprefix('Value error, ')}"
        for error in errors
    ]


def _without_names_sent(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the name of an unknown field, which is the client's."""
    return {**error, "loc": error["loc"][:-1]} if error["type"] == "extra_forbidden" else error
