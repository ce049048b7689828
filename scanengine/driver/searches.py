"""Searches for the minimum over the hidden axes in each cell of planes and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from scanengine.driver.cells import Cells, lattice_points
from scanengine.driver.fine_grid import FineGrid, Pair
from scanengine.grid.axes import FloatArray

_COARSE_LATTICE, _COARSE_STARTS = 11, 8
"""Points of a lattice along each hidden variable, and its valleys that are followed, in these cells."""

_FINE_LATTICE, _FINE_STARTS = 100, 4
"""Points of a lattice in all, and its valleys that are followed, in every cell."""

MOST_MINIMA, _VALLEYS_OF_COLUMN = 12, 8
_SHARED_CELLS, _SHARES = 1 << 14, 3


def search_thoroughly(cells: Cells) -> None:
    """Minimise in closed form, or from many places in each cell."""
    if not cells.minimise():
        searched = cells.hidden.searched
        cells.search_lattice(lattice_points(searched, 0, fewest=_COARSE_LATTICE), _COARSE_STARTS)


def search_each(cells: Cells) -> None:
    """Search each cell from a few places, unless the minimum has a closed form."""
    if cells.hidden.searched:
        cells.search_lattice(lattice_points(cells.hidden.searched, _FINE_LATTICE), _FINE_STARTS)


def search_planes(fine: FineGrid, pairs: Sequence[Pair], begin: FloatArray, pool: ThreadPoolExecutor) -> list[Cells]:
    """Minimise over all axes but two, in each of some planes: on coarse points first, from which the others begin."""

    def on_coarse_points(pair: Pair) -> Cells:
        cells = fine.cells(*pair, nodes=[fine.nodes(i) for i in pair])
        search_thoroughly(cells)
        if cells.hidden.searched:
            cells.search_everywhere(begin)
            cells.hand_on()
        return cells

    def on_all_points(pair: Pair, nodes_only: Cells) -> Cells:
        cells = fine.cells(*pair)
        if cells.minimise():
            return cells
        cells.take(nodes_only, [fine.nodes(i) for i in pair])
        cells.hand_on()
        search_each(cells)
        cells.search_near(begin, np.full(len(begin), -np.inf), len(begin))
        cells.hand_on()
        return cells

    coarse = list(pool.map(on_coarse_points, pairs))
    _share(coarse, pool, each=3)
    planes = list(pool.map(on_all_points, pairs, coarse))
    _share(planes, pool, each=1)
    return planes


def _share(planes: Sequence[Cells], pool: ThreadPoolExecutor, each: int) -> None:
    """Let every plane begin at the minimisers of all others as well, so many in each cell, until none falls by it."""
    if not any(plane.hidden.searched for plane in planes):
        return
    for _ in range(_SHARES):
        minimisers = [plane.minimisers(_SHARED_CELLS) for plane in planes]
        chi2, t = (np.concatenate(parts) for parts in zip(*minimisers, strict=True))

        def begin_at_others(plane: Cells, chi2: FloatArray = chi2, t: FloatArray = t) -> bool:
            if not plane.hidden.searched:
                return False
            plane.search_near(t, chi2, each)
            return plane.hand_on()

        if not any(list(pool.map(begin_at_others, planes))):
            break


def search_line(fine: FineGrid, axis: int, planes: Mapping[Pair, Cells], begin: FloatArray) -> Cells:
    """Minimise over all axes but one, from every valley in the columns of the planes that the line lies in."""
    line = fine.cells(axis)
    if line.minimise():
        return line
    line.search_everywhere(begin)
    for pair, plane in planes.items():
        if axis in pair:
            valleys = np.flatnonzero(plane.is_valley_along(1 - pair.index(axis)))
            line.search_near(plane.scaled_at(valleys), plane.chi2[valleys], _VALLEYS_OF_COLUMN)
    line.hand_on()
    return line
