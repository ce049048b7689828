"""What mediators have in common: the parameters that they bring, and their propagator."""

from __future__ import annotations

from math import sqrt

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_F_PER_MEV2
from scanengine.inputs.flavours import FLAVOURS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.terms.term import ElectronRecoil, Parameter, Recoil


def strengths(
    mediator: Mediator, words: str, *, squared: bool, flavours: tuple[str, ...] = FLAVOURS
) -> tuple[Parameter, ...]:
    """Return what the amplitude is linear in, g2_NAME or eps_NAME, and the coupling g_NAME, the root of the first.

    `squared` says that counts know only the square of that amplitude; `flavours` are those that couple.
    """
    name, shown = mediator.name, mediator.name.replace("_", r"\_")
    if mediator.is_contact:
        symbol = rf"\varepsilon_{{\mathrm{{{shown}}}}}"
        contact = f"strength of the {mediator.kind} contact interaction {name} in units of sqrt(2) G_F"
        return (Parameter(f"eps_{name}", "1", contact, symbol, flavours, squared=squared),)
    product = Parameter(f"g2_{name}", "1", f"{words} {name}", rf"g_{{\mathrm{{{shown}}}}}^2", flavours, squared=squared)
    coupling = Parameter(
        f"g_{name}",
        "1",
        f"coupling of the {mediator.kind} mediator {name}",
        rf"g_{{\mathrm{{{shown}}}}}",
        flavours,
        root_of=product.name,
    )
    return product, coupling


def propagator_MeV2(mediator: Mediator, recoil: Recoil | ElectronRecoil) -> FloatArray:
    """Return 1 / (2 M T + m^2) (n,) in 1/MeV^2, M being the mass of what recoils.

    Of a contact interaction it is what replaces it, sqrt(2) G_F.
    """
    if mediator.mass_MeV is None:
        return np.full(recoil.T_MeV.size, sqrt(2.0) * G_F_PER_MEV2)
    return np.asarray(1.0 / (recoil.Q2_MeV2 + mediator.mass_MeV**2))
