"""The limited-time curve: preference against exposure (Wang et al. 2018, Fig. 7)."""

from collections.abc import Sequence
from pathlib import Path

from deploy.study.analysis import Preference, pairs_of


def draw_curve(preferences: Sequence[Preference], file: Path, confidence: float) -> None:
    """Draw the rates and intervals of each pair of methods against the exposure.

    Args:
        preferences: by exposure.
        file: PNG, SVG or PDF, by its suffix.
        confidence: of the intervals, for the label.

    Raises:
        ValueError: there are no answers in limited time, or the suffix is another.
    """
    # A figure without pyplot needs no display; either takes over a second to import.
    from matplotlib.figure import Figure

    if not preferences:
        raise ValueError(f"{file}: found no answers in limited time, expected some for the curve")
    exposures = sorted({each.exposure for each in preferences if each.exposure is not None})
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0.5, color="0.6", linewidth=1, linestyle="--")
    axes.set_xscale("log", base=2)
    for number, ((first, second), found) in enumerate(pairs_of(preferences).items()):
        shift = 1 + 0.03 * number  # so that intervals of several pairs do not cover one another
        places = [shift * (each.exposure or 0) for each in found]
        rates = [each.rate for each in found]
        errors = [[each.rate - each.low for each in found], [each.high - each.rate for each in found]]
        label = f"{first} over {second}"
        axes.errorbar(places, rates, yerr=errors, marker="o", markersize=5, linewidth=1.6, capsize=3, label=label)
    axes.set_xticks(exposures, [_fraction(seconds) for seconds in exposures], minor=False)
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("seconds shown")
    axes.set_ylabel(f"preferred, with {confidence:.0%} interval")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=2)
    figure.savefig(file, dpi=160)


def _fraction(seconds: float) -> str:
    parts = round(1 / seconds)
    return f"1/{parts}" if parts > 1 and parts * seconds == 1 else f"{seconds:g}"
