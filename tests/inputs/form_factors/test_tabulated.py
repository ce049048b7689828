"""Tables of form factors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from scanengine.errors import InputError
from scanengine.inputs.form_factors import tabulated
from tests.inputs.form_factors.evaluated import AR40, F


def test_table_is_a_cubic_spline_separately_for_protons_and_neutrons() -> None:
    q = np.linspace(0.0, 2.0, 9)
    F_p, F_n = np.exp(-(q**2) / 3.0), np.exp(-(q**2) / 2.0)
    made_p, made_n = tabulated(q, F_p, F_n)(AR40)
    for x in np.linspace(0.0, 2.0, 33):
        assert F(made_p, x) == pytest.approx(float(CubicSpline(q, F_p)(x)), abs=1e-14)
        assert F(made_n, x) == pytest.approx(float(CubicSpline(q, F_n)(x)), abs=1e-14)
    assert made_p.q_max_invfm == made_n.q_max_invfm == 2.0


@pytest.mark.parametrize(
    ("q", "values", "words"),
    [
        ([0.0, 0.5, 1.0], [1.0, 0.5, 0.2], "at least four points"),
        ([0.1, 0.5, 1.0, 1.5], [1.0, 0.5, 0.2, 0.1], "increases from 0"),
        ([0.0, 0.5, 0.5, 1.5], [1.0, 0.5, 0.2, 0.1], "increases from 0"),
        ([0.0, 0.5, 1.0, 1.5], [0.9, 0.5, 0.2, 0.1], r"F_p\(0\) = 1: found 0.9"),
    ],
)
def test_bad_table_is_an_input_error(q: list[float], values: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        tabulated(np.array(q), np.array(values), np.ones(len(q)))


def test_bad_table_of_the_neutrons_is_named() -> None:
    q = np.linspace(0.0, 1.0, 4)
    with pytest.raises(InputError, match=r"F_n\(0\) = 1: found 2"):
        tabulated(q, np.ones(4), np.full(4, 2.0))
