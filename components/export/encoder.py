"""The graph of the encoder: from a photo and its maps to the style of each instance.

Shapes: N pictures, C classes, M instances a picture, F feature channels, H x W pixels.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from components.data.encoding import to_signed_unit
from components.export.onnx import export_module
from components.export.serving import example_inputs
from components.models.instance_pool import paint_instances
from components.models.networks import Networks


class EncoderGraph(nn.Module):
    """The encoder and the average over each instance as one module; it gives what `Networks.styles` gives."""

    def __init__(self, networks: Networks) -> None:
        """Take the encoder of networks that have one."""
        super().__init__()
        assert networks.encoder is not None, "only a model with an encoder has its graph"
        self.encoder = networks.encoder.eval()
        self.class_count = networks.shape.class_count
        self.inputs = ["image", "instance"]
        if networks.shape.model.features == "label":
            self.inputs.append("label")

    def forward(self, *inputs: Tensor) -> Tensor:
        """Encode each instance's look.

        Args:
            inputs: image uint8 (N, H, W, 3), instance int32 (N, H, W) with ids 0..M-1 and, where the features are
                pooled over labels, label uint8 (N, H, W).

        Returns:
            styles float32 (N, M, F), M one more than the batch's largest id; zeros for an id without a pixel.
        """
        image, instance = inputs[:2]
        height, width = instance.shape[1:]
        # The encoder halves more often than some generators: of a size between its multiples it makes a bit more.
        features = self.encoder.pixels(to_signed_unit(image))[:, :, :height, :width]
        if len(inputs) > 2:
            features = paint_instances(_mean(features, inputs[2], self.class_count), inputs[2])
        count: Any = (instance.max() + 1).item()  # `int` of it would fix the exported graph to the example's
        torch._check(count >= 1)
        return _mean(features, instance, count)


def _mean(features: Tensor, ids: Tensor, count: int) -> Tensor:
    """`instance_pool.instance_mean` with scatters in place of what ONNX has not.

    Args:
        features: (N, F, H, W).
        ids: (N, H, W) in 0..count-1.
        count: M.

    Returns:
        (N, M, F) float32.
    """
    batch, channels = features.shape[:2]
    rows = ids.long().flatten(1).unsqueeze(2)  # (N, H*W, 1)
    # A float32 sum of a million pixels of road keeps only four digits.
    pixels = features.double().flatten(2).transpose(1, 2)  # (N, H*W, F)
    sums = pixels.new_zeros(batch, count, channels).scatter_add(1, rows.expand(-1, -1, channels), pixels)
    areas = pixels.new_zeros(batch, count, 1).scatter_add(1, rows, torch.ones_like(rows, dtype=pixels.dtype))
    return (sums / areas.clamp(min=1)).float()


def export_encoder(networks: Networks, path: Path, *, opset: int) -> list[str]:
    """Write the encoder's graph, its weights inside, with dynamic batch, height and width.

    Returns:
        The names of its inputs.
    """
    graph = EncoderGraph(networks.cpu()).eval()
    multiple = networks.shape.model.size_multiple
    size = {"batch": 2, "height": 8 * multiple, "width": 12 * multiple}
    inputs = example_inputs(networks, **size, instances=5, seed=0, names=graph.inputs)
    export_module(graph, path, inputs=inputs, names=graph.inputs, output="styles", multiple=multiple, opset=opset)
    return graph.inputs
