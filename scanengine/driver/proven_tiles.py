"""Proven regions: the tiles of a plane, or of a line, that lie outside or inside each of some levels of chi2.

A quadtree is descended from the whole plane, one depth at a time: tiles that are not decided are cut into four, which
inherit the hidden boxes that are left. What is decided where, and how deep that goes, does not depend on threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.enclosures import ProvenMinima
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.tiles import ProvenTiles, ends_of

MOST_BOXES = 40_000_000
"""Of hidden variables, bounded for one plane; some forty seconds."""

MOST_OF_A_TILE = {1: 4000, 2: 2000}
"""Of hidden variables, bounded for one tile of a line or of a plane: with fewer, tiles are cut in vain."""

MOST_TILES = 1 << 19
"""Of one depth that are not decided."""


class Known(NamedTuple):
    """Cells in which the hidden minimum has been searched: points (cells, s) and where it lies (cells, h), from which
    searches on tiles begin. No values and one empty place where nothing is hidden.
    """

    values: Sequence[FloatArray]
    where: FloatArray


def proven_tiles(
    proven: ProvenMinima,
    axes: Sequence[Axis],
    scaled: Sequence[tuple[float, float]],
    known: Known,
    levels: Sequence[tuple[float, float]],
    depth: int,
    pool: Executor | None = None,
) -> ProvenTiles:
    """Return tiles of one or two axes, decided at levels of chi2 as far as halving all axes `depth` times allows.

    For each level, of which there are a lower and an upper end, a tile is decided if the profile is everywhere above
    the upper end, or nowhere above the lower. `scaled` (centre, half-width) are those of the scaled variables.
    """
    from scanengine_kernels.proof.regions import HiddenBoxes, Tiles

    below, above = np.array(sorted(levels), dtype=np.float64).T.copy()
    s, hidden = len(axes), proven.box
    centre, half_width = np.array(scaled).T
    index, own_depth = np.zeros((1, s), dtype=np.int64), np.zeros(1, dtype=np.int64)
    bound, aside = np.zeros(1), np.full(1, np.inf)
    first = np.array([0, 1], dtype=np.int64)
    middle = 0.5 * (hidden.lower + hidden.upper)
    boxes = HiddenBoxes(hidden.lower[None], hidden.upper[None], middle[None], np.zeros(1))
    leaves, bounded = list[ProvenTiles](), 0
    for level in range(depth + 1):
        start, stop = ends_of(axes, index, own_depth)
        lower, upper = (start - centre) / half_width, (stop - centre) / half_width
        is_last = level == depth or bounded > MOST_BOXES or len(index) > MOST_TILES
        halfway, _ = ends_of(axes, 2 * index + 1, own_depth + 1)
        is_last = is_last or not bool(np.all((start < halfway) & (halfway < stop)))  # no numbers lie between
        tiles = Tiles(lower, upper, bound, aside, _nearest(known, 0.5 * (lower + upper)), first)
        found = proven.bound_tiles(tiles, boxes, above, below, most_boxes=MOST_OF_A_TILE[s], is_last=is_last, pool=pool)
        low, high = (np.concatenate([getattr(part, name) for part in found]) for name in ("lower", "upper"))
        bounded += sum(int(part.bounded.sum()) for part in found)
        decided = np.all((high[:, None] <= below) | (low[:, None] > above), axis=1)
        done = np.flatnonzero(decided | is_last)
        leaves.append(ProvenTiles(own_depth[done], index[done], start[done], stop[done], low[done], high[done]))
        if is_last or decided.all():
            break
        still = np.flatnonzero(~decided)
        aside = np.concatenate([part.aside for part in found])
        counts = np.concatenate([np.diff(part.first) for part in found])
        boxes = HiddenBoxes(*(np.concatenate(arrays) for arrays in zip(*(part.boxes for part in found), strict=True)))
        parts = np.array(list(product((0, 1), repeat=s)), dtype=np.int64)
        begin = (np.cumsum(counts) - counts)[still]
        still_counts = counts[still]
        chosen = _ranges(begin, still_counts, len(parts))
        boxes = HiddenBoxes(*(array[chosen] for array in boxes))
        first = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(np.repeat(still_counts, len(parts)))))
        index = (2 * index[still][:, None] + parts).reshape(-1, s)
        own_depth = np.repeat(own_depth[still] + 1, len(parts))
        bound, aside = (np.repeat(array[still], len(parts)) for array in (low, aside))
    return _together(leaves, cut_short=level < depth and not decided.all())


def _together(parts: Sequence[ProvenTiles], *, cut_short: bool) -> ProvenTiles:
    """Return all tiles of some parts."""
    depth, lower, upper = (np.concatenate([getattr(p, name) for p in parts]) for name in ("depth", "lower", "upper"))
    index, start, stop = (np.concatenate([getattr(p, name) for p in parts]) for name in ("index", "start", "stop"))
    return ProvenTiles(depth, index, start, stop, lower, upper, cut_short)


def _ranges(begin: NDArray[np.int64], counts: NDArray[np.int64], copies: int) -> NDArray[np.int64]:
    """Return the numbers begin[i], ..., begin[i] + counts[i] - 1 of each i, so many times in a row."""
    begin, counts = np.repeat(begin, copies), np.repeat(counts, copies)
    offset = np.cumsum(counts) - counts
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(begin - offset, counts))


def _nearest(known: Known, points: FloatArray) -> FloatArray:
    """Return where the hidden minimum lies in the cells nearest to points (tiles, s)."""
    cells = np.zeros(len(points), dtype=np.int64)
    if not known.values:  # nothing is hidden
        return np.ascontiguousarray(known.where[cells])
    for values, x in zip(known.values, points.T, strict=True):
        cells = cells * values.size + np.searchsorted(0.5 * (values[1:] + values[:-1]), x)
    return np.ascontiguousarray(known.where[cells])
