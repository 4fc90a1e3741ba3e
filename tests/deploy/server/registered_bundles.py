"""A real registry in a folder, with versions whose pictures can be told apart."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from mlflow import MlflowClient

from deploy.server.served import ServedModel
from pipelines import registry
from tests.tiny_bundle import write_tiny_bundle

NAME = "street"
ALIAS = "champion"


@contextmanager
def project(folder: Path) -> Iterator[None]:
    """Work in a folder with an empty `mlflow.db`, which is the registry, and a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        folder.mkdir(parents=True, exist_ok=True)
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "mlflow.db").write_bytes(_empty_database())
        yield


@cache
def _empty_database() -> bytes:
    """MLflow's database as it makes it, which takes seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        MlflowClient(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()


def client() -> MlflowClient:
    """Ask the registry of the project: without an address MLflow asks that of the last test."""
    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


def write_bundle(folder: Path, blue: int) -> Path:
    """Write a tiny bundle whose pictures are of this blue, or the next one, in every style of class 0."""
    write_tiny_bundle(folder)
    styles = json.loads((folder / "styles.json").read_text())
    styles["classes"]["0"]["styles"] = [[float(blue), 1.0], [float(blue + 1), 2.0]]
    change_file(folder, "styles.json", json.dumps(styles).encode())
    return folder


def change_file(folder: Path, name: str, content: bytes) -> None:
    """Change a file of a bundle, and its hash."""
    (folder / name).write_bytes(content)
    document = json.loads((folder / "bundle.json").read_text())
    document["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(document))


def register(folder: Path, blue: int, graph: bytes | None = None) -> int:
    """Register such a bundle, with another graph where one is given; its version."""
    bundle = write_bundle(folder / f"bundle-{blue}", blue)
    if graph is not None:
        for name in ("generator.onnx", "generator-float16.onnx"):
            change_file(bundle, name, graph)
    return registry.register(bundle, NAME)


def constant_graph() -> bytes:
    """A graph that loads, and makes black pictures whatever it is given."""

    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Unsqueeze", ["label", "last"], ["red"]),
        helper.make_node("Sub", ["red", "red"], ["black"]),
        helper.make_node("Cast", ["instance"], ["ids"], to=TensorProto.UINT8),
        helper.make_node("ReduceMax", ["styles"], ["unused"]),
        helper.make_node("Concat", ["black", "black", "black"], ["image"], axis=-1),
    ]
    inputs = [
        helper.make_tensor_value_info("label", TensorProto.UINT8, ["N", "H", "W"]),
        helper.make_tensor_value_info("instance", TensorProto.INT32, ["N", "H", "W"]),
        helper.make_tensor_value_info("styles", TensorProto.FLOAT, ["N", "M", 2]),
    ]
    output = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])]
    last = [helper.make_tensor("last", TensorProto.INT64, [1], [-1])]
    graph = helper.make_graph(nodes, "black", inputs, output, last)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


def point_to(version: int | None, alias: str = ALIAS) -> None:
    """Move the alias, or remove it."""
    if version is None:
        client().delete_registered_model_alias(NAME, alias)
    else:
        client().set_registered_model_alias(NAME, alias, str(version))


def files_of(version: int) -> Path:
    """Give the folder of a version's bundle in the artifact store."""
    place = client().get_model_version_download_uri(NAME, str(version))
    return Path(place.removeprefix("file://")) / "artifacts" / "bundle"


def blue_of(model: ServedModel) -> int:
    """The blue of a picture in the first style of class 0."""
    label, instance = np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4), np.int32)
    styles = model.bundle.style_bank.style(0, 0)[None, None]
    images = model.synthesizer.synthesize(label=label, instance=instance, styles=styles)
    return int(images[0, 0, 0, 2])


def remove_files(version: int) -> None:
    """Delete a version's bundle from the artifact store."""
    shutil.rmtree(files_of(version))
