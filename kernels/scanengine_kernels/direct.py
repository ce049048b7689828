"""The direct kernel: one double integral over E and T per grid point, for any cross-section given as a compiled
function.

It knows nothing of responses or polynomials. The nodes are those of the response integrals, laid out flat: node i is a
recoil energy with its weight, and the neutrino energies that reach it, weighted with the flux, are from ends[i, 0] to
ends[i, 1], which are its own, and from ends[i, 2] to ends[i, 3], which it has in common with others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_uncached

CrossSection = Callable[..., Any]
"""(E_MeV, T_MeV, nucleus, flavour, parameters) -> cm^2/MeV, compiled with numba.njit.

nucleus is [Z, N, M_MeV, F_p(q), F_n(q)], flavour counts nu_e, nu_mu, nu_tau, nu_ebar, nu_mubar, nu_taubar from 0, and
parameters is what the caller of `sum_counts` passes on.
"""


LargestRecoil = Callable[[float, float], float]
"""(E_MeV, M_MeV) -> T_MeV, compiled with numba.njit: the largest recoil energy that a neutrino of energy E gives a
nucleus of mass M, which does not fall as E rises."""

_HALVINGS = 200


@jit
def _require_inside(ends: NDArray[np.int64], energies: int) -> None:
    """Raise IndexError unless the energies of each node lie inside of the arrays."""
    for node in range(ends.shape[0]):
        for part in (0, 2):
            if not (ends[node, part] >= 0 and ends[node, part + 1] <= energies):
                raise IndexError("the energies of a node lie outside of the arrays")


@jit
def rates_of_terms(
    brackets: NDArray[np.float64],
    kinematics: NDArray[np.float64],
    T_weight: NDArray[np.float64],
    ends: NDArray[np.int64],
    E: NDArray[np.float64],
    E_weight: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> None:
    """Set what each node counts (nodes,) of interactions: dsigma/dT = sum_s brackets_s (k_0 + k_1 / E + k_2 / E^2).

    brackets (nodes, structures) in cm^2, kinematics (nodes, structures, 3); T_weight is (nodes,), ends (nodes, 4),
    E and E_weight (all energies,). Raises IndexError if an energy lies outside of these.
    """
    _require_inside(ends, E.size)
    for node in range(T_weight.size):
        k_0, k_1, k_2 = 0.0, 0.0, 0.0
        for s in range(brackets.shape[1]):
            k_0 += brackets[node, s] * kinematics[node, s, 0]
            k_1 += brackets[node, s] * kinematics[node, s, 1]
            k_2 += brackets[node, s] * kinematics[node, s, 2]
        inner = 0.0
        for part in (0, 2):
            for k in range(ends[node, part], ends[node, part + 1]):
                per_E = 1.0 / E[k]
                inner += E_weight[k] * (k_0 + per_E * (k_1 + per_E * k_2))
        rates[node] = T_weight[node] * inner


@jit_uncached
def rates_of_given(
    cross_section: CrossSection,
    parameters: NDArray[np.float64],
    T: NDArray[np.float64],
    T_weight: NDArray[np.float64],
    nucleus: NDArray[np.float64],
    flavour: NDArray[np.int64],
    ends: NDArray[np.int64],
    E: NDArray[np.float64],
    E_weight: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> None:
    """Set what each node counts (nodes,) of a given cross-section at one point.

    T, T_weight and flavour are (nodes,), nucleus (nodes, 5), ends (nodes, 4), E and E_weight (all energies,).
    Raises IndexError if an energy lies outside of these.
    """
    _require_inside(ends, E.size)
    for node in range(T.size):
        inner = 0.0
        for part in (0, 2):
            for k in range(ends[node, part], ends[node, part + 1]):
                inner += E_weight[k] * cross_section(E[k], T[node], nucleus[node], flavour[node], parameters)
        rates[node] = T_weight[node] * inner


@jit_uncached
def least_energies(
    T_max: LargestRecoil, M_MeV: float, highest_MeV: float, T: NDArray[np.float64], E: NDArray[np.float64]
) -> None:
    """Set the least neutrino energies E (n,) that give a nucleus the recoil energies T (n,), at most `highest_MeV`."""
    for i in range(T.size):
        low, high = 0.0, highest_MeV
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            if T_max(middle, M_MeV) < T[i]:
                low = middle
            else:
                high = middle
        E[i] = high
