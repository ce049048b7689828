"""What pseudo-experiments have found: critical values of Delta chi2 over a grid, and what they allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scanengine.grids import Axis, FloatArray, ReducedGrid

_FAR = 1e12
"""Excesses from here on are as good as infinite."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Delta chi2 of the data (one dimension per axis), and the quantiles of pseudo-experiments made at each point.

    `critical` (levels, ...) belongs to `levels`, and is known to `errors` (levels, ...), one standard deviation of so
    few pseudo-experiments. `seed` gives the same `pseudo_experiments` at each point again, of the scan file
    `definition` with `overrides`.
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

    @property
    def best_fit(self) -> dict[str, float]:
        """The point of the grid that fits the data best."""
        index = np.unravel_index(np.argmin(self.delta_chi2), self.delta_chi2.shape)
        return {axis.name: float(axis.values[i]) for axis, i in zip(self.axes, index, strict=True)}

    def of(self, level: float) -> FloatArray:
        """Return the critical values (...) of a level."""
        return np.asarray(self.critical[self.levels.index(level)])

    def intervals(self, level: float) -> list[tuple[float | None, float | None]]:
        """Return where Delta chi2 of one axis is not above the critical value of a level; nothing for an end beyond
        the axis.
        """
        (axis,) = self.axes
        return allowed(axis.values, self.delta_chi2 - self.of(level))

    def scaled(self, level: float, height: float) -> ReducedGrid:
        """Return Delta chi2 times `height` over the critical values of a level: up to that height it is allowed."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.delta_chi2 <= 0.0, 0.0, self.delta_chi2 / self.of(level))
        return ReducedGrid(self.axes, height * ratio, 0.0)

    def inside(self, level: float) -> int:
        """Return how many points of the grid are allowed."""
        return int(np.sum(self.delta_chi2 <= self.of(level)))


def allowed(x: FloatArray, excess: FloatArray) -> list[tuple[float | None, float | None]]:
    """Return the intervals of x in which the excess (n,), joined by straight lines, is not above zero."""
    excess = np.minimum(excess, _FAR)
    inside = excess <= 0.0
    found: list[tuple[float | None, float | None]] = []
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
