"""A serving bundle of {G1, G2} with the published depths and random weights, and the same weights for torch."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.inference_sides import make_inputs
from benchmarks.training_step import CLASSES, INSTANCES, make_phase
from components.export.float16 import write_float16
from components.export.int8 import write_int8
from components.export.onnx import export_onnx
from components.export.serving import input_names
from components.inference.bundle import FORMAT
from components.models.networks import Networks

OPSET = 20


def write_random_bundle(folder: Path, *, ngf: int, height: int, width: int, precisions: Sequence[str]) -> None:
    """Write `bundle` and `networks` into a folder.

    Args:
        folder: an empty folder.
        ngf: channels of G2; G1 has twice as many.
        height: that the bundle gives as that of the training pictures, in pixels.
        width: likewise.
        precisions: `float32` and what else of `float16` and `int8`.
    """
    torch.manual_seed(0)
    networks = Networks(make_phase(ngf, ndf=1).shape)
    networks.save(folder / "networks")
    bundle = folder / "bundle"
    bundle.mkdir()
    graphs = {"float32": bundle / "generator.onnx"}
    export_onnx(networks, graphs["float32"], opset=OPSET)
    if "float16" in precisions:
        graphs["float16"] = bundle / "generator-float16.onnx"
        write_float16(graphs["float32"], graphs["float16"], "mixed")
    if "int8" in precisions:
        graphs["int8"] = bundle / "generator-int8.onnx"
        small = 4 * networks.shape.model.size_multiple
        write_int8(graphs["float32"], graphs["int8"], [make_inputs(1, small, 2 * small, CLASSES, INSTANCES)])
    classes = [
        {"index": index, "name": f"class {index}", "colour": [index, 0, 0]}
        | {"has_instances": True, "ignored_in_scores": False}
        for index in range(CLASSES)
    ]
    dimension = networks.shape.model.n_features
    (bundle / "classes.json").write_text(json.dumps(classes))
    (bundle / "styles.json").write_text(json.dumps({"dimension": dimension, "classes": {}}))
    document = {
        "format": FORMAT,
        "inputs": input_names(networks),
        "class_count": CLASSES,
        "style_dimension": dimension,
        "size_multiple": networks.shape.model.size_multiple,
        "trained_size": {"height": height, "width": width},
        "fingerprint": {},
        "scores": {},
        "graphs": {
            precision: {"file": path.name, "parity": {}} | ({"kind": "mixed"} if precision == "float16" else {})
            for precision, path in graphs.items()
        },
        "left_out": {},
        "encoder": None,
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(bundle.iterdir())},
    }
    (bundle / "bundle.json").write_text(json.dumps(document))
