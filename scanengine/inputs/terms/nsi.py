"""Heavy vector NSI of neutrinos with u and d quarks, flavour-diagonal and flavour-changing.

    g_p -> g_p + 2 eps_ab^uV + eps_ab^dV,   g_n -> g_n + eps_ab^uV + 2 eps_ab^dV

of which those with b = a interfere with the Standard Model: K. Scholberg, Phys. Rev. D 73, 033005 (2006), eq. 4.
"""

from __future__ import annotations

from scanengine.inputs.flavours import FAMILIES, FAMILY, FAMILY_SYMBOLS, FAMILY_WORDS, PAIRS, of_families, pair
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.term import Coupling, Couplings, Parameter, Term
from scanengine.inputs.terms.weak_charge import neutron_charge, proton_charge


def nsi(families: str, current: str, kind: str, partner: str) -> Parameter:
    """Return eps_FAMILIES_CURRENT, as eps_et_uV: `kind` and `partner` say of what kind it is, and with what."""
    subscript = "".join(FAMILY_SYMBOLS[letter] for letter in families)
    neutrinos = "-".join(FAMILY_WORDS[letter] for letter in families)
    return Parameter(
        f"eps_{families}_{current}",
        "1",
        f"{kind} NSI of {neutrinos} neutrinos with the {partner}",
        rf"\varepsilon_{{{subscript}}}^{{{current}}}",
        flavours=of_families(families),
    )


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    def of_protons(flavour: str) -> Couplings:
        return _with_quarks(flavour, u=2.0, d=1.0)

    def of_neutrons(flavour: str) -> Couplings:
        return _with_quarks(flavour, u=1.0, d=2.0)

    return Coupling(proton_charge(physics), of_protons), Coupling(neutron_charge(physics), of_neutrons)


def _with_quarks(flavour: str, u: float, d: float) -> Couplings:
    pairs = {final: pair(FAMILY[flavour], final) for final in FAMILIES}
    return {final: {f"eps_{ab}_uV": u, f"eps_{ab}_dV": d} for final, ab in pairs.items()}


TERM = Term(
    "vector NSI",
    "Scholberg 2006, eq. 4",
    tuple(nsi(families, f"{quark}V", "vector", f"{quark} quark") for families in PAIRS for quark in "ud"),
    _couplings,
    always=True,
)
