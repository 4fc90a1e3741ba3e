"""Weights in the layout of the published code's checkpoints, brought into ours by its option names.

The published networks number the modules of flat `Sequential`s; the numbers follow from the options.
"""

import logging
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from components.models.networks import Networks, check_tensors
from components.models.official_options import OfficialOptions, options_that_fit

NETWORKS = ("generator", "encoder", "discriminator")
# What torch.load raises for files that are no checkpoint or a damaged one.
DAMAGED = (
    *(RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError),
    *(UnpicklingError, EOFError, OSError, struct.error),
)
RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OfficialNetworks:
    """Our networks with published weights, and where each of our parameters stood.

    Attributes:
        networks: in our layout, ready to run.
        published_names: for `generator`, `encoder` and `discriminator`, our key to the published one.
    """

    networks: Networks
    published_names: dict[str, dict[str, str]]


def checkpoint_file(folder: Path, network: str, epoch: str = "latest") -> Path:
    """Where the published code saves `generator`, `encoder` or `discriminator`."""
    return folder / f"{epoch}_net_{network[0].upper()}.pth"


def load_official(
    folder: Path, options: OfficialOptions, *, only: Sequence[str] = NETWORKS, epoch: str = "latest"
) -> OfficialNetworks:
    """Load `latest_net_G.pth`, `latest_net_D.pth` and, where the model has an encoder, `latest_net_E.pth`.

    Running statistics that torch before 0.4 kept for instance norm, and nothing ever used, are left out.

    Args:
        folder: of the checkpoints.
        options: that they were trained with.
        only: of `generator`, `encoder` and `discriminator` those to load; others keep random weights.
        epoch: the first part of the files' names.

    Raises:
        ValueError: naming the file, and what it is if it is no state dict, or every tensor that is missing, surplus,
            of another shape or not finite.
    """
    networks = Networks(options.shape)
    prefixes = {"generator": _generator_names(networks), "discriminator": _discriminator_names(networks)}
    if networks.encoder is not None:
        prefixes["encoder"] = _encoder_names(networks)
    published_names = {}
    for name in (name for name in NETWORKS if name in prefixes and name in only):
        path = checkpoint_file(folder, name, epoch)
        network, weights = networks.get_submodule(name), read_checkpoint(path)
        published = {key: _published_name(key, prefixes[name]) for key in network.state_dict()}
        _adapt_normalisation(weights, network, prefixes[name], source=path)
        expected = {published[key]: tensor for key, tensor in network.state_dict().items()}
        try:
            check_tensors(expected, weights, source=path)
        except ValueError as error:
            fitting = options_that_fit(weights, options) if name == "generator" else {}
            if not fitting:
                raise
            switches = " ".join(f"--option {option}={value}" for option, value in fitting.items())
            raise ValueError(f"{error}\nIts tensors would fit, for instance, {switches}") from error
        network.load_state_dict({key: weights[theirs] for key, theirs in published.items()})
        published_names[name] = published
    return OfficialNetworks(networks, published_names)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a state dict; the prefix `module.` of `DataParallel` is taken off. No code in the file is run.

    Raises:
        ValueError: naming the file and what it is, where it is no state dict, and tensors that are not finite.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected a checkpoint of the published code")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED as error:
        raise ValueError(f"{path}: expected a state dict of tensors, found {_nature(path, error)}") from error
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        found = f"a dict of {', '.join(map(str, content))}" if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: expected a state dict of tensors, found {found:.200}")
    prefix = "module." if all(key.startswith("module.") for key in content) else ""
    weights = {key.removeprefix(prefix): tensor for key, tensor in content.items()}
    broken = [key for key, tensor in weights.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"{path}: expected finite weights, found NaN or infinity in {', '.join(broken)}")
    return weights


def _nature(path: Path, error: Exception) -> str:
    """What a file is that is no state dict: torch's own messages advise to run the code in it."""
    with path.open("rb") as file:
        beginning = file.read(512).lstrip()
    if beginning.startswith(b"<"):
        return "an HTML page: the download went wrong"
    needed = re.search(r"GLOBAL (\S+)", str(error))
    if needed:
        return f"a pickle that needs {needed[1]}: save `network.state_dict()` in place of the network"
    return f"a truncated or damaged file of {path.stat().st_size} bytes"


def _adapt_normalisation(
    weights: dict[str, Tensor], network: nn.Module, prefixes: list[tuple[str, str]], *, source: Path
) -> None:
    """Leave out what old versions of torch kept more of than ours, and put in what they kept less of."""
    dropped = []
    for key, module in network.named_modules():
        if isinstance(module, nn.InstanceNorm2d):
            names = [_published_name(f"{key}.{statistic}", prefixes) for statistic in RUNNING_STATISTICS]
            dropped += [name for name in names if weights.pop(name, None) is not None]
        elif isinstance(module, nn.BatchNorm2d):  # torch counts batches since 0.4.1, and here nothing uses the count
            weights.setdefault(_published_name(f"{key}.num_batches_tracked", prefixes), torch.tensor(0))
    if dropped:
        logger.info("%s: left out %d running statistics of instance norm, which are never used", source, len(dropped))


def _published_name(key: str, prefixes: list[tuple[str, str]]) -> str:
    prefix, published = next(pair for pair in prefixes if key.startswith(pair[0]))
    return published + key.removeprefix(prefix)


def _numbered(prefix: str, published: str, first: int, count: int, stride: int) -> Iterator[tuple[str, str]]:
    """Units of `stride` modules each, one after the other from number `first` on."""
    for unit in range(count):
        for position in range(stride):
            yield f"{prefix}.{unit}.{position}.", f"{published}.{first + stride * unit + position}."


def _body(prefix: str, n_downsample: int, n_blocks: int) -> Iterator[tuple[str, str]]:
    """Stem (4 modules with its padding), downsampling (3 each), blocks (1 each), upsampling (3 each)."""
    yield f"{prefix}stem.", "model."
    yield from _numbered(f"{prefix}downsampling", "model", 4, n_downsample, 3)
    first_block = 4 + 3 * n_downsample
    for block in range(n_blocks):
        yield f"{prefix}residual_blocks.{block}.block.", f"model.{first_block + block}.conv_block."
    yield from _numbered(f"{prefix}upsampling", "model", first_block + n_blocks, n_downsample, 3)


def _generator_names(networks: Networks) -> list[tuple[str, str]]:
    model, enhancers = networks.shape.model, networks.shape.n_local_enhancers
    names = list(_body("global_generator.", model.n_downsample_global, model.n_blocks_global))
    for index in range(enhancers):
        ours, theirs = f"local_enhancers.{index}.", f"model{index + 1}"
        names.append((f"{ours}front.0.", f"{theirs}_1."))
        names += [(f"{ours}front.1.{position}.", f"{theirs}_1.{4 + position}.") for position in range(3)]
        for block in range(model.n_blocks_local):
            names.append((f"{ours}residual_blocks.{block}.block.", f"{theirs}_2.{block}.conv_block."))
        first = model.n_blocks_local
        names += [(f"{ours}upsampling.{position}.", f"{theirs}_2.{first + position}.") for position in range(3)]
    if enhancers:
        head, number = f"model{enhancers}_2", model.n_blocks_local + 3
    else:
        head, number = "model", 4 + 6 * model.n_downsample_global + model.n_blocks_global
    return [*names, *((f"head.{position}.", f"{head}.{number + position}.") for position in range(2))]


def _encoder_names(networks: Networks) -> list[tuple[str, str]]:
    n_downsample = networks.shape.model.n_downsample_encoder
    number = 4 + 6 * n_downsample
    return [*_body("", n_downsample, 0), *((f"head.{position}.", f"model.{number + position}.") for position in (0, 1))]


def _discriminator_names(networks: Networks) -> list[tuple[str, str]]:
    return [
        (f"discriminators.{scale}.layers.{layer}.", f"scale{scale}_layer{layer}.")
        for scale in range(networks.shape.num_D)
        for layer in range(networks.shape.model.n_layers_D + 2)
    ]
