"""Every example in Python of the pages runs, with the preamble of `tests/docs/examples.py`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import CHECK, PREAMBLE, write_street_bundle
from tests.docs.pages import ROOT, Block, blocks, pages

HAVE_TESTS_OF_THEIR_OWN = {
    "docs/editing.md": "tests/components/inference/test_editing_docs.py",
    "docs/own_reader.md": "tests/components/data/test_readers_own.py",
    "docs/tutorial.md": "tests/docs/test_tutorial.py",
}
EXAMPLES = [
    block
    for page in pages()
    for block in blocks(page)
    if block.language == "python" and block.page not in HAVE_TESTS_OF_THEIR_OWN
]
REGISTERED = """
from pathlib import Path
from pipelines import registry
name = registry.MODEL_NAME
registry.promote(registry.register(Path("build/bundle"), name), name, why="the example")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the bundle that examples name."""
    folder = tmp_path_factory.mktemp("examples")
    write_street_bundle(folder / "build" / "bundle")
    return folder


def test_there_are_examples_and_the_pages_with_their_own_tests_have_them() -> None:
    assert len(EXAMPLES) >= 5
    for page, test in HAVE_TESTS_OF_THEIR_OWN.items():
        assert Path(page).name.removesuffix(".md").split("_")[-1] in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("block", EXAMPLES, ids=[f"{block.page}-{n}" for n, block in enumerate(EXAMPLES)])
def test_an_example_runs_and_makes_a_picture(block: Block, folder: Path) -> None:
    before = REGISTERED if "@champion" in block.text else ""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    result = subprocess.run(
        [sys.executable, "-c", f"{before}{PREAMBLE}{block.text}{CHECK if 'image' in block.text else ''}"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, f"{block.page}:\n{block.text}\n{result.stderr}"
