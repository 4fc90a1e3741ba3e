"""A serving bundle whose pictures can be worked out by hand, for tests of what serves and registers bundles.

Red is the label, green the instance id, blue the first number of the instance's style; a bundle with fewer
inputs leaves the channel of a missing one 0, and one with a `picture` gives the picture itself. The encoder of a
bundle with styles gives each instance the mean of red and the mean of green over its pixels. The graph in float16
is the one in float32 under another name.
"""

import hashlib
import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

STYLES = {0: [[10.0, 1.0], [20.0, 2.0]], 1: [[30.0, 3.0]]}
COUNTS = {0: [3, 1], 1: [5]}
CLASSES = ["road", "car", "sky"]
CASES = [f"1 x {4 * number} x 8" for number in range(1, 21)]
PARITY = {"cases": CASES, "largest_difference": 0, "mean_difference": 0.0}
ENCODER_PARITY = {"cases": CASES, "largest_difference": 0.0}


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
    onnx.save(_graph(inputs), folder / "generator-float16.onnx")
    if "styles" in inputs:
        onnx.save(_encoder(), folder / "encoder.onnx")
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
    encoder = {"file": "encoder.onnx", "inputs": ["image", "instance"], "parity": ENCODER_PARITY}
    document = {
        "format": 2,
        "inputs": list(inputs),
        "class_count": len(names),
        "style_dimension": dimension,
        "size_multiple": 4,
        "trained_size": {"height": 8, "width": 16},
        "fingerprint": {"data": data, "validation": validation, "params": "params-a", "code": "code-a"},
        "scores": {"mean_iou": mean_iou, "pixel_accuracy": None, "oracle_mean_iou": 0.75},
        "versions": {"python": "3", "torch": "2", "onnx": "1", "onnxruntime": "1", "opset": 20},
        "producer": "semantic-synthesis 0",
        "graphs": {
            "float32": {"file": "generator.onnx", "parity": PARITY},
            "float16": {"file": "generator-float16.onnx", "kind": "mixed", "parity": PARITY},
        },
        "left_out": {"int8": "it was not tried"},
        "encoder": encoder if "styles" in inputs else None,
        "files": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
            if path.suffix in (".onnx", ".md") or path.name in ("classes.json", "styles.json")
        },
    }
    (folder / "bundle.json").write_text(json.dumps(document, indent=2))
    return folder


def _graph(inputs: tuple[str, ...]) -> onnx.ModelProto:
    known: dict[str, tuple[int, list[str | int]]] = {
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


def _encoder() -> onnx.ModelProto:
    """Sums of red, green and ones by ScatterND into rows (picture, id), then the division."""
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("two", TensorProto.INT64, [1], [2]),
        helper.make_tensor("three", TensorProto.INT64, [1], [3]),
        helper.make_tensor("last", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("start", TensorProto.INT64, [], [0]),
        helper.make_tensor("step", TensorProto.INT64, [], [1]),
        helper.make_tensor("column", TensorProto.INT64, [4], [-1, 1, 1, 1]),
        helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0]),
        helper.make_tensor("least", TensorProto.FLOAT, [1], [1]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["grey", "zero", "two", "last"], ["colours"]),
        helper.make_node("Slice", ["grey", "zero", "one", "last"], ["red"]),
        helper.make_node("Mul", ["red", "nothing"], ["black"]),
        helper.make_node("Add", ["black", "least"], ["ones"]),
        helper.make_node("Concat", ["colours", "ones"], ["updates"], axis=-1),
        helper.make_node("Cast", ["instance"], ["ids"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["ids", "last"], ["rows"]),
        helper.make_node("Shape", ["image"], ["pictures"], start=0, end=1),
        helper.make_node("Squeeze", ["pictures"], ["stop"]),
        helper.make_node("Range", ["start", "stop", "step"], ["numbers"]),
        helper.make_node("Reshape", ["numbers", "column"], ["by_picture"]),
        helper.make_node("Mul", ["rows", "start"], ["nowhere"]),
        helper.make_node("Add", ["nowhere", "by_picture"], ["picture_of_pixel"]),
        helper.make_node("Concat", ["picture_of_pixel", "rows"], ["indices"], axis=-1),
        helper.make_node("ReduceMax", ["ids"], ["largest"], keepdims=0),
        helper.make_node("Reshape", ["largest", "one"], ["largest_id"]),
        helper.make_node("Add", ["largest_id", "one"], ["instances"]),
        helper.make_node("Concat", ["pictures", "instances", "three"], ["shape"], axis=0),
        helper.make_node("Expand", ["nothing", "shape"], ["empty"]),
        helper.make_node("ScatterND", ["empty", "indices", "updates"], ["sums"], reduction="add"),
        helper.make_node("Slice", ["sums", "zero", "two", "last"], ["of_colours"]),
        helper.make_node("Slice", ["sums", "two", "three", "last"], ["of_ones"]),
        helper.make_node("Max", ["of_ones", "least"], ["counts"]),
        helper.make_node("Div", ["of_colours", "counts"], ["styles"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_encoder",
        [
            helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3]),
            helper.make_tensor_value_info("instance", TensorProto.INT32, ["N", "H", "W"]),
        ],
        [helper.make_tensor_value_info("styles", TensorProto.FLOAT, ["N", "M", 2])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
