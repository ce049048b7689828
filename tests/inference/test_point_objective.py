"""chi2 from counts that are no polynomials, where they are: the same as from polynomials."""

from __future__ import annotations

import numpy as np
import pytest

import scanengine
from scanengine.inference.objective import Objective
from scanengine.inference.point_objective import PointObjective

pytestmark = pytest.mark.jit_only

AXES = {"eps_ee_dV": {"min": -0.3, "max": 0.5, "points": 9}, "eps_et_dV": {"min": -0.4, "max": 0.3, "points": 7}}


def test_values_gradients_and_curvatures_are_those_of_the_polynomials() -> None:
    problem = scanengine.load("solar/xenon-nsi", {"axes": AXES, "source.components": ["B8"]}).problem
    of_polynomials = Objective.of(problem.likelihood, problem.coordinates)
    of_counts = PointObjective.of(problem.likelihood, problem.coordinates)
    u = np.random.default_rng(5).random((4, 2))
    places = of_polynomials.place(u)
    chi2, gradient = of_polynomials.with_gradient(u)
    found, slopes = of_counts.with_gradient(of_counts.at(places))
    assert found == pytest.approx(chi2, rel=1e-10)
    assert of_counts.chi2(of_counts.at(places)) == pytest.approx(chi2, rel=1e-10)
    assert slopes == pytest.approx(gradient, rel=1e-6)
    assert of_counts.hessian(of_counts.at(places[0])) == pytest.approx(of_polynomials.hessian(u[0]), rel=1e-4)


def test_a_fit_with_nsi_in_the_sun_finds_what_the_grid_has() -> None:
    """Asimov data: the Standard Model, and the other sign of the amplitude of nu_e, a little above it."""
    axes = {"eps_ee_dV": {"min": -0.3, "max": 0.6, "points": 91}}
    scan = scanengine.load("solar/xenon-nsi-matter", {"axes": axes, "source.components": ["B8"]})
    minima = scan.fit()
    result = scan.run()
    chi2, values = result.chi2, result.axes[0].values
    lowest = values[1:-1][(chi2[1:-1] < chi2[:-2]) & (chi2[1:-1] < chi2[2:])]
    assert sorted(each.place["eps_ee_dV"] for each in minima) == pytest.approx(sorted(lowest), abs=0.006)
    assert minima[0].chi2 == pytest.approx(0.0, abs=1e-12)
    assert minima[0].place["eps_ee_dV"] == pytest.approx(0.0, abs=1e-8)
    assert scan.problem.chi2(np.array([minima[1].place["eps_ee_dV"]])) == pytest.approx(minima[1].chi2, abs=1e-9)
