"""Cubic arcs between the points of a border, whose directions are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scanengine.grid.axes import FloatArray


class Node(NamedTuple):
    """A point of a border, the unit tangents with which it is reached and left, and the hidden variables there."""

    u: FloatArray
    arrives: FloatArray
    leaves: FloatArray
    where: FloatArray


@dataclass
class Curve:
    """A border traced from its first node, with the region on its left; closed, or between two ends of axes."""

    nodes: list[Node]
    is_closed: bool
    error: float

    def dense(self, chord: float) -> FloatArray:
        """Return points (k, 2) so many that chords between them are no farther than `chord` from the arcs."""
        nodes = [*self.nodes, self.nodes[0]] if self.is_closed else self.nodes
        parts = []
        for a, b in pairwise(nodes):
            length = float(np.linalg.norm(b.u - a.u))
            bend = angle(a.leaves, b.arrives)
            pieces = max(1, int(np.ceil(np.sqrt(length * bend / (8.0 * chord)))))
            s = np.arange(pieces) / pieces
            parts.append(arc(a, b, s))
        return np.concatenate([*parts, nodes[-1].u[None]])


def angle(a: FloatArray, b: FloatArray) -> float:
    """Return the angle between two directions (2,), in radians."""
    return float(abs(np.arctan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])))


def arc(a: Node, b: Node, s: FloatArray) -> FloatArray:
    """Return points (k, 2) of the cubic arc between two nodes at shares s (k,) of it."""
    d = float(np.linalg.norm(b.u - a.u))
    s = s[:, None]
    return np.asarray(
        (2.0 * s**3 - 3.0 * s**2 + 1.0) * a.u
        + (s**3 - 2.0 * s**2 + s) * d * a.leaves
        + (3.0 * s**2 - 2.0 * s**3) * b.u
        + (s**3 - s**2) * d * b.arrives
    )
