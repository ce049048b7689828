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

CrossSection = Callable[..., Any]
"""(E_MeV, T_MeV, nucleus, flavour, parameters) -> cm^2/MeV, compiled with numba.njit.

nucleus is [Z, N, M_MeV, F_p(q), F_n(q)], flavour counts nu_e, nu_mu, nu_tau, nu_ebar, nu_mubar, nu_taubar from 0, and
parameters is what the caller of `sum_counts` passes on.
"""


@jit
def _require_inside(cell: NDArray[np.int64], cells: int, E_first: NDArray[np.int64], energies: int) -> None:
    """Raise IndexError unless each node's cell and its energies lie inside of the arrays."""
    for node in range(cell.size):
        if not (0 <= cell[node] < cells and E_first[node] >= 0 and E_first[node + 1] <= energies):
            raise IndexError("a node's cell or its energies lie outside of the arrays")


@jit
def sum_terms(
    brackets: NDArray[np.float64],
    kinematics: NDArray[np.float64],
    T_weight: NDArray[np.float64],
    cell: NDArray[np.int64],
    E_first: NDArray[np.int64],
    E: NDArray[np.float64],
    E_weight: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    """Add the counts (cells,) of interactions: dsigma/dT = sum_s brackets_s (k_0 + k_1 / E + k_2 / E^2) at each node.

    brackets (nodes, structures) in cm^2, kinematics (nodes, structures, 3); T_weight and cell are (nodes,), E_first
    (nodes + 1,), E and E_weight (all energies,). Raises IndexError if a cell or an energy lies outside of these.
    """
    _require_inside(cell, counts.size, E_first, E.size)
    for node in range(T_weight.size):
        inner = 0.0
        for k in range(E_first[node], E_first[node + 1]):
            sigma = 0.0
            for s in range(brackets.shape[1]):
                k_0, k_1, k_2 = kinematics[node, s, 0], kinematics[node, s, 1], kinematics[node, s, 2]
                sigma += brackets[node, s] * (k_0 + (k_1 + k_2 / E[k]) / E[k])
            inner += E_weight[k] * sigma
        counts[cell[node]] += T_weight[node] * inner


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
    _require_inside(cell, counts.size, E_first, E.size)
    for node in range(T.size):
        inner = 0.0
        for k in range(E_first[node], E_first[node + 1]):
            inner += E_weight[k] * cross_section(E[k], T[node], nucleus[node], flavour[node], parameters)
        counts[cell[node]] += T_weight[node] * inner
