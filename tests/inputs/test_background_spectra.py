"""Spectra of backgrounds: integrals over bins against SciPy's quadrature of the formula, and what is infinite."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, inf, log

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from scanengine.errors import InputError
from scanengine.inputs.background_spectra import BackgroundSpectrum, Constant, Exponential, Line, Power

EDGES = np.array([0.2, 0.2001, 0.7, 3.0, 40.0])
FORMULAS: dict[str, tuple[BackgroundSpectrum, Callable[[float], float]]] = {
    "constant": (Constant(), lambda _: 1.0),
    "falling": (Exponential(3.0), lambda E: exp(-E / 3.0)),
    "rising": (Exponential(-3.0, 2.0), lambda E: exp((E - 2.0) / 3.0)),
    "1/E": (Power(-1.0), lambda E: 1.0 / E),
    "nearly 1/E": (Power(-1.0 + 1e-13), lambda E: 1.0 / E),
    "steep": (Power(-3.2, 0.5), lambda E: (E / 0.5) ** -3.2),
    "root": (Power(0.5, 10.0), lambda E: (E / 10.0) ** 0.5),
    "line": (Line(2.0, 0.8), lambda E: exp(-0.5 * ((E - 2.0) / 0.8) ** 2)),
    "line far above": (Line(30.0, 2.0), lambda E: exp(-0.5 * ((E - 30.0) / 2.0) ** 2)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_integrals_are_those_of_the_formula(name: str) -> None:
    spectrum, formula = FORMULAS[name]
    exact = [
        quad(formula, lo, hi, epsrel=1e-12, epsabs=0.0, limit=200, points=[30.0] if hi > 30.0 else None)[0]
        for lo, hi in pairwise(EDGES)
    ]
    assert_allclose(spectrum.integrals(EDGES), exact, rtol=1e-10)


@pytest.mark.parametrize("name", FORMULAS)
def test_bins_add_up(name: str) -> None:
    spectrum, _ = FORMULAS[name]
    assert_allclose(spectrum.integrals(EDGES).sum(), spectrum.integrals(EDGES[[0, -1]])[0], rtol=1e-13)


def test_bins_may_begin_at_zero_and_have_no_upper_end() -> None:
    assert Exponential(3.0).integrals(np.array([1.0, inf]))[0] == pytest.approx(3.0 * exp(-1.0 / 3.0))
    assert Power(-3.0).integrals(np.array([2.0, inf]))[0] == pytest.approx(1.0 / 8.0)
    assert Power(0.5).integrals(np.array([0.0, 4.0]))[0] == pytest.approx(16.0 / 3.0)
    assert Power(-1.0, 5.0).integrals(np.array([1.0, 3.0]))[0] == pytest.approx(5.0 * log(3.0))
    line = Line(2.0, 0.8)
    assert line.integrals(np.array([0.0, inf]))[0] == pytest.approx(line.area_keV * norm.sf(-2.5), rel=1e-13)


def test_tails_of_a_line_do_not_cancel() -> None:
    line = Line(100.0, 1.0)
    for edges, beyond in ((np.array([80.0, 85.0]), norm.cdf(-15.0)), (np.array([115.0, 120.0]), norm.sf(15.0))):
        assert line.integrals(edges)[0] == pytest.approx(line.area_keV * beyond, rel=1e-10)


@pytest.mark.parametrize(
    ("spectrum", "edges", "words"),
    [
        (Constant(), [1.0, inf], "no finite count in a bin without an upper end"),
        (Exponential(-1.0), [1.0, inf], "a rising exponential has no finite count"),
        (Power(-1.0), [1.0, inf], "a power law with index -1 has no finite count"),
        (Power(-1.0), [0.0, 1.0], "a power law with index -1 diverges at 0 keV"),
    ],
)
def test_infinite_counts_are_refused(spectrum: BackgroundSpectrum, edges: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        spectrum.integrals(np.array(edges))
