from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from components.data.draws import Draw
from components.export import precisions
from components.export.config import ExportConfig
from components.export.float16 import Kind, write_float16
from components.export.int8 import Int8Trial, outer_convolutions, served_images, training_maps
from components.export.parity import Parity, parity_sizes
from components.inference import StyleBank
from tests.given import given
from tests.tiny import CLASSES, tiny_maker, tiny_store
from tests.tiny_bundle import write_tiny_bundle

TINY_IDS = [each.index for each in CLASSES]


def _float_graph(path: Path) -> Path:
    """uint8 x -> 1000 (1.0002^2 x - 100), of which a convolution with weight 1 lies between the two factors."""
    one = [1]
    shape: list[str | int] = ["N", 1, "H", "W"]
    constants = {"factor": 1.0002, "hundred": 100.0, "thousand": 1000.0}
    nodes = [
        helper.make_node("Cast", ["x"], ["number"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "factor"], ["once"], "first"),
        helper.make_node("Conv", ["once", "weight"], ["same"], "convolution"),
        helper.make_node("Mul", ["same", "factor"], ["twice"], "second"),
        helper.make_node("Sub", ["twice", "hundred"], ["rest"], "difference"),
        helper.make_node("Mul", ["rest", "thousand"], ["large"], "third"),
        helper.make_node("Round", ["large"], ["whole"], "rounding"),
        helper.make_node("Cast", ["whole"], ["image"], "bytes", to=TensorProto.UINT8),
    ]
    between = ("number", "once", "same", "twice", "rest", "large", "whole")
    graph = helper.make_graph(
        nodes,
        "float",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [
            *(helper.make_tensor(name, TensorProto.FLOAT, one, [value]) for name, value in constants.items()),
            helper.make_tensor("weight", TensorProto.FLOAT, [1, 1, 1, 1], [1.0]),
        ],
        value_info=[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in between],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def _of_hundred(path: Path) -> int:
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return int(session.run(None, {"x": np.full((1, 1, 1, 1), 100, np.uint8)})[0].item())


def test_float16_rounds_every_factor_and_mixed_none_after_the_last_convolution(tmp_path: Path) -> None:
    source = _float_graph(tmp_path / "float32.onnx")
    assert _of_hundred(source) == 40  # 1000 (100.04 - 100)
    found: dict[Kind, int] = {}
    for kind in ("float16", "mixed"):
        write_float16(source, tmp_path / f"{kind}.onnx", kind)
        found[kind] = _of_hundred(tmp_path / f"{kind}.onnx")
    assert found == {"float16": 0, "mixed": 20}  # 1.0002 is 1 in float16; `mixed` has it once so, once exact


@pytest.mark.parametrize(
    ("differences", "kept"),
    [({"float16": 0.1, "mixed": 0.2}, "float16"), ({"float16": 0.2, "mixed": 0.1}, "mixed")]
    + [({"float16": 0.1, "mixed": 0.1}, "mixed")],
)
def test_the_kind_of_float16_that_is_closer_to_torch_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, differences: dict[str, float], kept: str
) -> None:
    monkeypatch.setattr(precisions, "write_float16", lambda _source, target, kind: target.write_text(kind))
    monkeypatch.setattr(
        precisions, "check_generator", lambda path, *_, **__: Parity(("case",), 1, differences[path.read_text()], "CPU")
    )
    described = precisions._float16(tmp_path / "generator.onnx", [])
    assert (described["kind"], described["parity"]["mean_difference"]) == (kept, differences[kept])
    assert [path.name for path in tmp_path.iterdir()] == ["generator-float16.onnx"]
    assert (tmp_path / described["file"]).read_text() == kept


def _write_graphs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, asked: Sequence[str], trial: Int8Trial | None
) -> precisions.Precisions:
    """With graphs that are empty files, of which every comparison finds the same."""
    monkeypatch.setattr(precisions, "export_onnx", lambda _networks, path, **_: path.touch())
    monkeypatch.setattr(precisions, "write_int8", lambda _source, target, _maps: target.touch())
    monkeypatch.setattr(precisions, "check_generator", lambda *_, **__: Parity(("case",), 1, 0.5, "CPU"))
    config = ExportConfig(
        opset=20, tolerance=1, precisions=asked, int8_max_loss=0.01, calibration_maps=1, samples=0, gallery=0
    )
    return precisions.write_graphs(folder, torch.nn.Module(), [], config, trial)  # type: ignore[arg-type]


def test_int8_that_loses_more_than_is_allowed_is_left_out_with_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"generator.onnx": 0.625, "generator-int8.onnx": 0.6125}
    found = _write_graphs(tmp_path, monkeypatch, ["int8"], Int8Trial([], lambda path: scores[path.name]))
    assert found.graphs.keys() == {"float32"}
    reason = "mean IoU 0.6125, with float32 0.6250: it falls by 0.0125, allowed is 0.01"
    assert found.left_out == {"int8": reason}
    assert [path.name for path in tmp_path.iterdir()] == ["generator.onnx"]


def test_int8_that_gains_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {"generator.onnx": 0.5, "generator-int8.onnx": 0.75}
    found = _write_graphs(tmp_path, monkeypatch, ["int8"], Int8Trial([], lambda path: scores[path.name]))
    assert (found.graphs["int8"]["mean_iou"], found.graphs["int8"]["float32_mean_iou"]) == (0.75, 0.5)


def test_without_anything_to_judge_it_by_int8_is_left_out_and_what_nobody_asked_for_is_not_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _write_graphs(tmp_path, monkeypatch, ["int8"], None).left_out.keys() == {"int8"}
    nothing = _write_graphs(tmp_path, monkeypatch, [], None)
    assert nothing.graphs.keys() == {"float32"}
    assert nothing.left_out == {}


def test_the_outer_convolutions_are_those_with_none_before_or_none_after_them() -> None:
    chain = [("a", "x", "1"), ("b", "y", "2"), ("c", "1", "3"), ("d", "4", "5"), ("e", "5", "6")]
    nodes = [helper.make_node("Conv", [source, "w"], [target], name) for name, source, target in chain]
    nodes.insert(3, helper.make_node("Add", ["2", "3"], ["4"], "sum"))
    floats = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y", "6")}
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(nodes, "chain", [floats["x"], floats["y"]], [floats["6"]], [weight])
    assert outer_convolutions(graph) == ["a", "b", "e"]


@pytest.mark.parametrize(
    ("height", "width", "multiple"), [(1024, 2048, 32), (64, 128, 8), (512, 512, 256), (16, 16, 4)]
)
def test_parity_is_checked_on_twenty_maps_the_trained_size_first(height: int, width: int, multiple: int) -> None:
    sizes = parity_sizes(height, width, multiple)
    assert (len(sizes), sizes[0]) == (20, (1, height, width))
    assert all(side % multiple == 0 and side >= 2 * multiple for _, *sides in sizes[1:] for side in sides)
    assert max(side for _, *sides in sizes[1:] for side in sides) <= max(256, 3 * multiple)
    assert {batch for batch, *_ in sizes} == {1, 2, 3}
    assert len({height / width for _, height, width in sizes}) >= 3


def _bank() -> StyleBank:
    """One style a class, whose first number is ten times the class."""
    classes = {str(index): {"name": "", "styles": [[10.0 * index, 0.0]], "counts": [1]} for index in TINY_IDS}
    return StyleBank.from_document({"dimension": 2, "classes": classes}, len(CLASSES), "styles.json")


def test_served_images_are_those_of_the_graph_in_styles_of_the_bank(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    maker = tiny_maker(tiny_store(tmp_path / "store", count=3))
    images = served_images(bundle / "generator.onnx", _bank(), seed=0)
    for batch in maker.in_order(2):
        red, green, blue = ((images(batch) + 1) * 127.5).round().unbind(1)
        label = given(batch.label).float()
        assert torch.equal(red, label)
        assert torch.equal(green, batch.instance.float())
        assert torch.equal(blue, 10 * label)


def test_maps_to_calibrate_on_are_spread_over_the_split_and_no_more_than_it_has(tmp_path: Path) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "store", count=5))
    names = ["label", "instance", "styles"]
    maps: list[Any] = list(training_maps(maker, _bank(), names, count=2, seed=0))
    assert [list(each) for each in maps] == [names, names]
    assert [each["label"].dtype for each in maps] == [np.uint8, np.uint8]
    assert np.array_equal(maps[1]["label"][0], given(maker.make([Draw(4)]).label)[0])
    assert maps[0]["styles"].shape == (1, maps[0]["instance"].max() + 1, 2)
    assert len(list(training_maps(maker, _bank(), ["label"], count=99, seed=0))) == 5
