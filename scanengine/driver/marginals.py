"""Sums of exp(-chi2 / 2) over a grid, taken from its tiles as they are filled, and the densities that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import SumsOfTile
from scanengine.errors import RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.marginals import Marginals, RunningSums, half_trapezoid, trapezoid
from scanengine_kernels import small
from scanengine_kernels.grids import LANES, NO_TERMS, Tables, TilePlace, Weights


class TileSums(NamedTuple):
    """What a tile adds to sums: tables times 2^exponent."""

    place: TilePlace
    tables: Tables
    exponent: int


class Summing:
    """Sums exp(-chi2 / 2) over the tiles of a grid.

    `reference` is a chi2 that the grid reaches, or more: what lies `NEGLIGIBLE` above it is left out.
    """

    def __init__(self, axes: Sequence[Axis], reference: float, *, compiled: bool) -> None:
        self._axes = tuple(axes)
        self._reference = reference
        self.shape = tuple(axis.values.size for axis in axes)
        n = len(self.shape)
        every = range(n)
        self._tables = list(combinations(every, 2)) if n > 2 else [(a, a) for a in every]
        self._offsets, self.points = self._offsets_in(self.shape, 1)
        self._weights = Weights(np.zeros((n, max(self.shape) + LANES)), np.zeros((n, max(self.shape) + LANES)))
        for axis, full, half in zip(axes, *self._weights, strict=True):
            full[: axis.values.size], half[: axis.values.size] = trapezoid(axis.values), half_trapezoid(axis.values)
        self._sum_tile, self._add_tables = small.sum_tile, small.add_tables
        if compiled:
            from scanengine_kernels.marginals import add_tables, sum_tile  # import Numba

            self._sum_tile, self._add_tables = sum_tile, add_tables

    def _offsets_in(self, shape: Sequence[int], block: int) -> tuple[NDArray[np.int64], int]:
        """Return where each table of a grid or a tile begins, its rows filled up to whole blocks, and how many points
        all have.
        """
        offsets, size = np.full((len(shape), len(shape)), -1, dtype=np.int64), 0
        for a, b in self._tables:
            offsets[a, b] = size
            *rows, length = _in(shape, a, b)
            size += prod(rows) * -(-length // block) * block
        return offsets, size

    def running(self) -> RunningSums:
        """Return sums over no tile."""
        return RunningSums.nothing(self.points)

    def nothing(self, start: Sequence[int], shape: Sequence[int]) -> SumsOfTile:
        """Return the empty sums of a tile of this shape, whose first point has the index start."""
        offsets, size = self._offsets_in(shape, LANES)
        place = TilePlace(np.array(start, dtype=np.int64), np.array(shape, dtype=np.int64))
        return SumsOfTile(place, self._weights, self._reference, Tables(offsets, np.zeros((2, size))))

    def of_tile(self, chi2: FloatArray, start: Sequence[int]) -> TileSums | None:
        """Return what a filled tile adds, whose first point has the index start; None if that is nothing."""
        sums = self.nothing(start, chi2.shape)
        return counted(sums, self._sum_tile(chi2.reshape(-1), *sums))

    def add(self, sums: RunningSums, tile: TileSums | None) -> None:
        """Add a tile to sums. If that is broken off, they are sums over no number of tiles any more."""
        before = sums.begin()
        if tile is not None:
            factor = sums.factor_for(tile.exponent)
            shape = np.array(self.shape, dtype=np.int64)
            self._add_tables(Tables(self._offsets, sums.high), sums.low, shape, tile.tables, tile.place, factor)
        sums.tiles = before + 1

    def marginals(self, sums: RunningSums, tiles: int) -> Marginals:
        """Return the densities that sums over all tiles of a grid give. Raises RunError unless these are that."""
        if sums.tiles != tiles:
            raise RunError(f"the sums of the marginals are over {sums.tiles} tiles, and the grid has {tiles}")
        full, half = (
            self._densities(kind, of_sums) for kind, of_sums in zip(self._weights, sums.high + sums.low, strict=True)
        )
        whole, whole_half = full.pop(()), half.pop(())
        if not (np.isfinite(whole) and whole > 0.0):
            raise RunError("exp(-chi2 / 2) is nowhere on the grid a number above zero: there is no posterior density")
        volume = sum(math.log(trapezoid(axis.values).sum()) for axis in self._axes)
        with np.errstate(divide="ignore"):  # half the points may see nothing
            logs = np.log([whole, whole_half])
        means = (logs + (sums.exponent * math.log(2.0) - volume)).tolist()
        lines, half_lines = ({a: d / whole for (a, *b), d in each.items() if not b} for each in (full, half))
        planes, half_planes = ({(a, b[0]): d / whole for (a, *b), d in each.items() if b} for each in (full, half))
        return Marginals(lines, planes, half_lines, half_planes, *means)

    def _densities(self, weights: FloatArray, sums: FloatArray) -> dict[tuple[str, ...], FloatArray]:
        """Return the sums (points,) over each plane, each line and, without a name, all axes.

        weights are (axes, longest axis and more).
        """
        names = [axis.name for axis in self._axes]
        along = [w[:n] for w, n in zip(weights, self.shape, strict=True)]
        found: dict[tuple[str, ...], FloatArray] = {}
        for a, b in self._tables:
            table = _in(self.shape, a, b)
            first = self._offsets[a, b]
            found[tuple(dict.fromkeys((names[a], names[b])))] = sums[first : first + prod(table)].reshape(table)
        if len(names) > 2:
            first, second = names[:2]
            lines = {first: found[first, second] @ along[1]}
            lines |= {name: along[0] @ found[first, name] for name in names[1:]}
            found |= {(name,): line for name, line in lines.items()}
        found[()] = found[names[0],] @ along[0]
        return found


def counted(sums: SumsOfTile, exponent: int) -> TileSums | None:
    """Return the sums of a tile whose terms have this exponent; None if none counts."""
    return None if exponent == NO_TERMS else TileSums(sums.place, sums.tables, exponent)


def _in(shape: Sequence[int], a: int, b: int) -> tuple[int, ...]:
    """Return the shape of a table over axes a <= b of a grid."""
    return (shape[a],) if a == b else (shape[a], shape[b])
