"""Minimise a sum of squared quadratic residuals over hidden variables, in each cell of a plane or line of shown ones:
in closed form, from given starts, and from the minima of the cells beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.closed_form import LinearPart, minimise_closed
from scanengine_kernels.minimise import Box, Residuals, Room, descend, room_for

SAME_PLACE = 0.01
"""Relative to the box: minima of neighbours that are closer than this belong together."""

WORTHWHILE = 1e-9
"""Relative to 1 + chi2: a cell that falls by more hands its minimum on to its neighbours."""

MOST_VISITS = 200
"""Cells that hand on their minimum, at most, for each cell there is."""


class CellMinima(NamedTuple):
    """The lowest chi2 (cells,) that is known in each cell, with the first variables of the residuals held at points
    (cells, s), where (cells, m) the others are there, and which have `fallen` (cells,) since they last told others.
    """

    points: NDArray[np.float64]
    chi2: NDArray[np.float64]
    where: NDArray[np.float64]
    fallen: NDArray[np.bool_]


def no_minima(points: NDArray[np.float64], m: int) -> CellMinima:
    """Return cells at points (cells, s), of which nothing is known yet, with m other variables."""
    cells = len(points)
    return CellMinima(points, np.full(cells, np.inf), np.zeros((cells, m)), np.zeros(cells, dtype=np.bool_))


@jit
def hold_first(residuals: Residuals, point: NDArray[np.float64], held: Residuals) -> None:
    """Set c and b of held to those of the residuals with their first variables at point (s,); A does not change."""
    s = point.size
    for k in range(residuals.c.size):
        value = residuals.c[k]
        for i in range(s):
            Ax = 0.0
            for j in range(s):
                Ax += residuals.A[k, i, j] * point[j]
            value += point[i] * (residuals.b[k, i] + Ax)
        held.c[k] = value
        for i in range(held.b.shape[1]):
            slope = residuals.b[k, s + i]
            for j in range(s):
                slope += 2.0 * residuals.A[k, s + i, j] * point[j]
            held.b[k, i] = slope


@jit
def held_residuals(residuals: Residuals, s: int) -> Residuals:
    """Return room for the residuals with the first s variables held."""
    K, n = residuals.b.shape
    return Residuals(np.empty(K), np.empty((K, n - s)), residuals.A[:, s:, s:].copy())


@jit
def lower_cell(
    held: Residuals,
    box: Box,
    start: NDArray[np.float64],
    cell: int,
    cells: CellMinima,
    room: Room,
) -> bool:
    """Lower the minimum of one cell by a search from start (m,); return whether it was worth it."""
    for i in range(start.size):
        room.h[i] = min(max(start[i], box.lower[i]), box.upper[i])
    before = cells.chi2[cell]
    value = descend(held, box, room.h, cells.where[cell], before, room)
    if not value < before:
        return False
    cells.chi2[cell] = value
    cells.where[cell] = room.h
    return value < before - WORTHWHILE * (1.0 + value)


@jit
def minimise_cells(residuals: Residuals, linear: LinearPart, box: Box, cells: CellMinima) -> None:
    """Set each cell to the minimum over the m variables that are not held; all but the first of them enter linearly.

    `linear` says how the last ones enter. What the closed form leaves of rounding a search takes off.
    """
    held = held_residuals(residuals, cells.points.shape[1])
    K, m = held.b.shape
    room = room_for(K, m)
    c = np.empty((3, K))
    for k in range(K):
        c[2, k] = held.A[k, 0, 0]
    for cell in range(cells.chi2.size):
        hold_first(residuals, cells.points[cell], held)
        for k in range(K):
            c[0, k], c[1, k] = held.c[k], held.b[k, 0]
        where = cells.where[cell]
        minimise_closed(c, linear, box.lower[0], box.upper[0], where)
        cells.chi2[cell] = descend(held, box, where, where, np.inf, room)


@jit
def search_from(
    residuals: Residuals,
    box: Box,
    chosen: NDArray[np.int64],
    starts: NDArray[np.float64],
    cells: CellMinima,
) -> None:
    """Lower cells by a search from each of starts (searches, m), in its cell and within the box.

    `chosen` (searches,) says which cell each start is for; a cell may have several. It has fallen where that was worth
    it.
    """
    held = held_residuals(residuals, cells.points.shape[1])
    room = room_for(residuals.c.size, starts.shape[1])
    last = -1
    for search in range(chosen.size):
        cell = chosen[search]
        if cell != last:
            hold_first(residuals, cells.points[cell], held)
            last = cell
        if lower_cell(held, box, starts[search], cell, cells, room):
            cells.fallen[cell] = True


@jit
def hand_on(residuals: Residuals, box: Box, rows: int, cells: CellMinima) -> int:
    """Search from the minimum of each cell that has fallen in the cells beside it, in theirs if they fall, and so on.

    The cells are a plane of so many rows, in C order, or a line, which is one row. Returns how many cells were left to
    hand on when there were too many.
    """
    chi2, where, fallen = cells.chi2, cells.where, cells.fallen
    number = chi2.size
    columns = number // rows
    held = held_residuals(residuals, cells.points.shape[1])
    room = room_for(residuals.c.size, where.shape[1])
    queue = np.empty(number, dtype=np.int64)
    first, waiting = 0, 0
    for cell in range(number):
        if fallen[cell]:
            queue[waiting] = cell
            waiting += 1
    visits = 0
    while waiting > 0 and visits < MOST_VISITS * number:
        cell = queue[first]
        first = (first + 1) % number
        waiting -= 1
        visits += 1
        fallen[cell] = False
        row, column = cell // columns, cell % columns
        for side in range(4):
            to_row, to_column = row, column
            if side == 0:
                to_column += 1
            elif side == 1:
                to_column -= 1
            elif side == 2:
                to_row += 1
            else:
                to_row -= 1
            if not (0 <= to_row < rows and 0 <= to_column < columns):
                continue
            target = to_row * columns + to_column
            if chi2[target] < np.inf:
                apart = False
                for i in range(where.shape[1]):
                    near = SAME_PLACE * (box.upper[i] - box.lower[i])
                    apart = apart or abs(where[cell, i] - where[target, i]) > near
                if not apart:
                    continue
            hold_first(residuals, cells.points[target], held)
            if lower_cell(held, box, where[cell], target, cells, room) and not fallen[target]:
                fallen[target] = True
                queue[(first + waiting) % number] = target
                waiting += 1
    return waiting
