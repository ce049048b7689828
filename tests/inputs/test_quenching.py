"""Quenching: the published formulas, evaluated by hand or by mpmath."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mpf  # type: ignore[import-untyped]

from scanengine.errors import InputError
from scanengine.inputs.nuclei import target
from scanengine.inputs.quenching import Lindhard, PolynomialQuenching, TabulatedQuenching

GERMANIUM = target("Ge74").isotopes[0]
T_KEV = np.array([0.01, 0.5, 5.0, 60.0])


def test_polynomial_has_its_coefficients() -> None:
    shown = PolynomialQuenching(np.array([0.1, 0.2, 0.03])).keVee(T_KEV, GERMANIUM)
    np.testing.assert_allclose(shown, 0.1 + 0.2 * T_KEV + 0.03 * T_KEV**2, rtol=1e-14)


def test_lindhard_is_the_published_formula() -> None:
    for T, shown in zip(T_KEV, Lindhard(0.157).keVee(T_KEV, GERMANIUM), strict=True):
        e = mpf(23) / 2 * mpf(32) ** (-mpf(7) / 3) * mpf(float(T))
        g = 3 * e ** mpf("0.15") + mpf("0.7") * e ** mpf("0.6") + e
        assert shown == pytest.approx(float(mpf("0.157") * T * g / (1 + mpf("0.157") * g)), rel=1e-13)


def test_heavier_nuclei_show_less() -> None:
    shown = [float(Lindhard(0.157).keVee(np.array([20.0]), target(name).isotopes[0])[0]) for name in ("Si28", "Xe132")]
    assert shown[0] > shown[1]


def test_table_is_linear_between_its_points_and_constant_beyond() -> None:
    table = TabulatedQuenching(np.array([1.0, 3.0]), np.array([0.1, 0.2]))
    np.testing.assert_allclose(table.keVee(np.array([0.5, 2.0, 10.0]), GERMANIUM), [0.05, 0.3, 2.0], rtol=1e-14)
    assert table.kinks_keV.tolist() == [1.0, 3.0]


def test_points_of_a_table_must_increase() -> None:
    with pytest.raises(InputError, match="that increase"):
        TabulatedQuenching(np.array([3.0, 1.0]), np.array([0.1, 0.2]))
