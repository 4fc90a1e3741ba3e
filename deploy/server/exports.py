"""A scene as files for other programs."""

import json
from collections.abc import Sequence
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from components.inference import BundleClass
from components.inference.editing import Scene
from deploy.server.pictures import index_png


def maps_archive(scene: Scene, classes: Sequence[BundleClass], picture: bytes) -> bytes:
    """Give a ZIP of `label.png` (a class a pixel, in the classes' colours), `instance.png` (16 bits), `styles.json`
    (a row for each id) and `picture.png`.

    Args:
        scene: the scene.
        classes: of the model.
        picture: of the scene, as PNG.
    """  # noqa: D205
    palette = [channel for each in classes for channel in each.colour]
    files = {
        "label.png": index_png(scene.label, palette),
        "instance.png": index_png(scene.instance.astype(np.uint16)),
        "styles.json": json.dumps(scene.styles.tolist()).encode(),
        "picture.png": picture,
    }
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_STORED) as opened:
        for name, content in files.items():
            opened.writestr(ZipInfo(name), content)
    return archive.getvalue()
