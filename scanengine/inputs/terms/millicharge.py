"""Electric charges of neutrinos, in 1e-12 e: an amplitude beside the weak one, which goes like 1/T.

    g_p Z F_p -> g_p Z F_p + sqrt(2) pi alpha q Z F_p / (G_F M T)

with q in units of e, the same for neutrino and antineutrino beside a weak charge that changes its sign as well:
M. Cadeddu et al., Phys. Rev. D 102, 015030 (2020), eq. 11 (there with 2 M T = |q^2|). On electrons, of charge -1,

    gV -> gV - sqrt(2) pi alpha q / (G_F m_e T).
"""

from __future__ import annotations

from math import pi, sqrt

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import ALPHA, G_F_PER_MEV2
from scanengine.inputs.flavours import FAMILIES, FAMILY, FAMILY_SYMBOLS, FAMILY_WORDS, of_families
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import vector_couplings
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, ElectronRecoil, Parameter, Recoil, Term
from scanengine.inputs.terms.weak_charge import vector_structure

UNIT = 1e-12
"""Charges are given in this many elementary charges."""


def _parameter(family: str) -> Parameter:
    return Parameter(
        f"q_nu_{FAMILY_WORDS[family]}",
        "1e-12 e",
        f"electric charge of {FAMILY_WORDS[family]} neutrinos",
        rf"q_{{\nu_{FAMILY_SYMBOLS[family]}}}",
        flavours=of_families(family),
    )


_STRENGTH_MEV2 = 2.0 * sqrt(2.0) * pi * ALPHA * UNIT / G_F_PER_MEV2


def _of_nuclei(recoil: Recoil) -> FloatArray:
    return _STRENGTH_MEV2 * recoil.protons / recoil.Q2_MeV2


def _of_electrons(recoil: ElectronRecoil) -> FloatArray:
    return -_STRENGTH_MEV2 / recoil.Q2_MeV2


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    def of_flavour(flavour: str) -> Couplings:
        family = FAMILY[flavour]
        return {family: {f"q_nu_{FAMILY_WORDS[family]}": 1.0}}

    return (
        Coupling(Amplitude("millicharge", vector_structure(physics), _of_nuclei, diverges=True), of_flavour),
        *vector_couplings(of_flavour, "electron_millicharge", _of_electrons, diverges=True),
    )


TERM = Term("millicharge", "Cadeddu et al. 2020, eq. 11", tuple(map(_parameter, FAMILIES)), _couplings)
