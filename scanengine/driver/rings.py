"""Borders on the unit square closed to rings: those that end at its sides are joined along them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanengine.grid.axes import FloatArray


def rings_of(curves: Sequence[FloatArray], *, corner_is_inside: bool) -> list[FloatArray]:
    """Return closed rings of curves (k, 2) on the unit square that have the region on their left.

    Those that end at the sides are joined along them. Without any of these the square itself is a ring where its corner
    is inside.
    """
    closed = [curve for curve in curves if np.array_equal(curve[0], curve[-1])]
    pieces = [curve for curve in curves if not np.array_equal(curve[0], curve[-1])]
    if not pieces:
        square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
        return [square, *closed] if corner_is_inside else closed
    starts = np.array([_perimeter(curve[0]) for curve in pieces])
    left, rings = set(range(len(pieces))), list(closed)
    while left:
        first = current = min(left)
        ring = []
        while True:
            left.discard(current)
            ring.append(pieces[current])
            end = _perimeter(pieces[current][-1])
            ahead = (starts - end) % 4.0
            following = int(np.argmin(ahead))
            corners = [c for c in range(int(np.floor(end)) + 1, int(np.floor(end)) + 5) if c - end < ahead[following]]
            ring.append(np.array([_CORNERS[c % 4] for c in corners]).reshape(-1, 2))
            current = following
            if current == first or current not in left:
                break
        whole = np.concatenate(ring)
        rings.append(np.concatenate((whole, whole[:1])))
    return rings


_CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def _perimeter(u: FloatArray) -> float:
    """Return how far along the sides of the unit square, from its corner and counter-clockwise, a point on them is."""
    x, y = float(u[0]), float(u[1])
    if y == 0.0:
        return x
    if x == 1.0:
        return 1.0 + y
    return 3.0 - x if y == 1.0 else (4.0 - y) % 4.0
