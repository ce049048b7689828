"""What an interaction is made of: parameters, amplitudes that are linear in them, and the kinematics they share.

For a neutrino of energy E and a recoil T, summed over the families b of the final state,

    dsigma/dT = sum_s constant_s (k_0 + k_1 / E + k_2 / E^2) sum_b |sum_i c_bi f_i(T)|^2

over structures s, whose amplitudes i interfere: each is a linear form c in the parameters times a shape f of the
recoil. So counts are quadratic in the parameters, with integrals of f_i f_j for coefficients. A structure is one of
recoiling nuclei or of recoiling electrons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import M_E_MEV
from scanengine.inputs.electrons import RecoilKind
from scanengine.inputs.nuclei import Isotope

if TYPE_CHECKING:
    from scanengine.inputs.physics import Physics

CONSTANT = "1"
"""The name that stands for the part of a linear form which no parameter multiplies."""


def _absent(physics: Physics) -> float:  # noqa: ARG001  (what is new is zero in any)
    return 0.0


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name in scan files, its units, how to write it, and what is known of it.

    `flavours` are those whose rate depends on it. `squared` says that counts know only its square, so that there is
    nothing beyond zero. `root_of` names the parameter that this one is the root of: a coupling g, of g^2; `stands_for`
    those that this one sets at once. In the Standard Model it is `standard_model` of a scan's physics. Beyond `bounds`
    it means nothing.
    """

    name: str
    units: str
    long_name: str
    symbol: str
    flavours: tuple[str, ...]
    squared: bool = False
    root_of: str | None = None
    stands_for: tuple[str, ...] = ()
    standard_model: Callable[[Physics], float] = _absent
    bounds: tuple[float, float] = (-inf, inf)


class Recoil(NamedTuple):
    """Recoils of an isotope at energies `T_MeV` (n,), and the form factors of its protons and neutrons there (n,)."""

    isotope: Isotope
    T_MeV: FloatArray
    F_p: FloatArray
    F_n: FloatArray

    @property
    def Q2_MeV2(self) -> FloatArray:
        """The squared momentum transfer 2 M T (n,)."""
        return np.asarray(2.0 * self.isotope.mass_MeV * self.T_MeV)

    @property
    def protons(self) -> FloatArray:
        """Z F_p (n,)."""
        return np.asarray(self.isotope.Z * self.F_p)

    @property
    def neutrons(self) -> FloatArray:
        """N F_n (n,)."""
        return np.asarray(self.isotope.N * self.F_n)


class ElectronRecoil(NamedTuple):
    """Recoils of an electron at energies `T_MeV` (n,)."""

    T_MeV: FloatArray

    @property
    def Q2_MeV2(self) -> FloatArray:
        """The squared momentum transfer 2 m_e T (n,)."""
        return np.asarray(2.0 * M_E_MEV * self.T_MeV)


Kinematics = Callable[[Any, float], tuple[Any, Any, Any]]
"""(T in MeV, M in MeV) -> the coefficients k_0, k_1, k_2 of 1, 1/E and 1/E^2."""


@dataclass(frozen=True)
class Structure:
    """What amplitudes that interfere have in common.

    `constant_cm2` of what recoils, with mass M in MeV, is in cm^2 times what makes kinematics and shapes a
    cross-section per MeV: of a nucleus, or of one electron. `final_mass_MeV` is that of the particle that the neutrino
    turns into.
    """

    name: str
    constant_cm2: Callable[[float], float]
    kinematics: Kinematics
    final_mass_MeV: float = 0.0
    recoil: RecoilKind = "nucleus"


@dataclass(frozen=True)
class Amplitude:
    """A part of a structure's amplitude: its dependence on the recoil, `shape`, of which `name` is the name.

    The shape takes a `Recoil`, of structures of electrons an `ElectronRecoil`. `diverges` says that the rate is
    infinite for a detector that sees recoils down to zero energy.
    """

    name: str
    structure: Structure
    shape: Callable[[Any], FloatArray]
    diverges: bool = False


Couplings = Mapping[str, Mapping[str, float]]
"""By the family of the final state, what multiplies each parameter, or `CONSTANT`, in an amplitude."""


@dataclass(frozen=True)
class Coupling:
    """How strongly a flavour feels an amplitude: `of_flavour` gives the linear forms."""

    amplitude: Amplitude
    of_flavour: Callable[[str], Couplings]


@dataclass(frozen=True)
class Term:
    """An interaction: its parameters, and the couplings that it adds to those of the others.

    `reference` is where its formula comes from. `always` says that it is part of every rate; another is left out where
    none of its parameters is used.
    """

    name: str
    reference: str
    parameters: tuple[Parameter, ...]
    couplings: Callable[[Physics], tuple[Coupling, ...]] = field(compare=False)
    always: bool = False
