import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.export.bundle import check_document
from components.inference.bundle import SCHEMA
from tests.tiny_bundle import write_tiny_bundle


@pytest.mark.parametrize("inputs", [("label", "instance", "styles"), ("picture",)])
def test_the_schema_takes_what_a_bundle_says(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    check_document(json.loads((write_tiny_bundle(tmp_path, inputs=inputs) / "bundle.json").read_text()))
    assert json.loads(SCHEMA.read_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.pop("producer"), r"\$: 'producer' is a required property"),
        (lambda document: document.update(author="me"), r"\$: .*'author' was unexpected"),
        (lambda document: document.update(format=1), r"\$\.format: 2 was expected"),
        (lambda document: document.update(size_multiple=0), r"\$\.size_multiple: 0 is less than the minimum"),
        (lambda document: document.update(inputs=["labels"]), r"\$\.inputs\[0\]: 'labels' is not one of"),
        (lambda document: document["files"].update({"a/b": "0" * 64}), r"\$\.files.*'a/b' does not match"),
        (lambda document: document["files"].update({"a": "0"}), r"\$\.files\.a: '0' does not match"),
        (lambda document: document["graphs"].pop("float32"), r"\$\.graphs: 'float32' is a required property"),
        (lambda document: document["graphs"]["float16"].pop("kind"), r"\$\.graphs\.float16: 'kind' is a required"),
        (lambda document: document["graphs"]["float32"]["parity"]["cases"].pop(), r"\.parity\.cases: .* too short"),
        (lambda document: document["left_out"].update(int4="no"), r"\$\.left_out.*'int4' is not one of"),
        (lambda document: document["encoder"].update(inputs=["image"]), r"\$\.encoder: .* is not valid under any"),
    ],
)
def test_the_schema_refuses_a_wrong_document_and_names_the_field(tmp_path: Path, change: Change, message: str) -> None:
    document = json.loads((write_tiny_bundle(tmp_path) / "bundle.json").read_text())
    change(document)
    with pytest.raises(ValueError, match=message):
        check_document(document)
