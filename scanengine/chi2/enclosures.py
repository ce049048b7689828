"""Proven enclosures of chi2 minimised over hidden variables: lower <= minimum <= upper, rounding included.

They are about the polynomial as its coefficients are stored, within the ends of its scaled variables. What is left out
of it to arrange the hidden variables, as a cross term that is zero but for rounding, is held by the bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.residuals import HiddenVariables
from scanengine.grid.axes import FloatArray
from scanengine_kernels.minimise import Box, Residuals

if TYPE_CHECKING:
    from scanengine_kernels.proof.cover import Cover
    from scanengine_kernels.proof.quadratics import Quadratics
    from scanengine_kernels.proof.regions import BoundedTiles, HiddenBoxes, Tiles

_LANES = 8  # scanengine_kernels._simd.LANES, without Numba
_CELLS_AT_ONCE = 512
"""Cells that one thread does at a time, however many threads there are."""

_TILES_AT_ONCE = 64
"""The same of tiles."""


@dataclass(frozen=True, eq=False)
class Enclosures:
    """The minimum of chi2 in some cells, between lower and upper (cells,), and where (cells, hidden) it is met.

    boxes (cells,) were bounded; left (cells,) of them were not decided when the budget or the arithmetic ended, and
    count with the bounds that they have.
    """

    lower: FloatArray
    upper: FloatArray
    where: FloatArray
    boxes: NDArray[np.int64]
    left: NDArray[np.int64]


class ProvenMinima:
    """chi2 as a function of shown variables, minimised with proof over the hidden ones within their ends.

    lower and upper (n,) are the ends of all scaled variables, shown ones among them.
    """

    def __init__(self, hidden: HiddenVariables, lower: FloatArray, upper: FloatArray) -> None:
        self.hidden = hidden
        self._shown = Box(lower[hidden.shown], upper[hidden.shown])

    @cached_property
    def linear(self) -> int:
        """How many of the hidden variables, the last ones, enter every residual linearly."""
        bent = np.flatnonzero(self.hidden.residuals.A[:, len(self.hidden.shown) :].any(axis=(0, 2)))
        return len(self.hidden.order) - (int(bent[-1]) + 1 if bent.size else 0)

    @cached_property
    def box(self) -> Box:
        """The ends of the hidden variables, those of squares widened by what they may be rounded."""
        return Box(self.hidden.box.lower - self.hidden.widened, self.hidden.box.upper + self.hidden.widened)

    @cached_property
    def residuals(self) -> Residuals:
        """The residuals with so many more that are zero that their number is a multiple of eight."""
        more = -self.hidden.residuals.c.size % _LANES
        c, b, A = (np.concatenate((part, np.zeros((more, *part.shape[1:]))), axis=0) for part in self.hidden.residuals)
        return Residuals(c, b, np.ascontiguousarray(0.5 * (A + A.transpose(0, 2, 1))))

    @cached_property
    def error(self) -> float:
        """The e of Lemma 1 (`scanengine_kernels.proof.quadratics`): how far the root of chi2 may be off."""
        from scanengine_kernels.proof.quadratics import error_of, size_of

        lower, upper = (np.concatenate(ends) for ends in zip(self._shown, self.box, strict=True))
        slopes = np.ascontiguousarray(self.residuals.b.T)
        bends = np.ascontiguousarray(self.residuals.A.transpose(1, 2, 0))
        size = size_of(self.residuals.c, slopes, bends, lower, upper)
        return float(error_of(size, lower.size, self.hidden.dropped))

    @cached_property
    def quadratics(self) -> Quadratics:
        """The residuals of all variables, the shown ones first, as the bounds take them."""
        from scanengine_kernels.proof.quadratics import Quadratics, bends_of

        bent = self.residuals.b.shape[1] - self.linear
        A = np.ascontiguousarray(self.residuals.A[:, :bent, :bent].transpose(1, 2, 0))
        return Quadratics(self.residuals.c, np.ascontiguousarray(self.residuals.b.T), A, bends_of(A), self.error)

    def cover(self, starts: FloatArray, level: float, *, largest: float, smallest: float, most_boxes: int) -> Cover:
        """Return boxes of the hidden variables outside of which chi2 is above a level, where none is shown.

        starts (starts, hidden) are places known to be low; the kernel says what the rest does.
        """
        from scanengine_kernels.proof.cover import cover

        return cover(self.quadratics, self.box, starts, level, largest, smallest, most_boxes)

    def bound_tiles(
        self,
        tiles: Tiles,
        boxes: HiddenBoxes,
        above: FloatArray,
        below: FloatArray,
        *,
        most_boxes: int,
        is_last: bool,
        pool: Executor | None = None,
    ) -> list[BoundedTiles]:
        """Bound the minimum on boxes of the shown variables, some of them at a time: the kernel says how.

        The result is the same whatever the threads of the pool.
        """
        from scanengine_kernels.proof.regions import HiddenBoxes, Tiles, bound_tiles

        def bound_some(first: int) -> BoundedTiles:
            part = slice(first, min(first + _TILES_AT_ONCE, len(tiles.bound)))
            start, stop = tiles.first[part.start], tiles.first[part.stop]
            some = Tiles(
                tiles.lower[part],
                tiles.upper[part],
                tiles.bound[part],
                tiles.aside[part],
                tiles.where[part],
                tiles.first[part.start : part.stop + 1] - start,
            )
            own = HiddenBoxes(*(array[start:stop] for array in boxes))
            found: BoundedTiles = bound_tiles(
                self.quadratics, self.residuals, self.box, some, own, above, below, most_boxes, is_last
            )
            return found

        return list((pool.map if pool else map)(bound_some, range(0, len(tiles.bound), _TILES_AT_ONCE)))

    def chi2_at(self, where: FloatArray) -> FloatArray:
        """Return chi2 (places,) at hidden variables (places, hidden), where none is shown."""
        c, b, A = self.residuals
        r = c + where @ b.T + np.einsum("pi,kij,pj->pk", where, A, where)
        return np.asarray(np.sum(r * r, axis=1))

    def enclose(
        self,
        points: FloatArray,
        starts: FloatArray,
        *,
        tolerance: float | None = None,
        levels: Sequence[float] = (),
        most_boxes: int,
        pool: Executor | None = None,
    ) -> Enclosures:
        """Enclose the minimum at points (cells, shown), searched from starts (cells, hidden).

        With a tolerance until upper - lower <= tolerance (1 + upper); without, until it is decided for each of the
        levels whether the minimum is above (lower > level) or not (upper <= level). A cell ends undecided after
        most_boxes. The result is the same whatever the threads of the pool.
        """
        from scanengine_kernels.proof.cells import enclose_cells

        cells = len(points)
        found = Enclosures(
            np.zeros(cells),
            np.full(cells, np.inf),
            np.array(starts, dtype=np.float64, order="C"),
            np.zeros(cells, dtype=np.int64),
            np.zeros(cells, dtype=np.int64),
        )
        points, rising = np.ascontiguousarray(points), np.sort(np.array(levels, dtype=np.float64))

        def enclose_some(first: int) -> None:
            part = slice(first, first + _CELLS_AT_ONCE)
            enclose_cells(
                self.residuals,
                self.linear,
                self.error,
                self.box,
                points[part],
                np.inf if tolerance is None else tolerance,
                rising,
                most_boxes,
                found.where[part],
                found.lower[part],
                found.upper[part],
                found.boxes[part],
                found.left[part],
            )

        list((pool.map if pool else map)(enclose_some, range(0, cells, _CELLS_AT_ONCE)))
        return found
