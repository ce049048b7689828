"""What a region or an interval takes to be believed: without it an error, or a sentence to be printed beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.levels import percent

LEAST_ROUNDING, MOST_ROUNDING = 1e-3, 0.1
"""Fractions of a level: rounding of chi2 above the first gives a warning, above the second there is no limit. The end
of an interval is then off by half that fraction of its distance from a parabola's minimum.
"""


def check_shape(grid: ReducedGrid, dimensions: int) -> None:
    """Raise `InputError` unless chi2 is given over so many axes of two or more points."""
    shape = tuple(axis.values.size for axis in grid.axes)
    if len(shape) != dimensions or grid.chi2.shape != shape or min(shape) < 2:
        wanted = "two axes" if dimensions == 2 else "one axis"
        raise InputError(
            f"Expected chi2 over {wanted} of 2 or more points, found shape {grid.chi2.shape} for axes {shape}."
        )


def check_level(grid: ReducedGrid, cl: float, level: float) -> None:
    """Raise `InputError` for a level above what the scan looked for."""
    if level > grid.delta_chi2_max:
        raise InputError(
            f"{percent(cl)} C.L. is delta chi2 = {level:.4g}, but this scan went only up to output.delta_chi2_max = "
            f"{grid.delta_chi2_max:g}: scan again with a larger value, or without."
        )


def check_rounding(grid: ReducedGrid, name: str, level: float) -> None:
    """Raise `InputError` where Delta chi2 at a level is lost in the rounding of chi2."""
    error = grid.rounding_error(level)
    if not error <= MOST_ROUNDING * level:
        names = " and ".join(axis.name for axis in grid.axes)
        raise InputError(
            f"No {name} of {names}: it ends at delta chi2 = {level:.4g}, and chi2, {grid.minimum:.4g} at its minimum, "
            f"is known to +-{error:.2g} in double precision. Reduce the exposure, or increase the errors of the data."
        )


def check_density(grid: ReducedGrid) -> None:
    """Raise `InputError` where the posterior density, exp(-chi2 / 2), is lost in the rounding of chi2."""
    error = grid.rounding_error(1.0)
    if not error <= MOST_ROUNDING:
        names = " and ".join(axis.name for axis in grid.axes)
        raise InputError(
            f"No posterior density of {names}: it is exp(-chi2 / 2), and chi2, {grid.minimum:.4g} at its minimum, is "
            f"known to +-{error:.2g} in double precision. Reduce the exposure, or increase the errors of the data."
        )


def rounded(grid: ReducedGrid, name: str, level: float) -> list[str]:
    """Warn about a level that is rounded visibly."""
    error = grid.rounding_error(level)
    if error <= LEAST_ROUNDING * level:
        return []
    known = f"chi2, {grid.minimum:.4g} at its minimum, is not known more accurately in double precision."
    return [f"The {name} ends at delta chi2 = {level:.4g} +- {error:.1g}: {known}"]


def cut(grid: ReducedGrid, name: str) -> str:
    """Say that a border lies beside points that were not evaluated."""
    names = " and ".join(axis.name for axis in grid.axes)
    return (
        f"The {name} ends beside points of {names} that were not evaluated, being above output.delta_chi2_max = "
        f"{grid.delta_chi2_max:g}: its ends are uncertain by a grid step. Increase it, or leave it out."
    )


def unknown(grid: ReducedGrid) -> list[str]:
    """Warn about points where chi2 is not a number."""
    count = int(np.isnan(grid.chi2).sum())
    names = ", ".join(axis.name for axis in grid.axes)
    return [f"chi2 is not a number (NaN) at {count} of the {grid.chi2.size} grid points over {names}."] if count else []


def empty(grid: ReducedGrid, name: str, level: float) -> str:
    """Say that no point is allowed."""
    names = ", ".join(axis.name for axis in grid.axes)
    delta = grid.delta_chi2[np.isfinite(grid.chi2)]
    lowest = f"the smallest delta chi2 is {delta.min():.4g}, the level {level:.4g}" if delta.size else "none is finite"
    more = "more points would find one, if there is any"
    if grid.profiled and not grid.fixed:  # whose minimum is the global one, within the axes
        more = f"the best fit lies between the points, and more of them would show the {name}"
    return f"No grid point over {names} lies in the {name}: {lowest}; {more}."


class AtEnd(str):
    """A warning that values are allowed up to an end of an axis; several make one sentence."""

    __slots__ = ("axis", "end")
    axis: str
    end: float

    @classmethod
    def of(cls, name: str, axis: str, end: float, which: str) -> AtEnd:
        """Return the warning for a region or an interval, by its name."""
        return cls.said(f"The {name} touches {axis} = {end:.6g}, the {which} end: extend the axis.", axis, end)

    @classmethod
    def said(cls, text: str, axis: str, end: float) -> AtEnd:
        """Return a warning with this text."""
        found = cls(text)
        found.axis, found.end = axis, end
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return AtEnd.said, (str(self), self.axis, self.end)


def grouped(warnings: Iterable[str]) -> list[str]:
    """Return warnings, each once, with one in place of all that name ends of axes."""
    once = list(dict.fromkeys(warnings))
    ends: dict[str, list[float]] = {}
    for each in once:
        if isinstance(each, AtEnd) and each.end not in ends.setdefault(each.axis, []):
            ends[each.axis].append(each.end)
    if sum(len(found) for found in ends.values()) < 2:
        return once
    named = ", ".join(f"{axis} = {' and '.join(f'{end:.6g}' for end in sorted(found))}" for axis, found in ends.items())
    others = [each for each in once if not isinstance(each, AtEnd)]
    return [f"The allowed range reaches the ends of axes, {named}: extend them.", *others]


def edges(axis: Axis, inside: NDArray[np.bool_], name: str) -> list[str]:
    """Warn about what is allowed up to an end of an axis that is no bound of its parameter."""
    found: list[str] = []
    for end, which in ((0, "lower"), (-1, "upper")):
        if inside[end] and not axis.is_natural_end(axis.values[end]):
            found.append(AtEnd.of(name, axis.name, float(axis.values[end]), which))
    return found
