"""Nuclear form factors F(q), normalised to F(0) = 1; q in 1/fm, lengths in fm.

Each is a closed form written so that it stays accurate as q -> 0, where the textbook expressions cancel.
"""

from __future__ import annotations

from math import cos, exp, pi, sin, sinh, tanh

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.interpolation import points_up_to

UNITY, HELM, KLEIN_NYSTRAND, SYMMETRISED_FERMI, TABLE, OSCILLATOR = range(6)
"""The codes of `form_factor`: they stand in the definitions of results, so that a new one comes last."""


@jit
def j1_over_x(x: float) -> float:
    """Spherical Bessel function j1(x) / x, 1/3 at x = 0."""
    if abs(x) < 0.5:
        # sum_k (-x^2/2)^k / (k! (2k+3)!!); the first term left out is below 1e-17
        y = -0.5 * x * x
        return (
            1.0 + y / 5.0 * (1.0 + y / 14.0 * (1.0 + y / 27.0 * (1.0 + y / 44.0 * (1.0 + y / 65.0 * (1.0 + y / 90.0)))))
        ) / 3.0
    return (sin(x) - x * cos(x)) / (x * x * x)


@jit
def helm(q_invfm: float, R0_fm: float, s_fm: float) -> float:
    """Helm: 3 j1(q R0) / (q R0) exp(-(q s)^2 / 2) (Lewin and Smith 1996, eq. 4.7)."""
    return 3.0 * j1_over_x(q_invfm * R0_fm) * exp(-0.5 * (q_invfm * s_fm) ** 2)


@jit
def klein_nystrand(q_invfm: float, R_fm: float, a_fm: float) -> float:
    """Klein-Nystrand: 3 j1(q R) / (q R) / (1 + (q a)^2)."""
    return 3.0 * j1_over_x(q_invfm * R_fm) / (1.0 + (q_invfm * a_fm) ** 2)


@jit
def symmetrised_fermi(q_invfm: float, c_fm: float, a_fm: float) -> float:
    """Symmetrised Fermi density of half-density radius c and diffuseness a (Sprung and Martorell 1997).

    F = 3 / (x (x^2 + y^2)) y / sinh(y) [y coth(y) sin(x) - x cos(x)], x = q c, y = pi q a. The bracket is split into
    (y coth(y) - 1) sin(x) + (sin(x) - x cos(x)), two small terms of one sign.
    """
    x, y = q_invfm * c_fm, pi * q_invfm * a_fm
    if x < 1e-8:
        return 1.0
    y2 = y * y
    if y < 0.1:
        y_coth_y_less_1 = (
            y2 / 3.0 * (1.0 - y2 / 15.0 * (1.0 - 2.0 * y2 / 21.0 * (1.0 - y2 / 10.0 * (1.0 - 10.0 * y2 / 99.0))))
        )
        y_over_sinh_y = 1.0 / (1.0 + y2 / 6.0 * (1.0 + y2 / 20.0 * (1.0 + y2 / 42.0 * (1.0 + y2 / 72.0))))
    else:
        y_coth_y_less_1 = y / tanh(y) - 1.0
        y_over_sinh_y = y / sinh(y) if y < 700.0 else 0.0
    bracket = y_coth_y_less_1 * sin(x) + x * x * x * j1_over_x(x)
    return 3.0 * y_over_sinh_y * bracket / (x * (x * x + y2))


@jit
def tabulated(q_invfm: float, packed: NDArray[np.float64]) -> float:
    """Cubic spline: packed = [n, q_0 .. q_{n-1}, then (4, n - 1) coefficients in q - q_j, highest power first]."""
    n = int(packed[0])
    j = min(max(points_up_to(packed[1 : n + 1], q_invfm) - 1, 0), n - 2)
    x = q_invfm - packed[1 + j]
    first = 1 + n + j
    value = packed[first]
    for power in range(1, 4):
        value = value * x + packed[first + power * (n - 1)]
    return value


@jit
def oscillator(q_invfm: float, parameters: NDArray[np.float64]) -> float:
    """Nucleons in harmonic-oscillator states: exp(-y) sum_k a_k y^k, y = (q b)^2 / 4, parameters = [b, a_0, a_1, ...].

    A state of oscillator length b and shell N has a polynomial of degree N (T. W. Donnelly and W. C. Haxton, At. Data
    Nucl. Data Tables 23, 103 (1979)); a nucleus has their mean, a_0 = 1.
    """
    x = q_invfm * parameters[0]
    y = 0.25 * x * x
    if y > 700.0:
        return 0.0
    value = 0.0
    for k in range(parameters.size - 1, 0, -1):
        value = value * y + parameters[k]
    return exp(-y) * value


@jit
def form_factor(code: int, parameters: NDArray[np.float64], q_invfm: float) -> float:
    """Return F(q) of a kind by its code; 1 of unity."""
    if code == HELM:
        return helm(q_invfm, parameters[0], parameters[1])
    if code == KLEIN_NYSTRAND:
        return klein_nystrand(q_invfm, parameters[0], parameters[1])
    if code == SYMMETRISED_FERMI:
        return symmetrised_fermi(q_invfm, parameters[0], parameters[1])
    if code == TABLE:
        return tabulated(q_invfm, parameters)
    if code == OSCILLATOR:
        return oscillator(q_invfm, parameters)
    return 1.0


@jit
def form_factors_at(
    code: int, parameters: NDArray[np.float64], q_invfm: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """Set values (n,) to F at each momentum transfer q (n,), as `form_factor` gives it at one."""
    for i in range(q_invfm.size):
        values[i] = form_factor(code, parameters, q_invfm[i])
