"""The points between those of a grid on which profiles are exact, and the cells that are searched there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.cells import Cells
from scanengine.grid.axes import Axis, FloatArray
from scanengine_kernels.minimise import Residuals

Pair = tuple[int, int]

FINE_POINTS = 101
"""Points to which an axis is refined for exact profiles: contours through them are smooth on paper."""

COARSE_POINTS = 15
"""Points of each axis, whatever it has in the scan, at which a plane is searched most thoroughly."""

_MOST_CELLS_OF_TWO = 1 << 22


@dataclass(frozen=True, eq=False)
class FineGrid:
    """chi2 in a box of scaled variables t, and the axes' scaled values."""

    residuals: Residuals
    values: tuple[FloatArray, ...]
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(cls, polynomial: ChiSquaredPolynomial, axes: Sequence[Axis]) -> FineGrid:
        """Return the fine grid over these axes, which have been refined."""
        values = tuple(polynomial.scaled([axis.values for axis in axes]))
        lower, upper = (np.array([v[end] for v in values]) for end in (0, -1))
        return cls(quadratic_residuals(polynomial), values, lower, upper)

    def hiding_all_but(self, *shown: int) -> HiddenVariables:
        """Return the variables of all axes but these, over which chi2 is minimised."""
        return HiddenVariables(self.residuals, self.lower, self.upper, shown)

    def cells(self, *shown: int, nodes: Sequence[NDArray[np.intp]] | None = None) -> Cells:
        """Return the cells of a plane or line, all or those at the nodes of each axis, not searched yet."""
        values = [self.values[i] if nodes is None else self.values[i][nodes[k]] for k, i in enumerate(shown)]
        return Cells(self.hiding_all_but(*shown), values)

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """The lowest and the highest of all variables (n,)."""
        return self.lower, self.upper

    def nodes(self, axis: int) -> NDArray[np.intp]:
        """Return which values of an axis are the coarse ones."""
        return np.unique(np.linspace(0, self.values[axis].size - 1, COARSE_POINTS).round().astype(np.intp))


def refined(axis: Axis) -> tuple[Axis, int]:
    """Return the axis with its steps cut into equal parts, and into how many."""
    last = axis.values.size - 1
    step = max(1, -(-(FINE_POINTS - 1) // last))
    values = np.interp(np.arange(last * step + 1) / step, np.arange(last + 1), axis.values)
    values[::step] = axis.values
    return replace(axis, values=values), step


def refined_plane(fine: FineGrid, axes: Sequence[Axis]) -> list[Pair]:
    """Return the plane of two axes if it is worth more than the grid."""
    cells, points = (prod(values.size for values in each) for each in (fine.values, [axis.values for axis in axes]))
    return [(0, 1)] if points < cells <= _MOST_CELLS_OF_TWO else []
