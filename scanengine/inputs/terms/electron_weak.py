"""Neutrino scattering on electrons through the weak currents, with all interference.

    dsigma/dT = (G_F^2 m_e / (2 pi)) [(gV + gA)^2 + (gV - gA)^2 (1 - T/E)^2 - (gV^2 - gA^2) m_e T / E^2]
              = (G_F^2 m_e / pi) [gV^2 (1 - m_e T / (2 E^2)) + gA^2 (1 + m_e T / (2 E^2))
                - (gV - gA)^2 (T/E - T^2 / (2 E^2))]

with gV = 2 sin2_theta_w + 1/2 and gA = 1/2 of nu_e, gV = 2 sin2_theta_w - 1/2 and gA = -1/2 of nu_mu and nu_tau, and
-gA in place of gA of antineutrinos: P. Vogel and J. Engel, Phys. Rev. D 39, 3378 (1989). The second form has
three structures, none of which changes its sign. Couplings are those of the tree level, kinematics the full ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import pi

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_F_PER_MEV2, HBARC_MEV_CM
from scanengine.inputs.flavours import ANTINEUTRINOS, FAMILY
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.term import CONSTANT, Amplitude, Coupling, Couplings, ElectronRecoil, Structure, Term
from scanengine.inputs.terms.weak_charge import SIN2_THETA_W
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.electron import electron_axial, electron_chiral
from scanengine_kernels.terms.vector import vector

VECTOR_SLOPE = 2.0
"""Of gV in sin2_theta_w."""


def _constant_cm2(M_MeV: float) -> float:
    return (G_F_PER_MEV2 * HBARC_MEV_CM) ** 2 * M_MeV / pi


_VECTOR = Structure("electron vector", _constant_cm2, partial(interpreted(vector), full=False), recoil="electron")
_AXIAL = Structure("electron axial", _constant_cm2, interpreted(electron_axial), recoil="electron")
_CHIRAL = Structure("electron chiral", _constant_cm2, interpreted(electron_chiral), recoil="electron")


def contact(recoil: ElectronRecoil) -> FloatArray:
    """Return the shape of what does not depend on the recoil, ones (n,)."""
    return np.ones(recoil.T_MeV.size)


def vector_couplings(
    of_flavour: Callable[[str], Couplings],
    name: str = "electron",
    shape: Callable[[ElectronRecoil], FloatArray] = contact,
    *,
    diverges: bool = False,
) -> tuple[Coupling, ...]:
    """Return the couplings of what adds to gV a linear form of each flavour times a shape."""
    return (
        Coupling(Amplitude(f"{name}_V", _VECTOR, shape, diverges), of_flavour),
        Coupling(Amplitude(f"{name}_R", _CHIRAL, shape, diverges), of_flavour),
    )


def axial_couplings(of_flavour: Callable[[str], Couplings]) -> tuple[Coupling, ...]:
    """Return the couplings of what adds to gA a linear form of each flavour, of antineutrinos with the other sign."""

    def signed(sign: float) -> Callable[[str], Couplings]:
        def couplings(flavour: str) -> Couplings:
            factor = -sign if flavour in ANTINEUTRINOS else sign
            return {b: {name: factor * c for name, c in form.items()} for b, form in of_flavour(flavour).items()}

        return couplings

    return (
        Coupling(Amplitude("electron_A", _AXIAL, contact), signed(1.0)),
        Coupling(Amplitude("electron_R", _CHIRAL, contact), signed(-1.0)),
    )


def _vector(flavour: str) -> Couplings:
    constant = 0.5 if FAMILY[flavour] == "e" else -0.5
    return {FAMILY[flavour]: {CONSTANT: constant, SIN2_THETA_W.name: VECTOR_SLOPE}}


def _axial(flavour: str) -> Couplings:
    return {FAMILY[flavour]: {CONSTANT: 0.5 if FAMILY[flavour] == "e" else -0.5}}


def _couplings(physics: Physics) -> tuple[Coupling, ...]:  # noqa: ARG001  (one form is in use)
    return (*vector_couplings(_vector), *axial_couplings(_axial))


TERM = Term("weak scattering on electrons", "Vogel and Engel 1989", (), _couplings, always=True)
