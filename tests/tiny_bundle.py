"""A serving bundle whose pictures can be worked out by hand, for tests of what serves and registers bundles.

Red is the label, green the instance id, blue the first number of the instance's style; a bundle with fewer
inputs leaves the channel of a missing one 0, and one with a `picture` gives the picture itself.
"""

import hashlib
import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

STYLES = {0: [[10.0, 1.0], [20.0, 2.0]], 1: [[30.0, 3.0]]}
COUNTS = {0: [3, 1], 1: [5]}
CLASSES = ["road", "car", "sky"]


def write_tiny_bundle(
    folder: Path,
    *,
    inputs: tuple[str, ...] = ("label", "instance", "styles"),
    mean_iou: float | None = 0.5,
    data: str = "data-a",
    validation: str = "validation-a",
    class_names: list[str] = CLASSES,
) -> Path:
    """Write a bundle of three classes (the last without styles), two numbers a style and sizes in multiples of 4."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_graph(inputs), folder / "generator.onnx")
    names = [] if "picture" in inputs else class_names
    classes = [
        {"index": index, "name": name, "colour": [index, 0, 0], "has_instances": False, "ignored_in_scores": False}
        for index, name in enumerate(names)
    ]
    bank = {
        str(index): {"name": names[index], "styles": STYLES[index], "counts": COUNTS[index]}
        for index in (STYLES if "styles" in inputs else ())
    }
    dimension = 2 if "styles" in inputs else 0
    (folder / "classes.json").write_text(json.dumps(classes))
    (folder / "styles.json").write_text(json.dumps({"dimension": dimension, "classes": bank}))
    (folder / "model_card.md").write_text(f"# A tiny model\nMean IoU {mean_iou}\n")
    files = ("generator.onnx", "classes.json", "styles.json", "model_card.md")
    document = {
        "format": 1,
        "inputs": list(inputs),
        "class_count": len(names),
        "style_dimension": dimension,
        "size_multiple": 4,
        "trained_size": {"height": 8, "width": 16},
        "fingerprint": {"data": data, "validation": validation, "params": "params-a", "code": "code-a"},
        "scores": {"mean_iou": mean_iou, "pixel_accuracy": None, "oracle_mean_iou": 0.75},
        "versions": {},
        "parity": {},
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }
    (folder / "bundle.json").write_text(json.dumps(document, indent=2))
    return folder


def _graph(inputs: tuple[str, ...]) -> onnx.ModelProto:
    known = {
        "label": (TensorProto.UINT8, ["N", "H", "W"]),
        "picture": (TensorProto.UINT8, ["N", "H", "W", 3]),
        "instance": (TensorProto.INT32, ["N", "H", "W"]),
        "styles": (TensorProto.FLOAT, ["N", "M", 2]),
    }
    nodes = []
    constants = [
        helper.make_tensor("last", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
    ]
    if "picture" in inputs:
        nodes.append(helper.make_node("Identity", ["picture"], ["image"]))
    else:
        nodes.append(helper.make_node("Unsqueeze", ["label", "last"], ["red"]))
        nodes.append(helper.make_node("Sub", ["red", "red"], ["black"]))
        channels = ["red", "black", "black"]
        if "instance" in inputs:
            nodes.append(helper.make_node("Unsqueeze", ["instance", "last"], ["ids"]))
            nodes.append(helper.make_node("Cast", ["ids"], ["green"], to=TensorProto.UINT8))
            channels[1] = "green"
        if "styles" in inputs:
            nodes.append(helper.make_node("Cast", ["ids"], ["rows"], to=TensorProto.INT64))
            nodes.append(helper.make_node("GatherND", ["styles", "rows"], ["features"], batch_dims=1))
            nodes.append(helper.make_node("Slice", ["features", "zero", "one", "last"], ["first"]))
            nodes.append(helper.make_node("Cast", ["first"], ["blue"], to=TensorProto.UINT8))
            channels[2] = "blue"
        nodes.append(helper.make_node("Concat", channels, ["image"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, *known[name]) for name in inputs],
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
