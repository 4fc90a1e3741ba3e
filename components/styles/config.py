"""The `cluster` and `synthesize` sections of the parameters."""

from pydantic import Field

from components.config import Config


class ClusterConfig(Config):
    """How the styles of a class are found (Wang et al. 2018, Sec. 3.4).

    Attributes:
        styles_per_class: K of K-means; a class with fewer instances has as many styles as instances.
        min_area: share of the picture below which an instance is left out; 0 takes all, as in the paper
            (the published code takes those above 1/64).
        batch_size: pictures that the encoder sees at a time.
        seed: of K-means.
    """

    styles_per_class: int = Field(ge=1)
    min_area: float = Field(ge=0, lt=1)
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)


class SynthesizeConfig(Config):
    """How the validation pictures are synthesized.

    Attributes:
        batch_size: pictures at a time.
        seed: of the style drawn for each instance.
    """

    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)
