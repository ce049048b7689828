"""Charge radii of neutrinos: each flavour's own, and transition radii between flavours, in 1e-32 cm^2.

Two conventions are in use, chosen by `physics.charge_radius`. With kappa = sqrt(2) pi alpha / (3 G_F),

    "kosmas2015":    sin2_theta_w -> sin2_theta_w + kappa <r^2>   (T. S. Kosmas et al., Phys. Lett. B 750, 459, eq. 17)
    "form-factor":   g_p -> g_p - kappa <r^2>, that is <r^2> = 6 dF/dq^2 (M. Cadeddu et al., Phys. Rev. D 98, 113010)

of which the first is twice as strong with tree couplings. Transition radii change the flavour: they add to NSI of the
same pair, O_ab -> O_ab - kappa Z F_p <r^2>_ab (or twice that), and not to the Standard Model. On electrons, of charge
-1, gV -> gV + kappa <r^2>, or twice that.
"""

from __future__ import annotations

from scanengine.inputs.constants import CHARGE_RADIUS_SHIFT
from scanengine.inputs.couplings import weak_couplings
from scanengine.inputs.flavours import (
    FAMILIES,
    FAMILY,
    FAMILY_SYMBOLS,
    FAMILY_WORDS,
    FLAVOUR_SYMBOLS,
    FLAVOURS,
    of_families,
    pair,
)
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import VECTOR_SLOPE, vector_couplings
from scanengine.inputs.terms.term import Coupling, Couplings, Parameter, Term
from scanengine.inputs.terms.weak_charge import neutron_charge, proton_charge

_UNITS = "1e-32 cm^2"


def _radius(flavour: str) -> Parameter:
    symbol = rf"\langle r^2_{{{FLAVOUR_SYMBOLS[flavour]}}}\rangle"
    return Parameter(f"r2_{flavour}", _UNITS, f"mean-square charge radius of {flavour}", symbol, flavours=(flavour,))


def _transition(families: str) -> Parameter:
    subscript = "".join(FAMILY_SYMBOLS[letter] for letter in families)
    words = "-".join(FAMILY_WORDS[letter] for letter in families)
    return Parameter(
        f"r2_{families}",
        _UNITS,
        f"mean-square transition charge radius of {words} neutrinos",
        rf"\langle r^2_{{{subscript}}}\rangle",
        flavours=of_families(families),
    )


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    modern = physics.charge_radius == "form-factor"

    def of_protons(flavour: str) -> Couplings:
        return _forms(flavour, -1.0 if modern else weak_couplings(physics.couplings, flavour).p_slope)

    def of_neutrons(flavour: str) -> Couplings:
        slope = 0.0 if modern else weak_couplings(physics.couplings, flavour).n_slope
        return {FAMILY[flavour]: {f"r2_{flavour}": slope * CHARGE_RADIUS_SHIFT}}

    def of_electrons(flavour: str) -> Couplings:
        return _forms(flavour, 1.0 if modern else VECTOR_SLOPE)

    return (
        Coupling(proton_charge(physics), of_protons),
        Coupling(neutron_charge(physics), of_neutrons),
        *vector_couplings(of_electrons),
    )


def _forms(flavour: str, slope: float) -> Couplings:
    """Return what radii, own and transition ones, add to the coupling of a charge."""
    own = FAMILY[flavour]
    forms = {own: {f"r2_{flavour}": slope * CHARGE_RADIUS_SHIFT}}
    for other in FAMILIES:
        if other != own:
            forms[other] = {f"r2_{pair(own, other)}": slope * CHARGE_RADIUS_SHIFT}
    return forms


TERM = Term(
    "charge radius",
    "Kosmas et al. 2015, eq. 17; Cadeddu et al. 2018",
    (*map(_radius, FLAVOURS), *map(_transition, ("em", "et", "mt"))),
    _couplings,
    always=True,
)
