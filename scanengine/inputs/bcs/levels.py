"""Single-particle levels of the Woods-Saxon potential of A. Bohr and B. R. Mottelson, Nuclear Structure I (1969)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import ALPHA, HBARC_MEV_FM, M_NEUTRON_MEV, M_PROTON_MEV, U_MEV

STEP_FM, BOX_FM = 0.05, 20.0


@dataclass(frozen=True)
class Level:
    """One level of spherical symmetry: oscillator shell, orbital angular momentum l, 2j, energy."""

    shell: int
    ell: int
    two_j: int
    energy_MeV: float

    @property
    def capacity(self) -> int:
        """2j + 1, the number of nucleons that it holds."""
        return self.two_j + 1

    @property
    def nodes(self) -> int:
        """Nodes of the radial function between zero and infinity."""
        return (self.shell - self.ell) // 2


def woods_saxon(Z: int, N: int, protons: bool, highest_shell: int) -> tuple[Level, ...]:
    """Return the levels of the oscillator shells 0 to `highest_shell`, the lowest energy first.

    U = -V0 f + 0.44 V0 (1.27 fm)^2 (l.s) (1/r) df/dr, f = 1 / (1 + exp((r - R) / a)), with V0 = 51 - 33 (N - Z) / A MeV
    for neutrons, 51 + 33 (N - Z) / A MeV for protons, R = 1.27 A^(1/3) fm, a = 0.67 fm. For protons the Coulomb
    potential of a uniform sphere of radius R and charge Z - 1 is added. The level of oscillator shell k and orbital
    angular momentum l is the one with (k - l) / 2 nodes. u(0) = u(20 fm) = 0: a level at positive energy depends on the
    box, which is part of the definition.
    """
    A = Z + N
    V0_MeV = 51.0 + (33.0 if protons else -33.0) * (N - Z) / A
    R_fm, a_fm = 1.27 * A ** (1.0 / 3.0), 0.67
    r = STEP_FM * np.arange(1, round(BOX_FM / STEP_FM))
    f = 1.0 / (1.0 + np.exp((r - R_fm) / a_fm))
    df_dr = -f * (1.0 - f) / a_fm
    central = -V0_MeV * f
    if protons:
        sphere = (3.0 - (r / R_fm) ** 2) / (2.0 * R_fm)
        central += (Z - 1) * ALPHA * HBARC_MEV_FM * np.where(r < R_fm, sphere, 1.0 / r)
    spin_orbit = 0.44 * V0_MeV * 1.27**2 * df_dr / r
    kinetic = _hbar2_over_2mu_MeV_fm2(A, protons)

    found = []
    for (ell, two_j), shells in _of_equal_lj(highest_shell):
        l_dot_s = (0.25 * two_j * (two_j + 2) - ell * (ell + 1) - 0.75) / 2.0
        potential = central + l_dot_s * spin_orbit + kinetic * ell * (ell + 1) / r**2
        energies = _lowest_energies_MeV(potential, kinetic, len(shells))
        found += [Level(shell, ell, two_j, float(e)) for shell, e in zip(shells, energies, strict=True)]
    return tuple(sorted(found, key=lambda level: level.energy_MeV))


def _of_equal_lj(highest_shell: int) -> Iterable[tuple[tuple[int, int], list[int]]]:
    """Each (l, 2j) with the shells that have it, which are those with 0, 1, 2, ... nodes."""
    for ell in range(highest_shell + 1):
        shells = list(range(ell, highest_shell + 1, 2))
        for two_j in (2 * ell - 1, 2 * ell + 1) if ell else (1,):
            yield (ell, two_j), shells


def _hbar2_over_2mu_MeV_fm2(A: int, protons: bool) -> float:
    """Of the reduced mass of the nucleon and A - 1 atomic mass units."""
    nucleon_MeV = M_PROTON_MEV if protons else M_NEUTRON_MEV
    rest_MeV = (A - 1) * U_MEV
    return HBARC_MEV_FM**2 * (nucleon_MeV + rest_MeV) / (2.0 * nucleon_MeV * rest_MeV)


def _lowest_energies_MeV(potential_MeV: FloatArray, kinetic_MeV_fm2: float, count: int) -> FloatArray:
    """Lowest eigenvalues of -kinetic u'' + potential u = E u by Numerov's method, for u at the grid's points (n,).

    Numerov's equations are (K + B W) u = E B u with the tridiagonal matrices K = kinetic / h^2 (-1, 2, -1) and B = (1,
    10, 1) / 12. Inverse iteration solves them from the energies of finite differences, B = 1, which are nearer (0.05
    MeV) than any other level of the same l and j.
    """
    from scipy.linalg import eigh_tridiagonal

    points = potential_MeV.size
    k = kinetic_MeV_fm2 / STEP_FM**2
    off_diagonal = np.full(points - 1, -k)
    starts = eigh_tridiagonal(
        2.0 * k + potential_MeV, off_diagonal, eigvals_only=True, select="i", select_range=(0, count - 1)
    )
    return np.array([_numerov_energy_MeV(potential_MeV, k, start) for start in starts])


def _numerov_energy_MeV(potential_MeV: FloatArray, k_MeV: float, start_MeV: float) -> float:
    from scipy.linalg import solve_banded

    shifted = potential_MeV - start_MeV
    bands = np.empty((3, shifted.size))  # of K + B (W - start), as solve_banded wants them
    bands[0] = -k_MeV + shifted / 12.0
    bands[1] = 2.0 * k_MeV + shifted * (10.0 / 12.0)
    bands[2] = bands[0]
    u = np.ones(shifted.size)
    distance = 0.0
    for _ in range(6):
        u /= np.linalg.norm(u)
        Bu = (10.0 * u + np.append(u[1:], 0.0) + np.append(0.0, u[:-1])) / 12.0
        v = solve_banded((1, 1), bands, Bu)
        distance, u = 1.0 / float(u @ v), v
    return start_MeV + distance
