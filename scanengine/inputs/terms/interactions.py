"""All interactions of a scan together: which amplitudes there are, and how they depend on the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.electrons import RecoilKind
from scanengine.inputs.flavours import FAMILIES, FLAVOURS
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms import terms_of
from scanengine.inputs.terms.term import CONSTANT, Amplitude, Coupling, Parameter, Structure


@dataclass(frozen=True, eq=False)
class Interfering:
    """Amplitudes of one structure."""

    structure: Structure
    amplitudes: tuple[Amplitude, ...]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of amplitudes whose product has an integral, by their numbers."""
        return list(combinations_with_replacement(range(len(self.amplitudes)), 2))

    def diverges(self, i: int, j: int) -> bool:
        """Whether the rate of a pair is infinite without a threshold."""
        return self.amplitudes[i].diverges or self.amplitudes[j].diverges


@dataclass(frozen=True, eq=False)
class Interactions:
    """The amplitudes that rates are quadratic in, and how they depend on the parameters.

    `used` are the parameters, by name, that may differ from zero; `recoils` say of what the amplitudes are.
    """

    physics: Physics
    used: frozenset[str] = frozenset()
    recoils: tuple[RecoilKind, ...] = ("nucleus",)

    def __getstate__(self) -> dict[str, Any]:
        # what follows from these holds functions, which do not travel, and is worked out again where it arrives
        return {"physics": self.physics, "used": self.used, "recoils": self.recoils}

    def of(self, recoil: RecoilKind) -> Interactions:
        """Return those of nuclei or of electrons alone."""
        if self.recoils == (recoil,):
            return self
        if recoil not in self._of:
            self._of[recoil] = replace(self, recoils=(recoil,))
        return self._of[recoil]

    @cached_property
    def _of(self) -> dict[RecoilKind, Interactions]:
        return {}

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the amplitudes are linear in, in the order of parameter vectors."""
        return physical_parameters(self.physics)

    @cached_property
    def couplings(self) -> tuple[Coupling, ...]:
        """How flavours feel the amplitudes; those that no parameter in use could bring are left out."""
        wanted = [t for t in terms_of(self.physics) if t.always or any(p.name in self.used for p in t.parameters)]
        found = (coupling for term in wanted for coupling in term.couplings(self.physics))
        return tuple(coupling for coupling in found if coupling.amplitude.structure.recoil in self.recoils)

    @cached_property
    def interfering(self) -> tuple[Interfering, ...]:
        """The amplitudes, those together that interfere."""
        groups: dict[str, dict[str, Amplitude]] = {}
        structures: dict[str, Structure] = {}
        for coupling in self.couplings:
            amplitude = coupling.amplitude
            structures.setdefault(amplitude.structure.name, amplitude.structure)
            groups.setdefault(amplitude.structure.name, {}).setdefault(amplitude.name, amplitude)
        return tuple(Interfering(structures[name], tuple(each.values())) for name, each in groups.items())

    @cached_property
    def diverging(self) -> frozenset[str]:
        """The parameters, by name, whose rates are infinite for a detector that sees recoils down to zero energy."""
        return frozenset(
            name
            for coupling in self.couplings
            if coupling.amplitude.diverges
            for flavour in FLAVOURS
            for factors in coupling.of_flavour(flavour).values()
            for name in factors
        )

    def felt_by(self, flavour: str) -> frozenset[str]:
        """Return the parameters, by name, that the rate of a flavour depends on."""
        felt = np.any([np.any(forms[..., 1:] != 0.0, axis=(0, 1)) for forms in self.forms[flavour]], axis=0)
        return frozenset(p.name for p, there in zip(self.parameters, felt.tolist(), strict=True) if there)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The names of all products of amplitudes, in the order of the integrals."""
        return tuple(
            f"{group.amplitudes[i].name} {group.amplitudes[j].name}"
            for group in self.interfering
            for i, j in group.pairs
        )

    @cached_property
    def forms(self) -> Mapping[str, tuple[FloatArray, ...]]:
        """By flavour, the linear forms on (1, theta) of `interfering`, each (families, amplitudes, 1 + parameters)."""
        return {flavour: tuple(self._forms(flavour)) for flavour in FLAVOURS}

    def mix(self, one: str, other: str) -> bool:
        """Whether two flavours may turn into the same one, so that a coherent mixture of them has counts of its own."""
        used = [0] + [1 + i for i, parameter in enumerate(self.parameters) if parameter.name in self.used]
        both = zip(self.forms[one], self.forms[other], strict=True)
        return any(np.any(np.any(a[..., used], axis=(1, 2)) & np.any(b[..., used], axis=(1, 2))) for a, b in both)

    def _forms(self, flavour: str) -> Iterator[FloatArray]:
        column = {CONSTANT: 0} | {parameter.name: 1 + i for i, parameter in enumerate(self.parameters)}
        for group in self.interfering:
            row = {amplitude.name: i for i, amplitude in enumerate(group.amplitudes)}
            forms = np.zeros((len(FAMILIES), len(row), len(column)))
            for coupling in self.couplings:
                if coupling.amplitude.structure.name == group.structure.name:
                    for family, factors in coupling.of_flavour(flavour).items():
                        at = forms[FAMILIES.index(family), row[coupling.amplitude.name]]
                        for name, factor in factors.items():
                            at[column[name]] += factor
            yield forms


def physical_parameters(physics: Physics) -> tuple[Parameter, ...]:
    """Return what the rates of a scan file depend on, in the order of its parameter vectors."""
    return tuple(p for term in terms_of(physics) for p in term.parameters if p.root_of is None)


def standard_model_point(physics: Physics) -> FloatArray:
    """Return the parameter vector of the Standard Model: the weak mixing angle, and nothing else."""
    return np.array([parameter.standard_model(physics) for parameter in physical_parameters(physics)])
