"""Chemical formulas of targets: which number is a mass number, and what a formula in capitals may have meant.

A formula writes an isotope in brackets, "Ge[76]O2", as periodictable reads it. People write "Ge76O2" and "76GeO2",
where a number that counts atoms would stand: it is taken for the isotope where nothing else can be meant, and refused
where something else can. It is never taken for 76 atoms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from scanengine.errors import InputError

_ATOM = re.compile(r"([A-Z][a-z]?)(\[\d+\])?(\d+\.?\d*|\.\d+)?")
_LIGHT = 10
"""Below neon the numbers of isotopes may also be numbers of atoms, as in B10H14 and Li6Gd(BO3)3."""

_RADIOCARBON = 14
"""Mass number of the one light isotope that detectors have and nature hardly has."""

_MOST_ATOMS = 60
"""No formula has more atoms of a light element behind one symbol, but for carbon."""

_TETRAVALENT, _TRIVALENT = ("C", "Si", "Ge"), ("B", "N", "P")
_MONOVALENT = ("H", "D", "T", "F", "Cl", "Br", "I")
"""Carbon among the elements of its compounds, by the bonds that an atom has."""


def with_isotopes(name: str, periodictable: Any) -> str:
    """Return a formula with brackets around its mass numbers.

    Raises InputError for a mass number that may also be a number of atoms, or that no isotope has, with the spellings
    that would do.
    """
    elements = periodictable.elements
    formula = _without_prefix(name, elements)
    has_prefix = formula != name
    organic = _carbon_is_counted(formula, periodictable)

    def read(atom: re.Match[str]) -> str:
        symbol, bracket, number = atom.groups()
        element = _known(symbol, elements)
        after_prefix = has_prefix and atom.start() == 0
        if not number or element is None or (bracket and not after_prefix):
            return atom[0]
        if symbol in ("H", "D", "T") or (symbol == "C" and organic):  # H2O is not heavy water
            return atom[0]
        before, after = formula[: atom.start()], formula[atom.end() :]
        following = _ATOM.match(after)
        owner: Any = _known(following[1], elements) if following else None
        is_owned = owner is not None and owner.number > 1 and float(number) in _natural(owner)
        if is_owned and (has_prefix or (owner is not element and float(number) not in _natural(element))):
            spelt = f"{before}{symbol}{bracket or ''}{_isotope(owner, float(number))}{after[len(owner.symbol) :]}"
            raise InputError(f"target {name!r}: {number} reads like a mass number of {owner.symbol}: write {spelt}")
        if not _reads_as_mass_number(element, float(number)):
            return atom[0]
        isotope = _isotope(element, float(number))
        if after_prefix:
            raise InputError(f"target {name!r}: {symbol} has two mass numbers: give one")
        if isotope is None:
            raise InputError(
                f"unknown target {name!r}: {symbol} has no isotope of mass number {number} (known: {_range(element)})"
            )
        if element.number < _LIGHT or (is_owned and owner is not element):
            raise InputError(
                f"target {name!r}: {atom[0]} may be an isotope or {number} atoms: write {before}{isotope}{after} for "
                f"the isotope, {before}({symbol}){number}{after} for {number} atoms"
            )
        if "." in number:
            raise InputError(
                f"target {name!r}: {number} reads like a mass number of {symbol}: write {before}{isotope}{after}"
            )
        return isotope

    return _ATOM.sub(read, formula)


def _without_prefix(name: str, elements: Any) -> str:
    """Return a formula whose first isotope is not written in front of it, as in 76GeO2."""
    prefix = re.match(r"[\d.]+", name)
    if not prefix:
        return name
    formula = name[prefix.end() :]
    atom = _ATOM.match(formula)
    element = _known(atom[1], elements) if atom else None
    if atom is None or element is None or atom[2]:
        raise InputError(f"unknown target {name!r}: leave out the number in front of the formula")
    after = formula[len(atom[1]) :]
    if atom[1] == "H":
        raise InputError(
            f"target {name!r}: {prefix[0]} may be an isotope or a number of molecules: write {formula}, or D{after} "
            "with deuterium"
        )
    isotope = _isotope(element, float(prefix[0])) if prefix[0].isdigit() else None
    if isotope is None:
        raise InputError(
            f"unknown target {name!r}: a number in front of a formula is a mass number of its first element, and "
            f"{prefix[0]} is none of {atom[1]} (known: {_range(element)})"
        )
    return isotope + after


def _known(symbol: str, elements: Any) -> Any:
    """Return an element, or None if there is none of this symbol."""
    try:
        return elements.symbol(symbol)
    except ValueError:
        return None


def _isotope(element: Any, number: float) -> str | None:
    """Return how a formula writes an isotope, if there is one of this mass number."""
    return f"{element.symbol}[{number:.0f}]" if number in element.isotopes else None


def _range(element: Any) -> str:
    return f"{element.isotopes[0]} to {element.isotopes[-1]}"


def _natural(element: Any) -> list[int]:
    return [isotope for isotope in element.isotopes if element[isotope].abundance]


def _reads_as_mass_number(element: Any, number: float) -> bool:
    """Whether a number behind an element is too large for atoms, or may be a mass number of a detector's isotopes."""
    if element.number >= _LIGHT:
        return bool(number >= element.isotopes[0])
    if number > _MOST_ATOMS and element.symbol != "C":
        return True
    return number in _natural(element) or (element.symbol == "C" and number == _RADIOCARBON)


def _carbon_is_counted(formula: str, periodictable: Any) -> bool:
    """Whether numbers behind carbon count its atoms: one atom for each would have more bonds than it can have.

    Dodecane is C12H26, and no single carbon binds 26 atoms of hydrogen; 13CH4 is not C13H4 for certain.
    """
    as_isotopes = re.sub(r"C(1[234])(?!\d)", r"C[\1]", formula)
    if as_isotopes == formula:
        return False
    try:
        atoms = atoms_of(as_isotopes, periodictable)
    except InputError:  # which whoever reads the formula tells
        return False

    def number(symbols: Collection[str]) -> float:
        return sum(count for atom, count in atoms.items() if atom.symbol in symbols)

    return number(_MONOVALENT) > 2.0 * number(_TETRAVALENT) + number(_TRIVALENT) + 2.0


def atoms_of(formula: str, periodictable: Any) -> Mapping[Any, float]:
    """Return the atoms of a formula with their numbers. Raises InputError, with what is known of the reason."""
    import pyparsing

    try:
        atoms: Mapping[Any, float] = periodictable.formula(formula).atoms
    except (ValueError, KeyError) as error:
        raise InputError(f" ({str(error).strip(chr(39))})") from None
    except pyparsing.ParseBaseException:
        raise InputError("") from None
    return atoms


def in_other_words(name: str, elements: Any) -> str | None:
    """Return the formula that is meant by a name in words or as it is printed: Ar by argon, LAr, natAr or liquid argon,
    76GeO2 by ⁷⁶GeO₂ or ^{76}GeO_2.
    """
    plain = re.sub(r"[\s^_{}$]", "", unicodedata.normalize("NFKC", name))
    bare = re.sub(r"^(nat(ural)?[-.]?|liquid|L(?=(Ar|Xe|Ne|Kr|He)$))(?=.)", "", plain)
    of_name = {element.name: element.symbol for element in elements}
    found = of_name.get(bare.lower(), bare)
    return None if found == name else str(found)


def in_other_letters(name: str, elements: Any) -> str | None:
    """Return the formula that one in capitals or in small letters alone may stand for: CsI for CSI, Si for SI.

    Wherever two letters are an element they are taken for it. Nothing is returned if they are not at the beginning, or
    if there are so many atoms of a single element, as in Co2 for CO2.
    """
    if not re.fullmatch(r"[A-Z][A-Z0-9.()\[\]]*|[a-z][a-z0-9.()\[\]]*", name):
        return None
    found = re.sub(r"[A-Za-z]+", lambda letters: _split(letters[0], elements), name)
    nuclide = re.fullmatch(r"([A-Z][a-z]?)(\d+)", found)
    if nuclide and int(nuclide[2]) not in elements.symbol(nuclide[1]).isotopes:
        return None
    begins_anew = name.islower() or re.match(r"[A-Z][a-z]", found)
    return found if begins_anew else None


def _split(letters: str, elements: Any) -> str:
    """Return symbols of elements from the left, those of two letters first, if they are found in nature."""
    found, at = "", 0
    while at < len(letters):
        pair = letters[at : at + 2].title()
        element = _known(pair, elements) if len(pair) > 1 else None
        natural = element is not None and bool(_natural(element))
        found += pair if natural else letters[at].upper()
        at += 2 if natural else 1
    return found
