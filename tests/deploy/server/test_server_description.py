import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from components.inference.samples import Samples
from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.operations import Operation
from deploy.server.served import Served, ServedModel

Description = dict[str, Any]
METHODS = ("get", "post")


@pytest.fixture(scope="module")
def description(client: TestClient) -> Description:
    described: Description = client.get("/openapi.json").json()
    return described


def operations(description: Description) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, described)
        for path, methods in description["paths"].items()
        for method, described in methods.items()
    ]


def test_each_route_says_what_it_does_and_how_it_fails(description: Description) -> None:
    assert len(operations(description)) == 18
    for path, method, described in operations(description):
        assert method in METHODS
        assert described["summary"], path
        assert len(described["description"]) > 20, path
        expected = {"200"}
        if path.startswith("/api"):
            expected |= {"401", "422", "429", "503"}
        if method == "post":
            expected |= {"400", "408", "409", "413", "504"}
        assert expected <= set(described["responses"]), path
        for status, answer in described["responses"].items():
            if status != "200":
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in str(description)


def test_every_example_of_a_body_runs(client: TestClient, description: Description) -> None:
    run = []
    for path, _, described in operations(description):
        content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in content.get("examples", {}).items():
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200, (path, name, answer.text)
            run.append(path)
        assert not content or run[-1] == path, f"{path} has no example"
    # One of each operation and one of several, two formats, and one each of three other routes.
    kinds = len(Operation.__args__[0].__args__)
    assert run.count("/api/scenes/edit") == kinds + 4  # three masks of paint, two ways to give a style, and several
    assert len(run) == run.count("/api/scenes/edit") + 5


def test_every_example_of_a_parameter_runs(client: TestClient, description: Description) -> None:
    run = 0
    for path, method, described in operations(description):
        inside = [each for each in described.get("parameters", []) if each["in"] == "path"]
        for each in inside:
            path = path.replace(f"{{{each['name']}}}", quote(str(each["example"])))
        if method == "get":
            assert client.get(path).status_code == 200, path
            run += bool(inside)
    assert run == 3


def test_examples_are_of_the_model_in_use(model: ServedModel) -> None:
    plain = replace(model, samples=Samples(), digest="another", kept={})
    served = Served(model)
    with TestClient(create_application(served, Limits(pixels=64))) as client:
        first = client.get("/openapi.json").json()
        assert first["paths"]["/api/samples/{name}"]["get"]["parameters"][0]["example"] == "street_1"
        served.swap(plain)
        second = client.get("/openapi.json").json()
        assert "example" not in second["paths"]["/api/samples/{name}"]["get"]["parameters"][0]
        # The training pictures' 8x16 pixels are more than the limit.
        empty = second["paths"]["/api/scenes/empty"]["post"]["requestBody"]["content"]["application/json"]["examples"]
        (example,) = empty.values()
        assert (example["value"]["height"], example["value"]["width"]) == (4, 16)
        for path, _, described in operations(second):
            content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, each in content.get("examples", {}).items():
                assert client.post(path, json=each["value"]).status_code == 200, (path, name)


def test_without_a_model_the_description_is_there_without_examples() -> None:
    with TestClient(create_application(Served(), Limits())) as client:
        assert "examples" not in str(client.get("/openapi.json").json()["paths"])


def test_the_token_is_declared_where_it_is_asked_for(model: ServedModel, description: Description) -> None:
    assert "security" not in str(description)
    with TestClient(create_application(Served(model), Limits(), "0123456789abcdef")) as client:
        described = client.get("/openapi.json").json()
    assert described["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    for path, _, each in operations(described):
        assert ("security" in each) == (path == "/metrics" or bool(re.match("/api/", path))), path
