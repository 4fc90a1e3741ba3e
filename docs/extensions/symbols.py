"""Where a name is defined in a file of code."""

import ast
from pathlib import Path


def line_of(path: Path, name: str) -> int | None:
    """Give the line, from 1, on which a module defines a name; None where it does not.

    Args:
        path: a Python file.
        name: a class, function or constant of the module, or `Class.method` and `Class.attribute`.
    """
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    line = None
    for part in name.split("."):
        found = next((statement for statement in body if part in _defined_by(statement)), None)
        if found is None:
            return None
        line, body = found.lineno, getattr(found, "body", [])
    return line


def _defined_by(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []
