"""Thousands of requests that Schemathesis makes of the API's description: no 5xx, and answers as declared.

Each runs in this process, through the application's ASGI interface.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis.openapi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import scene, write_bundle

pytestmark = pytest.mark.slow

LEAST = 3000  # requests of all kinds
MUCH, SOME, ONCE = 140, 60, 1  # examples of an operation: with a body, with parameters, with neither
LIMITS = Limits(bytes=2**20, pixels=64 * 64, instances=64, operations=16)
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCENE = scene([[0, 0, 1, 1] * 2, [0, 0, 1, 1] * 2, [2] * 8, [2] * 8], [0, 1, 2])
Statuses = Counter[tuple[str, int]]


@pytest.fixture
def operations(tmp_path: Path) -> list[Any]:
    """What the description says can be asked; Schemathesis ends an application with the test that began it."""
    model = ServedModel.load(write_bundle(tmp_path / "bundle"), threads=1)
    described = schemathesis.openapi.from_asgi("/openapi.json", create_application(Served(model), LIMITS))
    found: Any = described.get_all_operations()
    return [each.ok() for each in found]


def test_thousands_of_requests_end_in_no_5xx_and_in_answers_as_declared(operations: list[Any]) -> None:
    statuses: Statuses = Counter()
    for operation in operations:
        count = _examples(operation)
        _fuzz(operation, GenerationMode.POSITIVE, count, statuses)
        if count > ONCE:
            _fuzz(operation, GenerationMode.NEGATIVE, count, statuses)
        if operation.body and "/scenes/" in operation.path and not operation.path.endswith("/empty"):
            _fuzz(operation, GenerationMode.POSITIVE, 2 * count, statuses, with_scene=True)
    assert sum(statuses.values()) >= LEAST
    answered = {label for label, status in statuses if status == 200}
    assert {"POST /api/scenes/edit", "POST /api/scenes/picture", "POST /api/scenes/maps"} <= answered
    assert {label for label, _ in statuses} == {operation.label for operation in operations}


def test_every_example_of_the_description_is_answered_with_200(operations: list[Any]) -> None:
    count = 0
    for operation in operations:
        document = operation.definition.raw
        for content in document.get("requestBody", {}).get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                response = operation.Case(body=example["value"], media_type="application/json").call()
                assert response.status_code == 200, (operation.label, name, response.text)
                count += 1
    assert count >= 20


def _examples(operation: Any) -> int:
    if operation.body:
        return MUCH
    return SOME if operation.path_parameters or operation.query else ONCE


def _fuzz(operation: Any, mode: GenerationMode, count: int, statuses: Statuses, *, with_scene: bool = False) -> None:
    """Make requests; with `with_scene` all else of a request goes with a scene that is none of Schemathesis' own."""

    @given(case=operation.as_strategy(generation_mode=mode), numbers=st.integers(0, 2))
    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any, numbers: int) -> None:
        if with_scene:
            case.body = case.body | {"scene": SCENE}
            for each in case.body.get("operations", []):
                # Of all whole numbers those that a scene has are rare.
                each.update({name: numbers for name in ("instance", "class") if isinstance(each.get(name), int)})
        response = case.call()
        statuses[operation.label, response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    run()
