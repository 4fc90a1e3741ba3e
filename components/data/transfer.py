"""From arrays in the host's memory to tensors on a device, without the host or the device waiting for the other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Transfer:
    """Tensors on their way to a device.

    Attributes:
        tensors: to be used after `DeviceCopier.receive`.
        sent: on CUDA, the event after which they are whole.
    """

    tensors: dict[str, Tensor]
    sent: torch.cuda.Event | None


class DeviceCopier:
    """Copies to a device: on CUDA from pinned memory and on a stream of its own, beside what the device computes."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def send(self, arrays: Mapping[str, NDArray[np.generic]]) -> Transfer:
        """Start copying; any thread may call this."""
        tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
        if self._stream is None:
            return Transfer({key: tensor.to(self.device) for key, tensor in tensors.items()}, None)
        with torch.cuda.stream(self._stream):  # makes its device the thread's, in whose context memory is pinned
            moved = {key: tensor.pin_memory().to(self.device, non_blocking=True) for key, tensor in tensors.items()}
            return Transfer(moved, self._stream.record_event())

    def receive(self, transfer: Transfer) -> dict[str, Tensor]:
        """Give the tensors to the caller's stream, which waits for them; the host does not."""
        if transfer.sent is not None:
            stream = torch.cuda.current_stream(self.device)
            stream.wait_event(transfer.sent)
            for tensor in transfer.tensors.values():
                tensor.record_stream(stream)  # their memory was allocated on the other stream
        return transfer.tensors
