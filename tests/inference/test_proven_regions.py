"""Areas, pieces, ends and borders of tiles whose status is set by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.tiles import ProvenTiles, ends_of
from scanengine.inference.proven_regions import INSIDE, OUTSIDE, UNDECIDED, ProvenRegion, proven_region

BOUNDS = {".": (9.0, np.inf), "#": (0.0, 1.0), "?": (0.0, np.inf)}


def signed_area(rings: list[FloatArray]) -> float:
    """Return the area of rings, those that run clockwise counted as holes."""
    return sum(float(0.5 * np.sum(r[:-1, 0] * r[1:, 1] - r[1:, 0] * r[:-1, 1])) for r in rings)


def plane(rows: list[str]) -> ProvenRegion:
    """Return the region of tiles drawn as text, the first row at the top, the level being between 1 and 9."""
    n = len(rows)
    depth = n.bit_length() - 1
    places = [(x, y) for x in range(n) for y in range(n)]
    index, depths = np.array(places), np.full(n * n, depth)
    axes = [Axis(name, np.array([0.0, float(n)])) for name in "xy"]
    lower, upper = np.array([BOUNDS[rows[n - 1 - y][x]] for x, y in places]).T
    tiles = ProvenTiles(depths, index, *ends_of(axes, index, depths), lower, upper)
    assert tiles.are_whole()
    return proven_region(("x", "y"), 0.9, tiles, (0.0, 0.0))


def test_one_piece_with_undecided_tiles_about_it() -> None:
    found = plane(["....", ".##?", ".##?", "...."])
    assert found.area == (4.0, 6.0)
    assert found.pieces == (1, 1)
    assert found.apart == (0, 0.0)
    assert (found.undecided, found.undecided_share) == (2, 0.125)
    assert sorted(np.unique(found.status)) == [OUTSIDE, INSIDE, UNDECIDED]


def test_corners_connect_and_undecided_tiles_may() -> None:
    assert plane(["#...", ".#..", "..#.", "...#"]).pieces == (1, 1)
    assert plane(["#...", "....", "..#.", "...#"]).pieces == (2, 2)
    assert plane(["#...", ".?..", "..#.", "...#"]).pieces == (1, 2)
    assert plane(["#..?", "...?", "....", "#..."]).apart == (1, 2.0)
    assert plane(["....", "....", "....", "...."]).pieces == (0, 0)
    assert plane(["....", ".?..", "....", "...?"]).apart == (2, 2.0)


def test_tiles_of_different_sizes_touch() -> None:
    places = [(1, 0, 0), (1, 0, 1), (1, 1, 1), (2, 2, 0), (2, 2, 1), (2, 3, 0), (2, 3, 1)]
    depth, index = np.array([p[0] for p in places]), np.array([p[1:] for p in places])
    axes = [Axis(name, np.array([0.0, 4.0])) for name in "xy"]
    for inside, pieces in (([0, 3], 1), ([0, 4], 1), ([0, 5], 2), ([0, 6], 2), ([1, 4], 1), ([2, 5], 2), ([2, 6], 1)):
        upper = np.full(depth.size, np.inf)
        upper[inside] = 1.0
        lower = np.where(upper < 2.0, 0.0, 9.0)
        tiles = ProvenTiles(depth, index, *ends_of(axes, index, depth), lower, upper)
        found = proven_region(("x", "y"), 0.9, tiles, (0.0, 0.0))
        assert found.pieces == (pieces, pieces), inside
        assert signed_area(found.rings(INSIDE)) == pytest.approx(found.area[0])


def test_borders_of_tiles_enclose_their_area_with_holes_taken_out() -> None:
    found = plane(["########", "#......#", "#.####.#", "#.#..#.#", "#.#..#.#", "#.####.#", "#......#", "########"])
    rings = found.rings(INSIDE)
    assert len(rings) == 4
    assert signed_area(rings) == found.area[0] == 28.0 + 12.0
    assert all(np.array_equal(ring[0], ring[-1]) for ring in rings)
    assert sorted(len(ring) for ring in rings) == [5, 5, 5, 5]
    assert signed_area(plane(["#...", ".#..", "..#.", "...#"]).rings(INSIDE)) == 4.0
    assert plane(["...."] * 4).rings(INSIDE) == []


def test_ends_of_intervals_lie_between_undecided_tiles() -> None:
    marks = "?##?..?#"
    depth, index = np.full(8, 3), np.arange(8)[:, None]
    axis = Axis("x", np.array([0.0, 8.0]))
    lower, upper = np.array([BOUNDS[mark] for mark in marks]).T
    tiles = ProvenTiles(depth, index, *ends_of([axis], index, depth), lower, upper)
    found = proven_region(("x",), 0.9, tiles, (0.0, 0.0))
    assert found.ends == (((0.0, 1.0), (3.0, 4.0)), ((6.0, 7.0), (8.0, 8.0)))
    assert found.area == (3.0, 6.0)
    assert found.pieces == (2, 2)


def test_the_safe_end_of_the_lowest_chi2_decides() -> None:
    axis = Axis("x", np.array([0.0, 1.0]))
    zero = np.zeros(1, dtype=np.int64)
    tiles = ProvenTiles(zero, zero[:, None], *ends_of([axis], zero[:, None], zero), np.array([3.0]), np.array([4.0]))
    level = 2.705543454095404
    for lowest, status in (
        ((0.0, 0.2), OUTSIDE),
        ((0.0, 0.3), UNDECIDED),
        ((1.3, 1.4), INSIDE),
        ((1.2, 1.4), UNDECIDED),
    ):
        found = proven_region(("x",), 0.9, tiles, lowest)
        assert found.level == pytest.approx(level)
        assert found.status.tolist() == [status], lowest
