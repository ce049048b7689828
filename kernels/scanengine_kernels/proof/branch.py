"""Branch and bound: the minimum of a sum of squared quadratic residuals in a box, enclosed with proof.

Boxes are halved, depth first, until each has a lower bound above what is asked. None is ever dropped: where the budget
or the arithmetic ends, those left count with the bounds that they have.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.minimise import Box, Residuals, Room, descend, room_for
from scanengine_kernels.proof.bounds import (
    BoxRoom,
    bending,
    box_room,
    plane_bound,
    quadratic_bound,
    set_box,
)
from scanengine_kernels.proof.quadratics import Quadratics, expand, products, upper_bound

CUTS_OF_A_VARIABLE = 54
"""A double has no more bits: a box is halved so often along each variable at most."""

FIRST_LOSS, SECOND_LOSS = 0.1, 0.3
"""Shares of chi2 above what is asked that a bound may lose, at the box's own point and at the quadratic's minimum."""

SMALL_BENDING = 0.5
"""A quadratic is tried first where N^2 is less than so much of chi2 above what is asked, a plane elsewhere."""

HOPELESS = 30.0
"""A quadratic is not tried where N^2 is more than so many times chi2 and what is asked."""


class Stack(NamedTuple):
    """Boxes to be looked at: their ends and a point in each (depth, n), and the bounds (depth,) they inherit."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    point: NDArray[np.float64]
    bound: NDArray[np.float64]


class SearchRoom(NamedTuple):
    """What branch and bound in n variables needs."""

    stack: Stack
    box: BoxRoom
    search: Room
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    point: NDArray[np.float64]
    trial: NDArray[np.float64]


@jit
def search_room(K: int, n: int, m: int) -> SearchRoom:
    """Return room for branch and bound over K residuals in n variables, of which the first m bend."""
    depth = CUTS_OF_A_VARIABLE * n + 2
    stack = Stack(np.zeros((depth, n)), np.zeros((depth, n)), np.zeros((depth, n)), np.zeros(depth))
    return SearchRoom(stack, box_room(K, n, m), room_for(K, n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


class Enclosure(NamedTuple):
    """lower <= chi2 at its minimum <= upper; after how many boxes, and how many are left that were not decided."""

    lower: float
    upper: float
    boxes: int
    left: int


@jit
def box_bound(quadratics: Quadratics, enough: float, room: SearchRoom) -> tuple[float, float]:
    """Return a lower bound of chi2 in the box from room.lower to room.upper (n,), and the lowest sum of squares met.

    room.point is a point of the box, and becomes the point where that sum was met; the search for a better bound ends
    once it is above `enough`.
    """
    box, point, trial = room.box, room.point, room.trial
    n = point.size
    trial[:] = point
    lowest, best, above, plane_turn = np.inf, 0.0, 0.0, -1
    squares, slopes, most = 0.0, 0.0, 0.0
    for turn in range(3):  # at the point, where the quadratic there is lowest, and what is left to try
        if turn < 2:
            squares = expand(quadratics, trial, box.at)
            set_box(room.lower, room.upper, trial, box)
            products(quadratics, box.at)
            most = bending(quadratics, box.W)
            slopes = 0.0
            for i in range(n):
                slopes += sqrt(box.at.JJ[i, i]) * box.W[i]
            if squares < lowest:
                lowest = squares
                point[:] = trial
            above = squares - enough
            if turn == 0:
                plane_turn = 2 if most * most < SMALL_BENDING * above else 0
        if turn == plane_turn:
            best = max(best, plane_bound(quadratics, squares, slopes, most, enough, box))
            if best > enough or turn == 2 or not most * most < HOPELESS * (squares + abs(enough)):
                break
        if turn == 2 or not above > 0.0:
            break
        loss = (FIRST_LOSS if turn == 0 else SECOND_LOSS) * above
        best = max(best, quadratic_bound(quadratics, squares, slopes, most, loss, box))
        if best > enough:
            break
        if turn == 0:
            # expanded again where the quadratic is lowest, the error is of fourth order instead of third
            for i in range(n):
                trial[i] = min(max(trial[i] + box.h[i], room.lower[i]), room.upper[i])
    return best, lowest


@jit
def widest(quadratics: Quadratics, enough: float, room: SearchRoom) -> int:
    """Return the variable to halve the box along: that which bends the residuals most; -1 if none can be halved.

    Where the rounding of slopes is what stands in the way, it is the one with the longest.
    """
    n, m = room.point.size, quadratics.bend.shape[0]
    chosen, largest = -1, 0.0
    for i in range(m):
        width = room.upper[i] - room.lower[i]
        loss = 0.0
        for j in range(m):
            loss += quadratics.bend[i, j] * (room.upper[j] - room.lower[j])
        loss *= width
        middle = 0.5 * (room.lower[i] + room.upper[i])
        if loss > largest and room.lower[i] < middle < room.upper[i]:
            chosen, largest = i, loss
    reach = 0.0
    for i in range(n):
        reach += sqrt(room.box.at.JJ[i, i]) * room.box.W[i]
    if chosen < 0 or 1e-13 * reach * reach > 0.1 * abs(enough) + 1e-6 + 4.0 * largest * largest:
        longest = 0.0
        for i in range(n):
            length = sqrt(room.box.at.JJ[i, i]) * (room.upper[i] - room.lower[i])
            middle = 0.5 * (room.lower[i] + room.upper[i])
            if length > longest and room.lower[i] < middle < room.upper[i]:
                chosen, longest = i, length
    return chosen


@jit
def halve(quadratics: Quadratics, axis: int, bound: float, height: int, room: SearchRoom) -> None:
    """Put both halves of a box on the stack at height and above, each with a point of it; they share the number at
    which it is cut.

    The half with the lowest point comes last, and is looked at first.
    """
    stack, n = room.stack, room.point.size
    middle = 0.5 * (room.lower[axis] + room.upper[axis])
    first = 0 if room.point[axis] < middle else 1
    for turn in range(2):
        place = height + turn
        half = 1 - first if turn == 0 else first
        for i in range(n):
            stack.lower[place, i] = room.lower[i]
            stack.upper[place, i] = room.upper[i]
            stack.point[place, i] = room.point[i]
        if half == 0:
            stack.upper[place, axis] = middle
            stack.point[place, axis] = min(room.point[axis], middle)
        else:
            stack.lower[place, axis] = middle
            stack.point[place, axis] = max(room.point[axis], middle)
        if half != first:
            for i in range(quadratics.bend.shape[0]):
                stack.point[place, i] = 0.5 * (stack.lower[place, i] + stack.upper[place, i])
        stack.bound[place] = bound


@jit
def enclose(
    quadratics: Quadratics,
    residuals: Residuals,
    box: Box,
    start: NDArray[np.float64],
    tolerance: float,
    levels: NDArray[np.float64],
    most_boxes: int,
    room: SearchRoom,
) -> Enclosure:
    """Enclose the minimum of chi2 in a box, and move start (n,) in it to the lowest place met.

    With a tolerance, until upper - lower <= tolerance (1 + upper); with an infinite one, until it is decided for each
    of the rising levels whether the minimum is above (lower > level) or not (upper <= level). residuals are the same
    as the quadratics, for searches.
    """
    n = start.size
    stack = room.stack
    for i in range(n):
        start[i] = min(max(start[i], box.lower[i]), box.upper[i])
    descend(residuals, box, start, start, np.inf, room.search)
    upper = upper_bound(quadratics, expand(quadratics, start, room.box.at))
    stack.lower[0] = box.lower
    stack.upper[0] = box.upper
    stack.point[0] = start
    stack.bound[0] = 0.0
    height, boxes, left, lower = 1, 0, 0, np.inf
    while height > 0:
        enough = upper - tolerance * (1.0 + upper)
        if not tolerance < np.inf:
            enough = -1.0
            for level in levels:
                if level < upper:
                    enough = level
            if enough < 0.0:  # below all of them
                lower = 0.0
                break
        height -= 1
        if stack.bound[height] > enough:
            lower = min(lower, stack.bound[height])
            continue
        if boxes >= most_boxes:
            lower = min(lower, stack.bound[height])
            left += 1
            continue
        boxes += 1
        room.lower[:] = stack.lower[height]
        room.upper[:] = stack.upper[height]
        room.point[:] = stack.point[height]
        inherited = stack.bound[height]
        bound, squares = box_bound(quadratics, enough, room)
        bound = max(bound, inherited)
        if bound > enough:
            lower = min(lower, bound)
            continue
        if upper_bound(quadratics, squares) < upper:
            room.trial[:] = room.point
            descend(residuals, box, room.trial, room.trial, np.inf, room.search)
            # the search is not part of the proof: what counts is chi2 where it has ended
            found = upper_bound(quadratics, expand(quadratics, room.trial, room.box.at))
            if found < upper:
                upper = found
                start[:] = room.trial
        axis = widest(quadratics, enough, room)
        if axis < 0 or height + 2 > stack.bound.size:
            lower = min(lower, bound)
            left += 1
            continue
        halve(quadratics, axis, bound, height, room)
        height += 2
    return Enclosure(min(lower, upper), upper, boxes, left)
