"""Colours for classes whose dataset gives none."""

from colorsys import hsv_to_rgb

_GOLDEN_RATIO = 0.618034
_SHADES = ((0.9, 0.9), (0.5, 1.0), (0.8, 0.55))  # saturation and value


def distinct_colour(index: int) -> tuple[int, int, int]:
    """A colour that no other index below 256 has: hues of neighbours far apart, in three shades."""
    saturation, value = _SHADES[index % len(_SHADES)]
    red, green, blue = hsv_to_rgb(index * _GOLDEN_RATIO % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
