"""How the API's description declares answers that are no JSON of their own: files and errors."""

from typing import Any

_ANSWERS = {
    400: "what came is neither JSON nor a form, as it has to be",
    401: "the server has a token, and the request did not show it",
    404: "there is nothing of this name",
    408: "the body did not come within the deadline",
    409: "the model in use cannot do this; a scene of another model is one reason",
    413: "the body is too long, or holds too many values",
    422: "something is not as expected; `detail` names it",
    429: "too much is under way; `Retry-After` says in how many seconds to ask again",
    503: "no model serves yet",
    504: "the deadline passed",
}
_BODY = (400, 408, 413, 422)
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was found and what was expected"},
    },
}


def file(description: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    """Declare the answer of a route that gives a file."""
    return {200: {"content": {each: {} for each in media_types}, "description": description}}


def problems(*statuses: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """Declare the errors of a route.

    Args:
        statuses: of those that it may end in, besides 401 and 429, which all may.
        body: whether it takes one, which may be wrong.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _ANSWERS[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in sorted({401, 422, 429, *statuses, *(_BODY if body else ())})
    }
