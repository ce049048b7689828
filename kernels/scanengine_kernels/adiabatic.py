"""Neutrinos that leave matter adiabatically: which energy eigenstates a nu_e is made of, for many energies and points.

    |<i|nu_e>|^2 = [(l_i - H_mm)(l_i - H_tt) - |H_mt|^2] / [(l_i - l_j)(l_i - l_k)]

with the eigenvalues l of a Hermitian 3 x 3 matrix H, which are those of its characteristic polynomial: P. B. Denton, S.
J. Parke, T. Tao and X. Zhang, Bull. Amer. Math. Soc. 59, 31 (2022). Two that are close lose by rounding the square of
their distance there: then the eigenvectors are calculated.
"""

from __future__ import annotations

from math import acos, cos, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit

_CLOSE = 1e-3
"""Eigenvalues with a distance below this, beside their size, are close: farther ones give shares to some 1e-10."""


@jit
def shares_of_eigenstates(
    vacuum: NDArray[np.complex128],
    electrons: NDArray[np.float64],
    neutrons: NDArray[np.float64],
    potentials: NDArray[np.float64],
    ratios: NDArray[np.float64],
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    """Set the shares (points, energies, 3) of the eigenstates, from the lowest, of neutrinos that are made as nu_e.

    Where they are made, one place per radius, 2 E H is vacuum (3, 3) plus potentials (energies, radii) times electrons
    + ratios electrons' neutrons, of the matrices electrons and neutrons (points, 3, 3) of couplings to matter, per
    electron and per neutron, with ratios (radii,) neutrons for an electron. The average has these weights (radii,).
    """
    H = np.empty((3, 3), dtype=np.complex128)
    for p in range(shares.shape[0]):
        A, B = electrons[p], neutrons[p]
        for k in range(shares.shape[1]):
            shares[p, k, :] = 0.0
            for r in range(weights.size):
                V, ratio = potentials[k, r], ratios[r]
                ee = vacuum[0, 0].real + V * (A[0, 0] + ratio * B[0, 0])
                mm = vacuum[1, 1].real + V * (A[1, 1] + ratio * B[1, 1])
                tt = vacuum[2, 2].real + V * (A[2, 2] + ratio * B[2, 2])
                em = vacuum[0, 1] + V * (A[0, 1] + ratio * B[0, 1])
                et = vacuum[0, 2] + V * (A[0, 2] + ratio * B[0, 2])
                mt = vacuum[1, 2] + V * (A[1, 2] + ratio * B[1, 2])
                em2 = em.real * em.real + em.imag * em.imag
                et2 = et.real * et.real + et.imag * et.imag
                mt2 = mt.real * mt.real + mt.imag * mt.imag
                mean = (ee + mm + tt) / 3.0
                a, b, c = ee - mean, mm - mean, tt - mean
                size = sqrt((a * a + b * b + c * c + 2.0 * (em2 + et2 + mt2)) / 6.0)
                product = em * mt * et.conjugate()
                determinant = a * b * c + 2.0 * product.real - a * mt2 - b * et2 - c * em2
                angle = acos(min(max(0.5 * determinant / (size * size * size), -1.0), 1.0)) / 3.0
                high = 2.0 * size * cos(angle)
                low = 2.0 * size * cos(angle + 2.0 * pi / 3.0)
                middle = -high - low
                below, above = middle - low, high - middle
                w = weights[r]
                if min(below, above) <= _CLOSE * size:
                    H[0, 0], H[1, 1], H[2, 2] = a, b, c
                    H[1, 0], H[2, 0], H[2, 1] = em.conjugate(), et.conjugate(), mt.conjugate()
                    H[0, 1], H[0, 2], H[1, 2] = em, et, mt
                    _, states = np.linalg.eigh(H)
                    for i in range(3):
                        shares[p, k, i] += w * abs(states[0, i]) ** 2
                    continue
                shares[p, k, 0] += w * ((low - b) * (low - c) - mt2) / (below * (high - low))
                shares[p, k, 1] -= w * ((middle - b) * (middle - c) - mt2) / (below * above)
                shares[p, k, 2] += w * ((high - b) * (high - c) - mt2) / (above * (high - low))
