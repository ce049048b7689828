"""What a result file is to hold, known before its first number: what its writer and all who work for it share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from operator import floordiv
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.store import layout
from scanengine.store.encoding.chunks import Encoding
from scanengine.store.layout import AttributeValue, ResponseArray

_OVERHEAD_BYTES = 4_000_000


@dataclass(frozen=True, eq=False)
class GridPlan:
    """The axes and tiles of a grid, how its numbers are kept, and the header of the file.

    `definition` is the scan file verbatim and `overrides` the `--set` items on top of it. `attributes` go to the root
    of the file, and may replace its `units` and `conventions`. `tile_shape` is the chunk shape, cut to the grid where
    it is larger; `tiles` are the numbers, in C order, of those that are wanted, by default all. `planes` are
    the only ones to come, if some were chosen. `identity` says in
    words, name by name, what the numbers depend on: two files belong to one scan if it is the same. Not
    `compiled`, tiles are encoded without Numba. With `marginals` the sums of these are kept beside the minima.

    Raises `InputError` for names that the file cannot hold.
    """

    axes: tuple[Axis, ...]
    definition: str
    tile_shape: tuple[int, ...]
    overrides: tuple[str, ...] = ()
    responses: Mapping[str, ResponseArray] = field(default_factory=dict)
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    keep: Literal["grid", "profiles"] = "grid"
    encoding: Encoding = field(default_factory=Encoding)
    tiles: NDArray[np.int64] | None = None
    planes: tuple[tuple[str, str], ...] = ()
    compiled: bool = False
    marginals: bool = False
    sources: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Of a grid that stays in other files: their paths, relative to this one, and which tiles (counts) each holds."""

    def __post_init__(self) -> None:
        layout.check_axis_names([axis.name for axis in self.axes])
        for name in self.responses:
            if "/" in name or name in ("", "."):
                raise InputError(f"response {name!r}: a name in the result file is not empty and has no '/' in it")

    @property
    def has_grid(self) -> bool:
        """Whether the file is to hold chi2 at every point of the grid."""
        return self.keep == "grid"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def chunk_shape(self) -> tuple[int, ...]:
        """The shape of a tile, and of a chunk of the file."""
        return tuple(min(tile, n) for tile, n in zip(self.tile_shape, self.shape, strict=True))

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of tiles along each axis."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Which tiles (counts) the file is to hold."""
        if self.tiles is None:
            return np.ones(self.counts, dtype=np.bool_)
        wanted = np.zeros(math.prod(self.counts), dtype=np.bool_)
        wanted[self.tiles] = True
        return wanted.reshape(self.counts)

    def tile_at(self, start: Sequence[int]) -> tuple[int, ...]:
        """Return the index of the tile whose first grid point has the index start."""
        return tuple(map(floordiv, start, self.chunk_shape))

    def points_in(self, tiles: NDArray[np.uint8]) -> int:
        """Return the number of grid points in those tiles (counts) that are not zero."""
        points = tiles.astype(np.int64)
        for n, chunk in zip(reversed(self.shape), reversed(self.chunk_shape), strict=True):
            points = points @ np.minimum(chunk, n - np.arange(0, n, chunk))
        return int(points)

    @cached_property
    def plane_points(self) -> int:
        """Number of points of all planes of two axes."""
        return sum(map(math.prod, combinations(self.shape, 2)))

    @property
    def sum_points(self) -> int:
        """Number of sums that marginals are made of: on all planes, or on the lines of one or two axes."""
        return self.plane_points if len(self.shape) > 2 else sum(self.shape)

    @cached_property
    def n_bytes(self) -> int:
        """Size of the stored grid before compression, 0 when only profiles are kept."""
        if not self.has_grid or self.sources:
            return 0
        points = math.prod(self.shape) if self.tiles is None else math.prod(self.chunk_shape) * self.tiles.size
        return points * self.encoding.dtype.itemsize

    @cached_property
    def reserve_bytes(self) -> int:
        """What the file takes beside its grid at most: planes and lines three times, responses, text, HDF5's own."""
        planes = 0 if self.has_grid and len(self.shape) == 2 else self.plane_points
        sums = self.sum_points * (4 + 2) if self.marginals else 0
        numbers = (
            sums + 3 * (planes + sum(self.shape)) + sum(np.size(array.values) for array in self.responses.values())
        )
        words = len(self.definition) + sum(len(name) + len(value) for name, value in self.identity.items())
        return 8 * numbers + 4 * words + _OVERHEAD_BYTES


def identity_of(plan: GridPlan) -> dict[str, str]:
    """Return what the numbers and their arrangement in the file depend on, name by name."""
    return {
        **plan.identity,
        "shape of the grid": " x ".join(map(str, plan.shape)),
        "shape of a tile": " x ".join(map(str, plan.chunk_shape)),
        "stored": f"{plan.encoding.dtype.name}, {plan.encoding.compression}, {plan.encoding.mantissa_bits} bits"
        if plan.has_grid
        else "profiles",
    }
