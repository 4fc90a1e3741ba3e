"""What a run was trained on, kept beside it: a report may be written elsewhere."""

import json
import os
import platform
from pathlib import Path

from components.atomic import atomic_file
from components.config import Config

MACHINE_FILE = "machine.json"  # in a run's folder


class Machine(Config):
    """A machine, without its name.

    Attributes:
        processor: its model.
        cores: that a process may use.
        gpu: its model; None without one.
        torch: the version.
        processes: runs that were trained at the same time.
    """

    processor: str
    cores: int
    gpu: str | None
    torch: str
    processes: int

    def __str__(self) -> str:
        """In words."""
        beside = f"{self.processes} runs at the same time" if self.processes > 1 else "one run at a time"
        processor = f"{self.processor}, {self.cores} core{'s' if self.cores != 1 else ''}"
        return f"{f'{self.gpu}; {processor}' if self.gpu else processor}; torch {self.torch}; {beside}"


def this_machine(processes: int) -> Machine:
    """Describe the machine that this runs on."""
    import torch  # here: it takes seconds, and a report needs none

    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        torch=torch.__version__,
        processes=processes,
    )


def write_machine(folder: Path, machine: Machine) -> None:
    """Keep it in a run's folder."""
    with atomic_file(folder / MACHINE_FILE) as file:
        file.write_text(machine.model_dump_json(indent=1))


def read_machine(folder: Path) -> Machine | None:
    """What a run was trained on; None where it was not noted."""
    path = folder / MACHINE_FILE
    return Machine.model_validate(json.loads(path.read_text())) if path.is_file() else None


def _processor() -> str:
    """Give its model as Linux tells it, else its architecture."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
