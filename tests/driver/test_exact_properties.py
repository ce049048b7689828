"""What exact profiles cannot get wrong, whatever chi2 is: a search that misses a valley breaks one of these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scanengine
from scanengine.api import Result
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.cli.minimum import tell_of_checks
from scanengine.driver import exact_profiles as profiling
from scanengine.driver import final_checks, fine_grid
from scanengine.driver.final_checks import Checks
from scanengine.driver.grid_valleys import OnGrid, lowest_on_grid
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.store import open_unfinished
from tests.driver.test_exact_profiles import (
    axes_of,
    chi2_at,
    grid_profiles,
    polynomial_with_squares,
    random_polynomial,
    reference_minimum,
)
from tests.figures.test_figures import words

VALLEYS = Path(__file__).parents[1] / "valleys"
SCANS = ("three-axes", "four-axes", "four-axes-b", "four-axes-c", "five-axes")
SEEDS = st.integers(0, 2**32 - 1)
STEEP = 30.0
"""Residuals so much steeper than the box is wide make narrow valleys."""

exactly = settings(max_examples=6, derandomize=True, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def few_cells() -> Iterator[None]:
    """Refine axes to 31 points here: what is to hold does not depend on it."""
    fine = fine_grid.FINE_POINTS
    fine_grid.FINE_POINTS = 31
    yield
    fine_grid.FINE_POINTS = fine


@pytest.fixture(scope="module")
def runs() -> dict[str, Result]:
    fine_grid.FINE_POINTS, few = 101, fine_grid.FINE_POINTS
    found = {name: scanengine.load(VALLEYS / f"{name}.toml").run() for name in SCANS}
    fine_grid.FINE_POINTS = few
    return found


class Valleys(NamedTuple):
    """chi2 with many narrow valleys, a grid of five points along each axis, and the one of these at which it vanishes.

    So does chi2 of expectations compared with themselves, at the parameters that the data were made with.
    """

    polynomial: ChiSquaredPolynomial
    axes: tuple[Axis, ...]
    place: FloatArray


def valleys(n: int, K: int, seed: int) -> Valleys:
    """K random residuals in n variables, some of which enter as squares alone."""
    random = np.random.default_rng(seed)
    squared = [i for i in range(n) if random.random() < 0.3]
    ends = [(0.0, 1.0) if i in squared and random.random() < 0.5 else (-1.0, 1.0) for i in range(n)]
    axes = tuple(Axis("abcdef"[i], np.linspace(lo, hi, 5)) for i, (lo, hi) in enumerate(ends))
    place = np.array([random.choice(axis.values) for axis in axes])
    polynomial = polynomial_with_squares(ends, squared, K, seed)
    t = (place - polynomial.centre) / polynomial.half_width
    polynomial.residuals[:, polynomial.monomials.column_of_product(0)] -= polynomial.residuals @ (
        polynomial.monomials.values(t)
    )
    polynomial.residuals[:] *= STEEP
    assert chi2_at(polynomial, t) == pytest.approx(0.0, abs=1e-20)
    return Valleys(polynomial, axes, place)


def exact(polynomial: ChiSquaredPolynomial, axes: tuple[Axis, ...]) -> tuple[tuple[Axis, ...], Profiles, Profiles]:
    grid, _ = grid_profiles(polynomial, axes)
    fine, found = profiling.exact_profiles(polynomial, axes, grid)
    return fine, found, grid


def held(polynomial: ChiSquaredPolynomial, i: int, t: float) -> ChiSquaredPolynomial:
    """The same chi2 with one scaled variable held."""
    n = polynomial.centre.size
    monomials = Monomials.of(n - 1, 2)
    residuals = np.zeros((len(polynomial.residuals), len(monomials.exponents)))
    for c, exponents in enumerate(polynomial.monomials.exponents):
        rest = exponents[:i] + exponents[i + 1 :]
        residuals[:, monomials.column[rest]] += polynomial.residuals[:, c] * t ** exponents[i]
    centre, half_width = (np.delete(v, i) for v in (polynomial.centre, polynomial.half_width))
    return ChiSquaredPolynomial(centre, half_width, monomials, residuals)


def close_above(higher: FloatArray, lower: FloatArray) -> bool:
    return bool(np.all(lower <= higher + 1e-6 * (1.0 + np.abs(higher))))


@exactly
@given(st.integers(3, 4), st.integers(3, 6), SEEDS)
def test_a_free_parameter_more_never_raises_a_profile(n: int, K: int, seed: int) -> None:
    polynomial, axes, _ = valleys(n, K, seed)
    _, free, _ = exact(polynomial, axes)
    for i in (0, n - 1):
        values = axes[i].values
        for value in (values[0], values[2]):
            rest = axes[:i] + axes[i + 1 :]
            fewer = held(polynomial, i, (value - polynomial.centre[i]) / polynomial.half_width[i])
            _, with_one_held, _ = exact(fewer, rest)
            for pair, plane in with_one_held.planes.items():
                assert close_above(plane, free.planes[pair])
            for name, line in with_one_held.lines.items():
                assert close_above(line, free.lines[name])


@exactly
@given(st.integers(2, 5), st.integers(2, 7), SEEDS)
def test_an_exact_profile_is_nowhere_above_the_grids_own_nor_a_line_above_its_planes(n: int, K: int, seed: int) -> None:
    polynomial, axes, _ = valleys(n, K, seed)
    fine, found, grid = exact(polynomial, axes)
    steps = {axis.name: (finer.values.size - 1) // 4 for axis, finer in zip(axes, fine, strict=True)}
    for (x, y), plane in grid.planes.items():
        assert np.all(found.planes[x, y][:: steps[x], :: steps[y]] <= plane)
        for along, name in ((1, x), (0, y)):
            assert close_above(found.planes[x, y].min(axis=along), found.lines[name])
    for x, line in grid.lines.items():
        assert np.all(found.lines[x][:: steps[x]] <= line)
        assert found.minimum <= found.lines[x].min() + 1e-9
    assert found.minimum <= grid.minimum


@exactly
@given(st.integers(3, 6), st.integers(3, 9), SEEDS)
def test_where_the_best_fit_is_a_point_of_a_plane_its_cell_holds_the_global_minimum(n: int, K: int, seed: int) -> None:
    polynomial, axes, place = valleys(n, K, seed)
    unknown = Profiles(
        1e300,
        tuple(float(axis.values[0]) for axis in axes),
        {axis.name: np.full(5, np.inf) for axis in axes},
        {(a.name, b.name): np.full((5, 5), np.inf) for a, b in combinations(axes, 2)},
    )
    fine, found = profiling.exact_profiles(polynomial, axes, unknown)
    at = {axis.name: int(np.argmin(np.abs(axis.values - x))) for axis, x in zip(fine, place, strict=True)}
    assert found.minimum == pytest.approx(0.0, abs=1e-9)
    for (x, y), plane in found.planes.items():
        assert plane[at[x], at[y]] == pytest.approx(0.0, abs=1e-9)
    for x, line in found.lines.items():
        assert line[at[x]] == pytest.approx(0.0, abs=1e-9)


@settings(exactly, max_examples=2)
@given(SEEDS)
def test_scipy_from_many_starts_finds_no_cell_too_high(seed: int) -> None:
    polynomial, axes, _ = valleys(4, 5, seed)
    fine, found, _ = exact(polynomial, axes)
    t = polynomial.scaled([axis.values for axis in fine])
    box = [(float(v[0]), float(v[-1])) for v in t]
    for (a, b), (i, j) in (((0, 1), (7, 20)), ((1, 3), (3, 11)), ((2, 3), (15, 28))):
        reference = reference_minimum(polynomial, {a: t[a][i], b: t[b][j]}, box)
        assert found.planes["abcd"[a], "abcd"[b]][i, j] <= reference + 1e-6 * (1.0 + reference)


def test_what_the_grid_knows_is_a_start() -> None:
    """A grid that is lower than any search: its point is found, and searched from, and its neighbours learn of it."""
    polynomial = random_polynomial(4, residuals=6, seed=1)
    axes = axes_of(polynomial, 5)
    grid, _ = grid_profiles(polynomial, axes)
    pair = (0, 1)
    problem = fine_grid.FineGrid.of(polynomial, axes)
    plane = problem.cells(*pair)
    plane.chi2[:] = 1e6
    on_grid = OnGrid(polynomial, axes, pair, grid.planes["a", "b"], (1, 1))
    assert final_checks.settle(plane, on_grid, pair).doubtful == 0
    assert np.all(plane.chi2.reshape(5, 5) <= grid.planes["a", "b"] + 1e-9)


def test_the_plane_of_two_axes_is_refined_too() -> None:
    polynomial, axes, _ = valleys(2, 3, seed=3)
    grid, _ = grid_profiles(polynomial, axes)
    fine, found = profiling.exact_profiles(polynomial, axes, grid)
    t = polynomial.scaled([axis.values for axis in fine])
    for i, j in ((0, 0), (13, 7), (30, 22)):
        assert found.planes["a", "b"][i, j] == pytest.approx(chi2_at(polynomial, np.array([t[0][i], t[1][j]])))
    as_fine = axes_of(polynomial, 31)
    assert not profiling.exact_profiles(polynomial, as_fine, grid_profiles(polynomial, as_fine)[0])[1].planes


@pytest.mark.parametrize("name", [name for name in SCANS if name != "three-axes"])  # all closed, and too coarse
def test_a_scan_with_valleys_that_pass_between_its_points_shows_them(runs: dict[str, Result], name: str) -> None:
    """The data are the Standard Model's expectations, at which chi2 vanishes, inside the axes."""
    found = runs[name]
    assert found.minimum == pytest.approx(0.0, abs=1e-9)
    for pair in found.planes:
        plane = found.profile(*pair)
        assert plane.chi2.min() < 0.5
        assert found.region(*pair, cl=0.90).pieces
    assert not found.doubtful


def test_what_stays_doubtful_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = {(0, 2): Checks(500, 7)}
    monkeypatch.setattr(final_checks, "settle", lambda plane, grid, pair: checks.get(pair, Checks(300, 0)))
    found = scanengine.load(VALLEYS / "four-axes.toml").run(tmp_path / "four.h5")
    assert found.doubtful == {("eps_em_uV", "eps_ee_dV"): 7}
    assert scanengine.open_result(tmp_path / "four.h5").doubtful == found.doubtful
    assert scanengine.open_result(tmp_path / "four.h5").checked == found.checked
    assert found.checked["eps_em_uV", "eps_ee_dV"] == 500
    tell_of_checks(found)
    told = capsys.readouterr()
    assert "eps_em_uV and eps_ee_dV may be too high in places: in 7 cells" in told.err
    assert re.search(r"in 6 planes; final checks from random points in 2,000 of [\d,]+ cells, see the warn", told.out)


def test_checks_that_found_nothing_are_no_proof(capsys: pytest.CaptureFixture[str], runs: dict[str, Result]) -> None:
    found = runs["four-axes-b"]
    tell_of_checks(found)
    told = capsys.readouterr()
    assert re.search(r"random points in [\d,]+ of [\d,]+ cells, found no lower chi2 \(not a proof", told.out)
    assert not told.err


def test_an_interrupt_while_searching_keeps_the_grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    scan, path = scanengine.load(VALLEYS / "four-axes.toml", ["output.keep=grid"]), tmp_path / "four.h5"
    with monkeypatch.context() as patch:
        patch.setattr(final_checks, "settle", interrupted)
        with pytest.raises(scanengine.Interrupted, match="the same command resumes from there"):
            scan.run(path)
    unfinished = open_unfinished(tmp_path / "four.partial.h5")
    assert unfinished is not None
    assert unfinished.done == unfinished.tiles
    found = scan.run(path)
    assert found.checked
    assert path.exists()


def test_where_two_valleys_meet_a_third_may_be_lower_in_one_cell_alone(runs: dict[str, Result]) -> None:
    """No cell beside these has its minimum in that valley, and no lattice saw it: random starts in every cell did."""
    found = runs["four-axes-c"]
    plane = found.profile("eps_em_uV", "eps_mm_uV").chi2
    highest = {(13, 67): 56850.2312, (42, 84): 1.7785, (43, 78): 1.2801, (71, 79): 0.8757, (96, 68): 40308.5877}
    too_high = [cell for cell, chi2 in highest.items() if plane[cell] > chi2 + 1e-3]
    assert len(too_high) <= 1  # random starts are likely to find each, and bound to find none
    assert found.checked["eps_em_uV", "eps_mm_uV"] > 200


def test_borders_are_where_minima_of_neighbours_are_far_apart() -> None:
    polynomial, axes, _ = valleys(4, 5, seed=1)
    plane = fine_grid.FineGrid.of(polynomial, axes).cells(0, 1)
    ends = plane.hidden.box
    plane.where[:] = ends.lower
    assert not plane.is_border(0.2).any()
    plane.where[7] += 0.3 * (ends.upper - ends.lower)
    assert np.flatnonzero(plane.is_border(0.2)).tolist() == [2, 6, 7, 8, 12]
    assert not plane.is_border(0.4).any()


def test_the_lowest_valleys_of_a_grid_are_starts() -> None:
    polynomial, axes, place = valleys(4, 3, seed=5)
    grid, _ = grid_profiles(polynomial, axes)
    on_grid = [
        OnGrid(polynomial, axes, (i, j), grid.planes["abcd"[i], "abcd"[j]], (1, 1))
        for i, j in combinations(range(4), 2)
    ]
    known = np.concatenate(polynomial.scaled(list(place[:, None])))[None]
    found = lowest_on_grid(on_grid, grid.minimum, known)
    assert 0 < len(found) <= 6
    chi2 = [chi2_at(polynomial, t) for t in found]
    assert chi2 == pytest.approx(sorted(chi2))
    lowest = {
        float(v)
        for plane in on_grid
        for v in (plane.chi2[tuple(at)] for at in plane.valleys(2))
        if v > grid.minimum + 1e-9
    }
    assert min(chi2) == pytest.approx(min(lowest))


def test_a_plane_without_an_allowed_point_says_that_the_best_fit_lies_between(runs: dict[str, Result]) -> None:
    """The valley is narrower than a step: no cell is below 4.93, and chi2 vanishes between the cells."""
    found = runs["three-axes"]
    assert found.profile("eps_mm_uV", "eps_ee_uV").chi2.min() - found.minimum > 4.605
    (warning,) = found.region("eps_mm_uV", "eps_ee_uV", cl=0.90).warnings
    assert "No grid point over eps_mm_uV, eps_ee_uV lies in the 90% region" in warning
    assert "the best fit lies between the points, and more of them would show the 90% region" in warning
    (line,) = (each for each in found.limits(0.90) if each.axis == "eps_ee_uV")
    assert not list(line)
    assert "the best fit lies between the points" in line.warnings[0]
    for figure in (found.plot(cl=0.90), found.plot("eps_mm_uV", "eps_ee_uV", cl=0.90)):
        assert words(figure).count("2 dof: no grid point over") == 1


@pytest.mark.parametrize(
    ("name", "shown", "place", "highest"),
    [
        ("four-axes", ("eps_em_uV", "mu_nu_e"), (-0.00038, 0.0), 1e-6),
        ("three-axes", ("r2_nu_mu",), (-1.65263,), 14.2708),
        ("three-axes", ("r2_nu_mu",), (0.82805,), 3.6907),
    ],
)
def test_cells_that_were_too_high(
    runs: dict[str, Result], name: str, shown: tuple[str, ...], place: tuple[float, ...], highest: float
) -> None:
    profile = runs[name].profile(*shown)
    at = tuple(int(np.argmin(np.abs(axis.values - x))) for axis, x in zip(profile.axes, place, strict=True))
    assert [axis.values[i] for axis, i in zip(profile.axes, at, strict=True)] == pytest.approx(place, abs=1e-4)
    assert profile.chi2[at] <= highest


def test_a_sixth_axis_does_not_exclude_the_standard_model() -> None:
    names = "eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w"
    overrides = [f"axes.{name}.points=5" for name in names]
    overrides += ["output.keep=profiles", "output.planes=[['eps_et_dV','mu_nu'],['eps_ee_uV','eps_et_dV']]"]
    five = scanengine.load("large/nsi-5d", overrides).run()
    six = scanengine.load("large/nsi-5d", [*overrides, "axes.eps_mm_uV={min=-1,max=1,points=5}"]).run()
    for pair in five.planes:
        lower, higher = six.profile(*pair).chi2, five.profile(*pair).chi2
        assert close_above(higher, lower)
    plane = six.profile("eps_et_dV", "mu_nu")
    at = [int(np.argmin(np.abs(axis.values - x))) for axis, x in zip(plane.axes, (0.0, 1.05), strict=True)]
    assert plane.chi2[at[0], at[1]] < 1e-3
