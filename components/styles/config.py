"""The `cluster` and `synthesize` sections of the parameters."""

from pydantic import Field

from components.config import Config


class ClusterConfig(Config):
    """How the styles of a class are found (Wang et al. 2018, Sec. 3.4).

    Attributes:
        styles_per_class: K of K-means; a class with fewer instances has as many styles as instances.
        min_area: share of the picture below which an instance is left out; 0 takes all, as in the paper
            (the published code takes those above 1/64).
        weight_by_area: whether an instance weighs as much as its share of the picture; false weighs all alike, as in
            the paper and the published code.
        batch_size: pictures that the encoder sees at a time.
        seed: of K-means.
    """

    styles_per_class: int = Field(ge=1)
    min_area: float = Field(ge=0, lt=1)
    weight_by_area: bool
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)


class SynthesizeConfig(Config):
    """How the validation pictures are synthesized.

    Attributes:
        samples: pictures of each map, each in other styles; the first is what the scores are of, and all of them what
            diversity is measured on. A model without features makes one.
        batch_size: pictures at a time.
        seed: of the style drawn for each instance.
    """

    samples: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)
