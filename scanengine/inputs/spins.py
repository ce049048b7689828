"""Spins of odd nuclei and what protons and neutrons carry of them, for axial scattering.

All but Li7 and Cs133: P. Klos, J. Menendez, D. Gazit and A. Schwenk, Phys. Rev. D 88, 083516 (2013); those two: V. A.
Bednyakov and F. Simkovic, Phys. Part. Nucl. 36, 131 (2005) [hep-ph/0406218].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_A


@dataclass(frozen=True, eq=False)
class NuclearSpin:
    """The spin J of a nucleus and the expectation values of its protons' and neutrons' spins.

    `q_invfm` and `ratio` (n,) are F_A(q^2) / F_A(0) at momentum transfers, linear between them and constant beyond;
    without them F_A is constant, which overstates it.
    """

    J: float
    S_p: float
    S_n: float
    q_invfm: FloatArray | None = None
    ratio: FloatArray | None = None

    @property
    def F_A(self) -> float:
        """F_A at zero momentum transfer, (4/3) g_A^2 (J + 1) / J (S_p - S_n)^2.

        M. Hoferichter, J. Menendez and A. Schwenk, Phys. Rev. D 102, 074018 (2020), with transverse multipoles alone.
        """
        return 4.0 / 3.0 * G_A**2 * (self.J + 1.0) / self.J * (self.S_p - self.S_n) ** 2


SPINS: Mapping[str, NuclearSpin] = MappingProxyType(
    {
        "Li7": NuclearSpin(1.5, 0.497, 0.004),
        "F19": NuclearSpin(0.5, 0.478, -0.002),
        "Na23": NuclearSpin(1.5, 0.224, 0.024),
        "Al27": NuclearSpin(2.5, 0.326, 0.038),
        "Si29": NuclearSpin(0.5, 0.016, 0.156),
        "Ge73": NuclearSpin(4.5, 0.031, 0.439),
        "I127": NuclearSpin(2.5, 0.342, 0.031),
        "Xe129": NuclearSpin(0.5, 0.010, 0.329),
        "Xe131": NuclearSpin(1.5, -0.009, -0.272),
        "Cs133": NuclearSpin(3.5, -0.225, 0.002),
    }
)
"""By isotope."""
