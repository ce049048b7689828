"""Tracing where a profile on a plane has a value: predictor and corrector along its border, by arcs between points.

A profile is the least of several branches, one for each local minimum over the hidden variables. Each is smooth; where
two swap the border has a corner, which both branches reach. The slope of a branch is known (envelope theorem), so that
between two points a cubic arc is good to the fourth power of their distance; chi2 in its middle tells how good it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scanengine.driver.arcs import Curve, Node, angle, arc
from scanengine.grid.axes import FloatArray

TOLERANCE = 5e-7
"""Of each axis: how far the middle of an arc may lie from the border."""

_FIRST_STEP, _LONGEST_STEP, _SHORTEST_STEP = 0.01, 0.08, 1e-6
_LARGEST_BEND = 0.35
_SHARP = 1e-5
"""A border is straight for so long but for its corners."""

_WIDEST_TURN = 2.6
"""Radians: by how much a border may turn where it can only be followed on tiny circles."""

_SAME_CHI2 = 1e-8
"""Of 1 + chi2: branches nearer than this are not told apart."""

_MOST_STEPS = 4000
_MOST_CORRECTIONS = 12


class Branches(NamedTuple):
    """Local minima over the hidden variables at a point, the lowest first: chi2 (m,), slopes (m, 2), where (m, h)."""

    chi2: FloatArray
    slope: FloatArray
    where: FloatArray


class Surface(NamedTuple):
    """A profile on the unit square: `near` finds all branches that are known near a point, beginning at places (m, h)
    as well, `follow` only those that begin there.
    """

    near: Callable[[FloatArray, FloatArray], Branches]
    follow: Callable[[FloatArray, FloatArray], Branches]


class Stuck(Exception):
    """A border could not be followed."""


def _tangent(slope: FloatArray) -> FloatArray:
    """Return the unit vector along a border with the lower side on its left."""
    norm = float(np.hypot(slope[0], slope[1]))
    if not norm > 0.0:
        raise Stuck
    return np.array([-slope[1], slope[0]]) / norm


class Tracer:
    """Follows the border of where a profile on the unit square is at most `level`."""

    def __init__(self, surface: Surface, level: float) -> None:
        self.surface = surface
        self.level = level
        self._same = _SAME_CHI2 * (1.0 + abs(level))

    def onto(self, u: FloatArray, where: FloatArray, reach: float) -> Node | None:
        """Return the node of the lowest branch near a point, no farther than `reach`; None if there is none."""
        try:
            for _ in range(3):
                found = self.surface.near(u, where)
                u, where, slope = self._corrected(u, found.where[:1], reach)
                lowest = self.surface.near(u, where)
                if lowest.chi2[0] >= self.level - self._same:
                    tangent = _tangent(slope)
                    return Node(u, tangent, tangent, where[0])
                where = lowest.where
        except Stuck:
            pass
        return None

    def _corrected(self, u: FloatArray, where: FloatArray, reach: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the point, by steps along the slope of one branch, where that has the level; its place and slope."""
        begin = u
        for _ in range(_MOST_CORRECTIONS):
            found = self.surface.follow(u, where)
            where, slope = found.where[:1], found.slope[0]
            size = float(np.hypot(slope[0], slope[1]))
            off = float(found.chi2[0]) - self.level
            if not abs(off) < 2.0 * size:  # it is not even on the square
                raise Stuck
            if abs(off) <= 1e-12 * (1.0 + abs(self.level)) or abs(off) < 1e-11 * size:
                return u, where, slope
            u = u - off / size * (slope / size)
            if not float(np.hypot(*(u - begin))) <= reach:
                raise Stuck
        raise Stuck

    def trace(self, start: Node) -> Curve:
        """Return the border through a node. Raises Stuck where it cannot be followed."""
        forward, is_closed, error = self._followed(start, 1.0)
        if is_closed:
            return Curve(forward, True, error)
        turned = Node(start.u, -start.leaves, -start.arrives, start.where)
        backward, _, other = self._followed(turned, -1.0)
        before = [Node(node.u, -node.leaves, -node.arrives, node.where) for node in backward[:0:-1]]
        return Curve([*before, *forward], False, max(error, other))

    def _followed(self, start: Node, sign: float) -> tuple[list[Node], bool, float]:
        """Return the nodes from one on, forwards or backwards, whether the curve has closed, and its largest error."""
        nodes, step, worst = [start], _FIRST_STEP, 0.0
        while len(nodes) < _MOST_STEPS:
            here = nodes[-1]
            if step < _SHORTEST_STEP:
                nodes[-1:] = self._around(here, sign)
                worst, step = max(worst, 0.5 * _SHORTEST_STEP), 8.0 * _SHORTEST_STEP
                continue
            try:
                new, ends, error = self._stepped(here, step, sign, start if len(nodes) > 2 else None)
            except Stuck:
                step *= 0.5
                if step < _SHARP and (corner := self._sharp_corner(here, sign)) is not None:
                    nodes.append(corner)
                    step = 4.0 * _SHARP
                continue
            length = float(np.hypot(*(new.u - here.u)))
            if error > TOLERANCE:
                step = min(0.5 * step, 0.5 * length)
                continue
            worst = max(worst, error)
            if ends == "closed":
                return nodes, True, worst
            nodes.append(new)
            if ends == "edge":
                return nodes, False, worst
            wanted = 0.9 * (TOLERANCE / max(error, 1e-12)) ** 0.25
            step = min(max(step, length) * min(max(wanted, 0.3), 2.0), _LONGEST_STEP)
        raise Stuck

    def _stepped(self, here: Node, step: float, sign: float, start: Node | None) -> tuple[Node, str, float]:
        """Return the next node, whether the curve ends there, and how far the middle of the arc is from the border."""
        goal, where, slope = self._corrected(here.u + step * here.leaves, here.where[None], 0.5 * step)
        tangent = sign * _tangent(slope)
        if angle(here.leaves, tangent) > _LARGEST_BEND:
            raise Stuck
        new, ends = Node(goal, tangent, tangent, where[0]), ""
        if start is not None and _passes(here, new, start):
            new, ends = start, "closed"
        elif np.any((goal < 0.0) | (goal > 1.0)):
            new, ends = self._at_edge(here, new, sign), "edge"
        lower = self._lower_branch(new)
        middle = arc(here, new, np.array([0.5]))[0]
        at_middle = self.surface.near(middle, np.stack((here.where, new.where)))
        own = self.surface.follow(middle, here.where[None])
        if at_middle.chi2[0] < own.chi2[0] - self._same and self._matters(at_middle.chi2[0]):
            lower = at_middle.where[0]
        if lower is not None:
            new, ends = self._corner(here, lower, step, sign), "corner"
            middle = arc(here, new, np.array([0.5]))[0]
            own = self.surface.follow(middle, here.where[None])
        error = abs(float(own.chi2[0]) - self.level) / max(float(np.hypot(*own.slope[0])), 1e-300)
        return new, ends, error

    def _matters(self, chi2: float) -> bool:
        """Whether a lower branch takes a point of the border into the region."""
        return chi2 < self.level - self._same

    def _lower_branch(self, node: Node) -> FloatArray | None:
        """Return the place of another branch that is lower at a node on the border, if there is one."""
        found = self.surface.near(node.u, node.where[None])
        return found.where[0] if self._matters(float(found.chi2[0])) else None

    def _sharp_corner(self, here: Node, sign: float) -> Node | None:
        """Return the node just ahead where the border turns at once; None if it does not.

        A hidden minimum may run along a flat valley, from one end to the other within a tiny step. Beyond, the border
        is that of the minimum at the other end, taken to be straight.
        """
        beyond = 2.0 * _SHARP
        found = self.surface.near(here.u + beyond * here.leaves, here.where[None])
        slope, off = found.slope[0], float(found.chi2[0]) - self.level
        along = float(slope @ here.leaves)
        tangent = sign * _tangent(slope)
        if along == 0.0 or angle(here.leaves, tangent) < _LARGEST_BEND:
            return None
        ahead = beyond - off / along
        if not 0.0 <= ahead <= beyond:
            return None
        u = here.u + ahead * here.leaves
        return None if np.any((u < 0.0) | (u > 1.0)) else Node(u, here.leaves, tangent, found.where[0])

    def _around(self, here: Node, sign: float) -> tuple[Node, Node]:
        """Return the node, and the next, where the border leaves a tiny circle about it.

        Where a hidden minimum runs along a flat valley no branch can be followed, but the profile is continuous.
        """
        along, left = here.leaves, sign * np.array([-here.leaves[1], here.leaves[0]])

        def place(angle: float) -> FloatArray:
            return np.asarray(here.u + _SHORTEST_STEP * (np.cos(angle) * along + np.sin(angle) * left))

        outside, inside = -_WIDEST_TURN, _WIDEST_TURN
        for _ in range(24):
            middle = 0.5 * (outside + inside)
            found = self.surface.near(place(middle), here.where[None])
            outside, inside = (middle, inside) if found.chi2[0] > self.level else (outside, middle)
        u = place(inside)
        if np.any((u < 0.0) | (u > 1.0)):
            raise Stuck
        found = self.surface.near(u, here.where[None])
        if not abs(float(found.chi2[0]) - self.level) < 1e-6 * _SHORTEST_STEP * float(np.hypot(*found.slope[0])) + 1e-9:
            raise Stuck
        way = (u - here.u) / _SHORTEST_STEP
        return here._replace(leaves=way), Node(u, way, sign * _tangent(found.slope[0]), found.where[0])

    def _corner(self, here: Node, other: FloatArray, step: float, sign: float) -> Node:
        """Return the node where the branch that is followed meets another one at the level."""
        u, one, two = here.u + 0.5 * step * here.leaves, here.where[None], other[None]
        for _ in range(_MOST_CORRECTIONS):
            a, b = self.surface.follow(u, one), self.surface.follow(u, two)
            one, two = a.where[:1], b.where[:1]
            off = np.array([a.chi2[0], b.chi2[0]]) - self.level
            slopes = np.stack((a.slope[0], b.slope[0]))
            if abs(float(np.linalg.det(slopes))) < 1e-14 * float(np.abs(slopes).max()) ** 2:
                raise Stuck
            move = np.linalg.solve(slopes, off)
            u = u - move
            if not float(np.hypot(*(u - here.u))) <= 4.0 * step:
                raise Stuck
            if float(np.hypot(*move)) < 1e-10:
                break
        else:
            raise Stuck
        if float((u - here.u) @ here.leaves) < -1e-9 or np.any((u < 0.0) | (u > 1.0)):
            raise Stuck
        return Node(u, sign * _tangent(slopes[0]), sign * _tangent(slopes[1]), two[0])

    def _at_edge(self, here: Node, beyond: Node, sign: float) -> Node:
        """Return the node where the border leaves the square, between one inside of it and one beyond."""
        way = beyond.u - here.u
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(way < 0.0, -here.u / way, np.where(way > 0.0, (1.0 - here.u) / way, np.inf))
        k = int(np.argmin(shares))
        u, where = here.u + float(shares[k]) * way, here.where[None]
        u[k] = 0.0 if way[k] < 0.0 else 1.0
        for _ in range(_MOST_CORRECTIONS):
            found = self.surface.follow(u, where)
            where, slope = found.where[:1], found.slope[0]
            if abs(slope[1 - k]) < 1e-6 * float(np.hypot(*slope)):
                raise Stuck
            move = (float(found.chi2[0]) - self.level) / slope[1 - k]
            u[1 - k] -= move
            if not abs(move) < 4.0 * float(np.hypot(*way)):
                raise Stuck
            if abs(move) < 1e-11:
                break
        else:
            raise Stuck
        if not 0.0 <= u[1 - k] <= 1.0 or float((u - here.u) @ here.leaves) < -1e-9:
            raise Stuck
        tangent = sign * _tangent(slope)
        return Node(u, tangent, tangent, where[0])


def _passes(here: Node, new: Node, start: Node) -> bool:
    """Whether an arc passes the first node, or ends just before it, in the same direction."""
    way = start.u - here.u
    along, length = float(way @ here.leaves), float(np.hypot(*(new.u - here.u)))
    across = abs(float(way[0] * here.leaves[1] - way[1] * here.leaves[0]))
    return 0.0 < along <= 1.05 * length and across < 0.3 * length and float(start.arrives @ new.arrives) > 0.8
