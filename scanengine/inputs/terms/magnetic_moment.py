"""Effective magnetic moments of neutrinos, in 1e-10 Bohr magnetons.

    dsigma/dT = (pi alpha^2 mu^2 / m_e^2) [1/T - 1/E] Z^2 F_p^2

T. S. Kosmas et al., Phys. Lett. B 750, 459 (2015), eq. 6; with `magnetic_moment = "full"` the bracket has + T / (4 E^2)
(K. Scholberg, Phys. Rev. D 73, 033005 (2006), eq. 6), without `magnetic_form_factor` F_p is 1. The final state has the
other helicity: no interference. On an electron it is the leading bracket alone: P. Vogel and J. Engel, Phys. Rev. D 39,
3378 (1989).
"""

from __future__ import annotations

from functools import partial
from math import pi

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import ALPHA, HBARC_MEV_CM, M_E_MEV, MAGNETIC_UNIT
from scanengine.inputs.flavours import FAMILY, FLAVOUR_SYMBOLS, FLAVOURS
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.electron_weak import contact
from scanengine.inputs.terms.term import Amplitude, Coupling, Couplings, Parameter, Recoil, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.magnetic_moment import magnetic_moment


def _parameter(flavour: str) -> Parameter:
    return Parameter(
        f"mu_{flavour}",
        "1e-10 mu_B",
        f"effective magnetic moment of {flavour}",
        rf"\mu_{{{FLAVOUR_SYMBOLS[flavour]}}}",
        flavours=(flavour,),
        squared=True,
    )


_OF_FLAVOURS = tuple(map(_parameter, FLAVOURS))

OF_ALL_FLAVOURS = Parameter(
    "mu_nu",
    "1e-10 mu_B",
    "effective magnetic moment of all flavours",
    r"\mu_\nu",
    flavours=FLAVOURS,
    squared=True,
    stands_for=tuple(parameter.name for parameter in _OF_FLAVOURS),
)


def magnetic_constant_cm2(M_MeV: float) -> float:  # noqa: ARG001  (the same whatever recoils)
    """Return pi alpha^2 mu^2 / m_e^2 in cm^2 of a moment of 1e-10 mu_B."""
    return pi * (ALPHA * MAGNETIC_UNIT * HBARC_MEV_CM / M_E_MEV) ** 2


def electric_charge(recoil: Recoil) -> FloatArray:
    """Return Z F_p (n,)."""
    return recoil.protons


def _point_charge(recoil: Recoil) -> FloatArray:
    return float(recoil.isotope.Z) + 0.0 * recoil.T_MeV


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    kinematics = partial(interpreted(magnetic_moment), full=physics.magnetic_moment == "full")
    structure = Structure("magnetic", magnetic_constant_cm2, kinematics)
    shape = electric_charge if physics.magnetic_form_factor else _point_charge

    def of_flavour(flavour: str) -> Couplings:
        return {FAMILY[flavour]: {f"mu_{flavour}": 1.0}}

    leading = partial(interpreted(magnetic_moment), full=False)
    of_electrons = Structure("electron magnetic", magnetic_constant_cm2, leading, recoil="electron")
    return (
        Coupling(Amplitude("magnetic", structure, shape, diverges=True), of_flavour),
        Coupling(Amplitude("electron_magnetic", of_electrons, contact, diverges=True), of_flavour),
    )


TERM = Term("magnetic moment", "Kosmas et al. 2015, eq. 6", _OF_FLAVOURS, _couplings, always=True)
