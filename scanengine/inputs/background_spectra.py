"""Spectra of backgrounds in reconstructed energy, integrated over bins: flat, exponential, a power law, a line."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, inf, pi, sqrt
from typing import Protocol

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray


class BackgroundSpectrum(Protocol):
    """A spectrum that is 1 at some energy, with which its rate is multiplied."""

    def integrals(self, edges_keV: FloatArray) -> FloatArray:
        """Return the integrals (bins,), in keV, between edges (bins + 1,) from 0 on, the last of which may be infinite.

        Raises InputError if one is infinite.
        """
        ...


@dataclass(frozen=True)
class Constant:
    """1 everywhere."""

    def integrals(self, edges_keV: FloatArray) -> FloatArray:
        """Return the widths of the bins."""
        if edges_keV[-1] == inf:
            raise InputError("a constant background has no finite count in a bin without an upper end: give it one")
        return np.diff(edges_keV)


@dataclass(frozen=True)
class Exponential:
    """exp(-(E - at) / slope), for slopes below zero a rising one."""

    slope_keV: float
    at_keV: float = 0.0

    def integrals(self, edges_keV: FloatArray) -> FloatArray:
        """Return slope (exp(-(lo - at) / slope) - exp(-(hi - at) / slope))."""
        if edges_keV[-1] == inf and self.slope_keV < 0.0:
            raise InputError("a rising exponential has no finite count in a bin without an upper end: give it one")
        lo, hi = edges_keV[:-1], edges_keV[1:]
        return np.asarray(
            -self.slope_keV * np.exp((self.at_keV - lo) / self.slope_keV) * np.expm1((lo - hi) / self.slope_keV)
        )


@dataclass(frozen=True)
class Power:
    """(E / at)^index."""

    index: float
    at_keV: float = 1.0

    def integrals(self, edges_keV: FloatArray) -> FloatArray:
        """Return at ((hi / at)^n - (lo / at)^n) / n with n = index + 1, whose limit at n = 0 is at ln(hi / lo)."""
        n = self.index + 1.0
        if edges_keV[0] == 0.0 and n <= 0.0:
            raise InputError(f"a power law with index {self.index:g} diverges at 0 keV: begin the bins above it")
        if edges_keV[-1] == inf and n >= 0.0:
            raise InputError(
                f"a power law with index {self.index:g} has no finite count in a bin without an upper end: give it one"
            )
        lo, hi = edges_keV[:-1] / self.at_keV, edges_keV[1:] / self.at_keV
        if n == 0.0:
            return np.asarray(self.at_keV * np.log(hi / lo))
        # from the end where the power is finite, so that nothing cancels in narrow bins
        with np.errstate(divide="ignore", over="ignore"):
            if n > 0.0:
                return np.asarray(-self.at_keV * hi**n * np.expm1(n * np.log(lo / hi)) / n)
            return np.asarray(self.at_keV * lo**n * np.expm1(n * np.log(hi / lo)) / n)


@dataclass(frozen=True)
class Line:
    """A Gaussian, exp(-(E - energy)^2 / (2 width^2))."""

    energy_keV: float
    width_keV: float

    @property
    def area_keV(self) -> float:
        """Its integral over all energies."""
        return self.width_keV * sqrt(2.0 * pi)

    def integrals(self, edges_keV: FloatArray) -> FloatArray:
        """Return the differences of the error function, on either side from the tail of that side."""
        u = (edges_keV - self.energy_keV) / (self.width_keV * sqrt(2.0))
        tails = np.array([erfc(abs(x)) for x in u.tolist()])  # beyond each edge, away from the middle
        below, above = (u < 0.0), (u >= 0.0)
        both = below[:-1] & above[1:]
        within = np.where(both, 2.0 - tails[:-1] - tails[1:], np.abs(np.diff(tails)))
        return np.asarray(0.5 * self.area_keV * within)
