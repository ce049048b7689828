"""What is told of posterior densities: credible intervals, and figures of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanengine.cli.warn import warn

if TYPE_CHECKING:
    from scanengine.api import Result
    from scanengine.api.listed import CredibleLimits


def print_credible(result: Result, levels: tuple[float, ...], *, as_json: bool) -> None:
    """Print the credible intervals of all parameters, with the errors of their ends."""
    from scanengine.api import words

    found = result.credible_intervals(levels)
    if as_json:
        print(json.dumps({"prior": "flat within the axes", "intervals": _records(found)}, indent=1))
        return
    for cl in levels:
        print(f"{100.0 * cl:g}% credible (highest posterior density, prior flat within the axes):")
        for entry in found:
            if entry.cl == cl:
                axis = found.axes[entry.axis]
                error = max(max(lo, hi) for *_, lo, hi in entry)
                ends = f"ends +- {words.quantity(error, axis.units, 2)}" if math.isfinite(error) else "not resolved"
                print(f"  {words.credible(entry, axis)}   ({ends})")
    print("other parameters are integrated over, nuisances profiled; the errors are the change with half the points")
    warn(entry.warnings for entry in found)


def _records(found: CredibleLimits) -> list[dict[str, Any]]:
    return [
        {
            "parameter": entry.axis,
            "credibility": round(100.0 * entry.cl, 10),
            "intervals": [[lo, hi] for lo, hi, *_ in entry],
            "errors": [[_finite(lo), _finite(hi)] for *_, lo, hi in entry],
            "density_error": entry.error,
            "warnings": list(entry.warnings),
        }
        for entry in found
    ]


def _finite(value: float) -> float | None:
    """Return a number as JSON has it: None for what is not finite."""
    return value if math.isfinite(value) else None


def draw_marginals(
    path: Path, names: list[str], cl: tuple[float, ...], output: Path | None, *, overwrite: bool
) -> None:
    """Draw posterior densities, and warn about their intervals or regions."""
    from scanengine import figures
    from scanengine.api import open_result
    from scanengine.inference.credible import credible_intervals, credible_region

    result = open_result(path)
    figure = result.plot(*names, cl=cl, marginal=True)
    print(f"figure: {figures.save(figure, output or path.with_suffix('.png'), overwrite=overwrite)}")
    shown = tuple(names) or result.shown
    if len(shown) == 2:
        warn(credible_region(result.marginal(*shown), level).warnings for level in cl)
    else:
        warn(credible_intervals(result.marginal(name), level).warnings for name in shown for level in cl)
