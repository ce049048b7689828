"""Mediators of new interactions: their kind, mass and charges.

Charges of the anomaly-free and other models: J. Billard, J. Johnston and B. J. Kavanagh, JCAP 11 (2018) 016; M. Atzori
Corona et al., JHEP 05 (2022) 109, Table 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["vector", "scalar", "tensor", "dipole"]
MatrixElements = Literal["hoferichter2015", "15.1Z+14N"]


@dataclass(frozen=True)
class Charges:
    """What multiplies a vector mediator's coupling: of quarks, of the electron, and of each family of neutrinos.

    `mixing` are two families a and b of a gauged L_a - L_b, whose loops couple the mediator to electric charge.
    """

    u: float = 0.0
    d: float = 0.0
    electron: float = 0.0
    nu_e: float = 0.0
    nu_mu: float = 0.0
    nu_tau: float = 0.0
    mixing: tuple[str, str] | None = None

    def of_family(self, family: str) -> float:
        """Return the charge of the neutrinos of a family, by its letter."""
        return {"e": self.nu_e, "m": self.nu_mu, "t": self.nu_tau}[family]


_B = 1.0 / 3.0
CHARGES: Mapping[str, Charges] = MappingProxyType(
    {
        "universal": Charges(1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        "B-L": Charges(_B, _B, -1.0, -1.0, -1.0, -1.0),
        "B-3L_e": Charges(_B, _B, electron=-3.0, nu_e=-3.0),
        "B-3L_mu": Charges(_B, _B, nu_mu=-3.0),
        "B-3L_tau": Charges(_B, _B, nu_tau=-3.0),
        "B-2L_e-L_mu": Charges(_B, _B, electron=-2.0, nu_e=-2.0, nu_mu=-1.0),
        "L_e-L_mu": Charges(electron=1.0, nu_e=1.0, nu_mu=-1.0, mixing=("e", "m")),
        "L_e-L_tau": Charges(electron=1.0, nu_e=1.0, nu_tau=-1.0, mixing=("e", "t")),
        "L_mu-L_tau": Charges(nu_mu=1.0, nu_tau=-1.0, mixing=("m", "t")),
    }
)
"""Charges by the name of the model."""


@dataclass(frozen=True)
class Mediator:
    """A particle exchanged between neutrinos and nuclei; of kind "dipole", what a neutrino turns into.

    `mass_MeV` is None for a contact interaction. `charges` are those of a vector mediator; `matrix_elements` of a
    scalar one say how quarks make nucleons.
    """

    name: str
    kind: Kind
    mass_MeV: float | None
    charges: Charges = CHARGES["universal"]
    matrix_elements: MatrixElements = "hoferichter2015"

    @property
    def is_contact(self) -> bool:
        """Whether the mediator is so heavy that only its coupling over its mass squared is known."""
        return self.mass_MeV is None

    @property
    def is_massless(self) -> bool:
        """Whether the force has infinite range, so that rates diverge towards zero recoil energy."""
        return self.mass_MeV == 0.0
