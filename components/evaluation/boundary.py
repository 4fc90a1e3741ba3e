"""The band around instance boundaries, where instance maps are to sharpen the picture (Wang et al. 2018, Sec. 3.3).

Shapes: B pictures, H x W pixels.
"""

from torch import Tensor
from torch.nn.functional import max_pool2d

from components.data.encoding import boundary_map


def boundary_band(instance: Tensor, half_width: int) -> Tensor:
    """Mark the pixels near a boundary between two instances.

    Args:
        instance: (B, H, W) integer ids.
        half_width: pixels on either side of the boundary; 1 gives the boundary map. They are counted along rows or
            columns, whichever are more.

    Returns:
        (B, H, W) bool.
    """
    edge = boundary_map(instance)
    return max_pool2d(edge, 2 * half_width - 1, stride=1, padding=half_width - 1)[:, 0].bool()
