"""Targets: nuclides, natural elements and compounds, from periodictable's tables (AME2020 masses, CIAAW abundances)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from scanengine.errors import InputError
from scanengine.inputs.constants import M_E_MEV, U_KG, U_MEV


@dataclass(frozen=True)
class Isotope:
    """A nuclide: `Z` protons, `N` neutrons, and the mass of its neutral atom."""

    symbol: str
    Z: int
    N: int
    atomic_mass_u: float

    @property
    def A(self) -> int:
        """Mass number."""
        return self.Z + self.N

    @property
    def mass_MeV(self) -> float:
        """Nuclear mass: the atom's less its electrons' (their binding, 1e-7 of it for xenon, is neglected)."""
        return self.atomic_mass_u * U_MEV - self.Z * M_E_MEV

    def __str__(self) -> str:
        return f"{self.symbol}{self.A}"


@dataclass(frozen=True)
class Target:
    """A detector material: its isotopes with the number of atoms of each per kilogram of material."""

    name: str
    isotopes: tuple[Isotope, ...]
    atoms_per_kg: tuple[float, ...]


def target(name: str) -> Target:
    """Read a nuclide ("Ne20"), a natural element ("Xe") or a compound ("CsI", "C3F8", enriched: "Ge[76]O2").

    One element followed by one of its mass numbers is that nuclide: "C12" is carbon-12, "O2" two oxygen atoms.
    Raises InputError if the name is none of these, or holds an element without a natural isotopic composition.
    """
    import periodictable

    elements = periodictable.elements
    nuclide = re.fullmatch(r"([A-Z][a-z]?)-?(\d+)|(\d+)-?([A-Z][a-z]?)", name)
    if nuclide:
        symbol, mass_number = nuclide[1] or nuclide[4], int(nuclide[2] or nuclide[3])
        if symbol in ("D", "T"):  # hydrogen by other names: a compound of so many of its atoms
            return _material(periodictable, name)
        element = _element(elements, symbol, name)
        if mass_number in element.isotopes:
            isotope = _isotope(element, mass_number)
            return Target(name, (isotope,), (1.0 / (isotope.atomic_mass_u * U_KG),))
        if mass_number > 12 or nuclide[3]:
            known = f"{element.isotopes[0]} to {element.isotopes[-1]}"
            raise InputError(
                f"unknown target {name!r}: {symbol} has no isotope of mass number {mass_number} (known: {known})"
            )
    return _material(periodictable, name)


def _element(elements: Any, symbol: str, name: str) -> Any:
    try:
        return elements.symbol(symbol)
    except ValueError:
        raise InputError(f"unknown target {name!r}: there is no element {symbol!r}") from None


def _isotope(element: Any, mass_number: int) -> Isotope:
    return Isotope(element.symbol, element.number, mass_number - element.number, float(element[mass_number].mass))


def _material(periodictable: Any, name: str) -> Target:
    import pyparsing

    would_do = 'a nuclide ("Ne20"), an element ("Xe") or a compound ("CsI", "C3F8", "Ge[76]") would do'
    if not re.fullmatch(r"[A-Za-z0-9.()\[\]]+", name):
        raise InputError(f"unknown target {name!r}: {would_do}")
    if re.search(r"\([A-Z][a-z]?\)(?!\d)", name):
        raise InputError(f"unknown target {name!r}: a dopant has no amount here, leave it out")
    try:
        atoms = periodictable.formula(name).atoms
    except (ValueError, KeyError) as error:
        raise InputError(f"unknown target {name!r} ({str(error).strip(chr(39))}): {would_do}") from None
    except pyparsing.ParseBaseException:
        raise InputError(f"unknown target {name!r}: {would_do}") from None
    numbers: dict[Isotope, float] = {}
    for atom, count in atoms.items():
        for isotope, share in _composition(atom, name).items():
            numbers[isotope] = numbers.get(isotope, 0.0) + count * share
    unit_kg = sum(count * isotope.atomic_mass_u for isotope, count in numbers.items()) * U_KG
    if not unit_kg > 0.0:
        raise InputError(f"unknown target {name!r}: {would_do}")
    return Target(name, tuple(numbers), tuple(count / unit_kg for count in numbers.values()))


def _composition(atom: Any, name: str) -> dict[Isotope, float]:
    """Isotopes of one atom of a formula with their shares: itself if the formula names the isotope."""
    if hasattr(atom, "isotope"):
        return {Isotope(atom.symbol, atom.number, atom.isotope - atom.number, float(atom.mass)): 1.0}
    abundance = {number: float(atom[number].abundance) for number in atom.isotopes if atom[number].abundance}
    total = sum(abundance.values())
    if not total > 0.0:
        likely = round(float(atom.mass)) if atom.mass else 0
        number = likely if likely in atom.isotopes else atom.isotopes[len(atom.isotopes) // 2]
        isotope = f"{atom.symbol}[{number}]"
        raise InputError(
            f"target {name!r}: no natural abundances of {atom.symbol} are tabulated: name an isotope, as {isotope}"
        )
    return {_isotope(atom, number): share / total for number, share in abundance.items()}
