"""The Poisson likelihood: its chi2 of counts, its compiled counts, and scans with it."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy import stats

import scanengine
from scanengine import api
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.poisson import PoissonPolynomial, poisson_chi2
from scanengine.cli.info import describe_result, describe_scan
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.inputs.parameters import PARAMETER_INDEX
from tests import naive
from tests.likelihoods import deviation, filled, grid_points, likelihood_of
from tests.naive import FloatArray
from tests.scan_files import SMALL, definition, experiment

pytestmark = pytest.mark.jit_only

ACCURACY = 1e-11
"""chi2 is right to this times (1 + chi2), where no count comes near zero."""


def poisson(experiments: list[dict[str, Any]] | None = None, **tables: Any) -> Definition:
    return definition(experiments or [experiment()], statistic="poisson", **tables)


# Of counts.


@st.composite
def measurements(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Counts and data, some of them zero."""
    data = draw(st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e6)), min_size=1, max_size=6))
    ratios = draw(st.lists(st.floats(1e-6, 1e3), min_size=len(data), max_size=len(data)))
    return np.array([r * max(n, 1.0) for r, n in zip(ratios, data, strict=True)]), np.array(data)


@given(measurements())
def test_chi2_is_that_of_baker_and_cousins(drawn: tuple[FloatArray, FloatArray]) -> None:
    counts, data = drawn
    exact = naive.poisson_chi2(counts.tolist(), data.tolist())
    assert poisson_chi2(counts, data) == pytest.approx(exact, rel=1e-12, abs=1e-12)
    assert poisson_chi2(counts, data) >= 0.0


@given(st.lists(st.tuples(st.floats(1e-3, 1e4), st.integers(0, 10_000)), min_size=1, max_size=5))
def test_chi2_is_twice_the_logarithm_of_the_ratio_of_likelihoods(pairs: list[tuple[float, int]]) -> None:
    """To the likelihood of counts that are the data themselves; of probabilities as SciPy has them."""
    counts, data = np.array([N for N, _ in pairs]), np.array([n for _, n in pairs])
    ratio = np.sum(stats.poisson.logpmf(data, counts) - stats.poisson.logpmf(data, data))
    assert poisson_chi2(counts, data.astype(np.float64)) == pytest.approx(-2.0 * ratio, rel=1e-8, abs=1e-8)


def test_chi2_of_many_points_is_that_of_each() -> None:
    data = np.array([3.0, 0.0, 7.0])
    grid = np.array([[[3.0, 0.0, 7.0], [3.0, 2.5, 7.0]], [[0.0, 1.0, 7.0], [4.0, 1.0, 6.0]]])
    chi2 = poisson_chi2(grid, data)
    assert chi2[0].tolist() == [0.0, 5.0]
    assert chi2[1, 0] == inf
    assert chi2[1, 1] == pytest.approx(2.0 * (1.0 + 3.0 * np.log(0.75) + 7.0 * np.log(7.0 / 6.0)), rel=1e-14)


def test_counts_below_zero_are_infinitely_unlikely_and_unknown_ones_stay_unknown() -> None:
    data = np.array([3.0])
    assert poisson_chi2(np.array([-1.0]), data) == inf
    assert np.isnan(poisson_chi2(np.array([np.nan]), data))


def test_minimum_of_very_many_counts_keeps_its_digits() -> None:
    with mpmath.workdps(40):
        N, n = mpf(10) ** 12 * (1 + mpf(2) ** -20), mpf(10) ** 12
        exact = float(2 * (N - n + n * mpmath.log(n / N)))
        assert poisson_chi2(np.array([float(N)]), np.array([float(n)])) == pytest.approx(exact, rel=1e-9)


# Of a definition.


def test_data_are_the_standard_model_and_chi2_vanishes_there() -> None:
    scan = poisson([experiment(), experiment(name="B", target="CsI")])
    likelihood = likelihood_of(scan)
    theta = np.zeros(len(PARAMETER_INDEX))
    theta[PARAMETER_INDEX["sin2_theta_w"]] = scan.physics.sin2_theta_w
    assert likelihood.chi2(theta) == 0.0
    theta[PARAMETER_INDEX["eps_ee_uV"]] = 0.3
    exact = naive.poisson_chi2(likelihood.counts(theta).tolist(), likelihood.expected.tolist())
    assert likelihood.chi2(theta) == pytest.approx(exact, rel=1e-12)
    assert exact > 10.0


def test_bins_without_events_are_left_out() -> None:
    """The line of nu_mu on argon ends below 60 keV."""
    scan = poisson([experiment(target="Ar40", recoil_window_keV=None, recoil_bins_keV=[10, 40, 60, 200])])
    likelihood = likelihood_of(scan)
    assert [cell.channel for cell in likelihood.cells] == ["delayed"] * 3 + ["prompt"] * 2
    assert np.all(likelihood.expected > 0.0)
    # the direct evaluation hands over all six
    assert likelihood.chi2_of_counts(np.concatenate((likelihood.expected, [7.0]))) == 0.0


def test_experiment_without_events_is_an_input_error() -> None:
    scan = poisson([experiment(), experiment(name="B")])
    blind = replace(scan.experiments[1], bin_edges_keV=np.array([1000.0, inf]))
    with pytest.raises(InputError, match=r"experiments\.B: no event is expected in any bin"):
        likelihood_of(replace(scan, experiments=(scan.experiments[0], blind)))


def test_experiments_add_up() -> None:
    axes = {"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 11}, "mu_nu": {"min": 0, "max": 20, "points": 5}}
    tables = [experiment(), experiment(name="B", target="CsI", recoil_window_keV=None, recoil_bins_keV=[5, 10, 30])]
    grids = []
    for chosen in (tables, tables[:1], tables[1:]):
        scan = poisson(chosen, axes=axes)
        grids.append(filled(likelihood_of(scan).polynomial(scan.axes, scan.parameters), scan))
    np.testing.assert_allclose(grids[0], grids[1] + grids[2], rtol=1e-11, atol=1e-20)


@pytest.mark.parametrize("mass_kg", [1e4, 1e8])
def test_tends_to_the_gaussian_chi2_of_many_counts(mass_kg: float) -> None:
    """They differ by (N - n)^3 / n^2 and so, at the same chi2, by one over the root of the counts."""
    likelihood = likelihood_of(poisson([experiment(mass_kg=mass_kg)]))
    gaussian = likelihood_of(definition([experiment(mass_kg=mass_kg)]))
    n = likelihood.expected
    counts = n + np.array([1.5, -2.0]) * np.sqrt(n)
    assert gaussian.chi2_of_counts(counts) == pytest.approx(6.25, rel=1e-6)
    difference = float(likelihood.chi2_of_counts(counts) - gaussian.chi2_of_counts(counts))
    leading = -2.0 / 3.0 * float(np.sum(np.array([1.5, -2.0]) ** 3 / np.sqrt(n)))
    assert difference == pytest.approx(leading, rel=20.0 / np.sqrt(n.min()))
    assert abs(difference) < 10.0 / np.sqrt(n.min())


@st.composite
def scans(draw: st.DrawFn) -> dict[str, Any]:
    """The tables of a scan file: one or two experiments with two flavours or more to each count, and their axes."""
    experiments = [
        experiment(
            name=f"experiment {i}",
            target=draw(st.sampled_from(["Ne20", "Ar40", "CsI", "Xe132"])),
            mass_kg=draw(st.floats(0.1, 1e5)),
            recoil_window_keV=None,
            recoil_bins_keV=np.linspace(5.0, 25.0, draw(st.integers(2, 30))).tolist(),
            channels={"all": ["nu_e", "nu_mu", "nu_mubar"]},
        )
        for i in range(draw(st.integers(1, 2)))
    ]
    names = draw(
        st.lists(
            st.sampled_from(["eps_ee_uV", "eps_ee_dV", "eps_et_uV", "mu_nu", "sin2_theta_w"]), unique=True, min_size=1
        )
    )
    ends = {"mu_nu": (0.0, 20.0), "sin2_theta_w": (0.15, 0.32)}
    axes = {}
    for name in names:
        low, high = ends.get(name, (-1.0, 1.0))
        axes[name] = {"min": low, "max": high, "points": draw(st.integers(2, 11 if len(names) < 4 else 3))}
    return {"experiments": experiments, "axes": axes, "fixed": {"eps_em_dV": draw(st.floats(-0.3, 0.3))}}


@settings(max_examples=40)
@given(scans())
def test_polynomial_is_the_direct_chi2_at_every_point(tables: dict[str, Any]) -> None:
    scan = poisson(**tables)
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert deviation(filled(likelihood.polynomial(scan.axes, scan.parameters), scan), exact) < ACCURACY


@pytest.mark.parametrize("mass_kg", [1e-3, 1.0, 1e4, 1e8])
def test_promise_is_kept_with_few_events_and_very_many(mass_kg: float) -> None:
    """Through the Standard Model, where chi2 of up to 1e9 events vanishes, and along the valley beside it."""
    axis = {"min": -1, "max": 1, "points": 201}
    scan = poisson(
        [experiment(mass_kg=mass_kg), experiment(name="B", target="Xe132", mass_kg=mass_kg)],
        axes={"eps_ee_uV": axis, "eps_ee_dV": axis, "mu_nu": {"min": 0, "max": 20, "points": 5}},
    )
    likelihood = likelihood_of(scan)
    exact = likelihood.chi2(scan.parameters.values(grid_points(scan)))
    assert exact.min() < 1e-12
    assert deviation(filled(likelihood.polynomial(scan.axes, scan.parameters), scan), exact) < 1e-12


def test_valley_where_no_count_is_left() -> None:
    """nu_e on neon with one form factor: N vanishes on a line, and chi2 rises to it as its logarithm."""
    scan = poisson([experiment(channels={"all": ["nu_e"]})], axes={"eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 5}})
    likelihood = likelihood_of(scan)
    (n,) = likelihood.expected
    g_p, g_n = naive.Couplings(s2=scan.physics.sin2_theta_w).nucleon()
    vanishes = -(g_p + g_n) / 3.0  # Z = N
    u = vanishes + np.array([-1e-2, -1e-4, 1e-3, 1e-2])
    chi2 = np.full(u.size, np.nan)
    likelihood.polynomial(scan.axes, scan.parameters).fill([u], chi2)
    ratio = ((u - vanishes) / vanishes) ** 2
    exact = 2.0 * n * (ratio - 1.0 - np.log(ratio))
    # a relative rounding of N, 1e-15 n / N
    np.testing.assert_array_less(np.abs(chi2 - exact), 2.0 * n * 1e-14 / ratio)


def test_data_of_no_event_add_twice_the_counts() -> None:
    """Counts 4 + t, 1 + t^2 and 3 - t for data 5, 0 and 2."""
    coefficients = np.array([[4.0, 1.0, 0.0], [1.0, 0.0, 1.0], [3.0, -1.0, 0.0]])
    data = np.array([5.0, 0.0, 2.0])
    one = np.array([1.0])
    polynomial = PoissonPolynomial.of(0.0 * one, one, Monomials.of(1, 2), coefficients, data)
    t = np.linspace(-1.0, 1.0, 9)
    chi2 = np.full(9, np.nan)
    polynomial.fill([t], chi2)
    exact = [naive.poisson_chi2([4.0 + x, 1.0 + x * x, 3.0 - x], data.tolist()) for x in t.tolist()]
    np.testing.assert_allclose(chi2, exact, rtol=1e-12)


# Scans.

POISSON = SMALL.replace("systematic = 0.10\n", "") + '[statistic]\nkind = "poisson"\n'


@pytest.fixture
def scan(tmp_path: Path) -> api.Scan:
    path = tmp_path / "poisson.toml"
    path.write_text(POISSON)
    return scanengine.load(path)


def test_scan_is_the_likelihood_at_every_point_in_memory_and_in_a_file(scan: api.Scan, tmp_path: Path) -> None:
    result = scan.run()
    exact = scan.likelihood.chi2(scan.definition.parameters.values(grid_points(scan.definition)))
    assert deviation(result.chi2[...], exact) < ACCURACY
    i, j = 50, 20
    at = {axis.name: float(axis.values[k]) for axis, k in zip(result.axes, (i, j), strict=True)}
    assert scan.chi2(**at) == pytest.approx(result.chi2[i, j], rel=1e-10)
    stored = scan.run(tmp_path / "out.h5", threads=2)
    assert (result.statistic, stored.statistic) == ("poisson", "poisson")
    assert np.array_equal(stored.chi2, result.chi2)
    assert stored.definition.statistic.kind == "poisson"
    assert result.minimum == pytest.approx(0.0, abs=1e-12)


def test_scan_is_not_the_gaussian_one(scan: api.Scan) -> None:
    gaussian = scanengine.load(scan.definition.path or "", "statistic.kind=gaussian").run()
    assert gaussian.statistic == "gaussian"
    assert deviation(scan.run().chi2[...], gaussian.chi2[...]) > 0.1


def test_direct_evaluation_is_that_of_the_same_statistic(scan: api.Scan) -> None:
    coarse = ["axes.eps_ee_uV.points=5", "axes.eps_ee_dV.points=4"]
    path = scan.definition.path or ""
    direct = scanengine.load(path, [*coarse, "physics.evaluation=direct"])
    fast = scanengine.load(path, coarse).run()
    assert np.max(fast.chi2[...]) > 100.0
    np.testing.assert_allclose(direct.run().chi2[...], fast.chi2[...], rtol=1e-7)
    assert direct.chi2(eps_ee_uV=0.2) == pytest.approx(scan.chi2(eps_ee_uV=0.2), rel=1e-7)


@numba.njit
def of_strength(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    """A constant times the last axis."""
    return float(parameters[-1] * 1e-40 * nucleus[2])


def test_cross_section_of_the_user_that_vanishes_is_infinitely_unlikely(scan: api.Scan) -> None:
    axes = "axes={ strength = { values = [0.0, 1.0, 2.0] } }"
    own = scanengine.load(scan.definition.path or "", axes, cross_section=of_strength)
    chi2 = own.run().chi2[...]
    assert chi2[0] == inf
    assert np.all(np.isfinite(chi2[1:]))


def test_profile_through_a_vanishing_count_is_kept_and_read_again(scan: api.Scan, tmp_path: Path) -> None:
    """Infinite chi2 is a number: excluded at any confidence level."""
    axes = "axes={ strength = { min = 0.0, max = 100.0, points = 51 } }"
    own = scanengine.load(scan.definition.path or "", axes, cross_section=of_strength)
    own.run(tmp_path / "out.h5")
    result = scanengine.open_result(tmp_path / "out.h5")
    assert result.profile("strength").chi2[0] == inf
    (found,) = result.limits(cl=0.9)
    assert len(found) == 1
    assert found.intervals[0].lo is not None
    assert found.intervals[0].lo > 0.0


def test_description_of_a_scan_and_of_a_result_say_which_statistic(
    scan: api.Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gaussian = scanengine.load(scan.definition.path or "", "statistic.kind=gaussian")
    for kind, named in ((scan, "of Poisson likelihoods"), (gaussian, "Gaussian")):
        kind.run(tmp_path / "out.h5", overwrite=True)
        describe_scan(kind, threads=1)
        describe_result(tmp_path / "out.h5")
        assert capsys.readouterr().out.count(f"chi2: {named}") == 2
