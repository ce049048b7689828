"""Where chi2 drowns in its rounding no limit is given, and up to there its error is told."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from scanengine.api import Scan, open_result, upper_limits, verify
from scanengine.definition import Output
from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import region
from scanengine.inference.intervals import intervals
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import responses
from tests import naive
from tests.likelihood.test_constraints import FALLING_KNOWN, FLUX, TILT, scan_of
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

NEON: dict[str, Any] = {
    "recoil_window_keV": None,
    "recoil_bins_keV": [10.0, 20.0, 30.0],
    "channels": {"delayed": ["nu_e", "nu_mubar"]},
}
EPS = {
    "eps_ee_uV": {"min": -1.2, "max": 0.8, "points": 41},
    "eps_ee_dV": {"min": -0.8, "max": 1.4, "points": 45},
}
NU = {"eps_ee_uV": EPS["eps_ee_uV"]}


def neon(axes: Any = EPS, **keys: Any) -> Scan:
    return Scan(definition([experiment(**NEON, **keys)], axes))


@pytest.mark.parametrize("mass_kg", [1e2, 1e12, 1e20, 1e24, 1e30])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_rounding_of_chi2_is_not_larger_than_it_is_said_to_be(mass_kg: float, compiled: bool) -> None:
    """Of as many protons as neutrons chi2 knows only eps_u + eps_d: it is zero all along eps_d = -eps_u."""
    scan = neon(mass_kg=mass_kg, systematic=0.1)
    object.__setattr__(scan.problem.evaluator, "compiled", compiled)
    u = np.linspace(-0.8, 0.8, 17)
    chi2 = np.empty((17, 17))
    scan.problem.evaluator.fill([u, -u[::-1]], chi2)
    valley = np.abs(np.diag(chi2[:, ::-1]))
    assert valley.max() <= ReducedGrid((), chi2, 0.0, rounding=scan.problem.rounding).rounding_error(0.0)
    assert scan.problem.rounding < 1e-12 * np.sqrt(mass_kg)


@pytest.mark.parametrize(
    "keys",
    [
        {"mass_kg": 1e30, "systematic": 0.1},
        {"data": {"counts": [100.0, 50.0]}, "statistic": {"covariance": [[1e-300, 0.0], [0.0, 1.0]]}},
        {
            "data": {"counts": [3.0, 50.0]},
            "statistic": "gaussian",
            "efficiency": {"recoil_keV": [0.0, 400.0], "values": [1e-30, 1e-30]},
        },
    ],
    ids=["1e30 kg", "variance 1e-300", "1e-27 expected"],
)
def test_limits_that_are_lost_are_refused_in_every_way_to_ask_for_them(keys: dict[str, Any]) -> None:
    scan = neon(**keys)
    result = scan.run()
    with pytest.raises(InputError, match=r"No 68.27% interval of eps_ee_uV: .* in double precision"):
        result.limits()
    with pytest.raises(InputError, match=r"No 90% region of eps_ee_uV and eps_ee_dV"):
        result.region()
    with pytest.raises(InputError, match="90%"):
        result.plot()
    with pytest.raises(InputError, match="a fit"):
        scan.fit()
    with pytest.raises(InputError, match=r"a calibration needs chi2 to better than|No .* of"):
        neon(NU, **keys).calibrate(0.9, pseudo_experiments=10)


@pytest.mark.parametrize(
    ("minimum", "rounding", "relative", "what"),
    [
        (1e3, 1e-9, 0.0, "nothing"),
        (1e8, 0.0, 0.0, "said"),
        (0.0, 1e-2, 0.0, "said"),
        (3e5, 0.0, 2.0**-24, "said"),
        (1e16, 0.0, 0.0, "refused"),
        (0.0, 1.0, 0.0, "refused"),
        (1e3, 0.0, 1e-2, "refused"),
        (inf, 0.0, 0.0, "refused"),
    ],
)
def test_the_error_of_chi2_is_said_from_a_thousandth_of_the_level_on(
    minimum: float, rounding: float, relative: float, what: str
) -> None:
    x = Axis("eps_ee_uV", np.linspace(-1.0, 1.0, 41))
    parabola = 20.0 * x.values**2
    line = ReducedGrid((x,), minimum + parabola, minimum, rounding=rounding, relative_rounding=relative)
    plane = ReducedGrid((x, x), minimum + parabola + parabola[:, None], minimum, (), (), inf, rounding, relative)
    if what == "refused":
        for refused in (lambda: intervals(line, 0.9), lambda: region(plane, 0.9)):
            with pytest.raises(InputError, match="in double precision"):
                refused()
        return
    for found in (intervals(line, 0.9), region(plane, 0.9)):
        assert any("+-" in warning for warning in found.warnings) is (what == "said")


def test_float32_and_rounded_grids_tell_their_rounding(tmp_path: Path) -> None:
    as_it_is = Output(keep="grid", precision="float64")
    rounded = replace(as_it_is, precision="float32"), replace(as_it_is, relative_error=1e-3)
    for output, error in zip((as_it_is, *rounded), (0.0, 2.0**-24, 1e-3), strict=True):
        scan = Scan(replace(neon().definition, output=output))
        found = scan.run(tmp_path / "out.h5", overwrite=True).profile("eps_ee_uV", "eps_ee_dV").relative_rounding
        assert 0.2 * error <= found <= max(error, 2.0**-53)


def test_a_fit_with_a_huge_exposure_and_a_normalisation_finds_the_standard_model() -> None:
    minima = neon(mass_kg=1e20, systematic=0.1).fit()
    assert minima[0].chi2 < 1e-3
    assert minima[0].place["eps_ee_uV"] + minima[0].place["eps_ee_dV"] == pytest.approx(0.0, abs=1e-6)


def test_counts_that_are_nothing_beside_the_data_are_refused_with_their_bin() -> None:
    tiny = {"efficiency": {"recoil_keV": [0.0, 400.0], "values": [1e-30, 1e-30]}, "statistic": "poisson"}
    words = r"experiments.A: 50 counts were observed in the bin from 20 to 30, where at most .*e-2\d are expected"
    for ask in (Scan.run, Scan.fit, Scan.calibrate):
        with pytest.raises(InputError, match=words):
            ask(neon(NU, data={"counts": [0.0, 50.0]}, **tiny))
    few = {"efficiency": {"recoil_keV": [0.0, 400.0], "values": [1e-8, 1e-8]}, "statistic": "poisson"}
    scan = neon(NU, data={"counts": [3.0, 50.0]}, **few)
    result = scan.run()
    N = scan.likelihood.counts(scan.problem.theta(**result.best_fit))
    exact = 2.0 * sum(mu - n + n * log(n / mu) for mu, n in zip(N.tolist(), (3.0, 50.0), strict=True))
    assert result.minimum == pytest.approx(exact, rel=1e-7)


def test_where_a_count_vanishes_chi2_minimised_over_a_normalisation_is_a_number() -> None:
    """A channel of nu_mu alone on 40Ca, near the coupling at which it counts nothing."""
    calcium = experiment(target="Ca40", mass_kg=5.0, recoil_window_keV=[4.4, inf])
    flux = {"name": "flux", "width": 0.15, "signal": "all"}
    scan = definition(
        [calcium], {"eps_mm_uV": {"min": -1.0, "max": 1.0, "points": 3}}, statistic="poisson", nuisances=[flux]
    )
    likelihood = Likelihood.of(scan, responses(scan))

    def prompt(eps: float) -> float:
        return float(likelihood.counts(scan.parameters.values([[eps]]))[0, 1])

    # the counts are quadratic in the coupling, and vanish between these
    places = np.array([0.1, 0.15, 0.2])
    a, b, _ = np.polyfit(places, [prompt(eps) for eps in places], 2)
    vertex = -0.5 * b / a
    for away in (3e-6, 1e-6, 1e-7):
        theta = scan.parameters.values([[vertex + away]])
        counts, data = likelihood.counts(theta)[0], likelihood.data

        def chi2(x: float, counts: Any = counts, data: Any = data) -> float:
            N = counts * (1.0 + x)
            return float(2.0 * np.sum(N - data + data * np.log(data / N)) + (x / 0.15) ** 2)

        # the root of the derivative by x = flux - 1
        a2, a1, a0 = 2.0 / 0.15**2, 2.0 * counts.sum() + 2.0 / 0.15**2, 2.0 * (counts.sum() - data.sum())
        x = (-a1 + np.sqrt(a1 * a1 - 4.0 * a2 * a0)) / (2.0 * a2)
        (found,) = likelihood.chi2(theta)
        # a count beside the data is rounded by 1e-16 of these
        assert found == pytest.approx(chi2(x), rel=1e-10, abs=1e-15 * float(np.max(data**2 / counts)))


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_a_grid_of_a_nonillion_points_is_sized_and_refused(keep: Literal["grid", "profiles"]) -> None:
    names = [f"eps_{pair}_{quark}V" for pair in ("ee", "mm", "em", "et", "mt") for quark in "ud"]
    huge = definition(axes={name: {"min": 0.1, "max": 0.3, "points": 1000} for name in names})
    scan = Scan(replace(huge, output=Output(keep=keep, precision="float64")))
    assert scan.estimate(1).points == 10**30
    with pytest.raises(InputError, match=r"a grid of 1e\+30 points is too large to evaluate"):
        scan.run("nonillion.h5")
    assert not Path("nonillion.h5").exists()


MOMENT = {"moment": {"min": 0.0, "max": 40.0, "points": 41}}


@pytest.mark.parametrize(
    ("axes", "tied", "even"),
    [
        (MOMENT, {"mu_nu": {"moment": 1.0}}, True),
        (MOMENT, {"mu_nu_e": {"moment": 1.0}, "mu_nu_mubar": {"moment": -0.5}}, True),
        ({"mu_nu": MOMENT["moment"]}, {}, True),
        (MOMENT, {"mu_nu": {"moment": 1.0, "constant": 0.5}}, False),
        (MOMENT, {"mu_nu": {"moment": 1.0}, "r2_nu_e": {"moment": 0.1}}, False),
        (MOMENT, {"r2_nu_e": {"moment": 0.1}}, False),
        ({"mu_nu": MOMENT["moment"]}, {"r2_nu_e": {"mu_nu": 0.1}}, False),
    ],
)
def test_zero_ends_what_enters_squared_whatever_its_name(axes: Any, tied: Any, even: bool, tmp_path: Path) -> None:
    scan = Scan(definition([experiment(**NEON)], axes, tied=tied))
    scan.run(tmp_path / "out.h5")
    for result in (scan.run(), open_result(tmp_path / "out.h5")):
        (found,) = result.limits(0.9)
        assert found.intervals[0].lo is None
        assert any("the lower end: extend the axis" in warning for warning in found.warnings) is not even


@pytest.mark.parametrize(("axis", "bounds"), [("sin2_theta_w", (0.0, 1.0)), ("other", (-inf, inf))])
def test_the_weak_mixing_angle_ends_at_zero_and_one(axis: str, bounds: tuple[float, float], tmp_path: Path) -> None:
    """Where too little is seen all of it is allowed: that its axis ends is no fault of the axis."""
    tied = {} if axis == "sin2_theta_w" else {"sin2_theta_w": {"other": 1.0, "constant": 1e-4}}
    axes = {axis: {"min": 0.0, "max": 1.0, "points": 41}}
    scan = Scan(definition([experiment(**NEON, mass_kg=1e-6)], axes, tied=tied))
    assert scan.definition.axes[0].bounds == bounds
    scan.run(tmp_path / "out.h5")
    for result in (scan.run(), open_result(tmp_path / "out.h5")):
        assert result.axes[0].bounds == bounds
        (found,) = result.limits(0.9)
        assert found.intervals[0] == (None, None)
        assert any("extend the axis" in warning for warning in found.warnings) is (axis == "other")


def wide(top: float, points: int) -> Scan:
    """A scalar mediator, of which only g^4 counts, from 1e-6 to so large couplings."""
    axes = {
        "mediators.phi.mass_MeV": {"values": [1.0, 30.0]},
        "g_phi": {"min": 1e-6, "max": top, "points": points, "spacing": "log"},
    }
    mediators = {"phi": {"kind": "scalar", "mass_MeV": 10.0}}
    return Scan(definition([experiment(**NEON, systematic=0.1)], axes, mediators=mediators))


def test_couplings_far_beyond_the_limits_do_not_keep_these_from_being_known(tmp_path: Path) -> None:
    """Decades further along the axis chi2 is 1e40, and its rounding larger than any level."""
    narrow = wide(1e-3, 181).run()
    scan = wide(1e4, 601)
    assert scan.problem.rounding > 1e8
    result = scan.run(tmp_path / "wide.h5")
    for each in (result, open_result(tmp_path / "wide.h5")):
        (found,) = upper_limits(each, "g_phi", against="mediators.phi.mass_MeV", cl=0.90)
        (wanted,) = upper_limits(narrow, "g_phi", against="mediators.phi.mass_MeV", cl=0.90)
        assert found.upper == pytest.approx(wanted.upper, rel=2e-4)
        assert found.warnings == ()
    verify(tmp_path / "wide.h5")


@pytest.mark.slow
def test_the_rounding_near_a_minimum_is_not_larger_than_it_is_said_to_be() -> None:
    """Of Asimov data chi2 is zero at the Standard Model, whatever it is where couplings are 1e7."""
    scan = neon({"eps_ee_uV": {"min": -1e7, "max": 1e7, "points": 2_000_001}}, mass_kg=1e6)
    values, chi2 = np.array([-1e-9, 0.0, 1e-9]), np.empty(3)
    scan.problem.evaluator.fill([values], chi2)
    exact = np.array([scan.chi2(eps_ee_uV=float(x)) for x in values])
    result = scan.run()
    grid = result.profile("eps_ee_uV")
    assert grid.rounding_near is not None
    assert grid.rounding_near < 1e-4 * scan.problem.rounding
    assert np.all(np.abs(chi2 - exact) <= grid.rounding_error(0.0) + 1e-10)


@pytest.mark.parametrize("kinds", [("gaussian", "gaussian"), ("poisson", "gaussian"), ("poisson", "poisson")])
def test_signals_that_are_huge_and_cancelled_by_nuisances(kinds: tuple[str, str]) -> None:
    """A coupling far beyond the limits: 1e10 counts, of which the normalisation leaves what the data like. chi2 at a
    point, on a grid and its slope are right to what they are said to be rounded by.
    """
    scan = scan_of([FLUX, FALLING_KNOWN, TILT], kinds=kinds)
    values = np.array([-1e4, -100.0, 0.0, 1.0, 3e3])
    wide = Scan(replace(scan, axes=(replace(scan.axes[0], values=values),)))
    problem, likelihood = wide.problem, wide.likelihood
    grid = np.empty(values.size)
    problem.evaluator.fill([values], grid)
    at_once = np.asarray(wide.chi2(eps_ee_uV=values))
    gradient = wide.gradient(eps_ee_uV=values)[:, 0]
    axes, parameters = wide.definition.axes, wide.definition.parameters
    polynomials = likelihood.count_polynomials(axes, parameters)
    roundings = likelihood.rounding_within(polynomials, np.abs(values / 1e4)[:, None])
    poisson = np.concatenate((likelihood.rows.seen, likelihood.rows.empty))
    for i, x in enumerate(values.tolist()):
        templates = likelihood.templates_at(parameters.values([x]))
        excess = templates - likelihood.data * (np.arange(len(templates)) == 0)[:, None]
        exact = naive.minimum_in_many_digits(
            templates[:, poisson], likelihood.data[poisson], likelihood.residuals(excess), (1, 2, 3), np.zeros(3)
        )
        error = 1e-9 * (1.0 + exact) + 2.0 * np.sqrt(exact) * roundings[i] + roundings[i] ** 2
        assert [grid[i], at_once[i], wide.chi2(eps_ee_uV=x)] == pytest.approx([exact] * 3, abs=error)
        step = 1e-4 * (1.0 + abs(x))
        if i not in {0, 4}:
            beside = np.asarray(wide.chi2(eps_ee_uV=np.array([x - step, x + step])))
            assert gradient[i] == pytest.approx(np.diff(beside)[0] / (2.0 * step), rel=1e-4, abs=3.0 * error / step)
