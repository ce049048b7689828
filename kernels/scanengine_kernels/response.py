"""Response integrals: the double integrals over neutrino energy E and recoil energy T that no scanned coupling changes.

With e = E_min(T) as the outer variable, T(e) = 2 e^2 / (M + 2 e), the integrand is smooth down to T = 0 (in T itself it
goes like sqrt(T)), and every kink (bin edge, efficiency point, spectral knot or line, table knot) is a panel edge. The
inner integrals over E are three moments of the spectrum, m = 0, 1, 2,

    I_m(e) = int_e^inf dE phi(E) E^-m,

from which both kinematic options and the magnetic term are built (Scholberg 2006, eqs. 4 and 6; Kosmas et al. 2015,
eqs. 3 and 6).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.cross_sections import T_max
from scanengine_kernels.form_factors import form_factor
from scanengine_kernels.interpolation import piecewise_linear, points_up_to
from scanengine_kernels.quadrature import (
    EMBEDDED_WEIGHTS,
    GAUSS_NODES,
    GAUSS_WEIGHTS,
    KRONROD_NODES,
    KRONROD_WEIGHTS,
)

# The 21-point rule is taken where it agrees with the 10-point rule inside it to this: its own error is then
# far below 1e-11, since it converges about twice as fast.
AGREEMENT = 1e-8
MAX_BISECTIONS = 12


@jit
def segment_moments(lo: float, hi: float, coefficients: NDArray[np.float64], moments: NDArray[np.float64]) -> None:
    """Add int_lo^hi dE phi(E) E^-m to moments[m], phi the cubic with these coefficients; needs hi <= 2 lo for full
    accuracy.
    """
    half, middle = 0.5 * (hi - lo), 0.5 * (hi + lo)
    for k in range(GAUSS_NODES.size):
        E = middle + half * GAUSS_NODES[k]
        phi = coefficients[0] + E * (coefficients[1] + E * (coefficients[2] + E * coefficients[3]))
        weight = half * GAUSS_WEIGHTS[k] * phi
        moments[0] += weight
        moments[1] += weight / E
        moments[2] += weight / (E * E)


@jit
def spectral_moments(
    e: float,
    lines: NDArray[np.float64],
    knots: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    tails: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Set moments (3,) to I_m(e).

    lines (k, 2): energy and flux; knots (n,), coefficients (n - 1, 4): the continuum; tails (n, 3): I_m of it at the
    knots.
    """
    moments[:] = 0.0
    for k in range(lines.shape[0]):
        E = lines[k, 0]
        if e < E:
            moments[0] += lines[k, 1]
            moments[1] += lines[k, 1] / E
            moments[2] += lines[k, 1] / (E * E)
    if knots.size == 0 or e >= knots[-1]:
        return
    j = points_up_to(knots, e)
    if j > 0:
        segment_moments(e, knots[j], coefficients[j - 1], moments)
    for m in range(3):
        moments[m] += tails[j, m]


@jit
def response_terms(
    e: float,
    M: float,
    hbarc_MeV_fm: float,
    moments: NDArray[np.float64],
    p_code: int,
    p_parameters: NDArray[np.float64],
    n_code: int,
    n_parameters: NDArray[np.float64],
    options: NDArray[np.bool_],
    terms: NDArray[np.float64],
) -> None:
    """Set terms (4,) to the integrand over e: weak F_p^2, F_p F_n, F_n^2, and magnetic.

    options: full kinematics, full magnetic term, form factor in the magnetic term, magnetic term wanted.
    """
    T = T_max(e, M)
    dT_de = 4.0 * e * (M + e) / ((M + 2.0 * e) * (M + 2.0 * e))
    q_invfm = sqrt(2.0 * M * T) / hbarc_MeV_fm
    F_p = form_factor(p_code, p_parameters, q_invfm)
    F_n = form_factor(n_code, n_parameters, q_invfm)
    weak = moments[0] - 0.5 * M * T * moments[2]
    if options[0]:
        weak += T * (0.5 * T * moments[2] - moments[1])
    terms[0] = dT_de * weak * F_p * F_p
    terms[1] = dT_de * weak * F_p * F_n
    terms[2] = dT_de * weak * F_n * F_n
    terms[3] = 0.0
    if options[3]:
        magnetic = moments[0] / T - moments[1]
        if options[1]:
            magnetic += 0.25 * T * moments[2]
        terms[3] = dT_de * magnetic * (F_p * F_p if options[2] else 1.0)


@jit
def response(
    panels: NDArray[np.float64],
    panel_bins: NDArray[np.int64],
    M: float,
    hbarc_MeV_fm: float,
    lines: NDArray[np.float64],
    knots: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    tails: NDArray[np.float64],
    efficiency_T: NDArray[np.float64],
    efficiency: NDArray[np.float64],
    p_code: int,
    p_parameters: NDArray[np.float64],
    n_code: int,
    n_parameters: NDArray[np.float64],
    options: NDArray[np.bool_],
    integrals: NDArray[np.float64],
) -> float:
    """Add each panel's integral to integrals[bin] (bins, 4), bisecting panels until the two rules agree.

    panels (n, 2) are ranges of e = E_min(T) in MeV without a kink inside, panel_bins (n,) the bin of each; integrals
    are zero before. Returns the largest share of a bin's integral by which the rules still differ in panels that could
    not be bisected further: zero where all have converged. Raises IndexError if a bin lies outside of integrals.
    """
    for panel in range(panels.shape[0]):
        if not 0 <= panel_bins[panel] < integrals.shape[0]:
            raise IndexError("a panel's bin lies outside of the integrals")
    moments, terms = np.empty(3), np.empty(4)
    kronrod, embedded = np.empty(4), np.empty(4)
    stack = np.empty((MAX_BISECTIONS + 2, 2))
    unresolved = np.zeros(integrals.shape)
    for panel in range(panels.shape[0]):
        stack[0] = panels[panel]
        depth = 1
        smallest = (panels[panel, 1] - panels[panel, 0]) * 0.5**MAX_BISECTIONS
        while depth > 0:
            depth -= 1
            lo, hi = stack[depth, 0], stack[depth, 1]
            half, middle = 0.5 * (hi - lo), 0.5 * (hi + lo)
            kronrod[:] = 0.0
            embedded[:] = 0.0
            for k in range(KRONROD_NODES.size):
                e = middle + half * KRONROD_NODES[k]
                spectral_moments(e, lines, knots, coefficients, tails, moments)
                response_terms(e, M, hbarc_MeV_fm, moments, p_code, p_parameters, n_code, n_parameters, options, terms)
                weight = half * piecewise_linear(T_max(e, M), efficiency_T, efficiency)
                for term in range(4):
                    kronrod[term] += weight * KRONROD_WEIGHTS[k] * terms[term]
                    embedded[term] += weight * EMBEDDED_WEIGHTS[k] * terms[term]
            disagreement = 0.0
            for term in (0, 2, 3):
                if kronrod[term] != 0.0:
                    disagreement = max(disagreement, abs(1.0 - embedded[term] / kronrod[term]))
            if disagreement > AGREEMENT and hi - lo > smallest and depth + 2 <= stack.shape[0]:
                stack[depth, 0], stack[depth, 1] = middle, hi
                stack[depth + 1, 0], stack[depth + 1, 1] = lo, middle
                depth += 2
                continue
            for term in range(4):
                integrals[panel_bins[panel], term] += kronrod[term]
                if disagreement > AGREEMENT:
                    unresolved[panel_bins[panel], term] += abs(kronrod[term] - embedded[term])
    worst = 0.0
    for i in range(integrals.shape[0]):
        for term in (0, 2, 3):
            if unresolved[i, term] > 0.0:
                worst = max(worst, unresolved[i, term] / integrals[i, term])
    return worst


@jit
def rate_terms(
    e: NDArray[np.float64],
    M: float,
    hbarc_MeV_fm: float,
    lines: NDArray[np.float64],
    knots: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    tails: NDArray[np.float64],
    p_code: int,
    p_parameters: NDArray[np.float64],
    n_code: int,
    n_parameters: NDArray[np.float64],
    options: NDArray[np.bool_],
    terms: NDArray[np.float64],
) -> None:
    """Set terms (n, 4) to the integrand over e of `response` at each e (n,), without any efficiency."""
    moments = np.empty(3)
    for i in range(e.size):
        spectral_moments(e[i], lines, knots, coefficients, tails, moments)
        response_terms(e[i], M, hbarc_MeV_fm, moments, p_code, p_parameters, n_code, n_parameters, options, terms[i])
