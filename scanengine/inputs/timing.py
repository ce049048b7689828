"""When neutrinos of a stopped-pion source arrive: shares of each flavour in bins of time after the beam's pulse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt
from types import MappingProxyType

import numpy as np

from scanengine.grids import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine.inputs.constants import TAU_MU_US, TAU_PI_US
from scanengine.inputs.resolution import REACH
from scanengine_kernels.quadrature import GAUSS_NODES, GAUSS_WEIGHTS

CLASSES = MappingProxyType({"nu_mu": "prompt", "nu_e": "delayed", "nu_mubar": "delayed"})
"""From pi+ decay or from mu+ decay."""

LIFETIMES_US = MappingProxyType({"prompt": (TAU_PI_US,), "delayed": (TAU_PI_US, TAU_MU_US)})


@dataclass(frozen=True, eq=False)
class Timing:
    """Shares (bins,) of the prompt and the delayed flux between `edges_us` (bins + 1,), which need not add up to 1."""

    edges_us: FloatArray
    shares: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))

    def of(self, flavour: str) -> FloatArray:
        """Return the shares of a flavour of a stopped-pion source."""
        return self.shares[CLASSES[flavour]]


@dataclass(frozen=True)
class Pulse:
    """A Gaussian pulse of protons, convolved with the decays of one particle or of two in turn."""

    mean_us: float
    width_us: float

    def arrived(self, t_us: float, lifetimes_us: tuple[float, ...]) -> float:
        """Return the share that has arrived by a time.

        The pulse convolved with exp(-t / tau) / tau is the exponentially modified Gaussian (E. Grushka, Anal. Chem. 44,
        1733 (1972)); two decays in turn give the difference of two, each weighted with its tau over that of both.
        """
        return sum(weight * self._arrived(t_us, tau) for tau, weight in _weights(lifetimes_us))

    def rate_per_us(self, t_us: float, lifetimes_us: tuple[float, ...]) -> float:
        """Return the share that arrives per microsecond at a time."""
        return sum(weight / tau * self._decaying(t_us, tau) for tau, weight in _weights(lifetimes_us))

    def _arrived(self, t_us: float, tau_us: float) -> float:
        z = (t_us - self.mean_us) / self.width_us
        return 0.5 * erfc(-z / sqrt(2.0)) - self._decaying(t_us, tau_us)

    def _decaying(self, t_us: float, tau_us: float) -> float:
        """What the pulse has made and what has not decayed yet: exp(r^2 / 2 - r z) Phi(z - r), r = width / tau."""
        z, r = (t_us - self.mean_us) / self.width_us, self.width_us / tau_us
        if z > r:
            return exp(r * (0.5 * r - z)) * 0.5 * erfc((r - z) / sqrt(2.0))
        return exp(-0.5 * z * z) * 0.5 * _erfcx((r - z) / sqrt(2.0))

    def shares(
        self, edges_us: FloatArray, lifetimes_us: tuple[float, ...], efficiency: Acceptance | None
    ) -> FloatArray:
        """Return the shares (bins,) that arrive between the edges (bins + 1,), and are kept."""
        if efficiency is None:
            return np.diff([self.arrived(float(t), lifetimes_us) for t in edges_us])
        inside = efficiency.breaks[(efficiency.breaks > edges_us[0]) & (efficiency.breaks < edges_us[-1])]
        cuts = np.union1d(edges_us, inside)
        # the rate changes within the pulse's width while it lasts, then within the shortest lifetime
        steps = np.arange(-REACH, REACH + 1.0)
        during = self.mean_us + min(self.width_us, lifetimes_us[0]) * steps
        after = self.mean_us + REACH * self.width_us + lifetimes_us[0] * np.arange(40.0)
        near = np.concatenate((self.mean_us + self.width_us * steps, during, after))
        cuts = np.union1d(cuts, near[(near > edges_us[0]) & (near < edges_us[-1])])
        half, middle = 0.5 * np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
        t = middle[:, None] + half[:, None] * GAUSS_NODES
        rate = np.vectorize(lambda each: self.rate_per_us(each, lifetimes_us), otypes=[float])(t)
        integrals = half * ((efficiency(t) * rate) @ GAUSS_WEIGHTS)
        return np.add.reduceat(integrals, np.searchsorted(cuts, edges_us[:-1]))


def bin_averages(efficiency: Acceptance, edges_us: FloatArray) -> FloatArray:
    """Return the efficiency (bins,) averaged over each bin of time."""
    cuts = np.union1d(
        edges_us, efficiency.breaks[(efficiency.breaks > edges_us[0]) & (efficiency.breaks < edges_us[-1])]
    )
    half, middle = 0.5 * np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    integrals = half * (efficiency(middle[:, None] + half[:, None] * GAUSS_NODES) @ GAUSS_WEIGHTS)
    return np.asarray(np.add.reduceat(integrals, np.searchsorted(cuts, edges_us[:-1])) / np.diff(edges_us))


def _weights(lifetimes_us: tuple[float, ...]) -> list[tuple[float, float]]:
    if len(lifetimes_us) == 1:
        return [(lifetimes_us[0], 1.0)]
    first, second = lifetimes_us
    return [(second, second / (second - first)), (first, first / (first - second))]


def _erfcx(x: float) -> float:
    """Return exp(x^2) erfc(x), x >= 0; NIST DLMF, eq. 7.12.1, where the factors would over- and underflow."""
    if x < 20.0:
        return exp(x * x) * erfc(x)
    y = 0.5 / (x * x)
    return (1.0 - y * (1.0 - 3.0 * y * (1.0 - 5.0 * y * (1.0 - 7.0 * y * (1.0 - 9.0 * y))))) / (x * sqrt(pi))
