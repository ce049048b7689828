"""Whether two minima of chi2 are one: joined by a way, straight or along a valley, on which chi2 hardly rises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inference.objective import Objective, Reached

BARRIER = 0.01
"""Minima are one if chi2 rises by less than this on a way from the higher to the lower: no data tell them apart."""

_BETWEEN = np.array((0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875))
_MOST_NEAR, _MOST_WALKS = 20, 3
_MOST_TURNS = 7
"""A way that is not straight is halved so often."""

_STIFF = 4.0
"""Where the least curvature times the square of the distance is larger, no way leads over less than a barrier: that of
(x^2 - a^2)^2 between its minima is 1 / 32 of this product. A margin of ten is for other shapes.
"""

_OFF_THE_WAY = 1e-3
"""Of an axis' length."""

_MOST_STEPS, _STEP = 40, 0.05
"""Of an axis' length, of a walk along a valley."""

_PROGRESS = 0.05
"""A walk that is nearly at a right angle to the way ends.

A place midway that is as near as this to an end of the way, measured by the way, has fallen into that minimum.
"""


class Ways:
    """Ways between minima of chi2; how stiff chi2 is at a minimum is found once."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._stiffness: dict[bytes, float] = {}

    def joined(self, groups: Sequence[list[Reached]]) -> list[list[Reached]]:
        """Return groups of minima, the lowest of each first, with those put together that are one; the lowest first."""
        joined: list[list[Reached]] = []
        for group in sorted(groups, key=lambda group: group[0].chi2):
            one = [other for other in joined if self.lead(group[0], other)]
            apart = [other for other in joined if not any(other is each for each in one)]
            joined = [*apart, [each for other in (*one, group) for each in other]]
            joined.sort(key=lambda group: group[0].chi2)
        return joined

    def lead(self, minimum: Reached, group: Sequence[Reached]) -> bool:
        """Return whether a minimum is one with a group of minima."""
        near = sorted(group, key=lambda other: float(np.sum((other.u - minimum.u) ** 2)))[:_MOST_NEAR]
        if self.straight(minimum, near):
            return True
        tried = [other for other in (*near[:_MOST_WALKS], group[0]) if self._may_be_valley(minimum, other)]
        return any(self._walk(minimum, other) or self._walk(other, minimum) for other in tried) or any(
            self._valley(minimum, other) for other in tried[:1]
        )

    def straight(self, minimum: Reached, others: Sequence[Reached]) -> bool:
        """Return whether there is no barrier on the straight way from a minimum to one of others."""
        if not others:
            return False
        ways = np.array([other.u for other in others]) - minimum.u
        u = minimum.u + _BETWEEN[:, None, None] * ways
        chi2 = self._objective.chi2(u.reshape(-1, u.shape[-1])).reshape(u.shape[:2])
        highest = np.array([max(minimum.chi2, other.chi2) + BARRIER for other in others])
        return bool(np.any(np.all(chi2 <= highest, axis=0)))

    def _may_be_valley(self, first: Reached, second: Reached) -> bool:
        squared = float(np.sum((first.u - second.u) ** 2))
        return abs(first.chi2 - second.chi2) <= BARRIER and all(
            self._stiffness_at(each) * squared <= _STIFF for each in (first, second)
        )

    def _stiffness_at(self, minimum: Reached) -> float:
        key = minimum.u.tobytes()
        if key not in self._stiffness:
            self._stiffness[key] = self._objective.stiffness(minimum.u)
        return self._stiffness[key]

    def _walk(self, first: Reached, second: Reached) -> bool:
        """Return whether steps from first, in flat directions and always nearer to second, come to it."""
        at, highest = first, max(first.chi2, second.chi2) + BARRIER
        for _ in range(_MOST_STEPS):
            if self.straight(at, [second]):
                return True
            way = second.u - at.u
            left = float(np.linalg.norm(way))
            sizes, directions = np.linalg.eigh(self._objective.hessian(at.u))
            flat = directions[:, sizes * _STEP**2 <= BARRIER]
            step = flat @ (flat.T @ way)
            size = float(np.linalg.norm(step))
            if size <= _PROGRESS * left:
                return False
            u = np.clip(at.u + min(1.0, _STEP / size) * step, 0.0, 1.0)
            at = self._objective.lowest_near(u, enough=highest - 0.5 * BARRIER)
            if at.chi2 > highest or np.linalg.norm(second.u - at.u) >= left:
                return False
        return False

    def _valley(self, first: Reached, second: Reached, turns: int = _MOST_TURNS) -> bool:
        """Return whether a valley leads from first to second: over the lowest place midway, and so on."""
        if self.straight(first, [second]):
            return True
        if turns == 0 or first.u.size == 1:
            return False
        highest = max(first.chi2, second.chi2) + BARRIER
        between = self.between(first, second, enough=0.5 * BARRIER + max(first.chi2, second.chi2))
        length = np.linalg.norm(second.u - first.u)
        return (
            between.chi2 <= highest
            and all(np.linalg.norm(between.u - end.u) > _PROGRESS * length for end in (first, second))
            and self._valley(first, between, turns - 1)
            and self._valley(between, second, turns - 1)
        )

    def between(self, first: Reached, second: Reached, enough: float) -> Reached:
        """Return the lowest place in a valley next to the middle of the way from first to second, or one that is low
        enough.
        """
        way = second.u - first.u
        # off the straight way, on which chi2 may be highest
        middle = first.u + 0.5 * way + (_OFF_THE_WAY * _across(way) if way.size > 1 else 0.0)
        return self._objective.lowest_near(np.clip(middle, 0.0, 1.0), enough)


def _across(way: FloatArray) -> FloatArray:
    """Return a direction (n,) at a right angle to a way (n,), n > 1."""
    off = np.zeros(way.size)
    off[np.argmin(np.abs(way))] = 1.0
    off -= (off @ way) / (way @ way) * way
    return off / np.linalg.norm(off)
