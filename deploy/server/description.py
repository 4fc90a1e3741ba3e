"""The API's description: FastAPI's own, with problems, the token, and examples of the model in use."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from deploy.server.declared_answers import PROBLEM
from deploy.server.examples import path_examples, request_examples
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel

_ABOUT = """\
Pictures of label maps, and edits of scenes. The server keeps nothing of its clients: who edits a scene holds it, sends
it with each request and gets the changed one back. Errors are `application/problem+json` (RFC 9457); their `detail`
says what was found and what was expected. Sizes are height x width.
"""


def describe(
    application: FastAPI, served: Served, limits: Limits, guarded: Callable[[str], bool] | None
) -> Callable[[], dict[str, Any]]:
    """Give a function that describes the application.

    Args:
        application: with all its routes.
        served: whose model the examples are of.
        limits: of the server.
        guarded: which paths need the token; None where there is none.
    """
    made: dict[str | None, dict[str, Any]] = {}

    def description() -> dict[str, Any]:
        model = served.current
        key = None if model is None else model.digest
        if key not in made:
            made.clear()
            made[key] = _description(application, model, limits, guarded)
        return made[key]

    return description


def _description(
    application: FastAPI, model: ServedModel | None, limits: Limits, guarded: Callable[[str], bool] | None
) -> dict[str, Any]:
    document = get_openapi(
        title=application.title, version=application.version, description=_ABOUT, routes=application.routes
    )
    document["components"]["schemas"]["Problem"] = PROBLEM
    if model is not None:
        _add_examples(document, model, limits)
    if guarded is not None:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            for operation in operations.values() if guarded(path) else ():
                operation["security"] = [{"token": []}]
    return document


def _add_examples(document: dict[str, Any], model: ServedModel, limits: Limits) -> None:
    for path, examples in request_examples(model, limits).items():
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    for path, values in path_examples(model).items():
        for parameter in document["paths"][path]["get"]["parameters"]:
            if parameter["name"] in values:
                parameter["example"] = values[parameter["name"]]
