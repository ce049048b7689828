"""Posterior densities of one or two parameters: exp(-chi2 / 2) summed over the other axes of a grid.

The prior is flat in each axis as the scan file writes it, and zero outside the axes. Sums have the weights of the
trapezoidal rule on the axes' own points. They are taken a second time with half the points along every axis that is
summed over; the difference is the error that is stated.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.shown import Shown
from scanengine_kernels.grids import NO_TERMS

BROKEN = -(1 << 62)
"""In place of a number of tiles: an addition was broken off."""


def trapezoid(values: FloatArray) -> FloatArray:
    """Return the weights (n,) of the trapezoidal rule at increasing values (n,); of a single value it is 1."""
    if values.size == 1:
        return np.ones(1)
    half_steps, weights = 0.5 * np.diff(values), np.zeros(values.size)
    weights[:-1] += half_steps
    weights[1:] += half_steps
    return weights


def every_second(points: int) -> NDArray[np.int64]:
    """Return the indices of every second of so many points, and of the last one."""
    return np.unique(np.append(np.arange(0, points, 2), points - 1))


def half_trapezoid(values: FloatArray) -> FloatArray:
    """Return the weights (n,) of the trapezoidal rule over every second value, the last one among them; else zero.

    Of two values the first has all the weight: with both of them nothing would ever seem to depend on the points.
    """
    if values.size == 2:
        return np.array([values[1] - values[0], 0.0])
    kept, weights = every_second(values.size), np.zeros(values.size)
    weights[kept] = trapezoid(values[kept])
    return weights


def add_exactly(high: FloatArray, low: FloatArray, term: FloatArray) -> None:
    """Add a term to high + low, sums of twice the digits, in place.

    D. E. Knuth, The Art of Computer Programming, vol. 2, 4.2.2: the rounding error of a sum is a double, too.
    """
    after = high + term
    taken = after - high
    lost = (high - (after - taken)) + (term - taken) + low
    high[...] = after + lost
    low[...] = lost - (high - after)


@dataclass(eq=False)
class RunningSums:
    """Sums in the making, (high + low) 2^exponent, over so many `tiles` of a scan: each tile is added once.

    `high` and `low` (2, points) are tables one after another, with all points and with half of them along the axes that
    are summed over. Sums of twice the digits of a double do not depend on the order of tiles.
    """

    high: FloatArray
    low: FloatArray
    exponent: int = NO_TERMS
    tiles: int = 0

    @classmethod
    def nothing(cls, points: int) -> RunningSums:
        """Return sums over no tile."""
        return cls(np.zeros((2, points)), np.zeros((2, points)))

    def factor_for(self, exponent: int) -> float:
        """Return the power of two that terms of an exponent are to be multiplied with, after making room for them."""
        if exponent > self.exponent:
            if self.exponent != NO_TERMS:
                down = math.ldexp(1.0, max(self.exponent - exponent, -1100))
                self.high *= down
                self.low *= down
            self.exponent = exponent
        return math.ldexp(1.0, max(exponent - self.exponent, -1100))

    def begin(self) -> int:
        """Begin an addition, and return the number of tiles; until it is set again these are sums over no number."""
        before, self.tiles = self.tiles, BROKEN
        return before

    def add(self, other: RunningSums) -> None:
        """Add what other tiles have."""
        before = self.begin()
        if other.exponent != NO_TERMS:
            factor = self.factor_for(other.exponent)
            add_exactly(self.high, self.low, factor * other.high)
            add_exactly(self.high, self.low, factor * other.low)
        self.tiles = before + other.tiles


@dataclass(frozen=True, eq=False)
class Marginals:
    """Posterior densities over each axis and each pair of axes, per unit of these, which integrate to 1.

    `half_lines` and `half_planes` are the same sums with half the points along the axes that are summed over, divided
    by the same integral. `log_mean` is the logarithm of exp(-chi2 / 2) averaged over the box of all axes, and
    `log_mean_half` that with half the points. At most a share `omitted` of the posterior lies where chi2 was not
    evaluated. Of two axes the plane is left out: exp(-chi2 / 2 - log_mean), divided by the axes' lengths, is it.
    """

    lines: Mapping[str, FloatArray]
    planes: Mapping[tuple[str, str], FloatArray]
    half_lines: Mapping[str, FloatArray]
    half_planes: Mapping[tuple[str, str], FloatArray]
    log_mean: float
    log_mean_half: float
    omitted: float = 0.0

    def only(self, names: Collection[str], planes: Collection[tuple[str, str]]) -> Marginals:
        """Return those of these axes and planes alone."""
        lines, half_lines = (
            {name: line for name, line in each.items() if name in names} for each in (self.lines, self.half_lines)
        )
        kept, half_kept = (
            {pair: plane for pair, plane in each.items() if pair in planes} for each in (self.planes, self.half_planes)
        )
        return replace(self, lines=lines, half_lines=half_lines, planes=kept, half_planes=half_kept)


@dataclass(frozen=True, eq=False)
class Marginal(Shown):
    """The posterior density of one parameter or two, the others integrated over, with a flat prior within the axes.

    `density` and `half` have one dimension for each of `axes`, per unit of these; `half` has half the points along the
    axes that were integrated over, `integrated` by name. At most a share `omitted` of the posterior lies where chi2 was
    not evaluated.
    """

    axes: tuple[Axis, ...]
    density: FloatArray
    half: FloatArray
    integrated: tuple[str, ...] = ()
    omitted: float = 0.0

    def __repr__(self) -> str:
        names, over = (", ".join(each) for each in ([axis.name for axis in self.axes], self.integrated))
        return f"Marginal({names}: posterior density, integrated over {over or 'nothing'}; error {self.error:.2g})"

    @property
    def error(self) -> float:
        """By how much half the points change the density anywhere, relative to its maximum."""
        return float(np.max(np.abs(self.density - self.half)) / np.max(self.density))

    def thinned(self) -> Marginal:
        """Return the density with half the points along all axes, those that are shown among them."""
        kept = [every_second(axis.values.size) for axis in self.axes]
        axes = tuple(replace(axis, values=axis.values[at]) for axis, at in zip(self.axes, kept, strict=True))
        half = self.half[np.ix_(*kept)]
        return Marginal(axes, half, half, self.integrated, self.omitted)
