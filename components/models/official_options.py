"""The options of the published code: read, completed by its defaults, and brought to the shape of our networks."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from torch import Tensor

from components.config import Config
from components.models.config import ModelConfig, Norm
from components.models.networks import PhaseShape

CITYSCAPES_LABELS = 35  # the published default of label_nc


class OfficialOptions(Config):
    """The options that shape a model, by their published names and with the published defaults.

    Attributes:
        norm: `instance`, or `batch` normalisation.
        label_nc: classes of the label map; 0 for RGB pictures.
        input_nc: channels of such a picture.
        output_nc: channels of the image.
        loadSize: width in pixels to which training scaled pictures; see `trained_size`.
        fineSize: side in pixels of the crops that training saw; the pictures count here, so it changes nothing.
        resize_or_crop: what training did to the size of pictures.
        no_instance: whether the condition lacks the boundary map.
        netG: `global` for G1 alone, or `local` for enhancers on it.
        ngf: channels of the finest generator.
        n_downsample_global: stride-2 convolutions of G1.
        n_blocks_global: residual blocks of G1.
        n_local_enhancers: enhancers; counts only where netG is local.
        n_blocks_local: residual blocks of each enhancer.
        instance_feat: whether the generator takes features, averaged over each instance.
        label_feat: whether it takes features, averaged over each label.
        load_features: whether the features of training were computed beforehand by another model's encoder.
        feat_num: channels of the features.
        n_downsample_E: stride-2 convolutions of the encoder.
        nef: channels of the encoder's first layer.
        n_clusters: styles of each class, and part of the name of the file that holds them.
        num_D: discriminators.
        n_layers_D: stride-2 layers of each.
        ndf: channels of each one's first layer.
    """

    norm: Norm = "instance"
    label_nc: int = Field(CITYSCAPES_LABELS, ge=0, le=256)
    input_nc: int = Field(3, ge=3, le=3)
    output_nc: int = Field(3, ge=3, le=3)
    loadSize: int = Field(1024, ge=1)
    fineSize: int = Field(512, ge=1)
    resize_or_crop: Literal["scale_width", "scale_width_and_crop", "resize_and_crop", "crop", "none"] = "scale_width"
    no_instance: bool = False
    netG: Literal["global", "local"] = "global"
    ngf: int = Field(64, ge=1)
    n_downsample_global: int = Field(4, ge=1, le=8)
    n_blocks_global: int = Field(9, ge=1)
    n_local_enhancers: int = Field(1, ge=0, le=4)
    n_blocks_local: int = Field(3, ge=0)
    instance_feat: bool = False
    label_feat: bool = False
    load_features: bool = False
    feat_num: int = Field(3, ge=1)
    n_downsample_E: int = Field(4, ge=0, le=8)
    nef: int = Field(16, ge=0)
    n_clusters: int = Field(10, ge=1)
    num_D: int = Field(2, ge=1, le=8)
    n_layers_D: int = Field(3, ge=1)
    ndf: int = Field(64, ge=1)

    @property
    def n_features(self) -> int:
        """Channels of the features that the generator takes."""
        return self.feat_num if self.instance_feat or self.label_feat else 0

    @property
    def shape(self) -> PhaseShape:
        """The shape of these networks in ours."""
        model = _model_config(self)
        return PhaseShape(model=model, class_count=self.label_nc, n_local_enhancers=model.n_local_enhancers)

    @property
    def trained_size(self) -> tuple[int, int] | None:
        """Height and width of the pictures in training, as far as the options tell; None where they do not.

        The published code stores no height: pictures of a stated width count as twice as wide as high. With `none` and
        `crop` pictures kept their own size, that of Cityscapes where the labels are its.
        """
        if self.resize_or_crop == "resize_and_crop":
            return self.loadSize, self.loadSize
        if self.resize_or_crop in ("scale_width", "scale_width_and_crop"):
            return self.loadSize // 2, self.loadSize
        return (1024, 2048) if self.label_nc == CITYSCAPES_LABELS else None


def _model_config(options: OfficialOptions) -> ModelConfig:
    """The `model` section that describes the same networks; what they do not use need only be valid."""
    pooled_over = "label" if options.label_feat else "instance"
    return ModelConfig(
        generator="coarse_to_fine",
        ngf=options.ngf,
        n_downsample_global=options.n_downsample_global,
        n_blocks_global=options.n_blocks_global,
        n_local_enhancers=options.n_local_enhancers if options.netG == "local" else 0,
        n_blocks_local=max(1, options.n_blocks_local),
        norm=options.norm,
        upsampling="transposed",
        boundary_map=not options.no_instance,
        n_features=options.n_features,
        features="precomputed" if options.load_features else pooled_over,
        features_file=None,
        nef=max(1, options.nef),
        n_downsample_encoder=max(1, options.n_downsample_E),
        ndf=options.ndf,
        num_D=options.num_D,
        n_layers_D=options.n_layers_D,
    )


def official_options(*sources: Mapping[str, Any]) -> OfficialOptions:
    """Make options of names and values, as text or typed; a later source overrides an earlier one.

    Names that shape no model are passed over. Beside the published names, `instance` and `features` of the reference
    vectors are known: they stand for `no_instance` (negated) and `instance_feat`.

    Raises:
        ValueError: naming each option whose value is none that it can have.
    """
    given: dict[str, Any] = {}
    for source in sources:
        given |= source
    if "instance" in given:
        given["no_instance"] = not given["instance"]
    if "features" in given:
        given["instance_feat"] = given["features"]
    try:
        return OfficialOptions(**{name: value for name, value in given.items() if name in OfficialOptions.model_fields})
    except ValidationError as error:
        problems = [
            f"{each['loc'][0]}: must be {each['msg'].removeprefix('Input should be ')}, got {each['input']!r}"
            for each in error.errors()
        ]
        raise ValueError("published options: " + "; ".join(problems)) from error


def read_opt_file(path: Path) -> dict[str, str]:
    """Read the `opt.txt` of a published training: lines `name: value` between dashed ones.

    Raises:
        ValueError: naming the file, where no line of it sets an option that shapes a model.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()  # paths in it may be in any encoding
    pairs = (line.partition(":") for line in lines if not line.startswith("-"))
    options = {name.strip(): value.strip() for name, _, value in pairs}
    if not options.keys() & OfficialOptions.model_fields.keys():
        raise ValueError(f"{path}: found no option of the published code, expected lines such as 'netG: global'")
    return options


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """Take `name=value` apart, as given on a command line.

    Raises:
        ValueError: naming what is no such pair or no option that shapes a model.
    """
    options = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or name not in OfficialOptions.model_fields:
            known = ", ".join(OfficialOptions.model_fields)
            raise ValueError(f"--option {assignment}: expected NAME=VALUE with a NAME of {known}")
        options[name] = value
    return options


def options_that_fit(weights: Mapping[str, Tensor], options: OfficialOptions) -> dict[str, int | str | bool]:
    """What a published generator's tensors say of its options, where it differs from `options`.

    Returns:
        Nothing where the tensors are those of another network.
    """
    enhancers = next(number for number in range(9) if f"model{number + 1}_1.1.weight" not in weights)
    finest = weights.get(f"model{enhancers}_1.1.weight" if enhancers else "model.1.weight")
    blocks = [int(found[1]) for key in weights if (found := re.fullmatch(r"model\.(\d+)\.conv_block\.1\.weight", key))]
    if finest is None or finest.dim() != 4 or not blocks:
        return {}
    seen: dict[str, int | str | bool] = {
        "norm": "batch" if "model.2.weight" in weights else "instance",
        "netG": "local" if enhancers else "global",
        "ngf": finest.shape[0],
        "n_downsample_global": (min(blocks) - 4) // 3,
        "n_blocks_global": len(blocks),
    }
    if enhancers:
        local = re.compile(r"model1_2\.\d+\.conv_block\.1\.weight")
        seen |= {"n_local_enhancers": enhancers, "n_blocks_local": sum(bool(local.fullmatch(key)) for key in weights)}
    seen |= _channels_that_fit(finest.shape[1], options)
    return {name: value for name, value in seen.items() if value != getattr(options, name)}


def _channels_that_fit(channels: int, options: OfficialOptions) -> dict[str, int | str | bool]:
    """The switches that give the generator so many input channels, else the number of labels that does."""
    boundary_maps, features = (not options.no_instance, options.no_instance), (bool(options.n_features), True, False)
    for has_features, has_boundary_map in product(features, boundary_maps):
        if (options.label_nc or 3) + has_boundary_map + options.feat_num * has_features == channels:
            switch = "label_feat" if options.label_feat else "instance_feat"
            return {"no_instance": not has_boundary_map, switch: has_features}
    return {"label_nc": channels - (not options.no_instance) - options.n_features}
