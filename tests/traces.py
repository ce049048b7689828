"""Cross-sections from Dirac matrices, traces taken numerically: no formula of a paper, and no code of the package.

A left-handed neutrino k scatters off a nucleus p at rest, to a particle k' of mass m and the nucleus p': with the
vertices G_I of the leptons and H_I of the nucleus, indices I summed,

    dsigma/dT = |M|^2 / (32 pi M E^2),
    |M|^2 = sum_IJ tr[(k'/ + m) G_I k/ P_R Gbar_J] (1/2) tr[(p'/ + M) H_I (p/ + M) Hbar_J],  Gbar = g0 G^+ g0,

for a nucleus of spin 1/2; without spin the last trace is H_I H_J.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Matrix = Any
"""A complex 4 x 4 matrix of NumPy."""

_PAULI = (np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.array([[1, 0], [0, -1]]))
_ONE, _NONE = np.eye(2), np.zeros((2, 2))
GAMMA = [np.block([[_ONE, _NONE], [_NONE, -_ONE]]).astype(complex)]
GAMMA += [np.block([[_NONE, s], [-s, _NONE]]).astype(complex) for s in _PAULI]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
ONE = np.eye(4, dtype=complex)
METRIC = np.array([1.0, -1.0, -1.0, -1.0])
GAMMA_LOW = [g * gamma for g, gamma in zip(METRIC, GAMMA, strict=True)]
SIGMA = {(m, n): 0.5j * (GAMMA[m] @ GAMMA[n] - GAMMA[n] @ GAMMA[m]) for m in range(4) for n in range(4)}
SIGMA_LOW = {(m, n): METRIC[m] * METRIC[n] * sigma for (m, n), sigma in SIGMA.items()}


def slash(p: Any) -> Matrix:
    return sum(g * x * gamma for g, x, gamma in zip(METRIC, p, GAMMA, strict=True))


class Scattering:
    """The momenta, for a neutrino energy, a recoil and the masses of the nucleus and of the final particle."""

    def __init__(self, E: float, T: float, M: float, m: float = 0.0) -> None:
        self.E, self.M, self.m = E, M, m
        recoil = np.sqrt(T * (T + 2.0 * M))
        cosine = (E * E + recoil**2 - (E - T) ** 2 + m * m) / (2.0 * E * recoil)
        assert abs(cosine) <= 1.0 + 1e-12, "this neutrino cannot cause the recoil"
        q = recoil * np.array([np.sqrt(max(0.0, 1.0 - cosine**2)), 0.0, cosine])
        self.k, self.p = np.array([E, 0.0, 0.0, E]), np.array([M, 0.0, 0.0, 0.0])
        self.p_out = np.array([M + T, *q])
        self.k_out = np.array([E - T, *(self.k[1:] - q)])
        self.q = self.p_out - self.p

    def photon_vertices(self) -> list[Matrix]:
        """sigma^mn q_n, as moments have it."""
        return [sum(SIGMA[m, n] * METRIC[n] * self.q[n] for n in range(4)) for m in range(4)]

    def momenta(self) -> list[float]:
        """(p + p')_m, the current of a charge without spin."""
        return [float(x) for x in METRIC * (self.p + self.p_out)]

    def per_recoil(self, leptons: Sequence[Matrix], nuclei: Sequence[Any], *, spin: bool = True) -> float:
        """dsigma/dT in natural units, of vertices with all couplings in them."""
        M = self.M
        P_R = 0.5 * (ONE + GAMMA5)
        incoming, outgoing = slash(self.k) @ P_R, slash(self.k_out) + self.m * ONE
        total = 0.0 + 0.0j
        for G_I, H_I in zip(leptons, nuclei, strict=True):
            for G_J, H_J in zip(leptons, nuclei, strict=True):
                lepton = np.trace(outgoing @ G_I @ incoming @ _bar(G_J))
                if spin:
                    rest, moving = slash(self.p) + M * ONE, slash(self.p_out) + M * ONE
                    total += lepton * 0.5 * np.trace(moving @ H_I @ rest @ _bar(H_J))
                else:
                    total += lepton * H_I * H_J
        assert abs(total.imag) <= 1e-9 * abs(total.real)
        return float(total.real) / (32.0 * np.pi * M * self.E**2)


def _bar(G: Matrix) -> Matrix:
    return GAMMA[0] @ G.conj().T @ GAMMA[0]
