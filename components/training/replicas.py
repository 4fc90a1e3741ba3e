"""Training by several processes that hold the same weights, each with its share of every batch."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from components.training.gradients import set_gradient

T = TypeVar("T")

BUCKET_ELEMENTS = 16 * 2**20  # gradients that travel together: 64 MB of float32


class Replicas:
    """The processes of a run; where there is one, nothing here does anything.

    A batch's losses are means over its pictures, so those of the whole batch are the sum over the processes, each
    weighted by its share of the pictures. Batch norm takes the statistics of each process's own pictures.
    """

    def __init__(self, fabric: Fabric) -> None:
        """Use the processes that Fabric joined."""
        self.rank = fabric.global_rank
        self.count = fabric.world_size
        self.device = fabric.device

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and logs."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch; empty where the batch has fewer pictures than there are processes."""
        return items[self.rank :: self.count]

    def copy_from_first(self, networks: nn.Module) -> None:
        """Give every process the first one's weights."""
        if self.count > 1:
            for tensor in networks.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def sum_gradients(self, parameters: Iterable[nn.Parameter], weight: float) -> None:
        """Replace each `.grad` by the weighted sum over the processes; with weight 0 it is not looked at."""
        if self.count == 1:
            return
        for bucket in _buckets(parameters):
            flat = torch.cat([_weighted_gradient(parameter, weight) for parameter in bucket])
            distributed.all_reduce(flat)
            parts = torch.split(flat, [parameter.numel() for parameter in bucket])
            for parameter, part in zip(bucket, parts, strict=True):
                set_gradient(parameter, part.view_as(parameter))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.count == 1:
            return flag
        return bool(self.sum_values(torch.tensor(float(flag), device=self.device), 1.0))

    def sum_values(self, values: Tensor, weight: float) -> Tensor:
        """The weighted sum of a tensor over the processes."""
        if self.count > 1:
            values = values * weight
            distributed.all_reduce(values)
        return values


def _weighted_gradient(parameter: nn.Parameter, weight: float) -> Tensor:
    if parameter.grad is None or not weight:
        return torch.zeros_like(parameter).flatten()
    return parameter.grad.flatten() * weight


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    elements = 0
    for parameter in parameters:
        bucket.append(parameter)
        elements += parameter.numel()
        if elements >= BUCKET_ELEMENTS:
            yield bucket
            bucket, elements = [], 0
    if bucket:
        yield bucket
