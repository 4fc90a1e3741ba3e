"""Weights in the layout of the published code's checkpoints, brought into ours by its option names.

The published networks number the modules of flat `Sequential`s; the numbers follow from the options.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from components.models.config import ModelConfig
from components.models.networks import Networks, PhaseShape, check_tensors


@dataclass(frozen=True)
class OfficialNetworks:
    """Our networks with published weights, and where each of our parameters stood.

    Attributes:
        networks: in our layout, ready to run.
        published_names: for `generator`, `encoder` and `discriminator`, our key to the published one.
    """

    networks: Networks
    published_names: dict[str, dict[str, str]]


def phase_shape(options: dict[str, Any]) -> PhaseShape:
    """The shape that the published options describe.

    Raises:
        ValueError: naming an option that is missing or outside of what can be built.
    """
    try:
        enhancers = options["n_local_enhancers"] if options["netG"] == "local" else 0
        if options["netG"] not in ("local", "global"):
            raise ValueError(f"netG: expected 'global' or 'local', got {options['netG']!r}")
        return PhaseShape(
            model=ModelConfig(
                ngf=options["ngf"],
                n_downsample_global=options["n_downsample_global"],
                n_blocks_global=options["n_blocks_global"],
                n_local_enhancers=enhancers,
                n_blocks_local=max(1, options["n_blocks_local"]),
                norm=options["norm"],
                upsampling="transposed",
                boundary_map=options["instance"],
                n_features=options.get("feat_num", 3) if options["features"] else 0,
                nef=max(1, options["nef"]),
                n_downsample_encoder=max(1, options["n_downsample_E"]),
                ndf=options["ndf"],
                num_D=options["num_D"],
                n_layers_D=options["n_layers_D"],
            ),
            class_count=options["label_nc"],
            n_local_enhancers=enhancers,
        )
    except KeyError as error:
        raise ValueError(f"option {error} is missing") from error
    except ValidationError as error:
        fields = "; ".join(f"{each['loc'][-1]}: {each['msg']}, got {each['input']!r}" for each in error.errors())
        raise ValueError(f"options that describe no network: {fields}") from error


def load_official(folder: Path, options: dict[str, Any]) -> OfficialNetworks:
    """Load `latest_net_G.pth`, `latest_net_D.pth` and, with features, `latest_net_E.pth`.

    Raises:
        ValueError: naming the file and every tensor that is missing, surplus or of another shape.
    """
    networks = Networks(phase_shape(options))
    names = {"generator": _generator_names(networks), "discriminator": _discriminator_names(networks)}
    if networks.encoder is not None:
        names["encoder"] = _encoder_names(networks)
    published_names = {}
    for network_name, prefixes in names.items():
        network = networks.get_submodule(network_name)
        path = folder / f"latest_net_{network_name[0].upper()}.pth"
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        published = {key: _published_name(key, prefixes) for key in network.state_dict()}
        check_tensors({published[key]: tensor for key, tensor in network.state_dict().items()}, weights, source=path)
        network.load_state_dict({key: weights[name] for key, name in published.items()})
        published_names[network_name] = published
    return OfficialNetworks(networks, published_names)


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
