"""Targets: nuclides, natural elements and compounds with published masses and abundances."""

from __future__ import annotations

import pytest

from scanengine.errors import InputError
from scanengine.inputs.nuclei import Target, target
from tests import naive


@pytest.mark.parametrize("name", list(naive.MASSES))
def test_nuclide_has_its_published_mass(name: str) -> None:
    (isotope,) = target(name).isotopes
    Z, N, mass_u = naive.MASSES[name]
    assert (str(isotope), isotope.Z, isotope.N, isotope.A) == (name, Z, N, Z + N)
    assert isotope.atomic_mass_u == pytest.approx(mass_u, rel=1e-8)


def test_mass_of_the_nucleus_is_without_electrons() -> None:
    """Helium-4: the alpha particle's mass in CODATA is 3727.3794118 MeV."""
    (alpha,) = target("He4").isotopes
    assert alpha.mass_MeV == pytest.approx(3727.3794118, abs=2e-4)


def test_number_of_atoms_comes_from_the_atomic_mass() -> None:
    (per_kg,) = target("C12").atoms_per_kg
    assert per_kg == pytest.approx(6.02214076e23 * 1000.0 / 12.0, rel=2e-9)


@pytest.mark.parametrize("name", ["Ne20", "20Ne", "Ne-20", "20-Ne"])
def test_ways_to_write_a_nuclide(name: str) -> None:
    assert [str(isotope) for isotope in target(name).isotopes] == ["Ne20"]
    assert target(name).atoms_per_kg == target("Ne20").atoms_per_kg


def average_mass_u(material: Target) -> float:
    pairs = list(zip(material.isotopes, material.atoms_per_kg, strict=True))
    return sum(n * isotope.atomic_mass_u for isotope, n in pairs) / sum(n for _, n in pairs)


@pytest.mark.parametrize(
    ("name", "isotopes", "weight"),
    [("Xe", 9, 131.293), ("Ge", 5, 72.630), ("Ar", 3, 39.948), ("Ne", 3, 20.180), ("I", 1, 126.904)],
)
def test_natural_element_has_its_isotopes_and_its_standard_atomic_weight(
    name: str, isotopes: int, weight: float
) -> None:
    material = target(name)
    assert len(material.isotopes) == isotopes
    assert average_mass_u(material) == pytest.approx(weight, rel=1e-4)


@pytest.mark.parametrize("name", ["Ne20", "Xe", "CsI", "CaWO4", "C3F8", "Ge[76]O2", "CH2"])
def test_a_kilogram_weighs_a_kilogram(name: str) -> None:
    material = target(name)
    mass_u = sum(n * i.atomic_mass_u for i, n in zip(material.isotopes, material.atoms_per_kg, strict=True))
    assert mass_u * naive.U_KG == pytest.approx(1.0, rel=1e-12)


def elements(name: str) -> dict[str, float]:
    """Atoms of each element per atom of the first."""
    material = target(name)
    numbers: dict[str, float] = {}
    for isotope, n in zip(material.isotopes, material.atoms_per_kg, strict=True):
        numbers[isotope.symbol] = numbers.get(isotope.symbol, 0.0) + n
    first = numbers[material.isotopes[0].symbol]
    return {symbol: n / first for symbol, n in numbers.items()}


@pytest.mark.parametrize(
    ("name", "ratios"),
    [
        ("CsI", {"Cs": 1.0, "I": 1.0}),
        ("NaI", {"Na": 1.0, "I": 1.0}),
        ("CaWO4", {"Ca": 1.0, "W": 1.0, "O": 4.0}),
        ("C3F8", {"C": 1.0, "F": 8.0 / 3.0}),
        ("Ge[76]O2", {"Ge": 1.0, "O": 2.0}),
    ],
)
def test_compound_has_its_elements_in_proportion(name: str, ratios: dict[str, float]) -> None:
    assert elements(name) == pytest.approx(ratios, rel=1e-12)


def test_one_element_with_one_of_its_mass_numbers_is_a_nuclide_and_else_a_molecule() -> None:
    assert [str(i) for i in target("C12").isotopes] == ["C12"]
    assert {i.A for i in target("O2").isotopes} == {16, 17, 18}


def test_enriched_compound_has_the_isotope_that_it_names() -> None:
    assert {i.A for i in target("Ge[76]O2").isotopes if i.symbol == "Ge"} == {76}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Xx", "unknown target 'Xx'"),
        ("xe", "unknown target 'xe'"),
        ("", "unknown target ''"),
        ("Xe500", "Xe has no isotope of mass number 500"),
        ("Xx131", "no element 'Xx'"),
        ("Tc", "no natural abundances of Tc are tabulated: name an isotope"),
        ("NaCl + H2O", "unknown target"),
        ("Ge[7]", "unknown target"),
        ("C0", "unknown target"),
        ("n", "unknown target"),
        ("NaI(Tl)", "dopant"),
        ("CsI[Na]", "dopant"),
        ("NaI:Tl", "dopant"),
        ("Ge.76", "of one element there is no fraction of an atom"),
        ("Xe1.5", "of one element there is no fraction of an atom"),
        ("xenon", "if Xe is meant"),
        ("liquid argon", "if Ar is meant"),
        ("LAr", "if Ar is meant"),
        ("natXe", "if Xe is meant"),
        ("LYSO", "unknown element L"),
        ("⁷⁶GeO₂", "if 76GeO2 is meant"),
        ("$^{76}$GeO$_2$", "if 76GeO2 is meant"),
        (" NaI\n", "if NaI is meant"),
    ],
)
def test_unknown_target_is_an_input_error(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        target(name)


@pytest.mark.parametrize("name", ["D2", "T2"])
def test_hydrogen_isotopes_by_their_own_symbols(name: str) -> None:
    assert {isotope.Z for isotope in target(name).isotopes} == {1}
