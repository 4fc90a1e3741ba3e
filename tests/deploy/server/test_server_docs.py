import json
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from deploy.server.__main__ import app
from deploy.server.scene_requests import EditRequest
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import INSTANCE, LABEL, PATIENCE, png, running, scene

PAGE = (Path(__file__).parents[3] / "docs" / "server.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_commands_of_the_page_run(model: ServedModel, tmp_path: Path) -> None:
    (tmp_path / "label.png").write_bytes(png(LABEL))
    (tmp_path / "instance.png").write_bytes(png(INSTANCE))
    Image.fromarray(np.full((8, 16, 3), 90, np.uint8)).save(tmp_path / "photo.jpg")
    (commands,) = blocks("sh")
    with running(Served(model)) as (address, _):
        for command in commands.splitlines():
            here = command.replace("http://127.0.0.1:8000", address)
            subprocess.run(here, shell=True, cwd=tmp_path, check=True, timeout=PATIENCE)
    for name, kind in (("picture.png", "PNG"), ("picture.webp", "WEBP")):
        with Image.open(tmp_path / name) as image:
            assert (image.format, image.size) == (kind, (8, 4))
    assert json.loads((tmp_path / "scene.json").read_text())["height"] == 4


def test_the_documents_of_the_page_are_read() -> None:
    _, edit = blocks("json")
    asked = json.loads(edit) | {"scene": scene([[0] * 4] * 4, [0])}
    read = EditRequest.model_validate_json(json.dumps(asked))
    assert [each.do for each in read.operations] == ["paint", "move"]


def test_the_page_has_each_option_of_the_command() -> None:
    parameters = {name for parameter in app.registered_commands for name in parameter.callback.__annotations__}
    for name in parameters - {"return"}:
        assert f"--{name.replace('_', '-')}" in PAGE
