"""Tiles of one or two axes, each with bounds of a profile that hold everywhere on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray

DEEPEST = 30
"""A tile is halved so often at most: its place fits into four bytes."""


@dataclass(frozen=True, eq=False)
class ProvenTiles:
    """Tiles that cover one or two axes without overlap, between closed ends `start` and `stop` (tiles, axes).

    On a whole tile the profile is nowhere below `lower` nor above `upper` (tiles,), which is infinite where nothing is
    known. A tile came about by halving all axes `depth` times, and is number `index` (tiles, axes) along each: the
    halves are equal in steps of the axis' points. Where tiles were still undecided, more of them would have taken more
    boxes than were allowed, or numbers closer than there are, if `cut_short` is set.
    """

    depth: NDArray[np.int64]
    index: NDArray[np.int64]
    start: FloatArray
    stop: FloatArray
    lower: FloatArray
    upper: FloatArray
    cut_short: bool = False

    @cached_property
    def size(self) -> FloatArray:
        """Length or area (tiles,) of each, in the axes' units."""
        return np.asarray(np.prod(self.stop - self.start, axis=1))

    def at(self, depth: int) -> NDArray[np.int64]:
        """Return the first place (tiles, axes) of each tile in halvings of a depth that none is beyond."""
        return np.asarray(self.index << (depth - self.depth)[:, None])

    @property
    def turned(self) -> ProvenTiles:
        """The same with the axes in the other order."""
        return replace(self, index=self.index[:, ::-1], start=self.start[:, ::-1], stop=self.stop[:, ::-1])

    def are_whole(self) -> bool:
        """Whether they cover their axes, each place once, and those that touch agree on where."""
        if not self.depth.size or self.depth.min() < 0 or (deepest := int(self.depth.max())) > DEEPEST:
            return False
        s = self.index.shape[1]
        if (self.index < 0).any() or (self.index >= (1 << self.depth)[:, None]).any():
            return False
        first, side = self.at(deepest), np.int64(1) << (deepest - self.depth)
        order = np.argsort(codes(first), kind="stable")
        begin, long = codes(first)[order], (side**s)[order]
        if begin[0] != 0 or (begin[1:] != begin[:-1] + long[:-1]).any() or begin[-1] + long[-1] != 1 << (s * deepest):
            return False
        for i in range(s):
            places = np.concatenate((first[:, i], first[:, i] + side))
            values = np.concatenate((self.start[:, i], self.stop[:, i]))
            at, number = np.unique(places, return_inverse=True)
            value = np.empty(at.size)
            value[number] = values
            if not ((value[number] == values).all() and (np.diff(value) > 0.0).all() and np.isfinite(value).all()):
                return False
        return True


def codes(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number (tiles,) of each place (tiles, axes) along a curve that fills every tile before it leaves it:
    the bits of both places in turn (G. M. Morton, IBM 1966).
    """
    if places.shape[1] == 1:
        return np.asarray(places[:, 0])
    found = np.zeros(len(places), dtype=np.int64)
    for bit in range(DEEPEST + 1):
        found |= (places[:, 0] >> bit & 1) << 2 * bit | (places[:, 1] >> bit & 1) << 2 * bit + 1
    return found


def edges(axis: Axis, index: NDArray[np.int64], depth: NDArray[np.int64]) -> FloatArray:
    """Return where tile number `index` of an axis that was halved `depth` times begins: even in steps of its points."""
    last = axis.values.size - 1
    at: FloatArray = np.interp(np.ldexp(index.astype(np.float64), -depth) * last, np.arange(last + 1), axis.values)
    return at


def ends_of(axes: Sequence[Axis], index: NDArray[np.int64], depth: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return start and stop (tiles, axes) of tiles; what two of them share is one number."""
    start = [edges(axis, i, depth) for axis, i in zip(axes, index.T, strict=True)]
    stop = [edges(axis, i + 1, depth) for axis, i in zip(axes, index.T, strict=True)]
    return np.column_stack(start), np.column_stack(stop)
