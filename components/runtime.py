"""The device, precision and threads on which networks run."""

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
    """

    accelerator: Literal["auto", "cpu", "cuda"]
    precision: Literal["32-true", "bf16-mixed"]
    threads: int = Field(ge=1)


def start(config: RuntimeConfig) -> "Fabric":
    """Set the number of threads and give the device and the autocast context to work with."""
    import torch  # here, because the stages that only read their parameters need neither
    from lightning_fabric import Fabric

    torch.set_num_threads(config.threads)
    return Fabric(accelerator=config.accelerator, devices=1, precision=config.precision)
