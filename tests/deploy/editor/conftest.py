"""A real server for the tests of this folder, and the editor in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.deploy.editor.driven_editor import WIDE, DrivenEditor
from tests.deploy.editor.editor_server import serve
from tests.deploy.editor.street_bundle import write_street_bundle


@pytest.fixture(scope="session")
def street_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street_bundle(tmp_path_factory.mktemp("editor") / "street")


@pytest.fixture(scope="session")
def address(street_bundle: Path) -> Iterator[str]:
    with serve(street_bundle) as found:
        yield found


@pytest.fixture
def editor(chromium: Browser, address: str) -> Iterator[DrivenEditor]:
    context = chromium.new_context(viewport=WIDE)
    driven = DrivenEditor(context.new_page(), address)
    yield driven
    context.close()
    assert not driven.errors
