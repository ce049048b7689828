"""A grid cut into tiles, the boxes of it that are done one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

TILE_POINTS = 1 << 18
"""Points of a tile: 2 MB of float64, which stay near a core from filling through reduction to compression, while what
the interpreter does for each tile hardly counts.
"""

UNBUFFERED_TILE_POINTS = 1 << 22
"""Points of a tile that no cache has to hold: a millisecond of arithmetic, beside which the driver does not count."""

_ENOUGH, _TINY_POINTS = 16, 1 << 14
"""Tiles are smaller where a grid would not have enough of them for many threads or workers, but not smaller than that.
"""


@dataclass(frozen=True)
class Tiling:
    """A grid cut into boxes of at most `tile_shape`, which spans the last axes whole, the first by one point."""

    grid_shape: tuple[int, ...]
    tile_shape: tuple[int, ...]

    @classmethod
    def of(cls, grid_shape: tuple[int, ...], points: int | None = None) -> Tiling:
        """Choose tiles of about `points` points, contiguous in C order."""
        points = points or _tile_points(prod(grid_shape), TILE_POINTS)
        tile = [1] * len(grid_shape)
        for axis in range(len(grid_shape) - 1, -1, -1):
            # no tile may be so thin that threads wait for one another: an axis is cut into nearly equal parts
            parts = -(-grid_shape[axis] * prod(tile) // points)
            tile[axis] = -(-grid_shape[axis] // parts)
            if parts > 1:
                break
        return cls(grid_shape, tuple(tile))

    @classmethod
    def for_minima(cls, grid_shape: tuple[int, ...], hidden_points: int = 1) -> Tiling:
        """Choose tiles that need not be filled, of a grid that has so many points more behind each of its own."""
        return cls.of(
            grid_shape, max(1, _tile_points(prod(grid_shape) * hidden_points, UNBUFFERED_TILE_POINTS) // hidden_points)
        )

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of tiles along each axis."""
        return tuple(-(-n // t) for n, t in zip(self.grid_shape, self.tile_shape, strict=True))

    @property
    def number(self) -> int:
        """Number of tiles, which may be too large for `len`."""
        return prod(self.counts)

    def __len__(self) -> int:
        return self.number

    @property
    def points(self) -> int:
        """Number of grid points in the tiles."""
        return prod(self.grid_shape)

    def start_of(self, number: int) -> tuple[int, ...]:
        """Return the index of the first point of the tile of this number, as all those of the grid count in C order."""
        start = []
        for count, tile in zip(reversed(self.counts), reversed(self.tile_shape), strict=True):
            number, position = divmod(number, count)
            start.append(position * tile)
        return tuple(reversed(start))

    def starts(self) -> Iterator[tuple[int, ...]]:
        """Yield the index of each tile's first point, in C order."""
        return product(*(range(0, n, t) for n, t in zip(self.grid_shape, self.tile_shape, strict=True)))

    def numbered(self) -> NDArray[np.int64]:
        """Return the numbers of the tiles, as all those of the grid count in C order."""
        return np.arange(prod(self.counts))

    def some(self, numbers: NDArray[np.int64]) -> SomeTiles:
        """Return the tiles of these numbers alone."""
        return SomeTiles(self.grid_shape, self.tile_shape, np.sort(numbers))

    def shape_at(self, start: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the tile that begins there: smaller at the far edge."""
        return tuple(min(t, n - s) for s, t, n in zip(start, self.tile_shape, self.grid_shape, strict=True))


@dataclass(frozen=True, eq=False)
class SomeTiles(Tiling):
    """Some tiles of a tiling, given by their increasing `numbers` (tiles,)."""

    numbers: NDArray[np.int64]

    @property
    def number(self) -> int:
        """Number of tiles."""
        return self.numbers.size

    def starts(self) -> Iterator[tuple[int, ...]]:
        """Yield the index of each tile's first point, in C order."""
        yield from map(self.start_of, self.numbers.tolist())

    def numbered(self) -> NDArray[np.int64]:
        """Return the numbers of the tiles."""
        return self.numbers

    @property
    def points(self) -> int:
        """Number of grid points in the tiles."""
        return sum(prod(self.shape_at(start)) for start in self.starts())


def _tile_points(grid_points: int, most: int) -> int:
    """Return how large the tiles of a grid are, at most."""
    return min(most, max(_TINY_POINTS, grid_points // _ENOUGH))
