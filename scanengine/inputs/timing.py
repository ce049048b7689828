"""When neutrinos of a stopped-pion source arrive: shares of each flavour in bins of time after the beam's pulse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, erfc, exp, log2, pi, sqrt
from types import MappingProxyType

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine.inputs.constants import TAU_MU_US, TAU_PI_US
from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.resolution import REACH
from scanengine_kernels.quadrature import EMBEDDED_WEIGHTS, KRONROD_NODES, KRONROD_WEIGHTS
from scanengine_kernels.response import AGREEMENT

CLASSES = MappingProxyType({"nu_mu": "prompt", "nu_e": "delayed", "nu_mubar": "delayed"})
"""From pi+ decay or from mu+ decay."""

LIFETIMES_US = MappingProxyType({"prompt": (TAU_PI_US,), "delayed": (TAU_PI_US, TAU_MU_US)})

_MOST_BISECTIONS = 40

_ROUNDING = 1e-7
"""The second decays of a pulse begin as a small difference: less than this, relative to what it is the difference of,
they are for some 1e-9 us after a pulse without width, and the noise in it would be integrated for ever.
"""

_FALLEN = 750.0
"""Lifetimes after which exp(-t) is less than any double."""


@dataclass(frozen=True, eq=False)
class Timing:
    """Shares (bins,) of the prompt and the delayed flux between `edges_us` (bins + 1,), which need not add up to 1.

    Without shares a template says how many arrive; or, `of_source`, the spectra of the source say when, of which an
    efficiency in time is left.
    """

    edges_us: FloatArray
    shares: Mapping[str, FloatArray]
    efficiency: Acceptance | None = None
    of_source: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", FrozenMapping(self.shares))

    def of(self, flavour: str) -> FloatArray:
        """Return the shares of a flavour of a stopped-pion source."""
        return self.shares[CLASSES[flavour]]


@dataclass(frozen=True)
class Pulse:
    """A Gaussian pulse of protons, convolved with the decays of one particle or of two in turn."""

    mean_us: float
    width_us: float

    def rate_per_us(self, t_us: float, lifetimes_us: tuple[float, ...]) -> float:
        """Return the share that arrives per microsecond at a time.

        The pulse convolved with exp(-t / tau) / tau is the exponentially modified Gaussian (E. Grushka, Anal. Chem. 44,
        1733 (1972)); two decays in turn give the difference of two, each weighted with its tau over that of both.
        """
        return self._rate_per_us(t_us - self.mean_us, lifetimes_us)

    def _rate_per_us(self, since_us: float, lifetimes_us: tuple[float, ...]) -> float:
        """Return the rate at a time after the middle of the pulse; zero where all of it would be rounding."""
        terms = [weight / tau * self._decaying(since_us, tau) for tau, weight in _weights(lifetimes_us)]
        rate = sum(terms)
        return rate if rate > _ROUNDING * max(terms) else 0.0

    def _decaying(self, since_us: float, tau_us: float) -> float:
        """What the pulse has made and what has not decayed yet: exp(r^2 / 2 - r z) Phi(z - r), r = width / tau."""
        z, r = since_us / self.width_us, self.width_us / tau_us
        if z > r:
            return exp(r * (0.5 * r - z)) * 0.5 * erfc((r - z) / sqrt(2.0))
        return exp(-0.5 * z * z) * 0.5 * _erfcx((r - z) / sqrt(2.0))

    def shares(
        self, edges_us: FloatArray, lifetimes_us: tuple[float, ...], efficiency: Acceptance | None
    ) -> FloatArray:
        """Return the shares (bins,) that arrive between the edges (bins + 1,), and are kept."""
        # the rate changes within the pulse's width, in which it rises, and falls with each lifetime
        shortest = min(self.width_us, *lifetimes_us)
        during = np.concatenate([width * np.arange(-REACH, REACH + 1.0) for width in (self.width_us, shortest)])
        after = shortest * 2.0 ** np.arange(ceil(log2(_FALLEN * max(self.width_us, *lifetimes_us) / shortest)) + 1)
        cuts = np.concatenate((during, after))
        rate = np.vectorize(lambda since_us: self._rate_per_us(since_us, lifetimes_us), otypes=[float])
        # in times after the pulse's middle: a short pulse that comes late would else be lost in rounding
        since_us = edges_us - self.mean_us
        if efficiency is None:
            return _integrals(rate, since_us, cuts)
        cuts = np.concatenate((cuts, efficiency.breaks - self.mean_us))
        return _integrals(lambda t: efficiency(t + self.mean_us) * rate(t), since_us, cuts)


def bin_averages(efficiency: Acceptance, edges_us: FloatArray) -> FloatArray:
    """Return the efficiency (bins,) averaged over each bin of time."""
    return _integrals(efficiency, edges_us, efficiency.breaks) / np.diff(edges_us)


def _integrals(function: Callable[[FloatArray], FloatArray], edges: FloatArray, cuts: FloatArray) -> FloatArray:
    """Return integrals (bins,) of a function that is not negative between edges (bins + 1,), right to 1e-11.

    Panels between edges and cuts are bisected until two rules agree in them (see `scanengine_kernels.quadrature`). No
    panel may be so much longer than what happens in it that no node sees it.
    """
    cuts = np.union1d(edges, cuts[(cuts > edges[0]) & (cuts < edges[-1])])
    lo, hi = cuts[:-1], cuts[1:]
    total, unresolved = np.zeros(edges.size - 1), np.zeros(edges.size - 1)
    for depth in range(_MOST_BISECTIONS + 1):
        half, middle = 0.5 * (hi - lo), 0.5 * (lo + hi)
        values = function(middle[:, None] + half[:, None] * KRONROD_NODES)
        kronrod, embedded = half * (values @ KRONROD_WEIGHTS), half * (values @ EMBEDDED_WEIGHTS)
        bins = np.searchsorted(edges, lo, side="right") - 1
        unresolved[:] = 0.0
        np.add.at(unresolved, bins, kronrod)
        rough = np.abs(kronrod - embedded) > AGREEMENT * (total + unresolved)[bins]
        rough &= (middle > lo) & (middle < hi) & (depth < _MOST_BISECTIONS)
        np.add.at(total, bins[~rough], kronrod[~rough])
        if not np.any(rough):
            break
        lo, hi = np.concatenate((lo[rough], middle[rough])), np.concatenate((middle[rough], hi[rough]))
    return total


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
