from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from components.export.onnx import export_module

PROJECT = Path(__file__).parents[3]


class Doubled(nn.Module):
    def forward(self, *pictures: Tensor) -> Tensor:
        return 2 * pictures[0]


def test_a_graph_serves_any_size_and_does_not_name_the_folder_of_the_project(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    inputs = [torch.zeros(2, 8, 12)]
    export_module(Doubled().eval(), path, inputs=inputs, names=["picture"], output="doubled", multiple=4, opset=20)
    assert str(PROJECT).encode() not in path.read_bytes()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    picture = np.arange(3 * 4 * 8, dtype=np.float32).reshape(3, 4, 8)
    (doubled,) = session.run(["doubled"], {"picture": picture})
    np.testing.assert_array_equal(doubled, 2 * picture)
