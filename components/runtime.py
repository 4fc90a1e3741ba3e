"""The device, precision and threads on which networks run, alone or as one of several processes."""

import atexit
import logging
import os
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from components.config import Config

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class RuntimeConfig(Config):
    """The `runtime` section of the parameters.

    Attributes:
        accelerator: as Lightning Fabric names them; `auto` takes a GPU where there is one.
        precision: `32-true`, or bfloat16 autocast.
        threads: CPU threads of torch and ONNX Runtime.
        channels_last: keep the training networks' weights with the channels last in memory, as GPUs like them.
        compile: compile the training networks.
        gradient_checkpointing: compute layer results again for the gradients instead of keeping them: less memory,
            more time.
    """

    accelerator: Literal["auto", "cpu", "cuda"]
    precision: Literal["32-true", "bf16-mixed"]
    threads: int = Field(ge=1)
    channels_last: bool
    compile: bool
    gradient_checkpointing: bool


def start(config: RuntimeConfig) -> "Fabric":
    """Set the number of threads and give the device and the autocast context to work with.

    Under `torchrun`, the process joins the others, over NCCL on GPUs, over gloo on CPUs; all but the first log
    errors only.

    Raises:
        ValueError: a GPU is asked for, and there is none that works.
    """
    # Huge pages, as a one-hot tensor of 294 MB has 72,000 small ones to clear: 152 ms become 36.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    import torch  # here, because the stages that only read their parameters need neither
    from lightning_fabric import Fabric

    if config.accelerator == "cuda" and not torch.cuda.is_available():
        expected = "expected one that works and its driver; auto takes the CPU then"
        raise ValueError(f"runtime.accelerator is cuda: found no GPU, {expected}")
    torch.set_num_threads(config.threads)
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Fabric(accelerator=config.accelerator, devices=1, precision=config.precision)
    processes, beside = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(
        accelerator=config.accelerator,
        precision=config.precision,
        strategy="ddp",
        devices=beside,
        num_nodes=processes // beside,
    )
    fabric.launch()
    atexit.register(torch.distributed.destroy_process_group)  # gloo's threads may abort a process that ends in a group
    if not fabric.is_global_zero:
        logging.disable(logging.WARNING)
    return fabric
