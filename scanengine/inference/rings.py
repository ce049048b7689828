"""Measures of pieces of a plane that are given by closed rings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray

TIP_STEPS, _ADJOINING = 4.0, 1.5
"""The pointed end of a region may be this many grid steps short, or in pieces this far apart, without a warning."""


def enclosed_area(rings: Sequence[FloatArray]) -> float:
    """Return the area within the first ring and outside of all others, in the product of the coordinates' units."""

    def shoelace(ring: FloatArray) -> float:
        x, y = (ring - ring[0]).T
        return 0.5 * abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])))

    return shoelace(rings[0]) - sum(shoelace(hole) for hole in rings[1:])


def signed_area(ring: FloatArray) -> float:
    """Return the area within a closed ring, negative where it runs clockwise."""
    x, y = (ring - ring[0]).T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def is_within(ring: FloatArray, around: FloatArray) -> bool:
    """Whether a ring that does not cross another one begins within it."""
    (x, y), a, b = ring[0], around[:-1], around[1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return bool(np.count_nonzero(crosses & (at > x)) % 2)


def width_and_chords(rings: tuple[FloatArray, ...], shape: NDArray[np.int_]) -> tuple[float, FloatArray]:
    """Width of a piece and its mean chords along the two axes, in grid steps.

    The width is that of the rectangle with the piece's area and perimeter: exact for a straight band at any angle,
    about 0.8 of the minor axis for an ellipse, so that pointed tips do not count as narrow. Where the
    grid's edge cuts the piece, the cut is no border: the piece counts as mirrored there.
    """
    area = enclosed_area(rings)
    steps = np.zeros(2)
    perimeter = 0.0
    touched = np.zeros(2, dtype=bool)
    for ring in rings:
        on_edge = (ring == 0.0) | (ring == shape - 1)
        along_edge = on_edge[1:] & on_edge[:-1] & (ring[1:] == ring[:-1])
        touched |= along_edge.any(axis=0)
        border = np.diff(ring, axis=0)[~along_edge.any(axis=1)]
        steps += np.abs(border).sum(axis=0)
        perimeter += float(np.hypot(border[:, 0], border[:, 1]).sum())
    if perimeter == 0.0:
        return math.inf, np.full(2, math.inf)
    mirrors = 2 ** int(touched.sum())
    whole, half = mirrors * area, 0.5 * mirrors * perimeter
    # Sides w and l of a rectangle: w * l = whole, w + l = half; a rounder piece than a square counts as a square.
    under_root = half**2 - 4.0 * whole
    width = 0.5 * (half - math.sqrt(under_root)) if under_root > 0.0 else math.sqrt(whole)
    with np.errstate(divide="ignore"):
        chords: FloatArray = 2.0 * area / steps[::-1]
    return width, chords


def pointed_ends(drawn: Sequence[tuple[FloatArray, ...]], resolved: Sequence[bool]) -> set[int]:
    """Return the narrow pieces that go on with the pointed end of a resolved one.

    However many the points, a tip has a place where it is as thin as a step, and falls apart beyond. Pieces count that
    follow each other from a resolved one on within a cell and a half, up to `TIP_STEPS` from it.
    """
    wide = [rings[0] for rings, whole in zip(drawn, resolved, strict=True) if whole]
    if not wide:
        return set()
    border = np.concatenate(wide)

    def apart(ring: FloatArray, others: FloatArray) -> FloatArray:
        return np.asarray([np.abs(others - vertex).max(axis=1).min() for vertex in ring])

    left = {i for i, whole in enumerate(resolved) if not whole and apart(drawn[i][0], border).max() <= TIP_STEPS}
    found: set[int] = set()
    reached = border
    while more := {i for i in left if apart(drawn[i][0], reached).min() <= _ADJOINING}:
        found |= more
        left -= more
        reached = np.concatenate([drawn[i][0] for i in more])
    return found
