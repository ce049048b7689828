"""What tiles prove of a region: which of them lie outside and inside, its area, and its pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine.grid.tiles import ProvenTiles, codes
from scanengine.inference.levels import delta_chi2, percent

OUTSIDE, INSIDE, UNDECIDED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class ProvenRegion:
    """What is proven of where Delta chi2 <= `level` on a plane, or on a line.

    `status` (tiles,) is `OUTSIDE`, `INSIDE` or `UNDECIDED`: every point of an outside tile is proven to be excluded,
    every one of an inside tile to be allowed. `cl` is a fraction.
    """

    axes: tuple[str, ...]
    cl: float
    dof: int
    level: float
    tiles: ProvenTiles
    status: NDArray[np.int64]

    @property
    def area(self) -> tuple[float, float]:
        """The least and the largest area, or length, that the region can have, in the product of the axes' units."""
        inside, undecided = (float(self.tiles.size[self.status == each].sum()) for each in (INSIDE, UNDECIDED))
        return inside, inside + undecided

    @property
    def undecided(self) -> int:
        """How many tiles are neither proven to lie outside nor inside."""
        return int(np.count_nonzero(self.status == UNDECIDED))

    @property
    def undecided_share(self) -> float:
        """The area of undecided tiles, of that of all."""
        return float(self.tiles.size[self.status == UNDECIDED].sum() / self.tiles.size.sum())

    @property
    def pieces(self) -> tuple[int, int]:
        """How many pieces the part of the region has at least, and at most, that has inside tiles in it.

        Tiles are closed, so that those are connected that share an edge or a corner. Other pieces can lie in undecided
        tiles only.
        """
        with_inside = {int(self._place[i]) for i in np.flatnonzero(self.status == INSIDE)}
        return len(with_inside), self._components(self.status == INSIDE)[0]

    @property
    def apart(self) -> tuple[int, float]:
        """Groups of undecided tiles that touch no inside tile, nor another that does, and their area: there may be a
        piece in each, or none.
        """
        with_inside = np.zeros(self._place.max(initial=-1) + 1, dtype=np.bool_)
        with_inside[self._place[self.status == INSIDE]] = True
        alone = (self.status == UNDECIDED) & ~with_inside[self._place]
        return int(with_inside.size - np.count_nonzero(with_inside)), float(self.tiles.size[alone].sum())

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        """Which connected component of inside and undecided tiles each of them (tiles,) is in; -1 of the others."""
        return self._components(self.status != OUTSIDE)[1]

    @cached_property
    def ends(self) -> tuple[tuple[tuple[float, float], tuple[float, float]], ...]:
        """Of a line: between which two values the lower and the upper end of each interval lie.

        Each is a component of inside and undecided tiles. One without any inside tile may be an interval or none.
        """
        found = []
        for piece in range(int(self._place.max(initial=-1)) + 1):
            start, stop = (ends[self._place == piece, 0] for ends in (self.tiles.start, self.tiles.stop))
            inside = (self._place == piece) & (self.status == INSIDE)
            first, last = (start.min(), stop.max())
            low = float(self.tiles.start[inside, 0].min(initial=last))
            high = float(self.tiles.stop[inside, 0].max(initial=first))
            found.append(((float(first), low), (high, float(last))))
        return tuple(sorted(found))

    def _components(self, chosen: NDArray[np.bool_]) -> tuple[int, NDArray[np.int64]]:
        """Return how many connected components some tiles have, and which each is in, -1 of those not chosen."""
        from scipy.sparse import coo_array  # takes longer to import than a small scan to run
        from scipy.sparse.csgraph import connected_components

        tiles, s = self.tiles, len(self.axes)
        deepest = int(tiles.depth.max())
        first, side = tiles.at(deepest), np.int64(1) << (deepest - tiles.depth)
        begin = codes(first)
        order = np.argsort(begin)
        some = np.flatnonzero(chosen)
        pairs = []
        # a neighbour that is no smaller covers the place just beyond a side, or a corner
        for step in np.ndindex(*(3,) * s):
            beyond = [
                {0: first[some, i] - 1, 1: first[some, i], 2: first[some, i] + side[some]}[k]
                for i, k in enumerate(step)
            ]
            place = np.column_stack(beyond)
            within = np.all((place >= 0) & (place < 1 << deepest), axis=1)
            at = order[np.searchsorted(begin[order], codes(place[within]), side="right") - 1]
            here = some[within]
            pairs.append(np.column_stack((here, at))[chosen[at]])
        links = np.concatenate(pairs)
        number = np.full(chosen.size, -1, dtype=np.int64)
        number[some] = np.arange(some.size)
        rows, columns = number[links].T
        graph = coo_array((np.ones(len(links)), (rows, columns)), shape=(some.size, some.size))
        count, label = connected_components(graph, directed=False)
        found = np.full(chosen.size, -1, dtype=np.int64)
        found[some] = label
        return int(count), found

    def rings(self, status: int) -> list[FloatArray]:
        """Return the borders of all tiles of a status on a plane: closed rings (k, 2), outer ones counter-clockwise and
        holes clockwise.
        """
        return outline(self.tiles, self.status == status)

    def __repr__(self) -> str:
        low, high = self.area
        return (
            f"ProvenRegion({', '.join(self.axes)}: {percent(self.cl)} C.L., {self.dof} dof; "
            f"{'area' if len(self.axes) == 2 else 'length'} {low:.6g} to {high:.6g}, undecided tiles: {self.undecided})"
        )


def proven_region(
    names: tuple[str, ...], cl: float, tiles: ProvenTiles, lowest: tuple[float, float], dof: int | None = None
) -> ProvenRegion:
    """Return what tiles prove of a region, by the safe end of the lowest chi2 of all, which lies between two numbers.

    By default there are as many degrees of freedom as axes.
    """
    dof = len(names) if dof is None else dof
    height = delta_chi2(cl, dof)
    least, most = lowest
    status = np.where(tiles.lower > most + height, OUTSIDE, np.where(tiles.upper <= least + height, INSIDE, UNDECIDED))
    return ProvenRegion(names, cl, dof, height, tiles, status)


def outline(tiles: ProvenTiles, chosen: NDArray[np.bool_]) -> list[FloatArray]:
    """Return the border of some tiles of a plane: closed rings (k, 2), outer ones counter-clockwise."""
    deepest = int(tiles.depth.max())
    first, side = tiles.at(deepest)[chosen], (np.int64(1) << (deepest - tiles.depth))[chosen]
    x, y = first.T
    values = []
    for i in range(2):  # where each place lies along an axis
        at = np.concatenate((first[:, i], first[:, i] + side))
        ends = np.concatenate((tiles.start[chosen, i], tiles.stop[chosen, i]))
        values.append(dict(zip(at.tolist(), ends.tolist(), strict=True)))
    # a side along which tiles lie on both sides is no border
    across = _border(np.concatenate((y, y + side)), np.tile(x, 2), np.tile(side, 2), np.repeat([1, -1], side.size))
    along = _border(np.concatenate((x, x + side)), np.tile(y, 2), np.tile(side, 2), np.repeat([-1, 1], side.size))
    segments = [((a, line), (b, line)) for line, a, b in across] + [((line, a), (line, b)) for line, a, b in along]
    return [np.array([[values[0][px], values[1][py]] for px, py in ring]) for ring in _chained(segments)]


def _border(
    line: NDArray[np.int64], start: NDArray[np.int64], side: NDArray[np.int64], sign: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """Return (line, from, to) of directed segments on parallel lines, from `start` on as long as `side`, where those of
    both signs do not cancel; a negative one runs backwards.
    """
    at = np.concatenate((start, start + side))
    lines, change = np.tile(line, 2), np.concatenate((sign, -sign))
    order = np.lexsort((at, lines))
    at, lines, height = at[order], lines[order], np.cumsum(change[order])
    found = []
    for k in np.flatnonzero((height[:-1] != 0) & (at[1:] > at[:-1])).tolist():
        a, b = int(at[k]), int(at[k + 1])
        found.append((int(lines[k]), a, b) if height[k] > 0 else (int(lines[k]), b, a))
    return found


def _chained(segments: list[tuple[tuple[int, int], tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """Return closed rings of directed segments, straight ones joined; the first point is repeated at the end."""
    leaving: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in segments:
        leaving.setdefault(a, []).append(b)
    rings = []
    for begin, ways in leaving.items():
        while ways:
            ring = [begin, ways.pop()]
            while ring[-1] != begin:
                ring.append(leaving[ring[-1]].pop())
            kept = [
                b
                for a, b, c in zip([ring[-2], *ring[:-2]], ring[:-1], ring[1:], strict=True)
                if not (a[0] == b[0] == c[0] or a[1] == b[1] == c[1])
            ]
            rings.append([*kept, kept[0]])
    return rings
