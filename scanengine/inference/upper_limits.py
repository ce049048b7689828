"""Upper limits on one parameter at each value of another, as of a coupling at each mass of a mediator."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import Interval, Intervals, intervals
from scanengine.inference.levels import delta_chi2, percent

_FEWEST_POINTS = 3


@dataclass(frozen=True, eq=False)
class UpperLimits:
    """Upper limits on the parameter `axis` at the values `at` (n,) of `against`, in the units of these axes.

    Above `upper` (n,) all values are excluded: Delta chi2, counted from the lowest chi2 at the same value of `against`,
    is larger than `level`. It is nan where the allowed values reach the end of the axis. `intervals` (n) are the
    allowed values, which may be several intervals below the upper limit.
    """

    axis: str
    against: str
    cl: float
    dof: int
    level: float
    at: FloatArray
    upper: FloatArray
    intervals: tuple[Intervals, ...]
    warnings: tuple[str, ...] = ()


def _points(axis: Axis, piece: Interval) -> int:
    """Return how many points of an axis an interval has."""
    low, high = -math.inf if piece.lo is None else piece.lo, math.inf if piece.hi is None else piece.hi
    return int(np.count_nonzero((axis.values >= low) & (axis.values <= high)))


def from_lowest_along(grid: ReducedGrid, lowest: FloatArray) -> ReducedGrid:
    """Return a plane whose chi2 is less by what the lowest chi2 at each value of its first axis (n,) lies above the
    minimum: Delta chi2 then counts from there.
    """
    known = np.where(np.isfinite(lowest), lowest, grid.minimum)
    return replace(grid, chi2=grid.chi2 - (known - grid.minimum)[:, None])


def upper_limits(grid: ReducedGrid, lowest: FloatArray, cl: float) -> UpperLimits:
    """Return the upper limits on the second axis of a plane at each value of the first, at confidence level `cl`.

    `lowest` (n,) is the lowest chi2 at each value of the first axis. With that value fixed there is one degree of
    freedom. Raises InputError as `intervals` does, and where chi2 was not looked for high enough above the minimum.
    """
    against, axis = grid.axes
    level = delta_chi2(cl, 1)
    above = lowest - grid.minimum + level
    if np.any(above > grid.delta_chi2_max):
        first = against.values[int(np.argmax(above > grid.delta_chi2_max))]
        raise InputError(
            f"no {percent(cl)} upper limit on {axis.name} at {against.name} = {first:g}: it ends too far above the "
            f"global minimum for output.delta_chi2_max = {grid.delta_chi2_max:g}; scan again without that key"
        )
    found = tuple(
        intervals(replace(grid, axes=(axis,), chi2=chi2, minimum=float(least), delta_chi2_max=math.inf), cl)
        for chi2, least in zip(grid.chi2, lowest, strict=True)
    )
    ends = [each.intervals[-1].hi if each.intervals else None for each in found]
    upper = np.array([math.nan if end is None else end for end in ends])
    thin = sum(any(_points(axis, piece) < _FEWEST_POINTS for piece in each) for each in found)
    name = f"The {percent(cl)} upper limit on {axis.name}"
    unknown = int(np.isnan(grid.chi2).sum())
    told = (
        (unknown, f"{name}: chi2 is not a number (NaN) at {unknown} of {grid.chi2.size} points."),
        (np.isnan(upper).sum(), f"{name} lies beyond {axis.values[-1]:g}, the end of the axis, {{}}: extend the axis."),
        (
            sum(len(each) > 1 for each in found),
            f"{name} has excluded values below it {{}}: the allowed ones are several intervals.",
        ),
        (
            thin,
            f"{name} belongs to intervals of fewer than {_FEWEST_POINTS} grid points {{}}: use more points.",
        ),
    )
    warnings = tuple(text.format(f"at {n} of {upper.size} values of {against.name}") for n, text in told if n)
    return UpperLimits(axis.name, against.name, cl, 1, level, against.values, upper, found, warnings)
