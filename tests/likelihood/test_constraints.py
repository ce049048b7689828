"""Nuisances with two widths, correlated ones, and backgrounds that must not be negative, against SciPy's minimisers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from scanengine.api import Scan, open_result
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.cli.minimum import fit_record, print_fit
from scanengine.definition import Definition
from scanengine.definition.identity import identity
from scanengine.errors import DefinitionError, InputError
from scanengine.inference.expectations import OfOneLikelihood
from scanengine.inference.pseudo_experiments import PseudoExperiments
from scanengine.inputs.nuisances import FREE_WIDTH
from scanengine.likelihood.profiled import Likelihood
from tests import naive
from tests.likelihoods import likelihood_of
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

AXES = {"eps_ee_uV": {"min": -0.4, "max": 0.4, "points": 3}}
FLAT, FALLING = np.array([20.0, 20.0, 20.0, 20.0]), np.array([50.0, 20.0, 8.0, 3.0])
DATA = {"A": [100.0, 52.0, 30.0, 22.0], "B": [30.0, 12.0, 6.0, 9.0]}
EDGES = {"A": [5.0, 8.0, 12.0, 18.0, 30.0], "B": [10.0, 18.0, 30.0, 45.0, 60.0]}
TARGETS, MASSES = {"A": "CsI", "B": "Ar40"}, {"A": 1.0, "B": 1.5}

Table = dict[str, Any]
FLUX: Table = {"name": "flux", "width": 0.1, "signal": "all"}
FLAT_KNOWN: Table = {"name": "flat", "width": 0.3, "background": ["A.flat"]}
FALLING_KNOWN: Table = {"name": "falling", "width": 0.5, "background": ["A.falling"]}
TILT: Table = {"name": "tilt", "shape": [{"experiment": "A", "background": "flat", "plus": [26.0, 22.0, 18.0, 14.0]}]}


def scan_of(
    nuisances: Sequence[dict[str, Any]],
    correlations: Sequence[Sequence[Any]] = (),
    kinds: Sequence[Any] = ("poisson", "poisson"),
    data: dict[str, list[float]] = DATA,
    nonnegative: Sequence[str] = (),
) -> Definition:
    """Caesium iodide with two backgrounds, and argon without any."""
    backgrounds = [
        {"name": name, "counts": counts.tolist(), "nonnegative": name in nonnegative}
        for name, counts in (("flat", FLAT), ("falling", FALLING))
    ]
    tables = [
        experiment(
            name=name,
            target=TARGETS[name],
            mass_kg=MASSES[name],
            recoil_window_keV=None,
            recoil_bins_keV=EDGES[name],
            channels={"all": ["nu_e", "nu_mu", "nu_mubar"]},
            backgrounds=backgrounds if name == "A" else None,
            data={"counts": data[name]},
            statistic=kind,
        )
        for name, kind in zip("AB", kinds, strict=True)
    ]
    return definition(tables, axes=AXES, nuisances=nuisances, correlations=correlations)


def by_definition(scan: Definition, theta: FloatArray, data: dict[str, list[float]] = DATA) -> Naive:
    return Naive(scan, theta, data)


class Naive:
    """chi2 as it is defined, of nuisances in standard deviations that were measured somewhere."""

    def __init__(self, scan: Definition, theta: FloatArray, data: dict[str, list[float]] = DATA) -> None:
        bare = likelihood_of(replace(scan, nuisances=(), correlations=()))
        self.signal = bare.counts(theta)
        self.expected = bare.expected
        self.scan = scan
        self.of_A = np.array([cell.experiment == "A" for cell in bare.cells])
        self.poisson = np.array([scan.statistic_of(cell.experiment).kind == "poisson" for cell in bare.cells])
        self.n = np.concatenate((data["A"], data["B"]))
        names = [nuisance.name for nuisance in scan.nuisances]
        self.C = np.eye(len(names))
        for first, second, value in scan.correlations:
            i, j = names.index(first), names.index(second)
            self.C[i, j] = self.C[j, i] = value

    def backgrounds(self, z: FloatArray) -> dict[str, FloatArray]:
        flat, falling = FLAT.copy(), FALLING.copy()
        for at, nuisance in zip(z.tolist(), self.scan.nuisances, strict=True):
            x = at * (nuisance.width if at >= 0.0 or nuisance.width_below is None else nuisance.width_below)
            flat += x * FLAT * (nuisance.name == "flat")
            falling += x * FALLING * (nuisance.name == "falling")
            flat += at * (np.array([26.0, 22.0, 18.0, 14.0]) - FLAT) * (nuisance.name == "tilt")
        return {"flat": flat, "falling": falling}

    def __call__(self, z: FloatArray, measured: FloatArray | float = 0.0, n: FloatArray | None = None) -> float:
        n = self.n if n is None else n
        N = self.signal.copy()
        for at, nuisance in zip(z.tolist(), self.scan.nuisances, strict=True):
            if nuisance.name == "flux" or nuisance.name.startswith("signal-"):
                x = at * (nuisance.width if at >= 0.0 or nuisance.width_below is None else nuisance.width_below)
                touched = self.of_A if nuisance.name == "signal-A" else ~self.of_A
                N += x * self.signal * (touched if nuisance.name != "flux" else 1.0)
        N[self.of_A] += sum(self.backgrounds(z).values())
        seen = self.poisson & (n > 0.0)
        if np.any(N[self.poisson] <= 0.0):
            return 1e30
        total = np.sum((N - n)[~self.poisson] ** 2 / self.expected[~self.poisson])
        total += 2.0 * np.sum((N - n)[self.poisson]) + 2.0 * np.sum(n[seen] * np.log(n[seen] / N[seen]))
        pulls = z - measured
        return float(total + pulls @ np.linalg.solve(self.C, pulls))

    def minimum(self, kinks: Sequence[int] = ()) -> tuple[float, FloatArray]:
        return naive.minimum_over_nuisances(self, len(self.scan.nuisances), kinks)


def checked(scan: Definition, kinks: Sequence[int] = ()) -> Likelihood:
    """Compare chi2 and the nuisances at some values of the axis, and chi2 of the compiled grid, with the definition."""
    likelihood = likelihood_of(scan)
    values = [axis.values for axis in scan.axes]
    grid = np.full([v.size for v in values], np.nan)
    likelihood.polynomial(scan.axes, scan.parameters).fill(values, grid)
    for i, eps in enumerate(values[0].tolist()):
        theta = scan.parameters.values(np.array([eps]))
        exact, place = by_definition(scan, theta).minimum(kinks)
        assert float(likelihood.chi2(theta)) == pytest.approx(exact, rel=1e-9)
        assert grid[i] == pytest.approx(exact, rel=1e-9)
        fitted = [each.pull for each in likelihood.fit_at(theta, 1).nuisances]
        assert fitted == pytest.approx(place.tolist(), abs=1e-4)
    return likelihood


# Widths with two sides.


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian"), ("gaussian", "poisson")])
@pytest.mark.parametrize("widths", [[0.1, 0.4], [0.4, 0.1]])
def test_a_width_with_two_sides_is_one_on_either(kinds: Sequence[str], widths: list[float]) -> None:
    scan = scan_of([FLUX | {"width": widths}, FALLING_KNOWN | {"width": widths[::-1]}], kinds=kinds)
    likelihood = checked(scan, [0, 1])
    signs = set()
    for eps in (-0.4, 0.4):
        fit = likelihood.fit_at(scan.parameters.values(np.array([eps])), 1)
        for each, (below, above) in zip(fit.nuisances, (widths, widths[::-1]), strict=True):
            assert each.value == pytest.approx(each.pull * (above if each.pull > 0.0 else below), rel=1e-12)
            signs.add(np.sign(each.pull))
    assert len(signs) == 2


def test_two_equal_widths_are_one() -> None:
    one, two = (scan_of([FLUX | {"width": width}], kinds=("gaussian", "gaussian")) for width in (0.1, [0.1, 0.1]))
    assert identity(one) == identity(two)
    assert isinstance(likelihood_of(two).polynomial(two.axes, two.parameters), LinearNuisancePolynomial)


# Correlations.


@pytest.mark.parametrize("value", [0.6, -0.6, 0.99])
@pytest.mark.parametrize(
    ("kinds", "evaluator"),
    [(("poisson", "poisson"), NuisancePolynomial), (("gaussian", "gaussian"), LinearNuisancePolynomial)],
)
def test_correlated_nuisances_are_pulled_together(value: float, kinds: Sequence[str], evaluator: type) -> None:
    """One of the signal, and one of a background, beside one that is independent."""
    scan = scan_of([FLUX, FLAT_KNOWN, FALLING_KNOWN], [["flux", "falling", value]], kinds)
    likelihood = checked(scan)
    assert isinstance(likelihood.polynomial(scan.axes, scan.parameters), evaluator)


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_three_correlated_nuisances(kinds: Sequence[str]) -> None:
    given = [["flux", "flat", 0.5], ["falling", "flux", -0.3], ["flat", "falling", 0.2]]
    checked(scan_of([FLUX, FLAT_KNOWN, FALLING_KNOWN], given, kinds))


def test_backgrounds_alone_that_are_correlated_leave_the_polynomial() -> None:
    scan = scan_of([FLAT_KNOWN, FALLING_KNOWN, TILT], [["flat", "falling", -0.7]], ("gaussian", "gaussian"))
    likelihood = checked(scan)
    assert isinstance(likelihood.polynomial(scan.axes, scan.parameters), ChiSquaredPolynomial)


def test_correlated_nuisances_with_two_widths() -> None:
    nuisances = [FLUX | {"width": [0.1, 0.3]}, FALLING_KNOWN | {"width": [0.6, 0.2]}, TILT]
    checked(scan_of(nuisances, [["flux", "falling", 0.8], ["tilt", "flux", -0.2]]), [0, 1])


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_a_correlation_is_what_two_share(kinds: Sequence[str]) -> None:
    """Two signals with errors of 20%, of which 30% of the variance is common: as three independent nuisances."""
    own: list[Table] = [{"name": f"signal-{name}", "width": 0.2, "signal": [name]} for name in "AB"]
    apart = [each | {"width": 0.2 * np.sqrt(0.7)} for each in own]
    common: Table = {"name": "common", "width": 0.2 * np.sqrt(0.3), "signal": "all"}
    together, split = scan_of(own, [["signal-A", "signal-B", 0.3]], kinds), scan_of([*apart, common], (), kinds)
    for eps in (-0.4, 0.0, 0.4):
        theta = together.parameters.values(np.array([eps]))
        exact = float(likelihood_of(split).chi2(theta))
        assert float(likelihood_of(together).chi2(theta)) == pytest.approx(exact, rel=1e-10)


def test_no_correlation_is_none() -> None:
    nuisances = [FLUX, FLAT_KNOWN]
    theta = scan_of(nuisances).parameters.values(np.array([0.1]))
    zero, none = (likelihood_of(scan_of(nuisances, given)) for given in ([["flux", "flat", 0.0]], []))
    assert float(zero.chi2(theta)) == float(none.chi2(theta))


def test_a_nuisance_that_is_left_out_takes_its_correlations_along() -> None:
    scan = Scan(scan_of([FLUX, FLAT_KNOWN], [["flux", "flat", 0.9]]))
    alone = scan.only("B")
    assert [nuisance.name for nuisance in alone.definition.nuisances] == ["flux"]
    unrelated = Scan(scan_of([FLUX, FLAT_KNOWN])).only("B")
    assert alone.chi2(eps_ee_uV=0.2) == pytest.approx(unrelated.chi2(eps_ee_uV=0.2), rel=1e-13)


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_pseudo_experiments_measure_correlated_nuisances_together(kinds: Sequence[str]) -> None:
    scan = scan_of([FLUX, FLAT_KNOWN], [["flux", "flat", 0.6]], kinds)
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(scan.axes[0].values[:, None])
    made = PseudoExperiments(OfOneLikelihood(likelihood, scan.parameters), scan.axes[0].values[:, None])
    drawn = made.draw(1, 50_000, np.random.default_rng(1))
    z = drawn.measured * likelihood.templates.steps
    assert np.std(z, axis=0) == pytest.approx([1.0, 1.0], abs=0.02)
    assert float(np.mean(np.prod(z - z.mean(axis=0), axis=1))) == pytest.approx(0.6, abs=0.02)
    if kinds[0] == "gaussian":
        return
    few = made.draw(1, 3, np.random.default_rng(2))
    delta = made.made(1, 3, np.random.default_rng(2)).delta_chi2
    for p in range(3):
        n, measured = few.counts[p], few.measured[p] * likelihood.templates.steps
        least = []
        for at in theta:
            defined = Naive(scan, at)
            least.append(naive.minimum_over_nuisances(partial(defined, measured=measured, n=n), 2)[0])
        assert delta[p] == pytest.approx(least[1] - min(least), abs=1e-7)


def test_pseudo_experiments_of_squares_are_those_of_the_definition() -> None:
    """All Gaussian and linear: the fast way, against least squares with the full covariance of what is drawn."""
    scan = scan_of([FLUX, FLAT_KNOWN], [["flux", "flat", 0.6]], ("gaussian", "gaussian"))
    likelihood = likelihood_of(scan)
    made = PseudoExperiments(OfOneLikelihood(likelihood, scan.parameters), scan.axes[0].values[:, None])
    delta = made.made(1, 40_000, np.random.default_rng(3)).delta_chi2
    # at one of three places of a chi2 that is nearly a parabola: the mean is that of a best fit among these
    templates = likelihood.templates_at(scan.parameters.values(scan.axes[0].values[:, None]))
    weights = likelihood.templates.weights(likelihood.profiled(scan.parameters.values(np.array([0.0]))).z)
    truth = weights @ templates[1]
    steps = likelihood.templates.steps
    C = np.array([[1.0, 0.6], [0.6, 1.0]])
    random = np.random.default_rng(4)
    z_true = likelihood.profiled(scan.parameters.values(np.array([0.0]))).z * steps
    data = truth + np.sqrt(likelihood.expected) * random.standard_normal((40_000, truth.size))
    measured = z_true + random.multivariate_normal(np.zeros(2), C, 40_000)
    chi2 = np.empty((40_000, 3))
    for j, of_place in enumerate(templates):
        effects = of_place[1:] / steps[:, None]
        V = np.diag(likelihood.expected) + effects.T @ C @ effects
        r = data - of_place[0] - measured @ effects
        chi2[:, j] = np.einsum("pi,ij,pj->p", r, np.linalg.inv(V), r)
    by_hand = chi2[:, 1] - chi2.min(axis=1)
    for quantile in (0.7, 0.9, 0.97):
        assert np.quantile(delta, quantile) == pytest.approx(np.quantile(by_hand, quantile), rel=0.06, abs=0.02)


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_pseudo_experiments_measure_nothing_of_a_free_nuisance(kinds: Sequence[str]) -> None:
    """It stays where it fits the data best, and a very wide one that is drawn there gives the same Delta chi2."""
    free = {key: value for key, value in FLAT_KNOWN.items() if key != "width"}
    scan = scan_of([FLUX, free], (), kinds)
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(scan.axes[0].values[:, None])
    made = PseudoExperiments(OfOneLikelihood(likelihood, scan.parameters), scan.axes[0].values[:, None])
    drawn = made.draw(1, 5, np.random.default_rng(1))
    assert np.ptp(drawn.measured[:, 1]) == 0.0
    assert np.ptp(drawn.measured[:, 0]) > 0.0
    x = drawn.measured[0, 1] * likelihood.templates.steps[1] * FREE_WIDTH
    assert x == pytest.approx(likelihood.fit_at(theta[1], 0).nuisances[1].value)
    if kinds[0] == "gaussian":
        return
    delta = made.made(1, 3, np.random.default_rng(2)).delta_chi2
    few = made.draw(1, 3, np.random.default_rng(2))
    flat = likelihood.every_count.background("A", "flat")
    steady = likelihood.templates.constant[0] - flat
    for p in range(3):
        least = []
        for at in theta:
            signal = likelihood.counts(at)

            def chi2(z: FloatArray, s: FloatArray = signal, p: int = p) -> float:
                N = s * (1.0 + 0.1 * z[0]) + steady + flat * z[1]
                n = few.counts[p]
                if np.any(N <= 0.0):
                    return 1e30
                pull = (z[0] - few.measured[p, 0]) ** 2
                return float(2.0 * np.sum(N - n + n * np.log(np.maximum(n, 1e-300) / N)) + pull)

            least.append(naive.minimum_over_nuisances(chi2, 2)[0])
        assert delta[p] == pytest.approx(least[1] - min(least), abs=1e-7)


# Backgrounds below zero.

LOW = {"A": [30.0, 12.0, 6.0, 9.0], "B": DATA["B"]}


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_a_background_below_zero_is_said_or_kept_from_it(kinds: Sequence[str]) -> None:
    nuisances = [FLUX, FLAT_KNOWN | {"width": 1.5}, TILT]
    free = scan_of(nuisances, kinds=kinds, data=LOW)
    theta = free.parameters.values(np.array([0.2]))
    defined = Naive(free, theta, LOW)
    exact, place = defined.minimum()
    flat = defined.backgrounds(place)["flat"]
    (said,) = likelihood_of(free).fit_at(theta, 1).negative
    assert said.name == "A.flat"
    assert said.counts == pytest.approx(flat.sum(), abs=1e-3)
    assert said.bins == np.sum(flat < 0.0)

    kept = likelihood_of(scan_of(nuisances, kinds=kinds, data=LOW, nonnegative=["flat"]))
    inside: Any = {"type": "ineq", "fun": lambda z: defined.backgrounds(z)["flat"]}
    chi2: Any = defined
    bound = minimize(chi2, np.zeros(3), method="SLSQP", constraints=inside, options={"ftol": 1e-13})
    assert bound.fun > exact + 0.1
    assert float(kept.chi2(theta)) == pytest.approx(float(bound.fun), rel=1e-6)
    assert [each.pull for each in kept.fit_at(theta, 1).nuisances] == pytest.approx(bound.x.tolist(), abs=1e-3)
    assert not kept.fit_at(theta, 1).negative


@pytest.mark.parametrize("kinds", [("poisson", "poisson"), ("gaussian", "gaussian")])
def test_a_normalisation_ends_where_its_background_does(kinds: Sequence[str]) -> None:
    scan = scan_of([FLAT_KNOWN | {"width": 2.0}], kinds=kinds, data=LOW, nonnegative=["flat", "falling"])
    theta = scan.parameters.values(np.array([0.2]))
    likelihood = likelihood_of(scan)
    assert likelihood.constraints.above.size == 1
    (fitted,) = likelihood.fit_at(theta, 1).nuisances
    assert fitted.value == pytest.approx(-1.0, abs=1e-5)
    assert float(likelihood.chi2(theta)) == pytest.approx(Naive(scan, theta, LOW)(np.array([-0.5])), rel=1e-7)
    values = [axis.values for axis in scan.axes]
    grid = np.empty([v.size for v in values])
    likelihood.polynomial(scan.axes, scan.parameters).fill(values, grid)
    for i, eps in enumerate(values[0].tolist()):
        assert grid[i] == pytest.approx(float(likelihood.chi2(scan.parameters.values(np.array([eps])))), rel=1e-10)


def test_pseudo_experiments_keep_backgrounds_from_zero_too() -> None:
    scan = scan_of([FLAT_KNOWN | {"width": 2.0}], data=LOW, nonnegative=["flat"])
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(scan.axes[0].values[:, None])
    made = PseudoExperiments(OfOneLikelihood(likelihood, scan.parameters), scan.axes[0].values[:, None])
    few = made.draw(2, 3, np.random.default_rng(5))
    delta = made.made(2, 3, np.random.default_rng(5)).delta_chi2
    for p in range(3):
        least = []
        for at in theta:
            chi2: Any = partial(Naive(scan, at), measured=few.measured[p], n=few.counts[p])
            least.append(min(float(minimize(chi2, [start], bounds=[(-0.5, 9.0)]).fun) for start in (-0.4, 0.5, 2.0)))
        assert delta[p] == pytest.approx(least[2] - min(least), abs=1e-5)


def test_a_negative_background_cannot_be_kept_from_zero() -> None:
    table = experiment(
        statistic={"kind": "gaussian", "variance": [9.0]},
        channels={"all": ["nu_e"]},
        backgrounds=[{"name": "b", "counts": [-1.0], "nonnegative": True}],
        data={"counts": [3.0]},
    )
    with pytest.raises(DefinitionError, match=r"backgrounds.b.nonnegative: found true for counts down to -1"):
        definition([table])


# Data after a subtraction.

VARIANCE = [25.0, 16.0, 9.0, 9.0]


def subtracted(**keys: Any) -> dict[str, Any]:
    return experiment(
        recoil_window_keV=None,
        recoil_bins_keV=[10.0, 20.0, 40.0, 80.0, 120.0],
        channels={"all": ["nu_e", "nu_mubar", "nu_mu"]},
        mass_kg=1.0,
        **{
            "statistic": {"kind": "gaussian", "variance": VARIANCE},
            "backgrounds": [{"name": "left", "counts": [3.0, -2.0, -1.0, 0.5]}],
            "data": {"counts": [8.0, -1.0, -4.0, 2.0]},
            **keys,
        },
    )


def test_gaussian_data_and_backgrounds_may_be_negative() -> None:
    nuisance = {"name": "left", "width": 0.4, "background": ["A.left"]}
    scan = definition([subtracted()], axes=AXES, nuisances=[nuisance])
    theta = scan.parameters.values(np.array([0.1]))
    likelihood = likelihood_of(scan)
    signal = likelihood_of(replace(scan, nuisances=())).counts(theta)
    left, V = np.array([3.0, -2.0, -1.0, 0.5]), np.diag(VARIANCE)
    r = signal + left - np.array([8.0, -1.0, -4.0, 2.0])
    assert float(likelihood.chi2(theta)) == pytest.approx(
        r @ np.linalg.solve(V + 0.16 * np.outer(left, left), r), rel=1e-12
    )
    assert likelihood.fit_at(theta, 1).dof == 3
    assert not likelihood.fit_at(theta, 1).negative


def test_a_bin_whose_signal_and_background_cancel_is_compared_all_the_same() -> None:
    """Its expectation is zero, and so are its data; couplings that change the signal are still felt."""
    bare = definition([subtracted(backgrounds=None, data=None)], axes=AXES)
    signal = likelihood_of(bare).expected
    counts = {"counts": (-signal).tolist()}
    scan = definition(
        [subtracted(backgrounds=[{"name": "left", **counts}], data={"counts": [0.0, 0.0, 0.0, 0.0]})], axes=AXES
    )
    theta = scan.parameters.values(np.array([0.3]))
    change = likelihood_of(bare).counts(theta) - signal
    assert float(likelihood_of(scan).chi2(theta)) == pytest.approx(np.sum(change**2 / np.array(VARIANCE)), rel=1e-9)


@pytest.mark.parametrize("statistic", ["poisson", {"kind": "poisson"}])
@pytest.mark.parametrize("key", ["data", "backgrounds"])
def test_poisson_counts_are_not_negative(statistic: Any, key: str) -> None:
    other = {"backgrounds": {"data": None}, "data": {"backgrounds": None}}[key]
    with pytest.raises(DefinitionError) as caught:
        definition([subtracted(statistic=statistic, **other)])
    (fault,) = caught.value.faults
    found = "data.counts: found -4" if key == "data" else "backgrounds.left.counts: found -2"
    assert f"experiments.A.{found}, counts must not be negative, as those of a Poisson" in str(fault)


def test_the_default_of_the_statistic_decides_too() -> None:
    with pytest.raises(DefinitionError, match=r"counts must not be negative, as those of a Poisson likelihood"):
        definition([subtracted(statistic=None, backgrounds=None)], statistic="poisson")


def test_an_expectation_below_zero_is_no_variance() -> None:
    table = subtracted(statistic=None, backgrounds=[{"name": "left", "counts": [3.0, -9999.0, -1.0, 0.5]}])
    scan = definition([table], axes=AXES)
    with pytest.raises(
        InputError, match=r"counts are expected in bin 2, which cannot be their variance: use a statistic"
    ):
        likelihood_of(scan)


# What is known of old scans.


def test_scans_without_these_keys_are_what_they_were() -> None:
    places = identity(scan_of([FLUX, FLAT_KNOWN]))
    assert not [place for place in places if "nonnegative" in place or "width_below" in place or "correl" in place]
    other = identity(scan_of([FLUX | {"width": [0.1, 0.2]}, FLAT_KNOWN], [["flux", "flat", 0.5]], nonnegative=["flat"]))
    assert other["nuisances.flux.width_below"] == "0.1"
    assert "flat" in other["experiments.A.nonnegative"]
    assert "0.5" in other["correlations.0"]


# What is said.


@pytest.mark.parametrize(("width", "data"), [(0.28, 150.0), (0.28, 60.0)])
def test_a_logarithmic_pull_is_what_it_adds_to_chi2(width: float, data: float) -> None:
    scan = scan_of([FLUX | {"width": width, "pull": "log"}], data={"A": [data, *DATA["A"][1:]], "B": DATA["B"]})
    likelihood = likelihood_of(scan)
    theta = scan.parameters.values(np.array([0.0]))
    (fitted,) = likelihood.fit_at(theta, 1).nuisances
    held = Naive(replace(scan, nuisances=()), theta, {"A": [data, *DATA["A"][1:]], "B": DATA["B"]})
    held.signal = held.signal * (1.0 + fitted.value)
    assert float(likelihood.chi2(theta)) - held(np.zeros(0)) == pytest.approx(fitted.pull**2, rel=1e-6)
    assert np.sign(fitted.pull) == np.sign(fitted.value)
    assert fitted.pull != pytest.approx(fitted.value / width, rel=0.02)


def test_a_negative_background_is_printed_and_kept_with_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = Scan(scan_of([FLUX, FLAT_KNOWN | {"width": 1.5}], data=LOW))
    result = scan.run(tmp_path / "low.h5")
    (said,) = result.fit.negative
    assert said.counts < 0.0
    opened = open_result(tmp_path / "low.h5")
    assert opened.fit.negative == result.fit.negative
    print_fit(opened.minimum, opened.fit)
    assert f"background A.flat = {said.counts:.4g} counts in all, below zero in 4 bins: nonnegative" in (
        capsys.readouterr().out
    )
    assert fit_record(0.0, opened.fit)["negative_backgrounds"] == [said._asdict()]


def test_a_best_fit_at_a_bound_says_what_intervals_do_there() -> None:
    """A moment whose square would be negative: chi2 rises from zero on. With more counts there is a minimum beyond."""
    table = experiment(
        mass_kg=1.0, recoil_window_keV=[5.0, 200.0], channels={"all": ["nu_mu"]}, statistic="poisson", data=None
    )
    axes = {"mu_nu": {"min": 0.0, "max": 40.0, "points": 41}}
    for seen, at_bound in ((0.0, True), (60.0, False)):
        result = Scan(definition([table | {"data": {"counts": [seen]}}], axes=axes)).run()
        (limit,) = result.limits(cl=0.90)
        assert bool(limit.notes) == at_bound
        assert all("over-cover" in note and "`scanengine calibrate`" in note for note in limit.notes)


def test_a_parameter_that_goes_on_beyond_zero_has_no_bound_there() -> None:
    result = Scan(scan_of([FLUX])).run()
    assert not result.limits(cl=0.90)[0].notes


def test_a_shape_that_is_scaled_says_so_unless_the_file_does() -> None:
    plus = [52.0, 44.0, 36.0, 28.0]
    shape: Table = {"experiment": "A", "background": "flat", "plus": plus}
    (note,) = scan_of([{"name": "tilt", "shape": [shape]}]).notes
    assert note == (
        "nuisance tilt: the 160 counts of plus for flat of A are scaled to the nominal 80: normalised = false uses "
        "them unscaled, true omits this note"
    )
    for choice in (True, False):
        assert not scan_of([{"name": "tilt", "shape": [shape | {"normalised": choice}]}]).notes
    assert not scan_of([TILT]).notes
    signal = {"name": "s", "shape": [{"experiment": "A", "signal": True, "plus": plus}]}
    (note,) = scan_of([signal]).notes
    assert "the 160 counts of plus for the signal of A are scaled to those of the Standard Model" in note
