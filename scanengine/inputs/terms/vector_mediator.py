"""Light vector mediators Z' of mass m, which interfere with the Standard Model.

    C -> C + g^2 Q_nu [Z F_p (2 Q_u + Q_d) + N F_n (Q_u + 2 Q_d)] / (sqrt(2) G_F (2 M T + m^2))

J. Liao and D. Marfatia, Phys. Lett. B 775, 54 (2017); M. Atzori Corona et al., JHEP 05 (2022) 109. Of a gauged
L_a - L_b nuclei feel what loops of the charged leptons a and b mix with the photon (arXiv:2008.05022, 2202.11002):

    C -> C + s sqrt(2) alpha g^2 eps_ab(2 M T) Z F_p / (pi G_F (2 M T + m^2)),  s = 1 (nu_a), -1 (nu_b), 0 (the third)
    eps_ab(Q^2) = int_0^1 dx x (1 - x) ln[(m_b^2 + x (1 - x) Q^2) / (m_a^2 + x (1 - x) Q^2)]

On electrons the same with the charge of one: of its own, or of the loops where it has none,

    gV -> gV + g^2 Q_nu Q_e / (sqrt(2) G_F (2 m_e T + m^2)),
    gV -> gV - s sqrt(2) alpha g^2 eps_ab(2 m_e T) / (pi G_F (2 m_e T + m^2)).

A contact interaction has g^2 / (sqrt(2) G_F m^2) = eps for its parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import ALPHA, G_F_PER_MEV2, M_E_MEV, M_MU_MEV, M_TAU_MEV
from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import vector_couplings
from scanengine.inputs.terms.mediator_parameters import propagator_MeV2, strengths
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, ElectronRecoil, Recoil, Term
from scanengine.inputs.terms.weak_charge import vector_structure

_LEPTON_MASSES_MEV = {"e": M_E_MEV, "m": M_MU_MEV, "t": M_TAU_MEV}
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def kinetic_mixing(one: str, other: str, Q2_MeV2: FloatArray) -> FloatArray:
    """Return eps_ab (n,) of two families at squared momentum transfers (n,), to 1e-10 up to 1e5 MeV^2."""
    below, above = _LEPTON_MASSES_MEV[one] ** 2, _LEPTON_MASSES_MEV[other] ** 2
    # x = sin^2(phi / 2) puts the nodes where a light lepton's logarithm bends, near both ends
    phi = 0.5 * pi * (1.0 + _NODES)
    product = 0.25 * np.sin(phi) ** 2
    weight = 0.5 * pi * _WEIGHTS * 0.5 * np.sin(phi) * product
    at = product * np.atleast_1d(Q2_MeV2)[:, None]
    return np.asarray(np.log((above + at) / (below + at)) @ weight)


def _loop(mediator: Mediator, recoil: Recoil | ElectronRecoil) -> FloatArray:
    """Return what loops add to the coupling of a charge of one (n,)."""
    assert mediator.charges.mixing is not None
    eps = kinetic_mixing(*mediator.charges.mixing, recoil.Q2_MeV2)
    return sqrt(2.0) * ALPHA / (pi * G_F_PER_MEV2) * eps * propagator_MeV2(mediator, recoil)


def _of_nuclei(mediator: Mediator) -> Callable[[Recoil], FloatArray]:
    charges = mediator.charges

    def of_quarks(recoil: Recoil) -> FloatArray:
        charge = recoil.protons * (2.0 * charges.u + charges.d) + recoil.neutrons * (charges.u + 2.0 * charges.d)
        return charge * propagator_MeV2(mediator, recoil) / (sqrt(2.0) * G_F_PER_MEV2)

    def of_loops(recoil: Recoil) -> FloatArray:
        return recoil.protons * _loop(mediator, recoil)

    return of_loops if charges.mixing else of_quarks


def _of_electrons(mediator: Mediator) -> Callable[[ElectronRecoil], FloatArray]:
    def of_charge(recoil: ElectronRecoil) -> FloatArray:
        return mediator.charges.electron * propagator_MeV2(mediator, recoil) / (sqrt(2.0) * G_F_PER_MEV2)

    def of_loops(recoil: ElectronRecoil) -> FloatArray:
        return -_loop(mediator, recoil)

    return of_charge if mediator.charges.electron else of_loops


def term(mediator: Mediator) -> Term:
    """Return the interaction that a vector mediator brings."""
    charges = mediator.charges
    coupled = tuple(flavour for flavour in FLAVOURS if charges.of_family(FAMILY[flavour]) != 0.0)
    parameters = strengths(mediator, "g^2 of the vector mediator", squared=False, flavours=coupled)

    def couplings(physics: Physics) -> tuple[Coupling, ...]:
        def of_flavour(flavour: str) -> Couplings:
            family = FAMILY[flavour]
            return {family: {parameters[0].name: charges.of_family(family)}}

        found: list[Coupling] = []
        if charges.u or charges.d or charges.mixing:
            structure, shape = vector_structure(physics), _of_nuclei(mediator)
            found.append(Coupling(Amplitude(mediator.name, structure, shape, mediator.is_massless), of_flavour))
        if charges.electron or charges.mixing:
            shape_of_electrons = _of_electrons(mediator)
            found += vector_couplings(
                of_flavour, f"electron_{mediator.name}", shape_of_electrons, diverges=mediator.is_massless
            )
        return tuple(found)

    return Term(f"vector mediator {mediator.name}", "Liao and Marfatia 2017", parameters, couplings)
