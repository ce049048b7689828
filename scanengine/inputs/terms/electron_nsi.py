"""Heavy NSI of neutrinos with electrons, vector and axial, flavour-diagonal and flavour-changing.

    gV -> gV + eps_aa^eV,  gA -> gA + eps_aa^eA;   gV_b = eps_ab^eV,  gA_b = eps_ab^eA  for b other than a

the latter without interference, -gA in place of gA of antineutrinos: S. Davidson, C. Pena-Garay, N. Rius and A.
Santamaria, JHEP 03 (2003) 011 (cited without having been read), with eps^V = eps^L + eps^R and eps^A = eps^L - eps^R.
"""

from __future__ import annotations

from scanengine.inputs.flavours import FAMILIES, FAMILY, PAIRS, pair
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import axial_couplings, vector_couplings
from scanengine.inputs.terms.nsi import nsi
from scanengine.inputs.terms.term import Coupling, Couplings, Term

_WORDS = {"V": "vector", "A": "axial"}


def _couplings(physics: Physics) -> tuple[Coupling, ...]:  # noqa: ARG001  (one form is in use)
    def of_vector(flavour: str) -> Couplings:
        return {final: {f"eps_{pair(FAMILY[flavour], final)}_eV": 1.0} for final in FAMILIES}

    def of_axial(flavour: str) -> Couplings:
        return {final: {f"eps_{pair(FAMILY[flavour], final)}_eA": 1.0} for final in FAMILIES}

    return (*vector_couplings(of_vector), *axial_couplings(of_axial))


TERM = Term(
    "NSI with electrons",
    "Davidson et al. 2003",
    tuple(nsi(families, f"e{current}", _WORDS[current], "electron") for families in PAIRS for current in "VA"),
    _couplings,
    always=True,
)
