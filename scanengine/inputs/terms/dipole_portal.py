"""The dipole portal: a neutrino turns into a sterile state N of mass m by a transition magnetic moment mu.

    dsigma/dT = (pi alpha^2 mu^2 / m_e^2) Z^2 F_p^2 [1/T - 1/E + m^2 (T - 2 E - M) / (4 E^2 T M)
                + m^4 (T - M) / (8 E^2 T^2 M^2)]

for E above (T + sqrt(T^2 + 2 M T)) / 2 (1 + m^2 / (2 M T)): G. Magill, R. Plestid, M. Pospelov and Y.-D. Tsai, Phys.
Rev. D 98, 115015 (2018). On an electron M is m_e and Z F_p is 1. Its parameter is mu_NAME in 1e-10 Bohr magnetons, the
same for all flavours.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import contact
from scanengine.inputs.terms.magnetic_moment import electric_charge, magnetic_constant_cm2
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, Parameter, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.dipole import dipole


def term(mediator: Mediator) -> Term:
    """Return the interaction that brings a sterile state."""
    mass_MeV = mediator.mass_MeV or 0.0
    shown = mediator.name.replace("_", r"\_")
    moment = Parameter(
        f"mu_{mediator.name}",
        "1e-10 mu_B",
        f"transition magnetic moment to the sterile state {mediator.name}",
        rf"\mu_{{\mathrm{{{shown}}}}}",
        FLAVOURS,
        squared=True,
    )

    def of_flavour(flavour: str) -> Couplings:
        return {FAMILY[flavour]: {moment.name: 1.0}}

    def couplings(physics: Physics) -> tuple[Coupling, ...]:  # noqa: ARG001  (one form is in use)
        kinematics = partial(interpreted(dipole), m=mass_MeV)
        structure = Structure(f"dipole {mediator.name}", magnetic_constant_cm2, kinematics, mass_MeV)
        other = replace(structure, name=f"electron {structure.name}", recoil="electron")
        return (
            Coupling(Amplitude(mediator.name, structure, electric_charge, mediator.is_massless), of_flavour),
            Coupling(Amplitude(f"electron_{mediator.name}", other, contact, mediator.is_massless), of_flavour),
        )

    return Term(f"dipole portal {mediator.name}", "Magill et al. 2018", (moment,), couplings)
