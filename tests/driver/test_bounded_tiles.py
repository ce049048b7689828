"""Skipping for counts and nuisances: tiles that are left out lie above, profiles up to there are those of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine.api.scan import Scan
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import Definition
from scanengine.driver.bounded_tiles import bounded_tiles_of_each, fitting_tiling
from scanengine.driver.skipping import low_point
from scanengine.grid.axes import Axis
from scanengine.grid.tiling import SomeTiles, Tiling
from scanengine.scan.grid_scan import GridScan
from tests.naive import FloatArray
from tests.random_scans import random_scan
from tests.scan_files import definition, experiment

FINE: dict[str, Any] = {
    "eps_ee_uV": {"min": -0.6, "max": 0.9, "points": 31},
    "eps_ee_dV": {"min": -0.7, "max": 0.8, "points": 29},
    "mu_nu": {"min": 0.0, "max": 40.0, "points": 11},
}
DELTA = 12.0
SKIPPED = {"keep": "profiles", "delta_chi2_max": DELTA}
FLAT = {"name": "flat", "counts": [40.0, 30.0, 20.0, 10.0]}
BINNED: dict[str, Any] = {
    "channels": {"all": ["nu_e", "nu_mubar", "nu_mu"]},
    "recoil_window_keV": None,
    "recoil_bins_keV": [10.0, 20.0, 30.0, 50.0, 90.0],
}
FLUX = {"name": "flux", "width": 0.1, "signal": "all"}
PLUS, MINUS = [46.0, 32.0, 16.0, 6.0], [38.0, 30.0, 21.0, 11.0]
TILT = {"name": "tilt", "shape": [{"experiment": "A", "background": "flat", "plus": PLUS, "minus": MINUS}]}
LOG = {"name": "level", "width": 0.3, "pull": "log", "background": ["A.flat"]}
NUISANCES: dict[str, list[dict[str, Any]]] = {
    "poisson": [],
    "flux": [FLUX],
    "kinks": [FLUX, TILT],
    "logarithm": [FLUX, LOG],
    "gaussian": [FLUX],
}
"""By kind of a chi2 that is no sum of squares."""


def scan_of(kind: str, output: dict[str, Any]) -> Definition:
    counted = [experiment(**BINNED, backgrounds=[FLAT]), experiment(name="B", target="Xe132")]
    statistic = "gaussian" if kind == "gaussian" else "poisson"
    return definition(counted, axes=FINE, nuisances=NUISANCES[kind], statistic=statistic, output=output)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles small enough that these grids have many."""
    monkeypatch.setattr("scanengine.driver.bounded_tiles._TILE_POINTS", dict.fromkeys(Cost, 64))


def tiles_of(delta: float, parts: Sequence[tuple[ScanEvaluator, Sequence[Axis]]], threads: int = 1) -> list[SomeTiles]:
    found = bounded_tiles_of_each(delta, parts, 1 << 20, threads)
    assert found is not None
    return found


def visited(tiles: Tiling) -> np.ndarray:
    found = np.zeros(tiles.grid_shape, dtype=np.bool_)
    for start in tiles.starts():
        found[tuple(slice(s, s + n) for s, n in zip(start, tiles.shape_at(start), strict=True))] = True
    return found


def assert_same_below(found: FloatArray, right: FloatArray, highest: float) -> None:
    """Profiles agree up to a height, above which they are infinite."""
    inside = right <= highest - 1e-6
    assert inside.any()
    assert np.allclose(found[inside], right[inside], rtol=1e-9, atol=1e-9)
    assert np.all(np.isinf(found[right > highest + 1e-6]))


@pytest.mark.parametrize("kind", list(NUISANCES))
def test_profiles_are_those_of_the_grid_as_far_as_they_go(kind: str, tmp_path: Path) -> None:
    whole = Scan(scan_of(kind, {"keep": "grid"})).run()
    scan = Scan(scan_of(kind, SKIPPED))
    some = scan.run(tmp_path / "some.h5")
    tiles = GridScan(scan.problem).tiles
    assert isinstance(tiles, SomeTiles)
    assert some.minimum == pytest.approx(whole.minimum, abs=1e-9)
    assert whole.chi2[~visited(tiles)].min() > whole.minimum + DELTA
    assert visited(tiles).mean() < 0.8
    for names in [("mu_nu",), ("eps_ee_uV", "eps_ee_dV"), ("eps_ee_uV", "mu_nu")]:
        assert_same_below(some.profile(*names).chi2, whole.profile(*names).chi2, whole.minimum + DELTA)


@pytest.mark.parametrize("kind", ["nuisance", "poisson"])
@pytest.mark.parametrize("seed", range(12))
def test_random_scans_leave_out_nothing_that_is_near_the_minimum(kind: str, seed: int) -> None:
    problem = Scan(random_scan(seed, kind, most_axes=3).definition()).problem
    axes, evaluator = problem.coordinates.axes, problem.polynomial
    if evaluator.bounded is None:  # a single nuisance of one count is a square after all
        assert evaluator.squares is not None
        return
    chi2 = np.empty([axis.values.size for axis in axes])
    evaluator.fill([axis.values for axis in axes], chi2)
    for delta in (0.5, 10.0):
        (found,) = tiles_of(delta, [(evaluator, axes)])
        assert np.all(chi2[~visited(found)] > chi2.min() + delta)


def test_threads_change_nothing() -> None:
    problem = Scan(scan_of("kinks", SKIPPED)).problem
    parts = [(problem.polynomial, problem.coordinates.axes)]
    (alone,), (together,) = (tiles_of(DELTA, parts, threads) for threads in (1, 3))
    assert np.array_equal(alone.numbers, together.numbers)
    assert 0 < together.number < np.prod(together.counts)


def test_more_tiles_than_can_be_bounded() -> None:
    problem = Scan(scan_of("kinks", SKIPPED)).problem
    assert bounded_tiles_of_each(DELTA, [(problem.polynomial, problem.coordinates.axes)], 3) is None


def test_outer_axes(tmp_path: Path) -> None:
    key = "experiments.A.mass_kg"
    axes = {key: {"min": 50.0, "max": 150.0, "points": 3}, "eps_ee_uV": FINE["eps_ee_uV"]}

    def scan(output: dict[str, Any]) -> Scan:
        counted = experiment(**BINNED, backgrounds=[FLAT])
        return Scan(definition([counted], axes=axes, statistic="poisson", nuisances=[FLUX], output=output))

    whole, some = scan({"keep": "grid"}).run(), scan(SKIPPED).run(tmp_path / "some.h5")
    for names in [(key,), ("eps_ee_uV",)]:
        assert_same_below(some.profile(*names).chi2, whole.profile(*names).chi2, whole.minimum + DELTA)


def test_tiles_are_cut_where_chi2_bends() -> None:
    problem = Scan(scan_of("flux", SKIPPED)).problem
    axes = problem.coordinates.axes
    low, place = low_point(problem.polynomial, axes)
    tiling = fitting_tiling(problem.polynomial, axes, place)
    assert tiling.tile_shape[0] < 31
    assert tiling.tile_shape[1] < 29
    assert low >= 0.0
    assert all(value in axis.values for value, axis in zip(place, axes, strict=True))
