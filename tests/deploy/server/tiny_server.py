"""A server of the tiny bundle: cars have instances, and there are a sample scene and a mask of a car."""

import base64
import hashlib
import io
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from components.inference import Bundle
from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.tiny_bundle import write_tiny_bundle

ROAD, CAR, SKY = 0, 1, 2  # styles 10 and 20, style 30, none
PATIENCE = 60.0  # seconds that a test waits for what has to come
LABEL = np.array([[SKY] * 8] * 2 + [[ROAD, CAR, CAR, ROAD, ROAD, ROAD, CAR, ROAD]] * 2, np.uint8)
INSTANCE = np.array([[7] * 8] * 2 + [[3, 4, 4, 3, 3, 3, 9, 3]] * 2, np.int32)
GALLERY = np.array([[0, 1, 0], [1, 1, 1]], bool)


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


def write_bundle(folder: Path, **options: Any) -> Path:
    write_tiny_bundle(folder, **options)
    samples = {
        "scenes": [
            {
                "name": "street_1",
                "height": 4,
                "width": 8,
                "label": packed(LABEL.tobytes()),
                "instance": packed(INSTANCE.astype("<u2").tobytes()),
            }
        ],
        "gallery": [{"class": CAR, "height": 2, "width": 3, "bits": packed(np.packbits(GALLERY).tobytes())}],
    }
    document = json.loads((folder / "bundle.json").read_text())
    classes = json.loads((folder / "classes.json").read_text())
    if classes:
        classes[CAR]["has_instances"] = True
        changed = {"classes.json": classes, "samples.json": samples}
    else:
        changed = {}
    for name, content in changed.items():
        (folder / name).write_text(json.dumps(content))
        document["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


class Gate:
    """Stands in for a synthesizer: while it is shut, pictures take for ever; it notes each batch.

    Attributes:
        opened: whether pictures are made.
        entered: set while, or after, a batch is waiting.
        batches: the shapes [N, H, W] that were asked for.
    """

    def __init__(self, model: ServedModel, *, is_open: bool = False) -> None:
        self._inner = model.synthesizer
        self.opened, self.entered = threading.Event(), threading.Event()
        self.batches: list[tuple[int, ...]] = []
        self.failing_ids: set[int] = set()
        if is_open:
            self.opened.set()

    @property
    def bundle(self) -> Bundle:
        return self._inner.bundle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def synthesize(self, **inputs: NDArray[Any]) -> NDArray[np.uint8]:
        self.batches.append(inputs["label"].shape)
        self.entered.set()
        assert self.opened.wait(PATIENCE)
        if self.failing_ids & set(inputs["instance"].ravel().tolist()):
            raise RuntimeError("out of memory")
        return self._inner.synthesize(**inputs)


def gated(model: ServedModel, *, is_open: bool = False) -> tuple[ServedModel, Gate]:
    gate = Gate(model, is_open=is_open)
    return replace(model, synthesizer=gate, kept={}), gate  # type: ignore[arg-type]


@contextmanager
def running(
    served: Served, limits: Limits | None = None, token: str | None = None
) -> Iterator[tuple[str, uvicorn.Server]]:
    """Give the address of a server on a free port, and the server."""
    application = create_application(served, limits or Limits(), token)
    configuration = uvicorn.Config(application, port=0, access_log=False, log_config=None)
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    late = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < late, "it did not come true"
        sleep(0.01)


def png(pixels: Any, dtype: Any = np.uint8) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.array(pixels, dtype=dtype)).save(file, "PNG")
    return file.getvalue()


def pixels_of(content: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image)


def scene(ids: Any, classes: list[int], styles: list[list[float]] | None = None, seed: int = 0) -> dict[str, Any]:
    """A scene document; styles are [100, 0], [101, 0] and so on."""
    array = np.array(ids, "<u2")
    return {
        "height": array.shape[0],
        "width": array.shape[1],
        "instance": packed(array.tobytes()),
        "classes": classes,
        "styles": [[100.0 + number, 0.0] for number in range(len(classes))] if styles is None else styles,
        "seed": seed,
    }


def ids_of(document: dict[str, Any]) -> list[list[int]]:
    content = zlib.decompress(base64.b64decode(document["instance"]))
    return np.frombuffer(content, "<u2").reshape(document["height"], document["width"]).tolist()
