"""The editor's files, as they lie in the folder `page`."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

PAGE = Path(__file__).with_name("page")
# Browsers ask each time and get only what has changed: the page and its scripts go together.
_HEADERS = {"Cache-Control": "no-cache"}


class _PageFiles(StaticFiles):
    def file_response(self, *args: Any, **keywords: Any) -> Response:
        """Give a file."""
        response = super().file_response(*args, **keywords)
        response.headers.update(_HEADERS)
        return response


def install_page(application: FastAPI) -> None:
    """Serve the page at `/`, and what it loads below `/page`."""
    application.mount("/page", _PageFiles(directory=PAGE))

    @application.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers=_HEADERS)
