"""Critical values of Delta chi2 over a grid, by pseudo-experiments or by an exact sum, and what they allow.

Delta chi2 of counts takes separate values, so that the data's may be the critical value itself. Two that differ by no
more than rounding are equal: by `TIE` (1 + Delta chi2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.grid.shown import Shown

TIE = 1e-7
"""Delta chi2 is equal within this times 1 + Delta chi2: well above what rounding and the search for a minimum over
nuisances leave, and too little to move an interval.
"""

_MANY = 0.1
"""Of the experiments beyond a level this share may have their best fit at the end of an axis."""

_FAR = 1e12
"""Excesses from here on are as good as infinite."""

_SAME_LEVEL = 1e-7

Span = tuple[float | None, float | None]
"""Where an interval begins and ends; None for an end beyond the axis."""


def tied_with(delta_chi2: FloatArray) -> FloatArray:
    """Return the tolerance within which values count as equal to Delta chi2."""
    return np.asarray(TIE * (1.0 + delta_chi2))


@dataclass(frozen=True, eq=False)
class Calibration(Shown):
    """Delta chi2 of the data (one dimension per axis), and the critical values of each point.

    `critical` (levels, ...) belongs to `levels`; `errors` (levels, ...) is one standard deviation of it, each point's
    own, by so few `pseudo_experiments`. `p_values` (...) are the probabilities of a Delta chi2 at least as high as the
    data's, `at_open_ends` (...) that of a best fit at an end of an axis that is no bound of the parameter's own; old
    files have neither. `seed` gives the same pseudo-experiments again, of the scan file `definition` with
    `overrides`.

    Where all outcomes were summed, `pseudo_experiments` is zero and nothing has an error. `exact_intervals` (levels,)
    are then what is allowed of a single axis, whose ends were searched between its points.
    """

    axes: tuple[Axis, ...]
    delta_chi2: FloatArray
    levels: tuple[float, ...]
    critical: FloatArray
    errors: FloatArray
    pseudo_experiments: int
    seed: int
    definition: str = ""
    overrides: tuple[str, ...] = ()
    p_values: FloatArray | None = None
    at_open_ends: FloatArray | None = None
    exact_intervals: tuple[tuple[Span, ...], ...] | None = None

    @property
    def is_exact(self) -> bool:
        """Whether all outcomes were summed in place of pseudo-experiments."""
        return self.pseudo_experiments == 0

    @property
    def best_fit(self) -> dict[str, float]:
        """The point of the grid that fits the data best."""
        index = np.unravel_index(np.argmin(self.delta_chi2), self.delta_chi2.shape)
        return {axis.name: float(axis.values[i]) for axis, i in zip(self.axes, index, strict=True)}

    def of(self, level: float) -> FloatArray:
        """Return the critical values (...) of a level. Raises InputError for one that was not calibrated."""
        return np.asarray(self.critical[self.levels.index(self.known(level))])

    def known(self, level: float) -> float:
        """Return the calibrated level that a number stands for, perhaps rounded to single precision. Raises InputError
        if there is none.
        """
        level = confidence_level(level)
        for each in self.levels:
            if abs(level - each) < _SAME_LEVEL:
                return each
        known = ", ".join(f"{100.0 * each:.6g}%" for each in self.levels)
        raise InputError(f"{100.0 * level:.6g}% C.L. was not calibrated, but {known}: calibrate it with --cl")

    def excess(self, level: float) -> FloatArray:
        """Return Delta chi2 above the critical values (...) of a level, zero where the two are equal (see `TIE`)."""
        excess = self.delta_chi2 - self.of(level)
        return np.where(np.abs(excess) <= tied_with(self.delta_chi2), 0.0, excess)

    def intervals(self, level: float) -> list[Span]:
        """Return where Delta chi2 of one axis is not above the critical value of a level; None for an end beyond
        the axis.
        """
        (axis,) = self.axes
        if self.exact_intervals is not None:
            return list(self.exact_intervals[self.levels.index(self.known(level))])
        return allowed(axis.values, self.excess(level))

    def scaled(self, level: float, height: float) -> ReducedGrid:
        """Return what is allowed up to a height: Delta chi2 times `height` over the critical values of a level.

        Where all outcomes were summed these jump from point to point, and it is the Delta chi2 that has the same
        probability as the data's by Wilks' theorem for two parameters, which does not.
        """
        if self.is_exact and self.p_values is not None:
            with np.errstate(divide="ignore"):
                return ReducedGrid(self.axes, height * np.log(self.p_values) / np.log(1.0 - level), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.delta_chi2 <= 0.0, 0.0, self.delta_chi2 / self.of(level))
        ratio = np.where(self.excess(level) <= 0.0, np.minimum(ratio, 1.0), ratio)
        return ReducedGrid(self.axes, height * ratio, 0.0)

    def cut_short(self, level: float) -> NDArray[np.bool_]:
        """Return which points (...) have critical values that are too low, since best fits stop at the end of an axis.

        It takes a good part of the experiments beyond the level to matter.
        """
        if self.at_open_ends is None:
            return np.zeros(self.delta_chi2.shape, dtype=np.bool_)
        return np.asarray(self.at_open_ends > _MANY * (1.0 - level))

    def inside(self, level: float) -> int:
        """Return how many points of the grid are allowed."""
        return int(np.sum(self.excess(level) <= 0.0))


def allowed(x: FloatArray, excess: FloatArray) -> list[Span]:
    """Return the intervals of x in which the excess (n,), joined by straight lines, is not above zero."""
    excess = np.minimum(excess, _FAR)
    inside = excess <= 0.0
    found: list[Span] = []
    low: float | None = None
    for i in range(x.size):
        if i and inside[i] != inside[i - 1]:
            crossing = float(x[i - 1] + (x[i] - x[i - 1]) * excess[i - 1] / (excess[i - 1] - excess[i]))
            if inside[i]:
                low = crossing
            else:
                found.append((low, crossing))
        elif i == 0:
            low = None
    return [*found, (low, None)] if inside[-1] else found
