"""The Standard Model's coherent scattering: the weak vector charges of protons and neutrons.

    dsigma/dT = (G_F^2 M / pi) [1 - M T / (2 E^2)] (g_p Z F_p + g_n N F_n)^2

K. Scholberg, Phys. Rev. D 73, 033005 (2006), eq. 4; T. S. Kosmas et al., Phys. Lett. B 750, 459 (2015), eqs. 2 and 3;
with `kinematics = "full"` the bracket has - T/E + T^2 / (2 E^2) too.
"""

from __future__ import annotations

from functools import partial
from math import pi

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_F_PER_MEV2, HBARC_MEV_CM
from scanengine.inputs.couplings import weak_couplings
from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.term import CONSTANT, Amplitude, Coupling, Couplings, Parameter, Recoil, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.vector import vector


def _of_physics(physics: Physics) -> float:
    return physics.sin2_theta_w


SIN2_THETA_W = Parameter(
    "sin2_theta_w",
    "1",
    "sine squared of the weak mixing angle",
    r"\sin^2\theta_W",
    flavours=FLAVOURS,
    standard_model=_of_physics,
    bounds=(0.0, 1.0),
)


def vector_structure(physics: Physics) -> Structure:
    """Return the structure of all vector interactions, which interfere with one another."""
    return Structure("vector", _constant_cm2, partial(interpreted(vector), full=physics.kinematics == "full"))


def proton_charge(physics: Physics) -> Amplitude:
    """Return the amplitude of what couples to protons, Z F_p."""
    return Amplitude("weak_p", vector_structure(physics), _protons)


def neutron_charge(physics: Physics) -> Amplitude:
    """Return the amplitude of what couples to neutrons, N F_n."""
    return Amplitude("weak_n", vector_structure(physics), _neutrons)


def _constant_cm2(M_MeV: float) -> float:
    return (G_F_PER_MEV2 * HBARC_MEV_CM) ** 2 * M_MeV / pi


def _protons(recoil: Recoil) -> FloatArray:
    return recoil.protons


def _neutrons(recoil: Recoil) -> FloatArray:
    return recoil.neutrons


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    def of_protons(flavour: str) -> Couplings:
        weak = weak_couplings(physics.couplings, flavour)
        return {FAMILY[flavour]: {CONSTANT: weak.p_constant, SIN2_THETA_W.name: weak.p_slope}}

    def of_neutrons(flavour: str) -> Couplings:
        weak = weak_couplings(physics.couplings, flavour)
        return {FAMILY[flavour]: {CONSTANT: weak.n_constant, SIN2_THETA_W.name: weak.n_slope}}

    return Coupling(proton_charge(physics), of_protons), Coupling(neutron_charge(physics), of_neutrons)


TERM = Term("weak charge", "Scholberg 2006, eq. 4", (SIN2_THETA_W,), _couplings, always=True)
