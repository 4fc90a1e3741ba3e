"""The `model` section of the parameters: the shapes of all networks, in the published code's option names."""

from typing import Literal

from pydantic import Field

from components.config import Config

Norm = Literal["instance", "batch"]
Upsampling = Literal["transposed", "nearest"]


class ModelConfig(Config):
    """Shapes of generator, encoder and discriminators at full resolution.

    Attributes:
        ngf: channels of the finest generator; each coarser one has twice as many.
        n_downsample_global: stride-2 convolutions of G1.
        n_blocks_global: residual blocks of G1.
        n_local_enhancers: local enhancers G2, G3, ...; 0 is G1 alone.
        n_blocks_local: residual blocks of each enhancer.
        norm: normalisation in all networks.
        upsampling: `transposed` convolution as published, or `nearest` resize and convolution.
        boundary_map: whether the condition has the instance boundary map as its last channel.
        n_features: channels F of the encoder's features; 0 trains without an encoder.
        nef: channels of the encoder's first layer.
        n_downsample_encoder: stride-2 convolutions of the encoder.
        ndf: channels of each discriminator's first layer.
        num_D: discriminators at full resolution; each coarser phase has one less.
        n_layers_D: stride-2 layers of each discriminator.
    """

    ngf: int = Field(ge=1)
    n_downsample_global: int = Field(ge=1, le=8)
    n_blocks_global: int = Field(ge=1)
    n_local_enhancers: int = Field(ge=0, le=4)
    n_blocks_local: int = Field(ge=1)
    norm: Norm
    upsampling: Upsampling
    boundary_map: bool
    n_features: int = Field(ge=0)
    nef: int = Field(ge=1)
    n_downsample_encoder: int = Field(ge=1, le=8)
    ndf: int = Field(ge=1)
    num_D: int = Field(ge=1, le=8)
    n_layers_D: int = Field(ge=1)

    @property
    def size_multiple(self) -> int:
        """What height and width of a picture must be multiples of for the generator."""
        return int(2 ** (self.n_downsample_global + self.n_local_enhancers))

    def phase_problems(self, height: int, width: int) -> list[str]:
        """What hinders coarse-to-fine training at a full resolution: each field with its value and what it must be."""
        problems = []
        if self.num_D <= self.n_local_enhancers:
            problems.append(
                f"model.num_D: must be above n_local_enhancers ({self.n_local_enhancers}), got {self.num_D}: "
                "each enhancer adds one discriminator to those of the global phase"
            )
        deepest = max(self.n_downsample_global, self.n_downsample_encoder if self.n_features else 0)
        multiple = 2 ** (deepest + self.n_local_enhancers)
        problems += [
            f"preprocess.{field}: must be a multiple of {multiple} and at least {2 * multiple}, got {value} "
            f"({self.n_local_enhancers} local enhancers, {deepest} downsamplings at the coarsest size)"
            for field, value in (("height", height), ("width", width))
            if value % multiple or value < 2 * multiple
        ]
        return problems
