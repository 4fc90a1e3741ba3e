"""The `preprocess` section of the parameters."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from components.config import Config
from components.data.store import Size

_SIZES_OF_MODE = {"fixed": ("height", "width"), "scale_width": ("width",), "none": ()}


class PreprocessConfig(Config):
    """The `preprocess` section of the parameters.

    Attributes:
        resize: `fixed` resizes every picture to `height` x `width`; `scale_width` to `width`, the height following the
            picture's aspect ratio; `none` leaves each its own size. What follows the picture is then rounded to the
            nearest multiple of `multiple`, as published by resizing, not by cutting.
        multiple: what heights and widths are multiples of, in pixels: at least the model's.
        height: H in pixels for `fixed`, else null.
        width: W in pixels for `fixed` and `scale_width`, else null.
        shard_size: pictures a shard, the unit of work of a process or machine, and what an interruption loses. A shard
            ends early where the size changes.
    """

    resize: Literal["fixed", "scale_width", "none"]
    multiple: int = Field(ge=1)
    height: int | None = Field(ge=1)
    width: int | None = Field(ge=1)
    shard_size: int = Field(ge=1)

    @field_validator("height", "width")
    @classmethod
    def _given_where_the_mode_needs_it(cls, pixels: int | None, info: ValidationInfo) -> int | None:
        resize, multiple = info.data.get("resize"), info.data.get("multiple", 1)
        if resize is None:
            return pixels  # what is wrong is `resize`
        needed = info.field_name in _SIZES_OF_MODE[resize]
        if needed and pixels is None:
            raise ValueError(f"must be a number of pixels where resize is {resize}, got None")
        if not needed and pixels is not None:
            raise ValueError(f"must be null where resize is {resize}, got {pixels}")
        if pixels is not None and pixels % multiple:
            raise ValueError(f"must be a multiple of {multiple} (preprocess.multiple), got {pixels}")
        return pixels

    def target_size(self, height: int, width: int) -> Size:
        """The size (H, W) to which a picture of `height` x `width` pixels is resized."""
        target_width = self.width or width
        target_height = self.height or height * target_width / width
        return self._nearest_multiple(target_height), self._nearest_multiple(target_width)

    def _nearest_multiple(self, pixels: float) -> int:
        return max(1, round(pixels / self.multiple)) * self.multiple
