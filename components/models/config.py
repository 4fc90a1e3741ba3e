"""The `model` section of the parameters: the shapes of all networks, in the published code's option names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from components.config import Config

Norm = Literal["instance", "batch"]
Upsampling = Literal["transposed", "nearest"]
GeneratorName = Literal["coarse_to_fine", "unet", "crn"]
FeatureSource = Literal["instance", "label", "precomputed"]


class ModelConfig(Config):
    """Shapes of generator, encoder and discriminators at full resolution.

    Attributes:
        generator: the paper's `coarse_to_fine`, or a baseline: pix2pix's `unet`, or `crn`, the cascaded refinement
            network. The baselines have no enhancers and no blocks: both take `ngf` and `n_downsample_global`, the U-Net
            also `norm` and `upsampling`.
        ngf: channels at the finest size; each coarser generator has twice as many.
        n_downsample_global: stride-2 convolutions of G1; halvings of a baseline.
        n_blocks_global: residual blocks of G1.
        n_local_enhancers: local enhancers G2, G3, ...; 0 is G1 alone.
        n_blocks_local: residual blocks of each enhancer.
        norm: normalisation in all networks.
        upsampling: `transposed` convolution as published, or `nearest` resize and convolution.
        boundary_map: whether the condition has the instance boundary map as its last channel.
        n_features: channels F of the features; 0 trains without features.
        features: what the encoder averages over, each `instance`, or each region of a `label`; or `precomputed`
            features from a file, and no encoder.
        features_file: where precomputed ones are: the `features.safetensors` that stage `cluster` of another run wrote.
        nef: channels of the encoder's first layer.
        n_downsample_encoder: stride-2 convolutions of the encoder.
        ndf: channels of each discriminator's first layer.
        num_D: discriminators at full resolution; each coarser phase has one less, but at least one. 0 trains a
            generator without an adversary, on the losses that need none.
        n_layers_D: stride-2 layers of each discriminator.
    """

    generator: GeneratorName
    ngf: int = Field(ge=1)
    n_downsample_global: int = Field(ge=1, le=8)
    n_blocks_global: int = Field(ge=1)
    n_local_enhancers: int = Field(ge=0, le=4)
    n_blocks_local: int = Field(ge=1)
    norm: Norm
    upsampling: Upsampling
    boundary_map: bool
    n_features: int = Field(ge=0)
    features: FeatureSource
    features_file: Path | None
    nef: int = Field(ge=1)
    n_downsample_encoder: int = Field(ge=1, le=8)
    ndf: int = Field(ge=1)
    num_D: int = Field(ge=0, le=8)
    n_layers_D: int = Field(ge=1)

    @property
    def size_multiple(self) -> int:
        """What height and width of a picture must be multiples of for the generator."""
        return int(2 ** (self.n_downsample_global + self.n_local_enhancers))

    @property
    def has_encoder(self) -> bool:
        """Whether an encoder is trained."""
        return bool(self.n_features) and self.features != "precomputed"

    def problems(self) -> list[str]:
        """What contradicts itself: each field with its value and what it must be."""
        problems = []
        if self.generator != "coarse_to_fine" and self.n_local_enhancers:
            problems.append(
                f"model.n_local_enhancers: must be 0 for the generator {self.generator}, got {self.n_local_enhancers}"
            )
        if self.n_features and (self.features == "precomputed") != (self.features_file is not None):
            expected = "a file for" if self.features_file is None else "null without"
            found = "null" if self.features_file is None else self.features_file
            problems.append(f"model.features_file: must be {expected} precomputed features, got {found}")
        return problems

    @property
    def training_multiple(self) -> int:
        """What height and width at full resolution must be multiples of for every network in every phase."""
        deepest = max(self.n_downsample_global, self.n_downsample_encoder if self.has_encoder else 0)
        return int(2 ** (deepest + self.n_local_enhancers))

    def size_problems(self, sizes: Mapping[str, int]) -> list[str]:
        """Which heights and widths at full resolution the networks cannot take in each phase: named by their field."""
        multiple = self.training_multiple
        least = multiple if self.generator != "coarse_to_fine" and not self.has_encoder else 2 * multiple
        least = max(least, 2**self.num_D)  # the coarsest discriminator norms more than a pixel
        return [
            f"{field}: must be a multiple of {multiple} and at least {least}, got {value}, for the halvings of "
            f"{self.n_local_enhancers} local enhancers and of the deepest network at the coarsest size"
            for field, value in sizes.items()
            if value % multiple or value < least
        ]
