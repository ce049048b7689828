"""Upper limits of results on one axis against another: as numbers, as CSV and as a figure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from scanengine.api.result import Result
from scanengine.api.style import Style, look
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.upper_limits import UpperLimits, from_lowest_along
from scanengine.inference.upper_limits import upper_limits as of_plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def upper_limits(result: Result, axis: str, *, against: str, cl: float | Sequence[float] = 0.90) -> list[UpperLimits]:
    """Return the upper limits on an axis at each value of another, the rest minimised over: one for each level.

    Delta chi2 counts from the lowest chi2 at that value of `against`, with one degree of freedom, as is usual for a
    coupling against the mass of a mediator. `UpperLimits` has arrays `at` and `upper`, in the axes' units; `upper` is
    nan where the limit lies beyond the end of its axis. Raises InputError if there is no such axis or plane, or a level
    is not between 0 and 1.

    >>> axes = {"g_zp": {"min": 1e-6, "max": 1e-3, "points": 201, "spacing": "log"}}
    >>> axes["mediators.zp.mass_MeV"] = {"values": [1.0, 10.0]}
    >>> result = scanengine.load("mediators/universal", {"axes": axes}).run()
    >>> (limit,) = scanengine.upper_limits(result, "g_zp", against="mediators.zp.mass_MeV", cl=0.90)
    >>> limit.at
    array([ 1., 10.])
    """
    grid, lowest = _plane(result, axis, against)
    return [of_plane(grid, lowest, level) for level in confidence_levels(cl)]


def upper_limits_csv(
    results: Mapping[str, Result], axis: str, *, against: str, cl: float | Sequence[float] = 0.90
) -> str:
    """Return the upper limits of results, by label, as CSV: result, cl_percent, dof, the value of `against`, the limit.

    Where the limit lies beyond the end of its axis it is nan. The last column ends the lowest allowed interval:
    it differs from the limit where allowed values, as those of a sign-flipped amplitude, lie above excluded ones.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["result", "cl_percent", "dof", against, f"upper limit on {axis}", f"{axis} excluded from"])
    for label, result in results.items():
        for found in upper_limits(result, axis, against=against, cl=cl):
            level = round(100.0 * found.cl, 10)
            for at, upper, each in zip(found.at.tolist(), found.upper.tolist(), found.intervals, strict=True):
                first = each.intervals[0].hi if each.intervals else None
                lowest = math.nan if first is None else first
                writer.writerow([label, level, found.dof, repr(at), repr(upper), repr(lowest)])
    return text.getvalue()


def draw_upper_limits(
    results: Mapping[str, Result],
    axis: str,
    *,
    against: str,
    cl: float | Sequence[float] = 0.90,
    **style: Unpack[Style],
) -> Figure:
    """Draw the limits of results, by label, on an axis against another: what the first excludes is shaded.

    Borders of disconnected allowed values, below the upper limit, are drawn too. The other keywords are those of `plot`
    for the look: `curves` are limits of others, for example.
    """
    from scanengine import figures  # matplotlib takes longer to import than most scans to run

    if not results:
        raise InputError("there is nothing to draw: give at least one result")
    planes = {label: _plane(result, axis, against) for label, result in results.items()}
    curves = [(figures.literal(label), from_lowest_along(*plane)) for label, plane in planes.items()]
    return figures.upper_limits(curves, confidence_levels(cl), look=look(style))


def _plane(result: Result, axis: str, against: str) -> tuple[ReducedGrid, FloatArray]:
    """Return chi2 over `against` and an axis, and the lowest at each value of the former."""
    grid = result.profile(against, axis)
    lowest = np.fmin.reduce(grid.chi2, axis=1)
    line = result.profile(against)
    if np.array_equal(line.axes[0].values, grid.axes[0].values):  # which of exact profiles is continuous in the rest
        lowest = np.fmin(lowest, line.chi2)
    return grid, lowest
