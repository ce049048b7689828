"""Quenching: how much of a recoil's energy a detector shows, in keVee: the energy of an electron that shows as much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.nuclei import Isotope


class Quenching(Protocol):
    """The electron-equivalent energy of a recoil."""

    @property
    def kinks_keV(self) -> FloatArray:
        """Recoil energies at which the electron-equivalent energy has a kink."""
        ...

    def keVee(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:
        """Return the energy shown by recoils of an isotope, of any shape."""
        ...


@dataclass(frozen=True, eq=False)
class PolynomialQuenching:
    """The energy in keVee is sum_k coefficients[k] T^k, T in keV; a constant quenching factor q is (0, q)."""

    coefficients: FloatArray

    @property
    def kinks_keV(self) -> FloatArray:
        """There is none."""
        return np.zeros(0)

    def keVee(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:  # noqa: ARG002  (Lindhard needs it)
        """Return the energy shown by recoils."""
        return np.asarray(np.polynomial.polynomial.polyval(T_keV, self.coefficients))


@dataclass(frozen=True, eq=False)
class Lindhard:
    """The energy in keVee is T k g / (1 + k g), g = 3 e^0.15 + 0.7 e^0.6 + e, e = 11.5 Z^(-7/3) T, T in keV.

    J. Lindhard et al., Mat. Fys. Medd. Dan. Vid. Selsk. 33, no. 10 (1963), as parametrised by J. D. Lewin and P. F.
    Smith, Astropart. Phys. 6, 87 (1996), eq. 4.3.
    """

    k: float

    @property
    def kinks_keV(self) -> FloatArray:
        """There is none."""
        return np.zeros(0)

    def keVee(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:
        """Return the energy shown by recoils of an isotope."""
        e = 11.5 * isotope.Z ** (-7.0 / 3.0) * T_keV
        g = 3.0 * e**0.15 + 0.7 * e**0.6 + e
        return np.asarray(T_keV * self.k * g / (1.0 + self.k * g))


@dataclass(frozen=True, eq=False)
class TabulatedQuenching:
    """The quenching factor, shown over recoil energy, at points joined by straight lines, constant beyond the ends.

    Raises InputError if the points do not increase in recoil energy.
    """

    T_keV: FloatArray
    factors: FloatArray

    def __post_init__(self) -> None:
        if self.T_keV.size == 0 or self.T_keV.size != self.factors.size:
            raise InputError("a table of quenching factors needs as many factors as recoil energies, at least one")
        if not np.all(np.diff(self.T_keV) > 0.0):
            raise InputError("a table of quenching factors needs recoil energies that increase")

    @property
    def kinks_keV(self) -> FloatArray:
        """The points of the table."""
        return self.T_keV

    def keVee(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:  # noqa: ARG002  (Lindhard needs it)
        """Return the energy shown by recoils."""
        return np.asarray(T_keV * np.interp(T_keV, self.T_keV, self.factors))
