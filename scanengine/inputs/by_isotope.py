"""What may be another for each isotope of a target, as the quenching in the two elements of a crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.nuclei import Isotope

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False)
class ByIsotope(Generic[T_co]):
    """A value for each isotope of a target."""

    each: Mapping[Isotope, T_co]

    def __post_init__(self) -> None:
        object.__setattr__(self, "each", FrozenMapping(self.each))


def of_isotope(value: T | ByIsotope[T], isotope: Isotope) -> T:
    """Return the value of an isotope: the one of all, or its own."""
    return value.each[isotope] if isinstance(value, ByIsotope) else value
