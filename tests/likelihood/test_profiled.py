"""Likelihoods of experiments with data, backgrounds and nuisances, against a dense evaluation and SciPy's minimiser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.api import Scan
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial
from scanengine.chi2.poisson import PoissonPolynomial, poisson_chi2
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.inputs.nuisances import FREE_WIDTH
from scanengine.inputs.parameters import PARAMETER_INDEX
from scanengine.likelihood.counts import sum_over_flavours
from scanengine.likelihood.profiled import Likelihood
from tests import naive
from tests.likelihoods import deviation, filled, grid_points, likelihood_of
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

EPS = {"eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 9}, "eps_ee_dV": {"min": -0.4, "max": 0.5, "points": 10}}
EDGES_A, EDGES_B = list(range(5, 30, 2)), list(range(10, 60, 5))
FLAT = {"A": [20.0] * 12, "B": [7.0] * 9}
FALLING = [50.0 * 0.8**i for i in range(12)]
DATA = {"A": [105, 93, 60, 58, 41, 39, 35, 30, 29, 23, 24, 26], "B": [40, 28, 19, 16, 9, 10, 8, 6, 9]}
FLUX = {"name": "flux", "width": 0.1, "signal": "all"}
FLAT_KNOWN = {"name": "flat", "width": 0.3, "background": ["A.flat", "B.flat"]}
FLUX_FREE = {"name": "flux", "signal": "all"}
FLAT_FREE = {"name": "flat", "background": ["A.flat", "B.flat"]}
FALLING_KNOWN = {"name": "falling", "width": 0.2, "background": ["A.falling"]}


def tables(kinds: Sequence[Any] = (None, None), seen: bool = True) -> list[dict[str, Any]]:
    """Caesium iodide with two backgrounds, and argon with one."""
    shared = {"recoil_window_keV": None, "channels": {"all": ["nu_e", "nu_mu", "nu_mubar"]}}
    backgrounds = {
        "A": [{"name": "flat", "counts": FLAT["A"]}, {"name": "falling", "counts": FALLING}],
        "B": [{"name": "flat", "counts": FLAT["B"]}],
    }
    edges, targets, masses = {"A": EDGES_A, "B": EDGES_B}, {"A": "CsI", "B": "Ar40"}, {"A": 1.0, "B": 1.5}
    return [
        experiment(
            name=name,
            target=targets[name],
            mass_kg=masses[name],
            recoil_bins_keV=edges[name],
            backgrounds=backgrounds[name],
            data={"counts": DATA[name]} if seen else None,
            statistic=kind,
            **shared,
        )
        for name, kind in zip("AB", kinds, strict=True)
    ]


def dense(scan: Definition, theta: FloatArray, changes: dict[str, Any]) -> float:
    """chi2 minimised by a simplex: changes by nuisance are functions of x, the signal and what else is expected."""
    likelihood = likelihood_of(replace(scan, nuisances=()))
    signal = likelihood.counts(theta)
    of_A = np.array([cell.experiment == "A" for cell in likelihood.cells])
    poisson = np.array([scan.statistic_of(cell.experiment).kind == "poisson" for cell in likelihood.cells])
    flat = np.concatenate((FLAT["A"], FLAT["B"]))
    falling = np.concatenate((FALLING, np.zeros(9)))
    n = np.concatenate((DATA["A"], DATA["B"])).astype(np.float64)
    widths = [0.2 if nuisance.free else nuisance.width for nuisance in scan.nuisances]

    def chi2(z: FloatArray) -> float:
        x = {nuisance.name: z[k] * widths[k] for k, nuisance in enumerate(scan.nuisances)}
        N = signal + flat + falling
        for name, change in changes.items():
            if name in x:
                N = N + change(x[name], signal, flat, falling, of_A)
        if np.any(N[poisson] <= 0.0):
            return 1e30
        total = np.sum((N - n)[~poisson] ** 2 / likelihood.expected[~poisson])
        total += 2.0 * np.sum((N - n + n * np.log(n / np.where(poisson, N, n)))[poisson])
        for k, nuisance in enumerate(scan.nuisances):
            if nuisance.free:
                continue
            total += naive.log_pull(z[k], widths[k]) if nuisance.pull == "log" else z[k] ** 2
        return float(total)

    return naive.minimum_over_nuisances(chi2, len(widths))[0]


CHANGES = {
    "flux": lambda x, s, b, f, a: x * s,
    "flat": lambda x, s, b, f, a: x * b,
    "falling": lambda x, s, b, f, a: x * f,
}


@pytest.mark.parametrize("systematic", [0.0, 0.1])
def test_plain_gaussian_is_the_chi2_of_the_covariance(systematic: float) -> None:
    scan = definition([experiment(systematic=systematic), experiment(name="B", target="CsI")], axes=EPS)
    theta = scan.parameters.values(grid_points(scan))
    likelihood = likelihood_of(scan)
    counts = sum_over_flavours(likelihood.responses, theta).reshape(-1, len(likelihood.cells))
    names = [cell.experiment for cell in likelihood.cells]
    known = np.array([systematic if name == "A" else 0.0 for name in names])
    exact = np.array([naive.chi2(each, likelihood.expected, known, names) for each in counts]).reshape(theta.shape[:-1])
    assert deviation(likelihood.chi2(theta), exact) < 1e-12
    assert deviation(filled(likelihood.polynomial(scan.axes, scan.parameters), scan), exact) < 1e-10


def test_plain_poisson_is_the_likelihood_ratio() -> None:
    scan = definition([experiment(), experiment(name="B", target="CsI")], axes=EPS, statistic="poisson")
    theta = scan.parameters.values(grid_points(scan))
    likelihood = likelihood_of(scan)
    counts = sum_over_flavours(likelihood.responses, theta)
    assert deviation(likelihood.chi2(theta), poisson_chi2(counts, likelihood.expected)) < 1e-12


@pytest.mark.parametrize(
    ("kinds", "nuisances", "evaluator"),
    [
        (("gaussian", "gaussian"), [], ChiSquaredPolynomial),
        (("gaussian", "gaussian"), [FLAT_KNOWN, FALLING_KNOWN], ChiSquaredPolynomial),
        (("gaussian", "gaussian"), [FLUX, FLAT_KNOWN, FALLING_KNOWN], LinearNuisancePolynomial),
        (("gaussian", "gaussian"), [FLUX], LinearNuisancePolynomial),
        (("gaussian", "gaussian"), [FLUX | {"pull": "log"}], NuisancePolynomial),
        (("poisson", "poisson"), [], PoissonPolynomial),
        (("poisson", "poisson"), [FLUX, FLAT_KNOWN, FALLING_KNOWN], NuisancePolynomial),
        (("poisson", "poisson"), [FLUX | {"pull": "log"}, FLAT_KNOWN | {"pull": "log"}], NuisancePolynomial),
        (("gaussian", "poisson"), [FLUX, FLAT_KNOWN], NuisancePolynomial),
        (("poisson", "gaussian"), [], NuisancePolynomial),
        (("gaussian", "gaussian"), [FLAT_FREE, FALLING_KNOWN], ChiSquaredPolynomial),
        (("gaussian", "gaussian"), [FLUX, FLAT_FREE], LinearNuisancePolynomial),
        (("gaussian", "gaussian"), [FLUX_FREE, FALLING_KNOWN], LinearNuisancePolynomial),
        (("poisson", "poisson"), [FLUX, FLAT_FREE, FALLING_KNOWN], NuisancePolynomial),
        (("gaussian", "poisson"), [FLUX_FREE, FLAT_KNOWN | {"pull": "log"}], NuisancePolynomial),
    ],
)
def test_is_the_minimum_over_the_nuisances(kinds: tuple[str, str], nuisances: list[Any], evaluator: type) -> None:
    """Experiments of different statistics add up, and share nuisances."""
    scan = definition(tables(kinds), axes=EPS, nuisances=nuisances)
    likelihood = likelihood_of(scan)
    compiled = likelihood.polynomial(scan.axes, scan.parameters)
    assert isinstance(compiled, evaluator)
    points = grid_points(scan)
    chi2 = likelihood.chi2(scan.parameters.values(points))
    assert deviation(filled(compiled, scan), chi2) < 1e-11
    for index in [(0, 0), (4, 4), (8, 3)]:
        exact = dense(scan, scan.parameters.values(points[index]), CHANGES)
        assert chi2[index] == pytest.approx(exact, rel=1e-10, abs=1e-10)


def test_nuisance_of_a_signal_is_the_correlated_normalisation_of_the_expected_counts() -> None:
    """Where the counts are those expected both are f^2 N N^T; the nuisance scales the signal that is there instead."""
    f = 0.07
    axes = {"eps_ee_uV": {"min": -0.3, "max": 0.3, "points": 5}}
    scan = definition([experiment()], axes=axes, nuisances=[FLUX | {"width": f}])
    likelihood = likelihood_of(scan)
    for eps in (-0.2, 0.1):
        theta = scan.parameters.values(np.array([eps]))
        N, n = likelihood.counts(theta), likelihood.expected
        V = np.diag(n) + f**2 * np.outer(N, N)
        assert likelihood.chi2(theta) == pytest.approx((N - n) @ np.linalg.solve(V, N - n), rel=1e-11)


def test_shape_is_linear_on_either_side_and_keeps_the_sum() -> None:
    plus, minus = [2.0 * v for v in reversed(FALLING)], [30.0] * 12
    shape = {"experiment": "A", "background": "falling", "plus": plus, "minus": minus}
    for kinds in (("poisson", "poisson"), ("gaussian", "gaussian")):
        scan = definition(tables(kinds), axes=EPS, nuisances=[{"name": "shape", "shape": [shape]}, FLUX])
        total = sum(FALLING)
        up = np.concatenate((np.array(plus) * total / sum(plus) - FALLING, np.zeros(9)))
        down = np.concatenate((FALLING - np.array(minus) * total / sum(minus), np.zeros(9)))

        def change(x: float, s: Any, b: Any, f: Any, a: Any, up: Any = up, down: Any = down) -> Any:
            return x * (up if x > 0.0 else down)

        likelihood = likelihood_of(scan)
        points = grid_points(scan)
        chi2 = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
        for index in [(0, 0), (4, 4), (8, 3)]:
            theta = scan.parameters.values(points[index])
            # from either side of the kink, as the simplex may stop at it
            exact = min(
                dense(scan, theta, CHANGES | {"shape": side}) for side in (change, lambda x, *rest: change(-x, *rest))
            )
            assert chi2[index] == pytest.approx(exact, rel=1e-9)


def test_shape_of_a_signal_scales_with_it() -> None:
    """Twice the signal, twice the change; what is given is the Standard Model's, with its own sum."""
    tilt = np.linspace(0.5, 1.5, 12)
    plain = definition(tables(), axes=EPS)
    theta = plain.parameters.values(np.array([0.4, 0.3]))
    standard_model = plain.parameters.values(np.zeros(2))
    nominal = likelihood_of(plain).counts(standard_model)[:12]
    shape = {"experiment": "A", "signal": True, "plus": (nominal * tilt).tolist(), "normalised": False}
    scan = definition(tables(), axes=EPS, nuisances=[{"name": "tilt", "shape": [shape]}])
    likelihood = likelihood_of(scan)
    signal = likelihood.counts(theta)
    templates = likelihood.templates.of_signals(signal[None])
    np.testing.assert_allclose(templates[1, :12], (tilt - 1.0) * signal[:12], rtol=1e-12)
    assert not np.any(templates[1, 12:])
    assert not np.any(likelihood.templates.two_sided)


def test_quenching_is_varied_with_the_response() -> None:
    """At one standard deviation to either side the signal is that of a detector with that quenching."""

    def with_quenching(q: float, nuisances: list[Any]) -> Definition:
        response = {
            "quenching": q,
            "light_yield_PE_per_keVee": 13.3,
            "resolution": {"kind": "poisson"},
            "bins": [6, 10, 16, 24],
        }
        table = experiment(target="CsI", recoil_window_keV=None, response=response, channels={"all": ["nu_mu"]})
        return definition([table], axes=EPS, nuisances=nuisances)

    scan = with_quenching(0.08, [{"name": "quenching", "quenching": {"A": 0.01}}])
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(np.array([0.2, -0.1]))
    signals = [likelihood_of(with_quenching(q, [])).counts(theta) for q in (0.08, 0.09, 0.07)]
    templates = likelihood.templates.of_signals(np.array(signals))
    np.testing.assert_allclose(templates[0] + templates[1], signals[1], rtol=1e-12)
    np.testing.assert_allclose(templates[0] - templates[likelihood.templates.below[0]], signals[2], rtol=1e-12)
    varied = likelihood.profiled(theta)
    z = varied.z[0]
    N = templates[0] + z * (templates[1] if z > 0.0 else templates[2])
    assert varied.chi2 == pytest.approx(np.sum((N - likelihood.data) ** 2 / likelihood.expected) + z**2, rel=1e-10)
    compiled = filled(likelihood.polynomial(scan.axes, scan.parameters), scan)
    assert deviation(compiled, likelihood.chi2(scan.parameters.values(grid_points(scan)))) < 1e-11


def test_counting_error_with_two_sides() -> None:
    """20.6 +7.1 -6.3 with a normalisation that scales with the signal, minimised over by hand."""
    f = 0.1026
    table = experiment(
        target="Ge76",
        mass_kg=0.5,
        backgrounds=[{"name": "none", "counts": [1e-9]}],
        channels={"all": ["nu_e", "nu_mu", "nu_mubar"]},
        data={"counts": [20.6]},
        statistic={"kind": "gaussian", "sigma_above": 7.1, "sigma_below": 6.3},
    )
    nuisance = {"name": "signal", "width": f, "signal": ["A"]}
    scan = definition([table], axes=EPS, nuisances=[nuisance])
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(grid_points(scan))
    N = likelihood.counts(theta)[..., 0]
    assert N.min() < 15.0
    assert N.max() > 30.0
    s = np.where(N > 20.6, 7.1, 6.3)
    exact = (20.6 - N) ** 2 / (s**2 + (f * N) ** 2)
    assert deviation(likelihood.chi2(theta), exact) < 1e-8
    assert deviation(filled(likelihood.polynomial(scan.axes, scan.parameters), scan), exact) < 1e-8


def test_covariance_of_the_data() -> None:
    random = np.random.default_rng(3)
    root = random.normal(size=(9, 9))
    V = root @ root.T + 10.0 * np.eye(9)
    table = tables()[1] | {"statistic": {"covariance": V.tolist()}}
    scan = definition([table], axes=EPS)
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(np.array([0.1, 0.1]))
    r = likelihood.counts(theta) + 7.0 - np.array(DATA["B"])
    assert likelihood.chi2(theta) == pytest.approx(r @ np.linalg.solve(V, r), rel=1e-11)
    diagonal = tables()[1] | {"statistic": {"variance": np.diag(V).tolist()}}
    assert likelihood_of(definition([diagonal])).chi2(theta) == pytest.approx(np.sum(r * r / np.diag(V)), rel=1e-12)


@settings(max_examples=20)
@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=2), st.booleans())
def test_wider_nuisances_fit_no_worse(widths: list[float], poisson: bool) -> None:
    kind = "poisson" if poisson else "gaussian"
    chi2 = []
    for factor in (0.5, 1.0, 2.0):
        nuisances = [FLUX | {"width": factor * widths[0]}, FLAT_KNOWN | {"width": factor * widths[1]}]
        likelihood = likelihood_of(definition(tables((kind, kind)), nuisances=nuisances))
        theta = np.zeros(len(PARAMETER_INDEX))
        theta[PARAMETER_INDEX["eps_ee_uV"]] = 0.2
        chi2.append(float(likelihood.chi2(theta)))
    assert chi2[0] >= chi2[1] >= chi2[2]


def test_without_data_the_standard_model_fits_perfectly_without_any_pull() -> None:
    scan = definition(tables(seen=False), nuisances=[FLUX, FLAT_KNOWN, FALLING_KNOWN], axes=EPS)
    likelihood = likelihood_of(scan)
    found = likelihood.profiled(scan.parameters.values(np.zeros(2)))
    assert found.chi2 == pytest.approx(0.0, abs=1e-20)
    assert found.z == pytest.approx(np.zeros(3), abs=1e-12)
    assert likelihood.fit_at(scan.parameters.values(np.zeros(2)), 2).dof is None


def test_counts_where_nothing_is_expected_are_an_input_error() -> None:
    """Recoils of nu_mu on argon end below 60 keV; for others to be seen there a background must be named."""
    table = experiment(
        target="Ar40",
        recoil_window_keV=None,
        recoil_bins_keV=[10, 40, 60, 200],
        channels={"all": ["nu_mu"]},
        data={"counts": [1000, 1, 2]},
    )
    with pytest.raises(InputError, match=r"experiments\.A: 2 counts were observed in bin 3, where neither signal nor"):
        likelihood_of(definition([table]))


def test_a_scan_of_one_experiment_keeps_its_own_nuisances() -> None:
    scan = Scan(definition(tables(), axes=EPS, nuisances=[FLUX, FLAT_KNOWN, FALLING_KNOWN]))
    alone = scan.only("B")
    assert [nuisance.name for nuisance in alone.definition.nuisances] == ["flux", "flat"]
    assert alone.definition.nuisances[0].signals == ("B",)
    assert len(alone.fit_at().nuisances) == 2


def test_result_tells_nuisances_and_degrees_of_freedom_and_so_does_its_file(tmp_path: Any) -> None:
    scan = Scan(definition(tables(("poisson", "gaussian")), axes=EPS, nuisances=[FLUX, FLAT_KNOWN]))
    result = scan.run()
    assert result.statistic == "mixed"
    assert [nuisance.name for nuisance in result.fit.nuisances] == ["flux", "flat"]
    assert result.fit.dof == 21 - 2
    assert result.minimum == pytest.approx(scan.chi2(**result.best_fit), rel=1e-11)
    for nuisance, width in zip(result.fit.nuisances, (0.1, 0.3), strict=True):
        assert nuisance.value == pytest.approx(width * nuisance.pull, rel=1e-14)
        assert nuisance.pull != 0.0
    from scanengine.api import open_result

    assert scan.run(tmp_path / "out.h5").fit == result.fit
    assert open_result(tmp_path / "out.h5").fit == result.fit


@pytest.mark.parametrize("kinds", [("poisson", "gaussian"), ("gaussian", "gaussian")])
def test_a_free_nuisance_has_no_pull_and_takes_a_degree_of_freedom(kinds: tuple[str, str]) -> None:
    scan = Scan(definition(tables(kinds), axes=EPS, nuisances=[FLUX, FLAT_FREE]))
    fit = scan.fit()[0].fit
    flux, flat = fit.nuisances
    assert flux.pull != 0.0
    assert flat.pull == 0.0
    assert fit.dof == 21 - 2 - 1
    wide = Scan(definition(tables(kinds), axes=EPS, nuisances=[FLUX, FLAT_FREE | {"width": 1000.0}]))
    assert flat.value == pytest.approx(wide.fit()[0].fit.nuisances[1].value, rel=1e-5)
    errors, wider = scan.joint_fit().errors, wide.joint_fit().errors  # of nuisances in their own standard deviations
    assert errors * [1.0, 1.0, FREE_WIDTH] == pytest.approx(wider * [1.0, 1.0, 1000.0], rel=1e-5)
    factor, error = scan.joint_fit().factors["flat"]
    assert factor == pytest.approx(1.0 + flat.value, rel=1e-9)
    assert error == pytest.approx(1000.0 * wider[-1], rel=1e-5)
    assert not wide.joint_fit().factors


@pytest.mark.parametrize(("kind", "few"), [("poisson", 2), ("gaussian", 0)])
def test_bins_whose_few_counts_have_no_chi2_distribution_are_counted(kind: str, few: int, tmp_path: Any) -> None:
    """Two of three expect fewer than five: chi2 of no count where 0.5 are expected is 1, as high as one time in three
    by the distribution of chi2, but six times in ten in reality.
    """
    table = experiment(
        mass_kg=1e-6,
        recoil_window_keV=None,
        recoil_bins_keV=[10, 20, 30, 40],
        channels={"all": ["nu_mu"]},
        backgrounds=[{"name": "b", "counts": [0.5, 40.0, 4.9]}],
        data={"counts": [0, 41, 5]},
        statistic=kind,
    )
    scan = Scan(definition([table], axes=EPS))
    assert scan.run(tmp_path / "out.h5").fit.few_counts == few
    from scanengine.api import open_result

    assert open_result(tmp_path / "out.h5").fit.few_counts == few


def test_with_a_perfect_response_and_nuisances_at_zero_chi2_is_that_of_the_ideal_detector() -> None:
    """The same Asimov data, correlated normalisation and couplings, by way of the response, data and nuisances."""
    edges = [10.0, 20.0, 30.0, 60.0]
    keys = {"target": "CsI", "channels": {"all": ["nu_e", "nu_mubar", "nu_mu"]}, "systematic": 0.1}
    ideal = Scan(definition([experiment(**keys, recoil_window_keV=None, recoil_bins_keV=edges)], axes=EPS))
    counts = [float(events) for events in ideal.likelihood.expected]
    response = {"quenching": 1.0, "resolution": {"kind": "none"}, "bins": edges}
    real = experiment(**keys, recoil_window_keV=None, response=response, data={"counts": counts})
    alone = Scan(definition([real], axes=EPS))
    known = Scan(definition([real], axes=EPS, nuisances=[{"name": "flux", "width": 1e-12, "signal": ["A"]}]))
    values = ideal.run().chi2
    assert values.max() > 1e3
    for scan in (alone, known):
        assert isinstance(scan.likelihood, Likelihood)
        np.testing.assert_allclose(scan.run().chi2, values, rtol=1e-9, atol=1e-9)
