"""The direct kernel: one double integral over E and T per grid point, for any cross-section given as a compiled
function.

It knows nothing of responses or polynomials. The nodes are those of the response integrals, laid out flat: node i is a
recoil energy with its weight, and E_first[i] : E_first[i + 1] are the neutrino energies that reach it, weighted with
the flux.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_uncached
from scanengine_kernels.cross_sections import magnetic_kinematics, weak_kinematics

CrossSection = Callable[..., Any]
"""(E_MeV, T_MeV, nucleus, flavour, parameters) -> cm^2/MeV, compiled with numba.njit.

nucleus is [Z, N, M_MeV, F_p(q), F_n(q)], flavour counts nu_e, nu_mu, nu_tau, nu_ebar, nu_mubar, nu_taubar from 0, and
parameters is what the caller of `sum_counts` passes on.
"""


@jit
def cevns(E: float, T: float, nucleus: NDArray[np.float64], flavour: int, parameters: NDArray[np.float64]) -> float:
    """The standard cross-section with NSI, magnetic moments and charge radii.

    Scholberg 2006, eqs. 4 and 6; Kosmas et al. 2015, eqs. 3 and 6.

    parameters (7, 7): a row per flavour with p_b, n_b for the three final families b and mu in 1e-10 mu_B; in the last
    row the constants G_F^2 / pi and pi alpha^2 1e-20 / m_e^2 in cm^2 and flags: full kinematics, full magnetic term,
    its form factor.
    """
    Z, N, M, F_p, F_n = nucleus[0], nucleus[1], nucleus[2], nucleus[3], nucleus[4]
    couplings, constants = parameters[flavour], parameters[6]
    bracket = 0.0
    for b in range(3):
        C = Z * F_p * couplings[2 * b] + N * F_n * couplings[2 * b + 1]
        bracket += C * C
    sigma = constants[0] * M * weak_kinematics(E, T, M, constants[2] != 0.0) * bracket
    mu = couplings[6]
    if mu != 0.0:
        charge = Z * F_p if constants[4] != 0.0 else Z
        sigma += constants[1] * mu * mu * charge * charge * magnetic_kinematics(E, T, constants[3] != 0.0)
    return sigma


@jit_uncached
def sum_counts(
    cross_section: CrossSection,
    parameters: NDArray[np.float64],
    T: NDArray[np.float64],
    T_weight: NDArray[np.float64],
    nucleus: NDArray[np.float64],
    flavour: NDArray[np.int64],
    cell: NDArray[np.int64],
    E_first: NDArray[np.int64],
    E: NDArray[np.float64],
    E_weight: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    """Set counts (cells,) at one point.

    T, T_weight, flavour and cell are (nodes,), nucleus (nodes, 5), E_first (nodes + 1,), E and E_weight (all
    energies,). Raises IndexError if a cell or an energy lies outside of these.
    """
    counts[:] = 0.0
    for node in range(T.size):
        if not (0 <= cell[node] < counts.size and E_first[node] >= 0 and E_first[node + 1] <= E.size):
            raise IndexError("a node's cell or its energies lie outside of the arrays")
    for node in range(T.size):
        inner = 0.0
        for k in range(E_first[node], E_first[node + 1]):
            inner += E_weight[k] * cross_section(E[k], T[node], nucleus[node], flavour[node], parameters)
        counts[cell[node]] += T_weight[node] * inner
