"""The graph that serves: from ids and styles to pixels.

Shapes: N pictures, C classes, M instances a picture, F feature channels, H x W pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from components.data.encoding import to_bytes, to_signed_unit
from components.models.instance_pool import paint_instances
from components.models.networks import Networks


def input_names(networks: Networks) -> list[str]:
    """The inputs that a model needs, of `label`, `picture`, `instance` and `styles`."""
    shape = networks.shape
    names = ["label" if shape.class_count else "picture"]
    if shape.model.boundary_map or shape.model.n_features:
        names.append("instance")
    if shape.model.n_features:
        names.append("styles")
    return names


class ServingGraph(nn.Module):
    """One-hot, boundary map, the gather of styles and the generator as one module."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator = networks.generator.eval()
        self.class_count = networks.shape.class_count
        self.use_boundary_map = networks.shape.model.boundary_map
        self.inputs = input_names(networks)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Synthesize.

        Args:
            inputs: in the order of `input_names`: label uint8 (N, H, W) or picture uint8 (N, H, W, 3),
                instance int32 (N, H, W) with ids 0..M-1, styles float32 (N, M, F).

        Returns:
            image uint8 (N, H, W, 3).
        """
        named = dict(zip(self.inputs, inputs, strict=True))
        if self.class_count:
            classes = torch.arange(self.class_count, dtype=torch.int32, device=inputs[0].device)
            condition = (named["label"].to(torch.int32).unsqueeze(1) == classes.view(1, -1, 1, 1)).float()
        else:
            condition = to_signed_unit(named["picture"])
        if self.use_boundary_map:
            condition = torch.cat([condition, _boundary(named["instance"])], dim=1)
        features = paint_instances(named["styles"], named["instance"]) if "styles" in named else None
        return to_bytes(self.generator(condition, features))


def _boundary(instance: Tensor) -> Tensor:
    """`encoding.boundary_map` without writes into slices, which ONNX has not."""
    across = (instance[:, :, 1:] != instance[:, :, :-1]).float()
    down = (instance[:, 1:, :] != instance[:, :-1, :]).float()
    pad = nn.functional.pad
    edge = torch.maximum(
        torch.maximum(pad(across, (1, 0)), pad(across, (0, 1))),
        torch.maximum(pad(down, (0, 0, 1, 0)), pad(down, (0, 0, 0, 1))),
    )
    return edge.unsqueeze(1)


def example_inputs(
    networks: Networks,
    *,
    batch: int,
    height: int,
    width: int,
    instances: int,
    seed: int,
    names: Sequence[str] | None = None,
) -> Sequence[Tensor]:
    """Random inputs of a size: at least 4 x 4 blocks of classes and instances, uniform styles in [-1, 1].

    A map of one block would prove nothing: instance norm divides a channel that is constant but for its rounding
    by that rounding, in torch as in ONNX Runtime.

    Args:
        networks: that they are for.
        batch: N.
        height: H in pixels.
        width: W in pixels.
        instances: M; not every id has a pixel.
        seed: of the draw.
        names: of the inputs, those of `input_names` or the `image` of an encoder; None for those of `input_names`.
    """
    shape = networks.shape
    generator = torch.Generator().manual_seed(seed)

    def blocks(limit: int, dtype: torch.dtype) -> Tensor:
        side = max(1, min(height, width) // 4)
        coarse = torch.randint(limit, (batch, -(-height // side), -(-width // side)), generator=generator)
        fine = coarse.repeat_interleave(side, 1).repeat_interleave(side, 2)
        return fine[:, :height, :width].to(dtype).contiguous()

    made = {
        "label": lambda: blocks(shape.class_count, torch.uint8),
        "picture": lambda: torch.randint(256, (batch, height, width, 3), generator=generator).to(torch.uint8),
        "image": lambda: torch.randint(256, (batch, height, width, 3), generator=generator).to(torch.uint8),
        "instance": lambda: blocks(instances, torch.int32),
        "styles": lambda: torch.rand(batch, instances, shape.model.n_features, generator=generator) * 2 - 1,
    }
    return [made[name]() for name in names or input_names(networks)]
