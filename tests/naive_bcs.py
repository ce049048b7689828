"""The BCS form factor written out slowly and by other methods: sine basis, bisection, quadrature, own constants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import exp, gamma, hypot, pi, sqrt

import numpy as np
import periodictable
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import eval_genlaguerre, spherical_jn

FloatArray = NDArray[np.float64]

HBARC, ALPHA, U, M_P, M_N = 197.3269804, 1.0 / 137.035999084, 931.49410242, 938.27208816, 939.56542052
BOX_FM = 20.0


@cache
def _sine_basis(break_fm: float, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points and weights of Gauss's rule on both sides of the break, and sin(k pi r / 20 fm) there, normalised."""
    x, w = np.polynomial.legendre.leggauss(400)
    r = np.concatenate([(b - a) / 2.0 * x + (a + b) / 2.0 for a, b in ((0.0, break_fm), (break_fm, BOX_FM))])
    weights = np.concatenate([(b - a) / 2.0 * w for a, b in ((0.0, break_fm), (break_fm, BOX_FM))])
    k = np.arange(1, size + 1)
    return r, weights, sqrt(2.0 / BOX_FM) * np.sin(np.outer(k, r) * pi / BOX_FM)


def levels(Z: int, N: int, protons: bool, highest: int, size: int = 160) -> list[tuple[float, int, int, int]]:
    """(energy, shell, l, 2j) of the Woods-Saxon potential, from Ritz's principle in the box's sine functions."""
    A = Z + N
    V0 = 51.0 + (33.0 if protons else -33.0) * (N - Z) / A
    R, a = 1.27 * A ** (1.0 / 3.0), 0.67
    m, M = (M_P if protons else M_N), (A - 1) * U
    kinetic = HBARC**2 / 2.0 * (1.0 / m + 1.0 / M)
    r, weights, basis = _sine_basis(R, size)
    e = np.exp((r - R) / a)
    central = -V0 / (1.0 + e)
    if protons:
        inside = r < R
        central[inside] += (Z - 1) * ALPHA * HBARC * (1.5 - r[inside] ** 2 / (2.0 * R * R)) / R
        central[~inside] += (Z - 1) * ALPHA * HBARC / r[~inside]
    found = []
    for orbital in range(highest + 1):
        for two_j in {abs(2 * orbital - 1), 2 * orbital + 1}:
            l_dot_s = orbital / 2.0 if two_j > 2 * orbital else -(orbital + 1) / 2.0
            slope = -e / (a * (1.0 + e) ** 2)
            potential = central + 0.44 * V0 * 1.27**2 * l_dot_s * slope / r + kinetic * orbital * (orbital + 1) / r**2
            matrix = (basis * (weights * potential)) @ basis.T
            matrix += np.diag(kinetic * (np.arange(1, size + 1) * pi / BOX_FM) ** 2)
            energies = np.linalg.eigvalsh(matrix)
            found += [
                (float(energies[i]), shell, orbital, two_j) for i, shell in enumerate(range(orbital, highest + 1, 2))
            ]
    return sorted(found)


def occupied(energies: Sequence[tuple[float, int]], particles: float, gap: float) -> tuple[float, float, list[float]]:
    """Delta, lambda and v^2 of levels (energy, 2j + 1): Delta lowered in small steps until a quasi-particle is at the
    gap.
    """

    def state(delta: float) -> tuple[float, list[float]]:
        low, high = energies[0][0] - 1000.0, energies[-1][0] + 1000.0
        for _ in range(100):
            fermi = (low + high) / 2.0
            v2 = [0.5 * (1.0 - (e - fermi) / hypot(e - fermi, delta)) for e, _ in energies]
            if sum(n * v for (_, n), v in zip(energies, v2, strict=True)) < particles:
                low = fermi
            else:
                high = fermi
        return fermi, v2

    def lowest(delta: float) -> float:
        fermi, _ = state(delta)
        return min(hypot(e - fermi, delta) for e, _ in energies)

    step = gap / 500.0
    delta = gap
    while lowest(delta - step) > gap:
        delta -= step
    low, high = delta - step, delta
    while high - low > 1e-9:
        delta = (low + high) / 2.0
        low, high = (delta, high) if lowest(delta) < gap else (low, delta)
    return delta, *state(delta)


def oscillator_density(shell: int, orbital: int, b: float, r: float) -> float:
    """[r R_nl(r)]^2 of the harmonic oscillator."""
    n, x = (shell - orbital) // 2, (r / b) ** 2
    norm = 2.0 * gamma(n + 1) / (b**3 * gamma(n + orbital + 1.5))
    return float(norm * r * r * x**orbital * exp(-x) * eval_genlaguerre(n, orbital + 0.5, x) ** 2)


def j0_element(shell: int, orbital: int, b: float, q: float) -> float:
    """<nl| j0(q r) |nl> by quadrature."""
    return float(
        quad(
            lambda r: oscillator_density(shell, orbital, b, r) * spherical_jn(0, q * r),
            0.0,
            b * (4.0 * sqrt(shell + 1.5) + 6.0),
            epsabs=1e-14,
            epsrel=1e-13,
            limit=400,
        )[0]
    )


def highest_shell(Z: int, N: int) -> int:
    """The shell above the protons' last, or the one that sends an intruder into the neutrons' valence shell."""
    room, protons = 0, -1
    while room < Z:
        protons += 1
        room += (protons + 1) * (protons + 2)
    # the major shell that holds neutron N + 1: shells 0 to 2, f7/2 alone, then shell k without its highest j but with
    # that of shell k + 1
    closures = [2, 8, 20, 28, 50, 82, 126, 184]
    intruder = next(k for k, closure in enumerate(closures) if closure > N)
    return max(protons + 1, intruder)


def empirical_gap(Z: int, N: int, protons: bool) -> float:
    """A quarter of the second difference of separation energies, from the masses of neutral atoms."""
    elements = {element.number: element for element in periodictable.elements}

    def separation(more: int) -> float:
        z, n = (Z + more, N) if protons else (Z, N + more)
        less_z, less_n = (z - 1, n) if protons else (z, n - 1)
        return float(elements[less_z][less_z + less_n].mass - elements[z][z + n].mass) * U

    return -(separation(-1) - 2.0 * separation(0) + separation(1)) / 4.0


def ground_state(Z: int, N: int, protons: bool, core_shells: int = 0) -> list[tuple[int, int, int, float]]:
    """(shell, l, 2j, v^2); the core's shells are full and take no part."""
    found = levels(Z, N, protons, highest_shell(Z, N))
    core = [level for level in found if level[1] < core_shells]
    valence = [level for level in found if level[1] >= core_shells]
    particles = (Z if protons else N) - sum(two_j + 1 for _, _, _, two_j in core)
    _, _, v2 = occupied([(e, two_j + 1) for e, _, _, two_j in valence], particles, empirical_gap(Z, N, protons))
    shares = [1.0] * len(core) + v2
    return [(shell, orbital, two_j, v) for (_, shell, orbital, two_j), v in zip(core + valence, shares, strict=True)]


def length_fm(Z: int, N: int, charge_radius_fm: float, core_shells: int = 0) -> float:
    """The oscillator length at which the protons have the charge radius: <r^2> = (shell + 3/2) b^2 by quadrature."""

    def mean_square(shell: int, orbital: int) -> float:
        return float(quad(lambda r: r * r * oscillator_density(shell, orbital, 1.0, r), 0.0, 20.0, epsabs=1e-12)[0])

    state = ground_state(Z, N, True, core_shells)
    mean = sum((two_j + 1) * v * mean_square(shell, orbital) for shell, orbital, two_j, v in state)
    return sqrt((charge_radius_fm**2 - 0.8409**2) / (mean / Z))


def form_factor(Z: int, N: int, protons: bool, b: float, q: Sequence[float], core_shells: int = 0) -> list[float]:
    """F from masses and levels on, at each q."""
    state = ground_state(Z, N, protons, core_shells)
    return [
        sum((two_j + 1) * v * j0_element(shell, orbital, b, x) for shell, orbital, two_j, v in state)
        / (Z if protons else N)
        for x in q
    ]
