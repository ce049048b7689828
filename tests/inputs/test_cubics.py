"""Functions in pieces of cubics."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.inputs.cubics import chebyshev_points, cubics_through


def test_a_cubic_is_itself_on_every_segment() -> None:
    cubic, knots = np.array([2.0, -1.0, 0.3, 0.7]), np.array([0.0, 0.5, 2.0, 7.0])
    values = np.polynomial.polynomial.polyval(chebyshev_points(knots), cubic)
    assert cubics_through(knots, values) == pytest.approx(np.tile(cubic, (3, 1)), rel=1e-12)


def test_a_smooth_function_is_met_to_the_fourth_power_of_the_segments() -> None:
    errors = []
    for segments in (20, 40):
        knots = np.linspace(1.0, 4.0, segments + 1)
        coefficients = cubics_through(knots, np.sin(chebyshev_points(knots)))
        inside = 0.5 * (knots[1:] + knots[:-1])
        errors.append(np.abs(np.polynomial.polynomial.polyval(inside, coefficients.T, tensor=False) - np.sin(inside)))
    assert errors[0].max() == pytest.approx(0.075**4 / 192.0, rel=0.1)
    assert errors[0].max() / errors[1].max() == pytest.approx(16.0, rel=0.05)
