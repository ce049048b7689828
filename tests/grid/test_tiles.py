"""Tiles of one or two axes: their ends, and whether they cover all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scanengine.grid.axes import Axis
from scanengine.grid.tiles import ProvenTiles, codes, edges, ends_of


def tiles_at(places: list[tuple[int, int, int]], axes: tuple[Axis, ...] | None = None) -> ProvenTiles:
    """Return tiles (depth, x, y) of axes from 0 to 1, or of others, without bounds."""
    axes = axes or tuple(Axis(name, np.array([0.0, 1.0])) for name in "xy")
    depth, index = np.array([p[0] for p in places]), np.array([p[1:] for p in places])
    start, stop = ends_of(axes, index, depth)
    return ProvenTiles(depth, index, start, stop, np.zeros(depth.size), np.full(depth.size, np.inf))


QUARTERS = [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 2, 2), (2, 2, 3), (2, 3, 2), (2, 3, 3)]


def test_tiles_are_whole_if_each_place_is_covered_once() -> None:
    whole = tiles_at(QUARTERS)
    assert whole.are_whole()
    assert whole.size.sum() == 1.0
    assert tiles_at(QUARTERS[::-1]).are_whole()
    assert not tiles_at(QUARTERS[:-1]).are_whole()
    assert not tiles_at([*QUARTERS, QUARTERS[0]]).are_whole()
    assert not tiles_at([*QUARTERS[:-1], (2, 3, 2)]).are_whole()
    assert not tiles_at([(1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 2)]).are_whole()
    moved = whole.stop.copy()
    moved[0, 0] *= 1.01
    assert not replace(whole, stop=moved).are_whole()


def test_the_halves_of_an_axis_are_equal_in_its_points() -> None:
    log = Axis("m", 10.0 ** np.arange(5.0))
    assert edges(log, np.arange(5), np.full(5, 2)).tolist() == log.values.tolist()
    even = Axis("x", np.linspace(-2.0, 3.0, 7))
    assert edges(even, np.array([0, 1, 8]), np.array([0, 1, 3])).tolist() == [-2.0, 0.5, 3.0]


def test_what_two_tiles_share_is_one_number() -> None:
    axis = Axis("x", np.array([0.1, 0.3, 0.7, 1.3]))
    a = edges(axis, np.array([3]), np.array([3]))
    assert a == edges(axis, np.array([3 << 20]), np.array([23]))


def test_codes_fill_a_tile_before_they_leave_it() -> None:
    places = np.array([[x, y] for x in range(8) for y in range(8)])
    found = codes(places)
    assert sorted(found.tolist()) == list(range(64))
    quarter = found[np.all(places // 4 == [1, 0], axis=1)]
    assert quarter.max() - quarter.min() == 15
    turned = tiles_at(QUARTERS).turned
    assert turned.are_whole()
    assert turned.index.tolist() == [[y, x] for _, x, y in QUARTERS]
