"""A cover of where chi2 is low: boxes outside of which it is proven to be above a level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.minimise import Box
from scanengine_kernels.proof.branch import box_bound, halve, search_room, widest
from scanengine_kernels.proof.quadratics import Quadratics, upper_bound


class Cover(NamedTuple):
    """Boxes lower, upper (boxes, n), outside of which chi2 is above the level, and a point (boxes, n) of each.

    chi2 at the point is at most `chi2` (boxes,). `bounded` counts the boxes that were looked at.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    point: NDArray[np.float64]
    chi2: NDArray[np.float64]
    bounded: int


@jit
def cover(
    quadratics: Quadratics,
    box: Box,
    starts: NDArray[np.float64],
    level: float,
    largest: float,
    smallest: float,
    most_boxes: int,
) -> Cover:
    """Return boxes outside of which, within the box, chi2 is proven to be above a level.

    A box is cut on until it holds none of starts (starts, n), places known to be low, and no other point met where chi2
    is at or below the level, or is smaller than a share `largest` of the box along each variable; one without such a
    point until it is smaller than `smallest`, or most_boxes were looked at. None is left out.
    """
    K, n, m = quadratics.c.size, quadratics.b.shape[0], quadratics.A.shape[0]
    room = search_room(K, n, m)
    stack = room.stack
    stack.lower[0] = box.lower
    stack.upper[0] = box.upper
    for i in range(n):
        stack.point[0, i] = 0.5 * (box.lower[i] + box.upper[i])
    stack.bound[0] = 0.0
    height, bounded, count = 1, 0, 0
    lower, upper, point, chi2 = np.empty((64, n)), np.empty((64, n)), np.empty((64, n)), np.empty(64)
    while height > 0:
        height -= 1
        room.lower[:] = stack.lower[height]
        room.upper[:] = stack.upper[height]
        room.point[:] = stack.point[height]
        bound, squares = stack.bound[height], np.inf
        if bounded < most_boxes:
            bounded += 1
            found, squares = box_bound(quadratics, level, room)
            bound = max(bound, found)
        if bound > level:
            continue
        known = upper_bound(quadratics, squares) if squares < np.inf else np.inf
        size, axis = 0.0, -1
        for i in range(n):
            length = box.upper[i] - box.lower[i]
            if length > 0.0:
                size = max(size, (room.upper[i] - room.lower[i]) / length)
        holds = known <= level
        for start in range(starts.shape[0]):
            inside = True
            for i in range(n):
                inside = inside and room.lower[i] <= starts[start, i] <= room.upper[i]
            holds = holds or inside
        if bounded < most_boxes and size > (largest if holds else smallest):
            axis = widest(quadratics, level, room)
            if axis < 0 or holds:
                # what is left is to show how far the low place reaches
                longest = 0.0
                for i in range(n):
                    length = box.upper[i] - box.lower[i]
                    if length > 0.0 and (room.upper[i] - room.lower[i]) / length > longest:
                        middle = 0.5 * (room.lower[i] + room.upper[i])
                        if room.lower[i] < middle < room.upper[i]:
                            longest = (room.upper[i] - room.lower[i]) / length
                            axis = i
        if axis >= 0 and height + 2 <= stack.bound.size:
            halve(quadratics, axis, bound, height, room)
            height += 2
            continue
        if count == chi2.size:
            lower, upper = np.append(lower, np.empty_like(lower), 0), np.append(upper, np.empty_like(upper), 0)
            point, chi2 = np.append(point, np.empty_like(point), 0), np.append(chi2, np.empty_like(chi2))
        lower[count], upper[count], point[count], chi2[count] = room.lower, room.upper, room.point, known
        count += 1
    return Cover(lower[:count], upper[:count], point[:count], chi2[:count], bounded)
