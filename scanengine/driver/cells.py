"""chi2 minimised over hidden variables in the cells of one plane or line: searches, and what cells tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.monomials import whole_blocks
from scanengine.chi2.residuals import HiddenVariables
from scanengine.grid.axes import FloatArray
from scanengine_kernels.cells import hand_on, minimise_cells, no_minima, search_from
from scanengine_kernels.closed_form import LinearPart

_MOST_LATTICE_POINTS = 20_000
_FEWEST_ALONG, _MOST_ALONG = 3, 25
_ALONG_QUARTIC = 11
"""Values of the variable along which chi2 is a quartic, on each point of a lattice."""


class Cells:
    """chi2 (cells,) on the tensor grid of scaled values of the shown variables, minimised over the hidden ones.

    `where` (cells, hidden) are the minimisers, as `HiddenVariables` has them. A line has one axis, a single point none.
    """

    def __init__(self, hidden: HiddenVariables, values: Sequence[FloatArray]) -> None:
        self.hidden = hidden
        self.values = tuple(values)
        self.shape = tuple(v.size for v in values)
        mesh = np.meshgrid(*values, indexing="ij")
        self.points = np.column_stack([np.empty((int(np.prod(self.shape)), 0)), *(x.ravel() for x in mesh)])
        self._minima = no_minima(self.points, len(hidden.order))
        self.chi2, self.where = self._minima.chi2, self._minima.where
        self.unsettled = 0
        """Cells that had more to tell their neighbours when there was no end of it."""

    @property
    def scaled(self) -> FloatArray:
        """All scaled variables (cells, n) where the minima are."""
        return self.hidden.to_scaled(self.points, self.where)

    def scaled_at(self, cells: NDArray[np.intp]) -> FloatArray:
        """Return all scaled variables (some cells, n) where the minima of some cells are."""
        return self.hidden.to_scaled(self.points[cells], self.where[cells])

    @property
    def at_lowest(self) -> FloatArray:
        """All scaled variables (1, n) where the lowest cell has its minimum."""
        return self.scaled_at(np.array([np.argmin(self.chi2)]))

    def minimisers(self, most: int) -> tuple[FloatArray, FloatArray]:
        """Return chi2 (minimisers,) and all scaled variables (minimisers, n) of every cell, or of so many at most.

        Where the sign of a hidden variable does not matter, both are there.
        """
        cells = np.arange(0, self.chi2.size, -(-self.chi2.size // most))
        of_cell, t = self.hidden.mirror_images(self.scaled_at(cells))
        return self.chi2[cells[of_cell]], t

    def minimise(self) -> bool:
        """Find the minima in closed form; return whether there is one."""
        hidden = self.hidden
        if hidden.searched:
            return False
        if not hidden.order:
            self.search(np.arange(self.chi2.size), self.where.copy())
        elif hidden.pair is not None:
            self._minimise_pair(hidden.pair)
        else:
            minimise_cells(hidden.residuals, hidden.linear, hidden.box, self._minima)
        return True

    def _minimise_pair(self, pair: LinearPart) -> None:
        # imports Numba, which a small scan does without
        from scanengine_kernels.linear_minima import minimise_linear

        cells, shown = self.points.shape
        padded = whole_blocks(cells)
        points, chi2, where = np.zeros((shown, padded)), np.empty(padded), np.empty((2, padded))
        points[:, :cells] = self.points.T
        minimise_linear(self.hidden.residuals, pair, points, chi2, where)
        self.chi2[:], self.where[:] = chi2[:cells], where[:, :cells].T

    def search_lattice(self, per_axis: int, most_starts: int) -> None:
        """Search every cell from the lowest valleys of a lattice with so many points along each searched variable."""
        from scanengine_kernels.lattice import Lattice, search_lattice

        hidden = self.hidden
        ends = [
            np.linspace(lo, hi, per_axis) for lo, hi in zip(*(e[: hidden.searched] for e in hidden.box), strict=True)
        ]
        points = np.array(list(product(*ends))).reshape(per_axis**hidden.searched, hidden.searched)
        lower, upper = (end[hidden.searched] for end in hidden.box)
        lattice = Lattice(points, per_axis, np.linspace(lower, upper, _ALONG_QUARTIC))
        search_lattice(hidden.residuals, hidden.linear, hidden.box, lattice, most_starts, self._minima)

    def search(self, cells: NDArray[np.intp], starts: FloatArray) -> None:
        """Search from starts (searches, hidden), each in its cell (searches,)."""
        search_from(self.hidden.residuals, self.hidden.box, cells, starts, self._minima)

    def search_everywhere(self, t: FloatArray) -> None:
        """Search every cell from the hidden variables of each of some scaled points t (starts, n)."""
        starts, cells = self.hidden.from_scaled(t), np.arange(self.chi2.size)
        self.search(np.repeat(cells, len(starts)), np.tile(starts, (cells.size, 1)))

    def search_near(self, t: FloatArray, chi2: FloatArray, each: int) -> None:
        """Search from the hidden variables of scaled points t (starts, n), each in the cell nearest to it.

        Of the starts with a chi2 (starts,) below that of their cell the lowest are taken, so many for each cell.
        """
        nearest = [
            np.searchsorted(0.5 * (v[1:] + v[:-1]), t[:, i])
            for v, i in zip(self.values, self.hidden.shown, strict=True)
        ]
        cells = np.ravel_multi_index(nearest, self.shape) if self.shape else np.zeros(len(t), dtype=np.intp)
        lower = np.flatnonzero(chi2 < self.chi2[cells])
        order = lower[np.lexsort((chi2[lower], cells[lower]))]
        cells = cells[order]
        is_first = np.append(True, cells[1:] != cells[:-1])[: cells.size]
        number = np.arange(cells.size)
        rank = number - np.maximum.accumulate(np.where(is_first, number, 0))
        wanted = rank < each
        self.search(cells[wanted], self.hidden.from_scaled(t[order[wanted]]))

    def hand_on(self) -> bool:
        """Let every cell that has fallen hand its minimiser to the cells beside it, until none falls any more.

        Return whether there was one that had.
        """
        had = bool(self._minima.fallen.any())
        rows = self.shape[0] if len(self.shape) == 2 else 1
        self.unsettled = hand_on(self.hidden.residuals, self.hidden.box, rows, self._minima)
        return had

    def take(self, coarse: Cells, nodes: Sequence[NDArray[np.intp]]) -> None:
        """Begin with the minima of a plane of some of these cells, whose indices along each axis are the nodes."""
        cells = np.ravel_multi_index(np.meshgrid(*nodes, indexing="ij"), self.shape).ravel()
        self.chi2[cells], self.where[cells] = coarse.chi2, coarse.where
        self._minima.fallen[cells] = True

    def is_border(self, share: float) -> NDArray[np.bool_]:
        """Return which cells (cells,) have their minimum far from that of a cell beside them, by a share of the box.

        Where two valleys meet a third may pass below both, and be the lowest in none of the cells around.
        """
        where = self.where.reshape(*self.shape, -1)
        far = share * (self.hidden.box.upper - self.hidden.box.lower)
        border = np.zeros(self.shape, dtype=np.bool_)
        for axis in range(len(self.shape)):
            t, mine = np.moveaxis(where, axis, 0), np.moveaxis(border, axis, 0)
            apart = np.any(np.abs(t[1:] - t[:-1]) > far, axis=-1)
            mine[1:] |= apart
            mine[:-1] |= apart
        return border.ravel()

    def is_valley_along(self, axis: int) -> NDArray[np.bool_]:
        """Return which cells (cells,) are no higher than those before and behind along an axis."""
        chi2 = np.moveaxis(self.chi2.reshape(self.shape), axis, 0)
        low = np.ones(chi2.shape, dtype=np.bool_)
        low[1:] &= chi2[1:] <= chi2[:-1]
        low[:-1] &= chi2[:-1] <= chi2[1:]
        return np.moveaxis(low, 0, axis).ravel()


def lattice_points(searched: int, budget: int, fewest: int = _FEWEST_ALONG) -> int:
    """Return how many points a lattice may have along each variable for a budget of points, and at least so many."""
    most = max(2, int(_MOST_LATTICE_POINTS ** (1.0 / searched) + 1e-9))
    return min(most, max(fewest, min(_MOST_ALONG, int(budget ** (1.0 / searched) + 1e-9))))
