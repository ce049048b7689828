"""A profile bounded from both sides on whole tiles: boxes in one or two shown variables, for branch and bound in them.

Points prove nothing between them; tiles do. Each carries boxes of the hidden variables, outside of which chi2 is proven
to be above what is asked anywhere on the tile. A tile that is not decided is cut, and its parts inherit the boxes that
are left. No box is dropped: the lower bound of a tile is the least bound of all boxes, those put aside and those left.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cells import held_residuals, hold_first
from scanengine_kernels.minimise import Box, Residuals, descend, room_for
from scanengine_kernels.proof.branch import SearchRoom, box_bound, halve, search_room
from scanengine_kernels.proof.quadratics import Quadratics, U, expand, upper_bound
from scanengine_kernels.proof.sections import section_bound, section_room

WORTHWHILE = 0.25
"""Hidden variables are cut where they bend the residuals by more than so much of what the shown ones do."""


FINE = 0.001
"""Nor where the square of that is less than so much of the change of chi2 along the tile, to which it adds."""


class Tiles(NamedTuple):
    """Boxes in s shown variables, lower and upper (tiles, s); a lower bound (tiles,) of each that is known, and the
    least bound `aside` (tiles,) of hidden boxes that were put aside; a place (tiles, h) to begin searches at; and which
    hidden boxes are left, those from first[i] on to before first[i + 1].
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    bound: NDArray[np.float64]
    aside: NDArray[np.float64]
    where: NDArray[np.float64]
    first: NDArray[np.int64]


class HiddenBoxes(NamedTuple):
    """Boxes of h hidden variables with a point in each (boxes, h), and a lower bound (boxes,) of chi2 in each."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    point: NDArray[np.float64]
    bound: NDArray[np.float64]


class BoundedTiles(NamedTuple):
    """Of each tile: no less and no more than the profile is anywhere on it, the least bound of boxes put aside, the
    place of the lowest chi2 met in its middle, and the hidden boxes left; how many boxes were bounded.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    aside: NDArray[np.float64]
    where: NDArray[np.float64]
    first: NDArray[np.int64]
    boxes: HiddenBoxes
    bounded: NDArray[np.int64]


@jit
def grown(boxes: HiddenBoxes) -> HiddenBoxes:
    """Return the same boxes with room for as many more."""
    return HiddenBoxes(
        np.append(boxes.lower, np.empty_like(boxes.lower), 0),
        np.append(boxes.upper, np.empty_like(boxes.upper), 0),
        np.append(boxes.point, np.empty_like(boxes.point), 0),
        np.append(boxes.bound, np.empty_like(boxes.bound)),
    )


@jit
def widest_hidden(quadratics: Quadratics, s: int, enough: float, room: SearchRoom) -> int:
    """Return the hidden variable to cut a box along; -1 where that is not worthwhile before the tile is cut.

    It is the one that bends the residuals most; where the rounding of slopes stands in the way, the longest.
    """
    n, m = room.point.size, quadratics.bend.shape[0]
    chosen, largest, shown = -1, 0.0, 0.0
    for i in range(m):
        width = room.upper[i] - room.lower[i]
        loss = 0.0
        for j in range(m):
            loss += quadratics.bend[i, j] * (room.upper[j] - room.lower[j])
        loss *= width
        if i < s:
            shown = max(shown, loss)
        elif loss > largest:
            middle = 0.5 * (room.lower[i] + room.upper[i])
            if room.lower[i] < middle < room.upper[i]:
                chosen, largest = i, loss
    changes = 0.0
    for a in range(s):
        width = room.upper[a] - room.lower[a]
        changes += (2.0 * abs(room.box.at.rJ[a]) + room.box.at.JJ[a, a] * width) * width
    if largest < WORTHWHILE * shown or largest * largest < FINE * changes:
        chosen = -1
    reach = 0.0
    for i in range(n):
        reach += sqrt(room.box.at.JJ[i, i]) * (room.upper[i] - room.lower[i])
    if 1e-13 * reach * reach > 0.1 * abs(enough) + 1e-6:
        longest = 0.0
        for i in range(s, n):
            length = sqrt(room.box.at.JJ[i, i]) * (room.upper[i] - room.lower[i])
            middle = 0.5 * (room.lower[i] + room.upper[i])
            if length > longest and room.lower[i] < middle < room.upper[i]:
                chosen, longest = i, length
    return chosen


@jit
def undecided_level(upper: float, below: NDArray[np.float64]) -> int:
    """Return the last of rising levels that an upper bound does not reach; -1 if it reaches all."""
    for level in range(below.size - 1, -1, -1):
        if not upper <= below[level]:
            return level
    return -1


@jit
def bound_tiles(
    quadratics: Quadratics,
    residuals: Residuals,
    hidden: Box,
    tiles: Tiles,
    boxes: HiddenBoxes,
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    most_boxes: int,
    is_last: bool,
) -> BoundedTiles:
    """Bound the profile on tiles until it is above above[l] or nowhere above below[l], for each of rising levels l.

    quadratics and residuals are the same in n = s + h variables, the shown ones first. So many hidden boxes are bounded
    for one tile at most, beside two for each that it has inherited. Where tiles will not be cut
    (is_last), hidden boxes are not bounded in vain.
    """
    K, n = residuals.b.shape
    count, s = tiles.lower.shape
    h, m = n - s, quadratics.A.shape[0]
    room, section = search_room(K, n, m), section_room(K, n, s)
    held, search = held_residuals(residuals, s), room_for(K, h)
    stack = room.stack
    lower, upper, aside = np.zeros(count), np.full(count, np.inf), tiles.aside.copy()
    where, first = tiles.where.copy(), np.zeros(count + 1, dtype=np.int64)
    bounded = np.zeros(count, dtype=np.int64)
    kept = HiddenBoxes(np.empty((64, h)), np.empty((64, h)), np.empty((64, h)), np.empty(64))
    middle, w, centre, trial = np.zeros(s), np.zeros(s), np.zeros(n), np.zeros(h)
    total = 0
    for tile in range(count):
        for a in range(s):
            middle[a] = 0.5 * (tiles.lower[tile, a] + tiles.upper[tile, a])
            w[a] = max(middle[a] - tiles.lower[tile, a], tiles.upper[tile, a] - middle[a]) * (1.0 + 4.0 * U)
            centre[a] = middle[a]
        hold_first(residuals, middle, held)
        for i in range(h):
            where[tile, i] = min(max(where[tile, i], hidden.lower[i]), hidden.upper[i])
        descend(held, hidden, where[tile], where[tile], np.inf, search)
        for i in range(h):
            centre[s + i] = where[tile, i]
        known = upper_bound(quadratics, expand(quadratics, centre, room.box.at))
        if known <= below[-1]:
            upper[tile] = section_bound(quadratics, hidden, centre, w, room.box, section)
        level = undecided_level(upper[tile], below)
        begin = total
        for box in range(tiles.first[tile], tiles.first[tile + 1]):
            if level < 0:
                break
            height = 1
            for i in range(n):
                if i < s:
                    stack.lower[0, i], stack.upper[0, i] = tiles.lower[tile, i], tiles.upper[tile, i]
                    stack.point[0, i] = middle[i]
                else:
                    stack.lower[0, i], stack.upper[0, i] = boxes.lower[box, i - s], boxes.upper[box, i - s]
                    stack.point[0, i] = boxes.point[box, i - s]
            stack.bound[0] = boxes.bound[box]
            while height > 0:
                height -= 1
                enough = above[level]
                bound = stack.bound[height]
                if bound > enough:
                    aside[tile] = min(aside[tile], bound)
                    continue
                room.lower[:] = stack.lower[height]
                room.upper[:] = stack.upper[height]
                room.point[:] = stack.point[height]
                in_vain = is_last and known <= above[0]
                # one bound is set aside for each box that is yet to come
                last = tiles.first[tile + 1]
                most = most_boxes + 2 * (last - tiles.first[tile]) - (last - box - 1)
                if not in_vain and bounded[tile] < most:
                    bounded[tile] += 1
                    found, squares = box_bound(quadratics, enough, room)
                    bound = max(bound, found)
                    if bound > enough:
                        aside[tile] = min(aside[tile], bound)
                        continue
                    # a tile on the border of a large region may still be outside of a small one
                    lesser = level - 1
                    while lesser >= 0 and not squares > above[lesser]:
                        lesser -= 1
                    if lesser >= 0 and bound <= above[lesser]:
                        again, _ = box_bound(quadratics, above[lesser], room)
                        bound = max(bound, again)
                    if known > below[level] and squares <= above[level]:
                        for i in range(h):
                            trial[i] = min(max(room.point[s + i], hidden.lower[i]), hidden.upper[i])
                        descend(held, hidden, trial, trial, np.inf, search)
                        for i in range(h):
                            centre[s + i] = trial[i]
                        # the expansion serves the cut of this box below, whose length is all that is read of it
                        value = upper_bound(quadratics, expand(quadratics, centre, room.box.at))
                        if value < known:
                            known = value
                            where[tile] = trial
                            if known <= below[level]:
                                bound_here = section_bound(quadratics, hidden, centre, w, room.box, section)
                                upper[tile] = min(upper[tile], bound_here)
                                level = undecided_level(upper[tile], below)
                                if level < 0:
                                    break
                    # no part of a tile with a low place in it lies outside: its parts are better cut than its boxes
                    axis = -1 if known <= above[0] else widest_hidden(quadratics, s, enough, room)
                    if axis >= 0 and height + 2 <= stack.bound.size:
                        halve(quadratics, axis, bound, height, room)
                        height += 2
                        continue
                if total == kept.bound.size:
                    kept = grown(kept)
                for i in range(h):
                    kept.lower[total, i], kept.upper[total, i] = room.lower[s + i], room.upper[s + i]
                    kept.point[total, i] = room.point[s + i]
                kept.bound[total] = bound
                total += 1
        if level < 0:  # inside all levels: the boxes are no longer needed, and the bound that is known stands
            total = begin
            lower[tile] = tiles.bound[tile]
        else:
            least = aside[tile]
            for box in range(begin, total):
                least = min(least, kept.bound[box])
            lower[tile] = max(least, tiles.bound[tile])
        lower[tile] = min(lower[tile], upper[tile], known)
        first[tile + 1] = total
    left = HiddenBoxes(kept.lower[:total], kept.upper[:total], kept.point[:total], kept.bound[:total])
    return BoundedTiles(lower, upper, aside, where, first, left, bounded)
