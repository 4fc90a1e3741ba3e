from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor

from pipelines import int8_trial as module
from pipelines.params import Params
from tests.tiny import CLASSES, cpu_fabric, tiny_store
from tests.tiny_bundle import write_tiny_bundle

SECTIONS = SimpleNamespace(synthesize=SimpleNamespace(seed=0), export=SimpleNamespace(calibration_maps=2))
PARAMS = cast(Params, SECTIONS)  # all that is read of them
BANK = {"dimension": 2, "classes": {"1": {"name": "road", "styles": [[0.5, 0.0]], "counts": [1]}}}
INPUTS = ["label", "instance", "styles"]


class RedIsClass(torch.nn.Module):
    """A segmenter of the tiny bundle's pictures, whose red is the label; all sky (3) is taken for road (1)."""

    classes = CLASSES

    def predict(self, image: Tensor) -> Tensor:
        red = ((image[:, 0] + 1) * 127.5).round().long()
        return red.where(red != 3, 1)


@pytest.mark.parametrize("rgb", [False, True])
def test_int8_is_judged_by_the_mean_iou_of_what_a_graph_makes_of_the_validation_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rgb: bool
) -> None:
    stores = {name: tiny_store(tmp_path / name, count=3, rgb=rgb) for name in ("train", "val")}
    monkeypatch.setattr(module, "load_segmenter", lambda _folder, _classes: RedIsClass())
    trial = module.int8_trial(tmp_path, tmp_path, BANK, INPUTS, PARAMS, cpu_fabric())
    if rgb:
        assert trial is None
        return
    assert trial is not None
    assert [list(each) for each in trial.maps] == [INPUTS, INPUTS]
    labels = torch.cat([torch.from_numpy(each["label"]).flatten() for each in stores["val"]])
    road, sky = int((labels == 1).sum()), int((labels == 3).sum())
    graph = write_tiny_bundle(tmp_path / "bundle") / "generator.onnx"
    assert trial.mean_iou(graph) == pytest.approx((road / (road + sky) + 1 + 0) / 3)  # of road, car and sky
