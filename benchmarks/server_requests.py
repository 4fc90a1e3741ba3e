"""Pictures that the server's benchmark asks for, and the requests that ask for them."""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.inference import Synthesizer

PICTURES = 8  # different ones, in turns
MOST_OBJECTS = 12  # of a picture
BOUNDARY = "benchmark"


@dataclass(frozen=True)
class Requests:
    """Requests of one kind: bodies, one a picture, of one content type."""

    path: str
    kind: str
    bodies: Sequence[bytes]


def make_pictures(synthesizer: Synthesizer, height: int, width: int) -> list[dict[str, NDArray[Any]]]:
    """Give the inputs, without the axis N, of pictures of a ground with objects on it, each in other styles.

    There are twelve objects of the classes with instances, or, where there are none, one of each other class.
    """
    bundle = synthesizer.bundle
    rng = np.random.default_rng(0)
    things = [each.index for each in bundle.classes if each.has_instances]
    ground = next((each.index for each in bundle.classes if not each.has_instances), 0)
    objects = [things[number % len(things)] for number in range(MOST_OBJECTS)] if things else []
    objects = objects or [each.index for each in bundle.classes if each.index != ground][:MOST_OBJECTS]
    instance = np.zeros((height, width), np.int32)
    for number in range(1, len(objects) + 1):
        top, left = (number - 1) // 4 * height // 3, (number - 1) % 4 * width // 4
        instance[top + height // 12 : top + height // 4, left + width // 16 : left + width // 6] = number
    classes = np.array([ground, *objects], np.uint8)
    styles = rng.uniform(-1, 1, (PICTURES, len(classes), bundle.style_dimension)).astype(np.float32)
    return [{"label": classes[instance], "instance": instance, "styles": rows} for rows in styles]


def form_requests(pictures: Sequence[Mapping[str, NDArray[Any]]]) -> Requests:
    """Ask for pictures by files, as programs do."""
    bodies = []
    for picture in pictures:
        fields = [("label", _png(picture["label"])), ("instance", _png(picture["instance"].astype(np.uint16)))]
        fields += [("styles", json.dumps(picture["styles"].tolist()).encode())]
        body = b"".join(_part(name, content, is_file=name != "styles") for name, content in fields)
        bodies.append(body + f"--{BOUNDARY}--\r\n".encode())
    return Requests("/api/synthesize", f"multipart/form-data; boundary={BOUNDARY}", bodies)


def scene_requests(pictures: Sequence[Mapping[str, NDArray[Any]]]) -> Requests:
    """Ask for pictures of scene documents, as the editor does."""
    bodies = []
    for picture in pictures:
        height, width = picture["label"].shape
        firsts = np.unique(picture["instance"], return_index=True)[1]
        scene = {
            "height": height,
            "width": width,
            "instance": base64.b64encode(zlib.compress(picture["instance"].astype("<u2").tobytes(), 1)).decode(),
            "classes": picture["label"].ravel()[firsts].tolist(),
            "styles": picture["styles"].tolist(),
            "seed": 0,
        }
        bodies.append(json.dumps({"scene": scene, "format": "png"}).encode())
    return Requests("/api/scenes/picture", "application/json", bodies)


def _png(pixels: NDArray[Any]) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _part(name: str, content: bytes, *, is_file: bool) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{name}.png"' if is_file else "")
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
