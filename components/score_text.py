"""Figures as text, each with its confidence interval."""

from collections.abc import Mapping

BOUNDS = ("_low", "_high")


def with_bounds(figures: Mapping[str, float]) -> dict[str, str]:
    """Write each figure to four digits, with the bounds that stand beside it as `NAME_low` and `NAME_high`."""
    bounds = {name + end for name in figures for end in BOUNDS}
    return {name: _text(figures, name) for name in figures if name not in bounds}


def _text(figures: Mapping[str, float], name: str) -> str:
    low, high = (figures.get(name + end) for end in BOUNDS)
    value = f"{figures[name]:.4g}"
    return value if low is None or high is None else f"{value} ({low:.4g} to {high:.4g})"
