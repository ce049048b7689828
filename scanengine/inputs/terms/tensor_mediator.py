"""Tensor mediators of mass m, in the convention of the field's papers, which let the nucleus answer as a whole.

    dsigma/dT = (4 M / pi) g^4 Q_T^2 / (2 M T + m^2)^2 [1 - T/E - M T / (4 E^2) + T^2 / (4 E^2)],
    Q_T = Z F_p (delta_u^p + delta_d^p) + N F_n (delta_u^n + delta_d^n)

for g^2 = g_nu g_q and sigma^mn = (i/2) [gamma^m, gamma^n] summed over all m, n; tensor charges delta_u^p = 0.784,
delta_d^p = -0.204, mirrored for the neutron: D. Aristizabal Sierra, V. De Romeri and N. Rojas, Phys. Rev. D 98, 075018
(2018). A tensor current couples to the nuclear spin, which makes this an upper estimate (M. Hoferichter et al., Phys.
Rev. D 102, 074018 (2020)). On an electron, which couples as quarks do, M is m_e and Q_T is 1.
"""

from __future__ import annotations

from math import pi

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import HBARC_MEV_CM
from scanengine.inputs.flavours import FAMILY
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.mediator_parameters import propagator_MeV2, strengths
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, ElectronRecoil, Recoil, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.tensor import tensor

NUCLEON_CHARGE = 0.784 - 0.204
"""delta_u + delta_d, the same for proton and neutron."""


def _constant_cm2(M_MeV: float) -> float:
    return HBARC_MEV_CM**2 * 4.0 * M_MeV / pi


def term(mediator: Mediator) -> Term:
    """Return the interaction that a tensor mediator brings."""
    parameters = strengths(mediator, "g_nu g_q of the tensor mediator", squared=True)

    def shape(recoil: Recoil) -> FloatArray:
        return NUCLEON_CHARGE * (recoil.protons + recoil.neutrons) * propagator_MeV2(mediator, recoil)

    def of_electrons(recoil: ElectronRecoil) -> FloatArray:
        return propagator_MeV2(mediator, recoil)

    def of_flavour(flavour: str) -> Couplings:
        return {FAMILY[flavour]: {parameters[0].name: 1.0}}

    def couplings(physics: Physics) -> tuple[Coupling, ...]:  # noqa: ARG001  (the kinematics are those of the papers)
        structure = Structure(f"tensor {mediator.name}", _constant_cm2, interpreted(tensor))
        other = Structure(f"electron tensor {mediator.name}", _constant_cm2, interpreted(tensor), recoil="electron")
        return (
            Coupling(Amplitude(mediator.name, structure, shape, mediator.is_massless), of_flavour),
            Coupling(Amplitude(f"electron_{mediator.name}", other, of_electrons, mediator.is_massless), of_flavour),
        )

    return Term(
        f"tensor mediator {mediator.name}", "Aristizabal Sierra, De Romeri and Rojas 2018", parameters, couplings
    )
