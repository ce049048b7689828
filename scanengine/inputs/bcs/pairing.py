"""The BCS ground state of one kind of nucleon, with a constant pairing strength that gives the empirical gap."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.bcs.levels import Level
from scanengine.inputs.bcs.oscillator import coefficients


@dataclass(frozen=True, eq=False)
class Species:
    """Protons or neutrons of a nucleus: levels and the probability v^2 that each is occupied.

    `gap_MeV` is the empirical gap, `delta_MeV` Delta, `lambda_MeV` the chemical potential, `strength_MeV` G. Delta is
    zero where no Delta gives a quasi-particle as low as the gap, at a closed shell: the lowest levels are full, the
    others empty, lambda lies halfway between, G is zero.
    """

    particles: int
    levels: tuple[Level, ...]
    occupations: FloatArray
    gap_MeV: float
    delta_MeV: float
    lambda_MeV: float
    strength_MeV: float

    @property
    def mean_square_radius_b2(self) -> float:
        """Mean of r^2 over the nucleons, in units of the oscillator length squared: N + 3/2 in shell N."""
        held = self._nucleons()
        shells = np.array([level.shell for level in self.levels])
        return float(held @ (shells + 1.5) / held.sum())

    def rms_fm(self, b_fm: float) -> float:
        """Rms radius of the point nucleons for an oscillator length."""
        return b_fm * sqrt(self.mean_square_radius_b2)

    def coefficients(self) -> FloatArray:
        """Return a_k of F = exp(-y) sum_k a_k y^k, y = (q b)^2 / 4: the levels' own, weighted by (2j + 1) v^2.

        Kosmas et al. 2015, eq. 5, has sqrt(2j + 1) v^2 times *reduced* matrix elements, which hold the other root.
        """
        total = np.zeros(1 + max(level.shell for level in self.levels))
        for level, held in zip(self.levels, self._nucleons(), strict=True):
            total[: level.shell + 1] += held * np.array(coefficients(level.nodes, level.ell), dtype=float)
        total /= total[0]
        return total

    def _nucleons(self) -> FloatArray:
        capacity: FloatArray = np.array([level.capacity for level in self.levels], dtype=float)
        return capacity * self.occupations


def paired(levels: tuple[Level, ...], particles: int, gap_MeV: float, inert: int = 0) -> Species:
    """Return the BCS state whose lowest quasi-particle energy, E_j = sqrt((e_j - lambda)^2 + Delta^2), is the gap.

    v_j^2 = (1 - (e_j - lambda) / E_j) / 2, lambda makes sum (2j + 1) v_j^2 the number of particles, Delta is the
    largest that gives the gap, and G = 1 / sum (2j + 1) / (4 E_j). Without such a Delta it is zero, see `Species`.
    Levels of the `inert` lowest oscillator shells are full and take no part.
    """
    active = np.array([level.shell >= inert for level in levels])
    energy = np.array([level.energy_MeV for level in levels])[active]
    capacity = np.array([level.capacity for level in levels], dtype=float)
    valence = particles - float(capacity[~active].sum())
    capacity = capacity[active]

    delta = _largest_delta_MeV(energy, capacity, valence, gap_MeV)
    v2 = np.ones(len(levels))
    if delta > 0.0:
        fermi = _lambda_MeV(energy, capacity, valence, delta)
        v2[active] = _occupations(energy - fermi, delta)
        strength = 1.0 / float(np.sum(capacity / (4.0 * np.hypot(energy - fermi, delta))))
    else:
        full = np.cumsum(capacity) < valence + 0.5
        v2[active] = full
        fermi = float(energy[full].max() + energy[~full].min()) / 2.0
        strength = 0.0
    v2.flags.writeable = False
    return Species(particles, levels, v2, gap_MeV, delta, fermi, strength)


def _occupations(distance_MeV: FloatArray, delta_MeV: float) -> FloatArray:
    """v^2 = (1 - x / E) / 2, which is Delta^2 / (2 E (E + x)) where it is small."""
    E = np.hypot(distance_MeV, delta_MeV)
    less = delta_MeV**2 / (2.0 * E * (E + np.abs(distance_MeV)))
    v2: FloatArray = np.where(distance_MeV > 0.0, less, 1.0 - less)
    return v2


def _lambda_MeV(energy_MeV: FloatArray, capacity: FloatArray, valence: float, delta_MeV: float) -> float:
    from scipy.optimize import brentq

    # Beyond the levels by this much, fewer than one nucleon, or one hole, is left.
    margin = 1.0 + delta_MeV * sqrt(capacity.sum())
    low, high = float(energy_MeV.min()) - margin, float(energy_MeV.max()) + margin

    def excess(fermi_MeV: float) -> float:
        return float(capacity @ _occupations(energy_MeV - fermi_MeV, delta_MeV)) - valence

    return float(brentq(excess, low, high, xtol=1e-15, rtol=4.0 * np.finfo(float).eps))


def _largest_delta_MeV(energy_MeV: FloatArray, capacity: FloatArray, valence: float, gap_MeV: float) -> float:
    """Largest Delta at which the lowest quasi-particle energy is the gap, zero if it is larger at every Delta."""
    from scipy.optimize import brentq

    def above(delta_MeV: float) -> float:
        fermi = _lambda_MeV(energy_MeV, capacity, valence, delta_MeV)
        return float(np.hypot(energy_MeV - fermi, delta_MeV).min()) - gap_MeV

    # At Delta = gap no quasi-particle lies lower. The last trial stands for the limit Delta -> 0.
    trials = gap_MeV * np.append(np.linspace(1.0, 0.01, 100), 1e-6)
    upper = float(trials[0])
    for lower in map(float, trials[1:]):
        if above(lower) < 0.0:
            return float(brentq(above, lower, upper, xtol=1e-14, rtol=4.0 * np.finfo(float).eps))
        upper = lower
    return 0.0
