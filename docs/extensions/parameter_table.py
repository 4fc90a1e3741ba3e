"""The table of all parameters: what the models that check them say, and the defaults of `params.yaml`."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipelines.params import PARAMS_FILE, Params

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
}
MEANINGS = {  # of what stands in no section, or speaks for itself in its class
    "recipe": "name of the recipe that the file was composed with; the model card names it.",
    "launch": "how training stages start: in one process, or in several of one or more machines.",
    "prepare.street_scenes.train": "training scenes to generate.",
    "prepare.street_scenes.val": "validation scenes to generate.",
    "prepare.street_scenes.height": "of a scene, in pixels.",
    "prepare.street_scenes.width": "of a scene, in pixels.",
    "prepare.street_scenes.seed": "of everything that is drawn.",
}


@dataclass(frozen=True)
class Parameter:
    """A row of the table."""

    name: str
    values: str
    default: str
    meaning: str


def parameters() -> list[Parameter]:
    """List all parameters in the order of the file.

    Raises:
        ValueError: naming a field whose class does not say what it means.
    """
    defaults = yaml.safe_load((ROOT / PARAMS_FILE).read_text(encoding="utf-8"))
    return list(_rows(Params, defaults, ""))


def parameter_reference() -> str:
    """Give a table a section, in Markdown."""
    sections: dict[str, list[Parameter]] = {}
    for each in parameters():
        sections.setdefault(each.name.split(".")[0], []).append(each)
    lines = []
    for section, rows in sections.items():
        lines += [f"## {section}", "", "| parameter | values | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| `{row.name}` | {row.values} | `{row.default}` | {row.meaning} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _rows(model: type[BaseModel], values: dict[str, Any] | None, prefix: str) -> Iterator[Parameter]:
    meanings = MEANINGS | {f"{prefix}{name}": text for name, text in _attributes(model).items()}
    for name, field in model.model_fields.items():
        value = None if values is None else values[name]
        full_name, inner = f"{prefix}{name}", _model_in(field.annotation)
        if inner is not None and (field.annotation is inner or value is not None):
            yield from _rows(inner, value, f"{full_name}.")
            continue
        if full_name not in meanings:
            raise ValueError(f"{full_name}: {model.__module__}.{model.__name__} does not say what it means")
        yield Parameter(full_name, _values(field), _shown(value), _cell(meanings[full_name]))


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Read the section `Attributes:` of a class's docstring."""
    _, _, listed = inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n      .*)*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model of a field that is itself a section, or may be one."""
    for each in (annotation, *get_args(annotation)):
        if inspect.isclass(each) and issubclass(each, BaseModel):
            return each
    return None


def _values(field: FieldInfo) -> str:
    limits = [
        text.format(f"{bound:g}")
        for metadata in field.metadata
        for limit, text in LIMITS.items()
        if (bound := getattr(metadata, limit, None)) is not None
    ]
    kind = _kind(field.annotation)
    return _cell(f"{kind}, {', '.join(limits)}" if limits else kind)


def _kind(annotation: Any) -> str:
    """Name a type as a person who writes YAML would."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in arguments)
    if origin in (list, tuple):
        return f"list of {_kind(arguments[0])}"
    model = _model_in(annotation)
    if model is not None:
        return "`{" + ", ".join(model.model_fields) + "}`"
    names = {NoneType: "`null`", bool: "`true`, `false`", int: "integer", float: "number", str: "text", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _shown(value: Any) -> str:
    """Write a value as YAML does."""
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("\n...\n").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
