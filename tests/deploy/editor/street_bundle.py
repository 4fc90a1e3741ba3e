"""A serving bundle whose pictures look like something and can be reasoned about.

A pixel has the colour of its class, shifted by 60 grey levels times its style, averaged over 5 x 5 pixels, plus a
fiftieth of the mean of the picture: an edit changes pixels where it is, a little nearby, and hardly those far away.
The encoder gives each instance its mean colour, -1..1.
"""

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_bundle import write_tiny_bundle

HEIGHT, WIDTH = 64, 128
SKY, BUILDING, TREE, ROAD, CAR = range(5)
CLASSES: list[tuple[str, list[int], bool]] = [
    ("sky", [70, 130, 180], False),
    ("building", [70, 70, 70], True),
    ("tree", [107, 142, 35], True),
    ("road", [128, 64, 128], False),
    ("car", [0, 0, 142], True),
]
COLOURS = np.array([[130, 160, 200], [120, 110, 100], [70, 120, 60], [100, 100, 105], [140, 90, 90]], np.float32)
STYLES = np.array([[0, 0, 0], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
STYLE_SHIFT = 60  # grey levels


def write_street_bundle(folder: Path) -> Path:
    """Write the bundle, with two sample scenes and a gallery of three masks."""
    write_tiny_bundle(folder, class_names=[name for name, _, _ in CLASSES])
    onnx.save(_generator(), folder / "generator.onnx")
    onnx.save(_generator(), folder / "generator-float16.onnx")
    onnx.save(_encoder(), folder / "encoder.onnx")
    classes = [
        {"index": index, "name": name, "colour": colour, "has_instances": numbered, "ignored_in_scores": False}
        for index, (name, colour, numbered) in enumerate(CLASSES)
    ]
    bank = {
        str(index): {"name": name, "styles": STYLES.tolist(), "counts": [1] * len(STYLES)}
        for index, (name, _, _) in enumerate(CLASSES)
    }
    contents = {
        "classes.json": classes,
        "styles.json": {"dimension": 3, "classes": bank},
        "samples.json": _samples(),
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    document = json.loads((folder / "bundle.json").read_text())
    document |= {"style_dimension": 3, "size_multiple": 8, "trained_size": {"height": HEIGHT, "width": WIDTH}}
    document["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in {*document["files"], *contents}
    }
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def street() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Give the label map and the instance map of a street: sky above road, a building, a tree, and one car."""
    label = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    instance = np.zeros((HEIGHT, WIDTH), np.int32)
    for rows, columns, class_index, number in (
        (slice(40, 64), slice(0, 128), ROAD, 1),
        (slice(12, 40), slice(0, 30), BUILDING, 2),
        (slice(20, 40), slice(100, 116), TREE, 3),
        (slice(44, 54), slice(10, 30), CAR, 4),
    ):
        label[rows, columns], instance[rows, columns] = class_index, number
    return label, instance


def _samples() -> dict[str, Any]:
    label, instance = street()
    scenes = [
        {"name": name, "height": HEIGHT, "width": WIDTH, "label": _packed(each), "instance": _packed(ids.astype("<u2"))}
        for name, each, ids in (("street", label, instance), ("mirrored", label[:, ::-1], instance[:, ::-1]))
    ]
    car, tree = np.ones((10, 20), bool), np.tri(16, 12, dtype=bool)
    car[:4, :5] = car[:4, 15:] = False
    masks = ((CAR, car), (TREE, tree), (CAR, car[:, ::2]))
    gallery = [
        {"class": index, "height": len(mask), "width": mask.shape[1], "bits": _packed(np.packbits(mask))}
        for index, mask in masks
    ]
    return {"scenes": scenes, "gallery": gallery}


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes())).decode()


def _generator() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["label"], ["classes"], to=TensorProto.INT64),
        helper.make_node("Gather", ["colours", "classes"], ["plain"]),
        helper.make_node("Unsqueeze", ["instance", "last"], ["ids"]),
        helper.make_node("Cast", ["ids"], ["rows"], to=TensorProto.INT64),
        helper.make_node("GatherND", ["styles", "rows"], ["features"], batch_dims=1),
        helper.make_node("Mul", ["features", "shift"], ["shifts"]),
        helper.make_node("Add", ["plain", "shifts"], ["shifted"]),
        helper.make_node("Transpose", ["shifted"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["channels"], ["smooth"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("GlobalAveragePool", ["channels"], ["mean"]),
        helper.make_node("Mul", ["mean", "share"], ["glow"]),
        helper.make_node("Add", ["smooth", "glow"], ["lit"]),
        helper.make_node("Transpose", ["lit"], ["picture"], perm=[0, 2, 3, 1]),
        helper.make_node("Clip", ["picture", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["image"], to=TensorProto.UINT8),
    ]
    inputs = [
        helper.make_tensor_value_info("label", TensorProto.UINT8, ["N", "H", "W"]),
        helper.make_tensor_value_info("instance", TensorProto.INT32, ["N", "H", "W"]),
        helper.make_tensor_value_info("styles", TensorProto.FLOAT, ["N", "M", 3]),
    ]
    outputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])]
    constants = {
        "colours": COLOURS,
        "last": np.array([-1], np.int64),
        "shift": np.float32(STYLE_SHIFT),
        "share": np.float32(0.02),
        "black": np.float32(0),
        "white": np.float32(255),
    }
    return _model(nodes, inputs, outputs, constants)


def _encoder() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["instance"], ["flat"], axis=1),
        helper.make_node("Reshape", ["grey", "pixels"], ["colours"]),
        helper.make_node("ReduceMax", ["instance"], ["largest"], keepdims=0),
        helper.make_node("Add", ["largest", "one"], ["depth"]),
        helper.make_node("OneHot", ["flat", "depth", "off_on"], ["members"], axis=1),
        helper.make_node("MatMul", ["members", "colours"], ["sums"]),
        helper.make_node("ReduceSum", ["members", "last"], ["counts"], keepdims=1),
        helper.make_node("Max", ["counts", "least"], ["divisors"]),
        helper.make_node("Div", ["sums", "divisors"], ["means"]),
        helper.make_node("Div", ["means", "half"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "least"], ["styles"]),
    ]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3]),
        helper.make_tensor_value_info("instance", TensorProto.INT32, ["N", "H", "W"]),
    ]
    outputs = [helper.make_tensor_value_info("styles", TensorProto.FLOAT, ["N", "M", 3])]
    constants = {
        "pixels": np.array([0, -1, 3], np.int64),
        "one": np.int32(1),
        "off_on": np.array([0, 1], np.float32),
        "last": np.array([-1], np.int64),
        "least": np.float32(1),
        "half": np.float32(127.5),
    }
    return _model(nodes, inputs, outputs, constants)


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "street", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
