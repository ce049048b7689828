"""Checks of planes that have been searched: against what the grid knows, and from random places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.driver.cells import Cells
from scanengine.driver.fine_grid import Pair
from scanengine.driver.grid_valleys import OnGrid

_ASKED_AT_ONCE, _QUESTIONS = 16, 20
_FAR, _FEWEST_RANDOM, _MOST_RANDOM, _RANDOM_PER_CELL, _BORDER_ROUNDS = 0.2, 3, 16, 0.6, 4
_OF_INTEREST, _RANDOM_OF_INTEREST = 30.0, 8
"""Where minima of neighbours lie such a share of the box apart, each cell is searched from random places: the more of
them, the fewer such cells a plane has, so that it takes about a quarter longer; and not so few where Delta chi2 is low.
"""

_CHECKS, _CHECK_ROUNDS = 200, 4
_VISIBLE = 1e-3
"""A cell that is too high by less is not seen in any figure."""


class Checks(NamedTuple):
    """How many cells of a plane were searched once more at the end, and in how many chi2 could still be lowered."""

    cells: int
    doubtful: int


def settle(plane: Cells, grid: OnGrid | None, pair: Pair) -> Checks:
    """Bring a plane to where the grid and random starts find nothing lower; return what was checked at the end."""
    if not plane.hidden.searched:
        return Checks(0, 0)
    random = np.random.default_rng(pair)
    tried, left = np.zeros(plane.chi2.size, dtype=np.bool_), 0
    for _ in range(_BORDER_ROUNDS):
        cells = np.flatnonzero(plane.is_border(_FAR))
        tried[cells] = True
        each = np.clip(_RANDOM_PER_CELL * tried.size / max(cells.size, 1), _FEWEST_RANDOM, _MOST_RANDOM)
        low = plane.chi2[cells] < plane.chi2.min() + _OF_INTEREST
        each = np.where(low, np.maximum(each, _RANDOM_OF_INTEREST), each).astype(np.intp)
        lowered = _search_at_random(plane, np.repeat(cells, each), random)
        if not lowered:
            break
    left += lowered
    if grid is not None:
        for _ in range(_QUESTIONS):
            lower = grid.below(plane.chi2)
            if not lower.size:
                break
            t = np.array([grid.place(point) for point in lower[:_ASKED_AT_ONCE]])
            plane.search_near(t, np.full(len(t), -np.inf), 1)
            plane.hand_on()
        left += len(grid.below(plane.chi2))
    for _ in range(_CHECK_ROUNDS):
        cells = np.sort(random.integers(0, plane.chi2.size, max(_CHECKS, plane.chi2.size // 50)))
        tried[cells] = True
        lowered = _search_at_random(plane, cells, random)
        if not lowered:
            break
    return Checks(int(np.count_nonzero(tried)), left + lowered + plane.unsettled)


def _search_at_random(plane: Cells, cells: NDArray[np.intp], random: np.random.Generator) -> int:
    """Search from a random place in each of some cells; return how many fall visibly, before they hand it on."""
    before, box = plane.chi2.copy(), plane.hidden.box
    plane.search(cells, random.uniform(box.lower, box.upper, size=(cells.size, box.lower.size)))
    lowered = int(np.count_nonzero(plane.chi2 < before - _VISIBLE))
    plane.hand_on()
    return lowered
