"""The reference of the server's HTTP interface, made of its OpenAPI description."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served

Schema = Mapping[str, Any]


def http_reference() -> str:
    """Give a section a route and one a document that the routes take or give, in Markdown."""
    description = create_application(Served(), Limits()).openapi()
    lines = ["## Routes"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            lines.append(_operation(method, path, operation))
    lines.append("## Documents")
    lines += [_document(name, schema) for name, schema in description["components"]["schemas"].items()]
    return "\n\n".join(lines)


def _operation(method: str, path: str, operation: Schema) -> str:
    parts = [f"### {method.upper()} {path}", f"**{operation['summary']}.** {operation.get('description', '')}"]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            (each["name"], each["in"], _kind(each["schema"]), each["required"], each.get("description", ""))
            for each in parameters
        ]
        parts.append(
            _table(
                ("parameter", "in", "type", ""),
                [(f"`{name}`", place, kind, _note(required, text)) for name, place, kind, required, text in rows],
            )
        )
    body = operation.get("requestBody", {}).get("content", {})
    parts += [f"Takes {media}: {_kind(content['schema'])}." for media, content in body.items() if "schema" in content]
    parts.append(_answers(operation["responses"]))
    return "\n\n".join(parts)


def _answers(responses: Schema) -> str:
    given = ", ".join(f"{_kind(content['schema'])}" for content in _contents(responses) if "schema" in content)
    problems = ", ".join(status for status in responses if not status.startswith("2"))
    text = f"Gives {given}." if given else ""
    return f"{text} Problems: {problems}.".strip() if problems else text


def _contents(responses: Schema) -> list[Schema]:
    return [
        content
        for status, answer in responses.items()
        if status.startswith("2")
        for content in answer.get("content", {}).values()
    ]


def _document(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (f"`{field}`", _kind(each), _note(field in required, each.get("description", "")))
        for field, each in schema.get("properties", {}).items()
    ]
    parts = [f"### {name}", schema.get("description", ""), _table(("field", "type", ""), rows) if rows else ""]
    return "\n\n".join(part for part in parts if part)


def _kind(schema: Schema) -> str:
    """Name a type; documents are links to their sections."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(_kind(each) for each in schema[key])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _note(required: bool, text: str) -> str:
    return text if required else f"{text} (may be missing)".strip()


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines
    )
