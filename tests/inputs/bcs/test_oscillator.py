"""Oscillator states: closed form against quadrature of the radial functions, and what is known of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from scanengine.inputs.bcs.oscillator import coefficients
from scanengine_kernels.form_factors import oscillator
from tests import naive_bcs

STATES = [(shell, ell) for shell in range(8) for ell in range(shell, -1, -2)]


@pytest.mark.parametrize(("shell", "ell"), STATES)
def test_closed_form_equals_quadrature_of_the_radial_function(shell: int, ell: int) -> None:
    packed = np.array([2.262, *map(float, coefficients((shell - ell) // 2, ell))])
    for q in (0.0, 0.05, 0.3, 0.8, 1.5, 3.0):
        assert oscillator(q, packed) == pytest.approx(naive_bcs.j0_element(shell, ell, 2.262, q), abs=5e-14)


@pytest.mark.parametrize(("shell", "ell"), STATES)
def test_norm_degree_and_radius_are_exact(shell: int, ell: int) -> None:
    """F = 1 - q^2 <r^2> / 6 + ... with <r^2> = (N + 3/2) b^2, where exp(-y) gives -y and q^2 b^2 is 4 y."""
    found = coefficients((shell - ell) // 2, ell)
    assert len(found) == shell + 1
    assert found[0] == 1
    if shell:
        assert found[1] - 1 == -Fraction(4, 6) * (shell + Fraction(3, 2))


def test_textbook_polynomials() -> None:
    assert list(coefficients(0, 0)) == [1]
    assert list(coefficients(0, 1)) == [1, Fraction(-2, 3)]
    assert list(coefficients(1, 0)) == [1, Fraction(-4, 3), Fraction(2, 3)]
    assert list(coefficients(0, 2)) == [1, Fraction(-4, 3), Fraction(4, 15)]


@pytest.mark.parametrize("shell", range(8))
def test_a_filled_shell_has_the_polynomial_of_the_laguerre_sum(shell: int) -> None:
    """sum over l of (2l + 1) <j0> of a shell: exp(-y) L_N^(2)(2 y), as the trace of exp(i q z) in one dimension shows.

    There <n| exp(i q z) |n> = exp(-y) L_n(2 y), and the shell has one state n_z = n per pair (n_x, n_y) of the rest.
    """
    total = np.zeros(shell + 1)
    for ell in range(shell, -1, -2):
        total += (2 * ell + 1) * np.array(coefficients((shell - ell) // 2, ell), dtype=float)
    y = np.linspace(0.0, 3.0, 7)
    one_by_one = sum(
        (shell - n + 1) * np.polynomial.laguerre.lagval(2.0 * y, [0.0] * n + [1.0]) for n in range(shell + 1)
    )
    assert np.polynomial.polynomial.polyval(y, total) == pytest.approx(one_by_one, rel=1e-11, abs=1e-11)
