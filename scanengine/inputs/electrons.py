"""The electrons of atoms: how many of them a neutrino can knock out, and how a detector shows their recoils."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import M_E_MEV
from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.nuclei import Isotope

if TYPE_CHECKING:
    from scanengine.inputs.detectors import Efficiency

RecoilKind = Literal["nucleus", "electron"]
RECOIL_KINDS: tuple[RecoilKind, ...] = ("nucleus", "electron")
"""What recoils."""

_CAPACITIES = {"1": 2, "2": 2, "3": 4, "4": 4, "5": 6, "6": 6, "7": 8}
"""2 j + 1 electrons of a full subshell, by the number in its name: L1, L2, L3 are 2s, 2p1/2, 2p3/2."""


class Binding(Protocol):
    """Z_eff(T): the number of electrons of an atom that can recoil with energy T."""

    @property
    def kinks_keV(self) -> FloatArray:
        """Recoil energies at which the number has a step or a kink."""
        ...

    def number(self, T_keV: FloatArray) -> FloatArray:
        """Return the number of electrons at recoil energies, of any shape."""
        ...


@dataclass(frozen=True, eq=False)
class Shells:
    """Electrons that recoil as free ones from their binding energy on: sum_i n_i theta(T - B_i).

    `B_keV` (shells,) increases, with `occupation` (shells,) electrons in each.
    """

    B_keV: FloatArray
    occupation: FloatArray

    @property
    def kinks_keV(self) -> FloatArray:
        """The binding energies."""
        return self.B_keV[self.B_keV > 0.0]

    def number(self, T_keV: FloatArray) -> FloatArray:
        """Return the number of electrons that are bound with T or less."""
        total = np.concatenate(([0.0], np.cumsum(self.occupation)))
        return np.asarray(total[np.searchsorted(self.B_keV, T_keV, side="right")])


@dataclass(frozen=True, eq=False)
class TabulatedBinding:
    """The number of electrons at recoil energies (n,), joined by straight lines, constant beyond the ends."""

    T_keV: FloatArray
    number_there: FloatArray

    @property
    def kinks_keV(self) -> FloatArray:
        """The points of the table."""
        return self.T_keV

    def number(self, T_keV: FloatArray) -> FloatArray:
        """Return the number of electrons."""
        return np.interp(T_keV, self.T_keV, self.number_there)


def mass_MeV(isotope: Isotope, electrons: Binding | None) -> float:
    """Return the mass of what recoils: the nucleus of an isotope, or one of the electrons of its atom."""
    return isotope.mass_MeV if electrons is None else M_E_MEV


def free(Z: int) -> Shells:
    """Return the electrons of an atom as if none were bound."""
    return Shells(np.zeros(1), np.array([float(Z)]))


def step(symbol: str, Z: int) -> Shells:
    """Return the electrons of an atom by shells, each of which is full from the most strongly bound one on.

    Electrons beyond the tabulated shells, which are bound by some eV, are free. W. T. Elam, B. D. Ravel and J. R.
    Sieber, Radiat. Phys. Chem. 63, 121 (2002). Raises InputError for an element that is not in the table.
    """
    energies = binding_energies_eV().get({"D": "H", "T": "H"}.get(symbol, symbol))
    if energies is None:
        raise InputError(f'no binding energies of {symbol} are tabulated: use "free" or a file')
    left = Z
    shells = []
    for name, energy in sorted(energies.items(), key=lambda item: -item[1]):
        there = min(left, _CAPACITIES[name[1:] or "1"])
        shells.append((1e-3 * energy, float(there)))
        left -= there
    shells.append((0.0, float(left)))
    B_keV, occupation = np.array([shell for shell in reversed(shells) if shell[1] > 0.0]).T
    return Shells(B_keV, occupation)


@cache
def binding_energies_eV() -> Mapping[str, Mapping[str, float]]:
    """Return the binding energies by element and shell ("K", "L1", ...), of hydrogen to californium."""
    found = {}
    names: list[str] = []
    for line in files("scanengine.inputs").joinpath("binding_energies.txt").read_text("utf-8").splitlines():
        words = line.split()
        if line.startswith("#"):
            names = words[3:]
            continue
        found[words[1]] = FrozenMapping(
            {name: float(word) for name, word in zip(names, words[2:], strict=False) if word != "-"}
        )
    return FrozenMapping(found)


@dataclass(frozen=True, eq=False)
class Electrons:
    """How an experiment counts recoils of electrons.

    `bindings` are those of the target's elements, by symbol; `efficiency` is in true recoil energy. Of a detector with
    a reconstruction `response` has those of its fields that are others for electrons, and `threshold_keV` is the true
    recoil energy below which nothing is detected.
    """

    bindings: Mapping[str, Binding]
    efficiency: Efficiency
    response: Mapping[str, object] = field(default_factory=dict)
    threshold_keV: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "bindings", FrozenMapping(self.bindings))
        object.__setattr__(self, "response", FrozenMapping(self.response))
