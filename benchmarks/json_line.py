"""The line that a benchmark prints for each measured case."""

import json
import sys


def json_line(case: str, unit: str, value: float, baseline: float) -> str:
    """Give a case as JSON: value, baseline, and value over baseline, each with four significant digits."""
    numbers = {"value": value, "baseline": baseline, "ratio": value / baseline}
    return json.dumps({"case": case, "unit": unit} | {name: float(f"{each:.4g}") for name, each in numbers.items()})


def print_json_line(case: str, unit: str, value: float, baseline: float) -> None:
    """Write `json_line` and a line feed to standard output."""
    sys.stdout.write(json_line(case, unit, value, baseline) + "\n")
