"""Proven tiles gone over again by another way: intervals in place of lemmas, no kernel and no stored box.

Of a tile that is said to be outside, boxes of all parameters are halved until each has a bound above the level; of one
that is said to be inside, points of the hidden parameters are searched anew, and chi2 bounded along them. Where that
takes too long nothing is said against a tile, nor for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from scanengine.chi2.intervals import expanded, lower_bounds, upper_bound
from scanengine.chi2.residuals import quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import FloatArray
from scanengine.inference.proven_regions import OUTSIDE, UNDECIDED, ProvenRegion
from scanengine_kernels.minimise import Residuals

MOST_BOXES = 60_000
"""Of all parameters, for one tile."""

_AT_ONCE = 2_000
_SLACK = 1e-9
"""Of 1 + level: what a statement may be off by rounding of the ends of a tile."""

_STARTS, _CUTS = 4, 5


class Recheck:
    """chi2 in a box of scaled parameters, lower and upper (n,), for statements about tiles of some of them."""

    def __init__(self, polynomial: ChiSquaredPolynomial, lower: FloatArray, upper: FloatArray) -> None:
        self.residuals: Residuals = quadratic_residuals(polynomial)
        self.lower, self.upper = lower, upper

    def chi2_at(self, point: FloatArray) -> float:
        """Return an upper bound of chi2 at a point (n,)."""
        return float(expanded(self.residuals, point[None], np.zeros((1, point.size))).chi2.high[0])

    def is_above(self, start: FloatArray, stop: FloatArray, shown: Sequence[int], level: float) -> bool | None:
        """Whether chi2 is above a level for shown parameters between start and stop (s,); None if that is not known.

        False means that a point was met where it is not.
        """
        low, high = self.lower.copy(), self.upper.copy()
        low[list(shown)], high[list(shown)] = start, stop
        level -= _SLACK * (1.0 + abs(level))
        lower, upper, looked = low[None], high[None], 0
        while len(lower):
            if looked > MOST_BOXES:
                return None
            now, later = slice(None, _AT_ONCE), slice(_AT_ONCE, None)
            looked += len(lower[now])
            middle, half = _about(lower[now], upper[now])
            found = expanded(self.residuals, middle, half)
            if found.chi2.high.min() < level:
                return False
            left = lower_bounds(found, half, level) <= level
            a, b, width = lower[now][left], upper[now][left], half[left]
            bends = np.einsum("kij->ij", np.abs(self.residuals.A))
            reach = np.sum(np.abs(self.residuals.b), axis=0) * width + width * (width @ bends)
            axis = np.argmax(reach, axis=1)
            rows = np.arange(len(a))
            cut = 0.5 * (a[rows, axis] + b[rows, axis])
            first, second = b.copy(), a.copy()
            first[rows, axis], second[rows, axis] = cut, cut
            lower = np.concatenate((np.concatenate((a, second)), lower[later]))
            upper = np.concatenate((np.concatenate((first, b)), upper[later]))
        return True

    def is_nowhere_above(
        self, start: FloatArray, stop: FloatArray, shown: Sequence[int], level: float, cuts: int = _CUTS
    ) -> bool | None:
        """Whether for all shown parameters between start and stop (s,) some hidden ones have chi2 at most a level."""
        middle, half = _about(start, stop)
        hidden = [i for i in range(self.lower.size) if i not in shown]
        point = self._searched(middle, shown, hidden)
        directions = self._following(point, list(shown), hidden, half)
        bound = upper_bound(self.residuals, point, directions, half)
        if bound <= level + _SLACK * (1.0 + abs(level)):
            return True
        if cuts == 0:
            return None
        axis = int(np.argmax(half))
        for part in range(2):
            a, b = start.copy(), stop.copy()
            (b if part == 0 else a)[axis] = middle[axis]
            if not self.is_nowhere_above(a, b, shown, level, cuts - 1):
                return None
        return True

    def _searched(self, at: FloatArray, shown: Sequence[int], hidden: list[int]) -> FloatArray:
        """Return a point (n,) with the shown parameters at given values where chi2 is low."""
        from scipy.optimize import minimize  # takes longer to import than a small scan to run

        point = np.zeros(self.lower.size)
        point[list(shown)] = at
        if not hidden:
            return point
        c, b, A = self.residuals

        def chi2(h: FloatArray) -> float:
            point[hidden] = h
            r = c + b @ point + (A @ point) @ point
            return float(r @ r)

        def slope(h: FloatArray) -> FloatArray:
            point[hidden] = h
            At = A @ point
            r = c + b @ point + At @ point
            return np.asarray(2.0 * ((b + 2.0 * At)[:, hidden].T @ r))

        random = np.random.default_rng(0)
        low, high = self.lower[hidden], self.upper[hidden]
        ends = list(zip(low.tolist(), high.tolist(), strict=True))
        starts = [0.5 * (low + high), *random.uniform(low, high, size=(_STARTS, len(hidden)))]
        found = [minimize(chi2, x, jac=slope, bounds=ends, method="L-BFGS-B", tol=1e-12) for x in starts]
        point[hidden] = np.clip(min(found, key=lambda each: float(each.fun)).x, low, high)
        return point

    def _following(self, point: FloatArray, shown: list[int], hidden: list[int], half: FloatArray) -> FloatArray:
        """Return directions (s, n) in which hidden parameters follow the minimum, and stay within their ends."""
        directions = np.zeros((len(shown), point.size))
        directions[np.arange(len(shown)), shown] = 1.0
        away = np.minimum(point - self.lower, self.upper - point)
        free = [i for i in hidden if away[i] > 1e-9]
        if free:
            found = expanded(self.residuals, point[None], np.zeros((1, point.size))).curvature.middle[0]
            H = found[np.ix_(free, free)] + 1e-9 * np.eye(len(free)) * np.trace(found[np.ix_(free, free)])
            directions[:, free] = -np.linalg.lstsq(H, found[np.ix_(free, shown)], rcond=None)[0].T
            reach = np.abs(directions).T @ half
            share = np.where(reach > 0.999 * away, 0.999 * away / np.maximum(reach, 1e-300), 1.0)
            directions[:, hidden] *= share[hidden]
        return directions


def _about(lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the middles of boxes, as they are rounded, and half-widths that reach from there to both ends."""
    middle = 0.5 * (lower + upper)
    return middle, 0.5 * (upper - lower) * (1.0 + 1e-15) + 2.3e-16 * np.abs(middle)


class Rechecked(NamedTuple):
    """How many of the statements about tiles that were gone over are confirmed, how many are not decided, and the first
    that is false, in words.
    """

    confirmed: int
    undecided: int
    false: str | None


def recheck(
    check: Recheck,
    regions: Sequence[ProvenRegion],
    coordinates: Callable[[ProvenRegion, FloatArray], FloatArray],
    shown: Callable[[ProvenRegion], list[int]],
    lowest: tuple[float, float],
    number: int | None,
    reached: float = 0.0,
) -> Rechecked:
    """Go over what some regions say of their tiles: of so many in all, spread by chance that is always the same, or of
    every one.

    coordinates are the scaled parameters of ends (..., axes) of tiles, shown the numbers of these; the lowest chi2 is
    said to lie between two numbers, and known to be no higher than the upper one or than what is `reached`.
    """
    sure = max(lowest[1], reached)
    every = [(k, int(i)) for k, each in enumerate(regions) for i in np.flatnonzero(each.status != UNDECIDED)]
    if number is not None and number < len(every):
        chosen = np.random.default_rng(20261130).choice(len(every), number, replace=False)
        every = [every[i] for i in sorted(chosen.tolist())]
    confirmed = undecided = 0
    for k, tile in every:
        region = regions[k]
        start, stop = (coordinates(region, ends[tile]) for ends in (region.tiles.start, region.tiles.stop))
        outside = region.status[tile] == OUTSIDE
        if outside:
            holds = check.is_above(start, stop, shown(region), sure + region.level)
            if holds is False and check.is_above(start, stop, shown(region), lowest[1] + region.level) is not False:
                holds = None
        else:
            level, middle = lowest[0] + region.level, 0.5 * (start + stop)
            holds = check.is_nowhere_above(start, stop, shown(region), level)
            beyond = level + 2.0 * _SLACK * (1.0 + abs(level))
            if holds is None and check.is_above(middle, middle, shown(region), beyond):
                holds = False
        confirmed += holds is True
        undecided += holds is None
        if holds is False:
            ends = zip(region.axes, region.tiles.start[tile], region.tiles.stop[tile], strict=True)
            where = ", ".join(f"{name} in [{a:.9g}, {b:.9g}]" for name, a, b in ends)
            side = "outside" if outside else "inside"
            return Rechecked(confirmed, undecided, f"the tile {where} is said to be {side} of the region, and is not")
    return Rechecked(confirmed, undecided, None)
