"""Targets: nuclides, natural elements and compounds, from periodictable's tables (AME2020 masses, CIAAW abundances)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanengine.errors import InputError
from scanengine.inputs.constants import M_E_MEV, U_KG, U_MEV
from scanengine.inputs.formulas import atoms_of, in_other_letters, in_other_words, with_isotopes

_ROUNDED = 1e-3
"""Shares may add up to 1 this far."""


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

    @property
    def elements(self) -> tuple[tuple[Isotope, float], ...]:
        """For each element an isotope that stands for it, and the number of its atoms per kilogram."""
        first: dict[int, Isotope] = {}
        atoms: dict[int, float] = {}
        for isotope, number in zip(self.isotopes, self.atoms_per_kg, strict=True):
            first.setdefault(isotope.Z, isotope)
            atoms[isotope.Z] = atoms.get(isotope.Z, 0.0) + number
        return tuple((isotope, atoms[Z]) for Z, isotope in first.items())

    def __str__(self) -> str:
        """The name, and every isotope with its share of the atoms."""
        total = sum(self.atoms_per_kg)
        shares = [100.0 * atoms / total for atoms in self.atoms_per_kg]
        parts = [f"{isotope} {share:.4g}%" for isotope, share in zip(self.isotopes, shares, strict=True)]
        return f"{self.name}: {', '.join(parts)} of the atoms"


def target(name: str) -> Target:
    """Read a nuclide ("Ne20"), a natural element ("Xe") or a compound ("CsI", "C3F8", enriched: "Ge[76]O2", "Ge76O2").

    One element followed by one of its mass numbers is that nuclide: "C12" is carbon-12, "O2" two oxygen atoms. In
    compounds a mass number is that isotope, or refused where it may be a number of atoms (`formulas`).
    Raises InputError if the name is none of these, or holds an element without a natural isotopic composition.
    """
    import periodictable

    elements = periodictable.elements
    try:
        return _nuclide(name, elements) or _material(periodictable, name)
    except InputError:
        other = _in_other_letters(name, elements)
        if other is None:
            raise
        raise InputError(f"unknown target {name!r}: if {other} is meant, write it so") from None


def _nuclide(name: str, elements: Any) -> Target | None:
    nuclide = re.fullmatch(r"([A-Z][a-z]?)-?(\d+)|(\d+)-?([A-Z][a-z]?)", name)
    if not nuclide:
        return None
    symbol, mass_number = nuclide[1] or nuclide[4], int(nuclide[2] or nuclide[3])
    if symbol in ("D", "T"):  # hydrogen by other names: a compound of so many of its atoms
        return None
    if name == "H2":
        raise InputError("target 'H2' may be an isotope or a molecule: write D for deuterium, H for hydrogen")
    element = _element(elements, symbol, name)
    if mass_number in element.isotopes:
        isotope = _isotope(element, mass_number)
        return Target(name, (isotope,), (1.0 / (isotope.atomic_mass_u * U_KG),))
    if mass_number > 12 or nuclide[3]:
        known = f"{element.isotopes[0]} to {element.isotopes[-1]}"
        raise InputError(
            f"unknown target {name!r}: {symbol} has no isotope of mass number {mass_number} (known: {known})"
        )
    return None


def mixture(shares: Mapping[str, float], by: str = "atoms") -> Target:
    """Return the material of nuclides and natural elements with these shares of its atoms, or `by` "mass".

    Shares that miss 1 by up to a thousandth, rounded ones, are scaled to it. Raises InputError if they miss it by more,
    or a name is neither a nuclide nor an element.
    """
    total = sum(shares.values())
    if abs(total - 1.0) > _ROUNDED:
        per_cent = "; in per cent? They are fractions" if abs(total - 100.0) < 100.0 * _ROUNDED else ""
        raise InputError(f"the shares add up to {total:.6g}, they must to 1{per_cent}")
    numbers: dict[Isotope, float] = {}
    for name, share in shares.items():
        part = target(name)
        if len({isotope.Z for isotope in part.isotopes}) > 1:
            raise InputError(
                f"{name} is a compound, and shares are of nuclides or elements: a compound with enriched isotopes is "
                'written as "Ge[76]0.88Ge[74]0.12O2"'
            )
        of_part = sum(part.atoms_per_kg)
        for isotope, atoms in zip(part.isotopes, part.atoms_per_kg, strict=True):
            number = share * (atoms if by == "mass" else atoms / of_part)
            if number > 0.0:
                numbers[isotope] = numbers.get(isotope, 0.0) + number
    words = [f"{name} = {share:g}" for name, share in shares.items()] + ['by = "mass"'] * (by == "mass")
    return _of_numbers(f"{{ {', '.join(words)} }}", numbers)


def capitals_note(name: str) -> str | None:
    """Return words on a formula in capitals that would be another target if letters were small: SI, silicon as Si."""
    import periodictable

    other = _in_other_letters(name, periodictable.elements)
    if other is None:
        return None
    symbols = ", ".join(dict.fromkeys(isotope.symbol for isotope in target(name).isotopes))
    return f"the target {name} is a compound of {symbols}: if {other} is meant, write it so"


def _in_other_letters(name: str, elements: Any) -> str | None:
    for other in (in_other_words(name, elements), in_other_letters(name, elements)):
        if other is not None and other != name and _is_target(other):
            return other
    return None


def _is_target(name: str) -> bool:
    try:
        target(name)
    except InputError:
        return False
    return True


def _element(elements: Any, symbol: str, name: str) -> Any:
    try:
        return elements.symbol(symbol)
    except ValueError:
        raise InputError(f"unknown target {name!r}: there is no element {symbol!r}") from None


def _isotope(element: Any, mass_number: int) -> Isotope:
    return Isotope(element.symbol, element.number, mass_number - element.number, float(element[mass_number].mass))


def _material(periodictable: Any, name: str) -> Target:
    would_do = 'give a nuclide ("Ne20"), an element ("Xe") or a compound ("CsI", "C3F8", "Ge[76]")'
    if re.search(r"\([A-Z][a-z]?\)(?!\d)|\[[A-Z][a-z]?\]|:[A-Z][a-z]?$", name):
        raise InputError(f"unknown target {name!r}: a dopant has no amount here, leave it out")
    if not re.fullmatch(r"[A-Za-z0-9.()\[\]]+", name):
        raise InputError(f"unknown target {name!r}: {would_do}")
    formula = with_isotopes(name, periodictable)
    try:
        atoms = atoms_of(formula, periodictable)
    except InputError as reason:
        raise InputError(f"unknown target {name!r}{reason}: {would_do}") from None
    if len(atoms) == 1 and any(count % 1.0 for count in atoms.values()):
        raise InputError(f"unknown target {name!r}: of one element there is no fraction of an atom: {would_do}")
    numbers: dict[Isotope, float] = {}
    for atom, count in atoms.items():
        for isotope, share in _composition(atom, name).items():
            numbers[isotope] = numbers.get(isotope, 0.0) + count * share
    if not sum(numbers.values()) > 0.0:
        raise InputError(f"unknown target {name!r}: {would_do}")
    return _of_numbers(name, numbers)


def _of_numbers(name: str, numbers: Mapping[Isotope, float]) -> Target:
    """Return the material with these relative numbers of atoms."""
    unit_kg = sum(count * isotope.atomic_mass_u for isotope, count in numbers.items()) * U_KG
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
            f"target {name!r}: no natural abundances of {atom.symbol} are tabulated: name an isotope, such as {isotope}"
        )
    return {_isotope(atom, number): share / total for number, share in abundance.items()}
