"""Profiles from the tiles that matter alone, against those of the whole grid."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scanengine
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.driver.skipping import compact_tiling, cut_above, relevant_tiles
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling
from scanengine.scan import estimate

NSI_5D = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")


def small_scan(*overrides: str) -> scanengine.Scan:
    points = [f"axes.{name}.points={n}" for name, n in zip(NSI_5D, (13, 13, 5, 5, 5), strict=True)]
    return scanengine.load("large/nsi-5d", [*points, "output.profile=grid", "output.keep=profiles", *overrides])


def polynomial_of(scan: scanengine.Scan) -> ChiSquaredPolynomial:
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    assert isinstance(polynomial, ChiSquaredPolynomial)
    return polynomial


def assert_same(found: Profiles, expected: Profiles) -> None:
    assert found.minimum == expected.minimum
    assert found.best_fit == expected.best_fit
    for name, line in expected.lines.items():
        assert np.array_equal(found.lines[name], line)
    for pair, plane in expected.planes.items():
        assert np.array_equal(found.planes[pair], plane)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(2, 9), min_size=1, max_size=4),
    st.sampled_from([1e-3, 1.0, 10.0, 1e3, 1e12]),
    st.integers(1, 200),
    st.none() | st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_no_cell_up_to_the_height_differs_from_the_whole_scan(
    seed: int, shape: list[int], highest: float, tile_points: int, compact: list[int] | None
) -> None:
    random = np.random.default_rng(seed)
    n = len(shape)
    monomials = Monomials.of(n, 2)
    residuals = 10.0 ** random.uniform(-1.0, 2.0) * random.normal(size=(5, len(monomials.exponents)))
    polynomial = ChiSquaredPolynomial(random.normal(size=n), random.uniform(0.5, 2.0, size=n), monomials, residuals)
    ends = zip(polynomial.centre, polynomial.half_width, shape, strict=True)
    axes = [Axis("abcd"[i], np.linspace(c - h, c + h, points)) for i, (c, h, points) in enumerate(ends)]
    tiling = Tiling.of(tuple(shape), tile_points) if compact is None else Tiling(tuple(shape), tuple(compact[:n]))
    tiles = relevant_tiles(highest, polynomial, axes, tiling)
    assert set(tiles.starts()) <= set(tiling.starts())
    assert list(tiles.starts()) == sorted(tiles.starts())
    assert len(tiles) == len(list(tiles.starts()))
    some = scan_grid(polynomial, axes, NoSink(), tiling=tiles)
    whole = scan_grid(polynomial, axes, NoSink(), tiling=tiling)
    assert_same(cut_above(highest, some), cut_above(highest, whole))
    if highest > 1e11:
        assert tiles.points == int(np.prod(shape))


@pytest.mark.parametrize("points", [{"eps_ee_uV": 301, "eps_ee_dV": 301}, {"eps_et_dV": 301, "mu_nu": 201}])
def test_tiles_are_cut_where_the_residuals_bend(points: dict[str, int]) -> None:
    scan = small_scan(*(f"axes.{name}.points={n}" for name, n in points.items()))
    axes = scan.definition.axes
    tiling = compact_tiling(polynomial_of(scan), axes)
    assert tiling.grid_shape == tuple(axis.values.size for axis in axes)
    assert np.prod(tiling.tile_shape) <= 1 << 17
    cut = {axis.name for axis, n in zip(axes, tiling.tile_shape, strict=True) if n < axis.values.size}
    assert {"eps_ee_uV", "eps_ee_dV"} <= cut
    assert "sin2_theta_w" not in cut


def test_the_profiles_of_five_parameters_are_those_of_the_whole_scan_up_to_the_height() -> None:
    scan = small_scan()
    polynomial, axes = polynomial_of(scan), scan.definition.axes
    tiling = Tiling.of(tuple(axis.values.size for axis in axes), 500)
    whole = scan_grid(polynomial, axes, NoSink(), tiling=tiling)
    visited = []
    for highest in (10.0, 30.0, 1000.0):
        tiles = relevant_tiles(highest, polynomial, axes, tiling)
        assert_same(cut_above(highest, scan_grid(polynomial, axes, NoSink(), tiling=tiles)), cut_above(highest, whole))
        visited.append(tiles.points)
    assert visited[0] <= visited[1] <= visited[2] < 13 * 13 * 125
    assert visited[1] < 0.25 * 13 * 13 * 125


def test_regions_and_limits_are_those_of_the_whole_scan(tmp_path: Path) -> None:
    whole, some = small_scan().run(), small_scan("output.delta_chi2_max=1000.0").run(tmp_path / "some.h5")
    assert some.minimum == pytest.approx(whole.minimum, abs=1e-9)  # in other tiles chi2 may be rounded otherwise
    assert some.best_fit == whole.best_fit
    for name in NSI_5D:
        line, expected = some.profile(name).delta_chi2, whole.profile(name).delta_chi2
        assert line[expected <= 1000.0] == pytest.approx(expected[expected <= 1000.0], rel=1e-9, abs=1e-9)
        assert np.all(np.isinf(line[expected > 1000.0]))
    assert np.isinf(some.profile("eps_ee_uV", "eps_ee_dV").chi2).any()
    with h5py.File(tmp_path / "some.h5") as file:
        assert file.attrs["delta_chi2_max"] == 1000.0


def test_a_whole_scan_has_no_height_in_its_file(tmp_path: Path) -> None:
    small_scan().run(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as file:
        assert "delta_chi2_max" not in file.attrs


@pytest.mark.slow
def test_exact_profiles_do_not_depend_on_what_was_skipped() -> None:
    whole, some = (small_scan("output.profile=exact", *more).run() for more in ((), ("output.delta_chi2_max=30.0",)))
    pair = "eps_ee_uV", "mu_nu"
    assert some.minimum == pytest.approx(whole.minimum, abs=1e-12)
    assert some.profile(*pair).chi2 == pytest.approx(whole.profile(*pair).chi2, rel=1e-9, abs=1e-9)


def test_progress_ends_with_the_points_that_were_visited() -> None:
    told: list[tuple[int, int]] = []
    scan = small_scan("output.delta_chi2_max=30.0", "axes.eps_ee_uV.points=301")
    scan.run(progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] < 301 * 13 * 125


def test_the_estimate_counts_the_tiles_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    now, scan_block = [0.0], estimate._try

    def timed(*arguments: Any) -> int:
        points = scan_block(*arguments)
        now[0] += 1e-9 * points  # a machine that nothing holds up
        return points

    monkeypatch.setattr(estimate, "_try", timed)
    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    more = [f"axes.{name}.points=61" for name in NSI_5D]
    whole, some = small_scan(*more).estimate(), small_scan(*more, "output.delta_chi2_max=10.0").estimate()
    assert some.points == whole.points
    assert some.seconds < 0.5 * whole.seconds


def test_a_level_above_the_height_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "some.h5"
    in_memory = small_scan("output.delta_chi2_max=4.0").run()
    stored = small_scan("output.delta_chi2_max=4.0").run(path)
    for result in (in_memory, stored, scanengine.open_result(path)):
        assert result.region("eps_ee_uV", "mu_nu", cl=0.68).level < 4.0
        with pytest.raises(scanengine.InputError, match=r"95% C.L. is delta chi2 = 5.991, but this scan went"):
            result.region("eps_ee_uV", "mu_nu", cl=0.95)
        with pytest.raises(scanengine.InputError, match=r"99% C.L. is delta chi2 = 6.635"):
            result.limits(0.99)
    exact = small_scan("output.delta_chi2_max=4.0", "output.profile=exact").run()
    assert exact.region("eps_ee_uV", "mu_nu", cl=0.95).level > 4.0
