"""What a grid of points knows of the valleys of chi2: places where searches begin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.fine_grid import Pair
from scanengine.grid.axes import Axis, FloatArray
from scanengine_kernels.cells import WORTHWHILE

_MOST_ON_GRID, _VALLEYS_ON_GRID = 6, 2
_POINTS_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class OnGrid:
    """What a grid knows of one plane: chi2 minimised over the grid's points, which are some of the fine ones."""

    polynomial: ChiSquaredPolynomial
    axes: Sequence[Axis]
    pair: Pair
    chi2: FloatArray
    steps: tuple[int, int]

    def _at_grid_points(self, plane: FloatArray) -> FloatArray:
        shape = [(n - 1) * step + 1 for n, step in zip(self.chi2.shape, self.steps, strict=True)]
        return plane.reshape(shape)[:: self.steps[0], :: self.steps[1]]

    def lower(self, plane: FloatArray) -> None:
        """Lower a plane (fine cells,) to what the grid has."""
        mine = self._at_grid_points(plane)
        np.minimum(mine, self.chi2, out=mine)

    def valleys(self, most: int) -> NDArray[np.intp]:
        """Return where (valleys, 2) the grid is no higher than beside, the lowest first, so many at most."""
        around = np.pad(self.chi2, 1, constant_values=np.inf)
        low = np.isfinite(self.chi2)
        for beside in (around[2:, 1:-1], around[:-2, 1:-1], around[1:-1, 2:], around[1:-1, :-2]):
            low &= self.chi2 <= beside
        found = np.argwhere(low)
        return found[np.argsort(self.chi2[tuple(found.T)], kind="stable")[:most]]

    def below(self, plane: FloatArray) -> NDArray[np.intp]:
        """Return where (points, 2) the grid is lower than a plane, the places where it is by most first."""
        above = self._at_grid_points(plane) - self.chi2
        lower = np.argwhere(above > WORTHWHILE * (1.0 + np.abs(self.chi2)))
        return lower[np.argsort(-above[tuple(lower.T)], kind="stable")]

    def place(self, point: NDArray[np.intp]) -> FloatArray:
        """Return the grid point, as scaled variables (n,), at which the grid's minimum of this plane's point is."""
        values = [axis.values for axis in self.axes]
        for axis, i in zip(self.pair, point, strict=True):
            values[axis] = values[axis][i : i + 1]
        lowest, place = np.inf, np.array([v[0] for v in values])
        outer = 0
        while prod(v.size for v in values[outer:]) > _POINTS_AT_ONCE:
            outer += 1
        for held in product(*values[:outer]):
            part = [np.array([x]) for x in held] + values[outer:]
            chi2 = np.empty([v.size for v in part])
            self.polynomial.fill(part, chi2)
            index = np.unravel_index(np.argmin(chi2), chi2.shape)
            if chi2[index] < lowest:
                lowest = float(chi2[index])
                place = np.array([v[i] for v, i in zip(part, index, strict=True)])
        return np.concatenate(self.polynomial.scaled(list(place[:, None])))


def lowest_on_grid(planes: Collection[OnGrid], minimum: float, known: FloatArray) -> FloatArray:
    """Return the lowest valleys of a grid above its minimum, as scaled variables (places, n), but for known ones."""
    above = minimum + WORTHWHILE * (1.0 + abs(minimum))
    found = [(plane, point) for plane in planes for point in plane.valleys(_VALLEYS_ON_GRID)]
    valleys = [(plane, point) for plane, point in found if plane.chi2[tuple(point)] > above]
    places: list[FloatArray] = []
    for plane, point in sorted(valleys, key=lambda valley: float(valley[0].chi2[tuple(valley[1])])):
        place = plane.place(point)
        if not any(np.allclose(place, other, rtol=0.0, atol=1e-9) for other in (*known, *places)):
            places.append(place)
        if len(places) == _MOST_ON_GRID:
            break
    return np.array(places).reshape(-1, known.shape[1])
