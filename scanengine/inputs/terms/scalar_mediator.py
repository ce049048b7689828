"""Scalar mediators of mass m, which flip the neutrino's helicity: no interference.

    dsigma/dT = g^4 M T (M + T/2) Q_S^2 / (4 pi E^2 (2 M T + m^2)^2),
    Q_S = Z F_p sum_q m_p f_q^p / m_q + N F_n sum_q m_n f_q^n / m_q,  q = u, d

with g^2 = g_nu g_q, and without T/2 for leading kinematics: D. G. Cerdeno et al., JHEP 05 (2016) 118. Nucleon matrix
elements f of M. Hoferichter et al., Phys. Rev. Lett. 115, 092301 (2015); or Q_S = 15.1 Z F_p + 14 N F_n as in older
papers. On an electron, which couples as quarks do, M is m_e and Q_S is 1.
"""

from __future__ import annotations

from functools import partial
from math import pi

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import HBARC_MEV_CM, M_NEUTRON_MEV, M_PROTON_MEV
from scanengine.inputs.flavours import FAMILY
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.mediator_parameters import propagator_MeV2, strengths
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, ElectronRecoil, Recoil, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.scalar import scalar

_M_U_MEV, _M_D_MEV = 2.16, 4.67
NUCLEON_CHARGES = {
    "hoferichter2015": (
        M_PROTON_MEV * (0.0208 / _M_U_MEV + 0.0411 / _M_D_MEV),
        M_NEUTRON_MEV * (0.0189 / _M_U_MEV + 0.0451 / _M_D_MEV),
    ),
    "15.1Z+14N": (15.1, 14.0),
}
"""Q_S of a proton and of a neutron, of a coupling of one to u and d quarks."""


def _constant_cm2(M_MeV: float) -> float:
    return HBARC_MEV_CM**2 * M_MeV / (4.0 * pi)


def term(mediator: Mediator) -> Term:
    """Return the interaction that a scalar mediator brings."""
    of_proton, of_neutron = NUCLEON_CHARGES[mediator.matrix_elements]
    parameters = strengths(mediator, "g_nu g_q of the scalar mediator", squared=True)

    def shape(recoil: Recoil) -> FloatArray:
        charge = recoil.protons * of_proton + recoil.neutrons * of_neutron
        return charge * propagator_MeV2(mediator, recoil)

    def of_electrons(recoil: ElectronRecoil) -> FloatArray:
        return propagator_MeV2(mediator, recoil)

    def of_flavour(flavour: str) -> Couplings:
        return {FAMILY[flavour]: {parameters[0].name: 1.0}}

    def couplings(physics: Physics) -> tuple[Coupling, ...]:
        kinematics = partial(interpreted(scalar), full=physics.kinematics == "full")
        structure = Structure(f"scalar {mediator.name}", _constant_cm2, kinematics)
        other = Structure(f"electron scalar {mediator.name}", _constant_cm2, kinematics, recoil="electron")
        return (
            Coupling(Amplitude(mediator.name, structure, shape, mediator.is_massless), of_flavour),
            Coupling(Amplitude(f"electron_{mediator.name}", other, of_electrons, mediator.is_massless), of_flavour),
        )

    return Term(f"scalar mediator {mediator.name}", "Cerdeno et al. 2016", parameters, couplings)
