"""The most memory that was in use, on a GPU or in the process."""

from pathlib import Path

import torch


def forget_peak(device: torch.device) -> None:
    """Let the peak start anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: resets VmHWM, the peak of resident memory


def peak_bytes(device: torch.device) -> int:
    """What torch had allocated on the GPU at most; on a CPU what the process had in memory, libraries included."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
