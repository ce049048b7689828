"""Nucleons in harmonic-oscillator states: <nl| j0(q r) |nl> = exp(-y) times a polynomial in y = (q b)^2 / 4."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial


@cache
def coefficients(nodes: int, ell: int) -> tuple[Fraction, ...]:
    """Return the polynomial's coefficients, of degree N = 2 nodes + l in y, exactly; the first is 1.

    The density of a state of length b is x^l [L_n^(l+1/2)(x)]^2 exp(-x), x = (r / b)^2. A term in x^p transforms to
    exp(-y) 1F1(-p; 3/2; y) times its share of the norm (I. S. Gradshteyn and I. M. Ryzhik, Table of Integrals, Series,
    and Products, 6.631.1).
    """
    powers = _laguerre_squared(nodes, ell)
    share = [c * _rising(Fraction(3, 2), ell + m) for m, c in enumerate(powers)]
    norm = sum(share, Fraction(0))
    polynomial = [Fraction(0)] * (2 * nodes + ell + 1)
    for p, weight in enumerate(share, start=ell):
        for k in range(p + 1):
            polynomial[k] += weight / norm * (-1) ** k * comb(p, k) / _rising(Fraction(3, 2), k)
    return tuple(polynomial)


def _laguerre_squared(nodes: int, ell: int) -> list[Fraction]:
    """Coefficients in x of [L_n^(l+1/2)(x)]^2."""
    # L_n^(a)(x) = sum_i (-1)^i (a + i + 1) ... (a + n) / ((n - i)! i!) x^i
    a = Fraction(2 * ell + 1, 2)
    single = [
        (-1) ** i * _rising(a + i + 1, nodes - i) / (factorial(nodes - i) * factorial(i)) for i in range(nodes + 1)
    ]
    squared = [Fraction(0)] * (2 * nodes + 1)
    for i, first in enumerate(single):
        for j, second in enumerate(single):
            squared[i + j] += first * second
    return squared


def _rising(a: Fraction, k: int) -> Fraction:
    """A (a + 1) ... (a + k - 1)."""
    product = Fraction(1)
    for i in range(k):
        product *= a + i
    return product
