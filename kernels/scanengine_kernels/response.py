"""The inner integrals of the responses, over neutrino energy E: three moments of the spectrum, m = 0, 1, 2,

    I_m(e) = int_e^inf dE phi(E) P(E) E^-m,

from which the kinematics of every interaction are built (`scanengine_kernels.terms`). P is the probability to survive
an oscillation (3,) = (a, s, b): 1 - s sin^2(a / E) with a in MeV, and its average 1 - s / 2 below an energy b in MeV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.interpolation import points_up_to
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS

# The 21-point rule is taken where it agrees with the 10-point rule inside it to this: its own error is then
# far below 1e-11, since it converges about twice as fast.
AGREEMENT = 1e-8
MAX_BISECTIONS = 12


@jit
def segment_moments(
    lo: float,
    hi: float,
    coefficients: NDArray[np.float64],
    oscillation: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Add int_lo^hi dE phi(E) P(E) E^-m to moments[m], phi the cubic with these coefficients; needs hi <= 2 lo, and
    less than half a period of P, for full accuracy.
    """
    half, middle = 0.5 * (hi - lo), 0.5 * (hi + lo)
    for k in range(GAUSS_NODES.size):
        E = middle + half * GAUSS_NODES[k]
        phi = coefficients[0] + E * (coefficients[1] + E * (coefficients[2] + E * coefficients[3]))
        weight = half * GAUSS_WEIGHTS[k] * phi
        if oscillation[1] > 0.0:
            sine = np.sin(oscillation[0] / E)
            weight *= 1.0 - oscillation[1] * (sine * sine if middle > oscillation[2] else 0.5)
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
    oscillation: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Set moments (3,) to I_m(e).

    lines (k, 2): energy and flux that arrives; knots (n,), coefficients (n - 1, 4): the continuum; tails (n, 3): I_m of
    it at the knots; oscillation (3,) as above.
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
        segment_moments(e, knots[j], coefficients[j - 1], oscillation, moments)
    for m in range(3):
        moments[m] += tails[j, m]


@jit
def moments_at(
    e: NDArray[np.float64],
    lines: NDArray[np.float64],
    knots: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    tails: NDArray[np.float64],
    oscillation: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> None:
    """Set moments (n, 3) to I_m at each of the energies e (n,), as `spectral_moments` does of one."""
    for i in range(e.size):
        spectral_moments(e[i], lines, knots, coefficients, tails, oscillation, moments[i])
