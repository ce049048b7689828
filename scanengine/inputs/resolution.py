"""Energy resolution: the probability for an energy in keVee to be reconstructed in each bin, and accepted there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, lgamma, log, pi
from typing import NamedTuple, Protocol

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS

REACH = 10.0
"""In standard deviations: beyond it lies less than 1e-22 of a Gaussian."""

_PANEL = 1.5


class Shown(NamedTuple):
    """Energies in keVee that a detector shows, and the means x of the quantity that it reconstructs from them."""

    E_keVee: FloatArray
    x: FloatArray


class Resolution(Protocol):
    """How the reconstructed quantity scatters about its mean."""

    def deviation(self, shown: Shown) -> FloatArray:
        """Return the standard deviations (n,) of the reconstructed quantity, zero where it does not scatter."""
        ...

    def shares(self, shown: Shown, edges: FloatArray, efficiency: Acceptance) -> FloatArray:
        """Return the shares (bins, n) that are reconstructed between the edges (bins + 1,) and kept."""
        ...


@dataclass(frozen=True)
class Perfect:
    """The reconstructed quantity is its mean."""

    def deviation(self, shown: Shown) -> FloatArray:
        """Return zeros."""
        return np.zeros_like(shown.x)

    def shares(self, shown: Shown, edges: FloatArray, efficiency: Acceptance) -> FloatArray:
        """Return the efficiency in the bin where the mean lies."""
        inside = (shown.x >= edges[:-1, None]) & (shown.x < edges[1:, None])
        return np.where(inside, efficiency(shown.x), 0.0)


@dataclass(frozen=True)
class Poisson:
    """The reconstructed quantity is a whole number k, drawn from Poisson's distribution; lo <= k < hi in a bin."""

    def deviation(self, shown: Shown) -> FloatArray:
        """Return sqrt(x)."""
        return np.sqrt(shown.x)

    def shares(self, shown: Shown, edges: FloatArray, efficiency: Acceptance) -> FloatArray:
        """Return the sums of the probabilities of each bin's k."""
        shares = np.zeros((edges.size - 1, shown.x.size))
        with np.errstate(divide="ignore"):
            log_x = np.log(shown.x)
        for index, (lo, hi) in enumerate(pairwise(edges.tolist())):
            for k in range(max(ceil(lo), 0), ceil(hi)):
                kept = float(efficiency(np.array(float(k))))
                if kept > 0.0:
                    shares[index] += kept * np.exp((k * log_x if k else 0.0) - shown.x - lgamma(k + 1.0))
        return shares


class Smeared(ABC):
    """A continuous distribution, in a variable u in which it is much like a Gaussian of unit width."""

    @abstractmethod
    def deviation(self, shown: Shown) -> FloatArray:
        """Return the standard deviations (n,)."""

    @abstractmethod
    def reach(self, shown: Shown) -> tuple[FloatArray, FloatArray]:
        """Return the ends (n,) and (n,) of u, outside which less than 1e-19 lies."""

    @abstractmethod
    def to_u(self, reconstructed: float, shown: Shown) -> FloatArray:
        """Return u (n,) of a value of the reconstructed quantity."""

    @abstractmethod
    def from_u(self, u: FloatArray, shown: Shown) -> FloatArray:
        """Return the reconstructed quantity at u (..., nodes), of means (..., 1)."""

    @abstractmethod
    def density(self, u: FloatArray, shown: Shown) -> FloatArray:
        """Return the probability per u."""

    def shares(self, shown: Shown, edges: FloatArray, efficiency: Acceptance) -> FloatArray:
        """Return the integrals (bins, n) of the density with the efficiency, by panels no wider than 1.5 in u."""
        shares = np.zeros((edges.size - 1, shown.x.size))
        breaks = efficiency.breaks
        cuts = np.union1d(edges, breaks[(breaks > edges[0]) & (breaks < edges[-1])])
        lowest, highest = self.reach(shown)
        u_cuts = np.array([np.clip(self.to_u(float(cut), shown), lowest, highest) for cut in cuts])
        widths = np.diff(u_cuts, axis=0)
        segments, events = np.nonzero(widths > 0.0)
        parts = np.ceil(widths[segments, events] / _PANEL).astype(np.int64)
        pair = np.repeat(np.arange(parts.size), parts)
        part = np.arange(pair.size) - np.repeat(np.cumsum(parts) - parts, parts)
        segment, event = segments[pair], events[pair]
        half = 0.5 * widths[segment, event] / parts[pair]
        u = (u_cuts[segment, event] + (2.0 * part + 1.0) * half)[:, None] + half[:, None] * GAUSS_NODES
        each = Shown(shown.E_keVee[event][:, None], shown.x[event][:, None])
        kept = efficiency(self.from_u(u, each))
        integrals = half * ((kept * self.density(u, each)) @ GAUSS_WEIGHTS)
        bins = np.searchsorted(edges, cuts[segment], side="right") - 1
        np.add.at(shares, (bins, event), integrals)
        return shares


@dataclass(frozen=True)
class Gaussian(Smeared):
    """Standard deviation sqrt(a^2 + b^2 x + c^2 x^2), in the units of the reconstructed quantity x."""

    a: float
    b: float
    c: float

    def deviation(self, shown: Shown) -> FloatArray:
        """Return the standard deviations; never quite zero."""
        return np.maximum(np.sqrt(self.a**2 + shown.x * (self.b**2 + self.c**2 * shown.x)), 1e-150)

    def reach(self, shown: Shown) -> tuple[FloatArray, FloatArray]:
        """Return ten standard deviations to either side."""
        return np.full_like(shown.x, -REACH), np.full_like(shown.x, REACH)

    def to_u(self, reconstructed: float, shown: Shown) -> FloatArray:
        """Return the distance from the mean in standard deviations."""
        return (reconstructed - shown.x) / self.deviation(shown)

    def from_u(self, u: FloatArray, shown: Shown) -> FloatArray:
        """Return the reconstructed quantity."""
        return shown.x + u * self.deviation(shown)

    def density(self, u: FloatArray, shown: Shown) -> FloatArray:  # noqa: ARG002  (Gamma needs it)
        """Return the normal density, the same for all."""
        return np.asarray(np.exp(-0.5 * u * u) / (2.0 * pi) ** 0.5)


@dataclass(frozen=True)
class Gamma(Smeared):
    """A gamma distribution of the given mean with shape 1 + `shape_per_keVee` E (COHERENT, arXiv:2110.07730).

    With s the shape, x the mean and u = sqrt(s) ln(reconstructed / x) the density is entire, and Gaussian for large s.
    """

    shape_per_keVee: float

    def _shape(self, shown: Shown) -> FloatArray:
        return 1.0 + self.shape_per_keVee * shown.E_keVee

    def deviation(self, shown: Shown) -> FloatArray:
        """Return x / sqrt(shape)."""
        return np.asarray(shown.x / np.sqrt(self._shape(shown)))

    def reach(self, shown: Shown) -> tuple[FloatArray, FloatArray]:
        """Return the ends from Chernoff's bound, exp(-s (t - 1 - ln t)) at t = reconstructed / mean."""
        s = self._shape(shown)
        below = 45.0 / s + np.sqrt(90.0 / s)  # of -ln t: the first rules small s, the second large
        return -np.sqrt(s) * below, np.sqrt(s) * np.log1p(REACH / np.sqrt(s) + 50.0 / s)

    def to_u(self, reconstructed: float, shown: Shown) -> FloatArray:
        """Return sqrt(s) ln(reconstructed / x)."""
        if reconstructed <= 0.0:
            return np.full_like(shown.x, -np.inf)
        with np.errstate(divide="ignore"):
            return np.asarray(np.sqrt(self._shape(shown)) * (log(reconstructed) - np.log(shown.x)))

    def from_u(self, u: FloatArray, shown: Shown) -> FloatArray:
        """Return the reconstructed quantity."""
        return np.asarray(shown.x * np.exp(u / np.sqrt(self._shape(shown))))

    def density(self, u: FloatArray, shown: Shown) -> FloatArray:
        """Return s^s / Gamma(s) exp(s (v - e^v)) / sqrt(s), v = u / sqrt(s)."""
        s = self._shape(shown)
        v = u / np.sqrt(s)
        return np.asarray(_stirling_ratio(s) / (2.0 * pi) ** 0.5 * np.exp(-s * (np.expm1(v) - v)))


def _stirling_ratio(s: FloatArray) -> FloatArray:
    """Return sqrt(2 pi / s) (s / e)^s / Gamma(s), near 1, for s >= 1; NIST DLMF, eq. 5.11.1, from s + 20 on."""
    # Gamma(s) = Gamma(s + 20) / (s (s + 1) ... (s + 19))
    n = 20
    z = s + n
    tail = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * z * z)) / (z * z)) / (z * z)) / z
    shifted = (s - 0.5) * np.log1p(n / s) - n
    rising = np.zeros_like(s)
    for k in range(n):
        rising += np.log1p((k - n) / z)
    # ln of the ratio: (s - 1/2) ln s - s - [(z - 1/2) ln z - z + tail] + ln(s ... (s + 19))
    return np.asarray(np.exp(rising - shifted - tail))
