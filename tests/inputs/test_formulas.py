"""Formulas of targets: a mass number is an isotope or refused, never a number of atoms."""

from __future__ import annotations

import pytest

from scanengine.errors import InputError
from scanengine.inputs.nuclei import Target, capitals_note, mixture, target


def shares(material: Target) -> dict[str, float]:
    """The share of the atoms of each isotope."""
    total = sum(material.atoms_per_kg)
    return {str(isotope): n / total for isotope, n in zip(material.isotopes, material.atoms_per_kg, strict=True)}


@pytest.mark.parametrize(
    ("name", "spelt_out"),
    [
        ("Ge76O2", "Ge[76]O2"),
        ("76GeO2", "Ge[76]O2"),
        ("(Ge76)O2", "Ge[76]O2"),
        ("Te130O2", "Te[130]O2"),
        ("130TeO2", "Te[130]O2"),
        ("40CaWO4", "Ca[40]WO4"),
        ("48CaF2", "Ca[48]F2"),
        ("40Ca3(PO4)2", "Ca[40]3(PO4)2"),
        ("Na23I127", "NaI"),
        ("Cs133I127", "CsI"),
        ("Xe136Xe134", "Xe[136]Xe[134]"),
        ("Li2Mo100O4", "Li2Mo[100]O4"),
        ("Cd116WO4", "Cd[116]WO4"),
        ("6LiF", "Li[6]F"),
        ("10BF3", "B[10]F3"),
        ("12CH4", "C[12]H4"),
        ("Ge77O2", "Ge[77]O2"),
    ],
)
def test_mass_number_in_a_formula_is_that_isotope(name: str, spelt_out: str) -> None:
    assert shares(target(name)) == pytest.approx(shares(target(spelt_out)), rel=1e-15)
    assert target(name).atoms_per_kg == pytest.approx(target(spelt_out).atoms_per_kg, rel=1e-15)


REFUSED = [
    ("Li6F", ("Li[6]F", "(Li)6F")),
    ("Li6Gd(BO3)3", ("Li[6]Gd(BO3)3", "(Li)6Gd(BO3)3")),
    ("B10F3", ("B[10]F3", "(B)10F3")),
    ("C13H4", ("C[13]H4", "(C)13H4")),
    ("C14O2", ("C[14]O2", "(C)14O2")),
    ("N14H3", ("N[14]H3", "(N)14H3")),
    ("H2O18", ("H2O[18]", "H2(O)18")),
    ("Ca(F19)2", ("Ca(F[19])2", "Ca((F)19)2")),
    ("He3CF4", ("He[3]CF4", "(He)3CF4")),
    ("Xe132.0", ("Xe[132]",)),
    ("Ge76.0O2", ("Ge[76]O2",)),
    ("Zn82Se", ("ZnSe[82]",)),  # there is a zinc-82, of 0.2 s
    ("Zn100MoO4", ("ZnMo[100]O4",)),
    ("Li100MoO4", ("LiMo[100]O4",)),
    ("48Ca100MoO4", ("Ca[48]Mo[100]O4",)),
    ("23Na127I", ("Na[23]I[127]",)),
    ("136Xe134Xe", ("Xe[136]Xe[134]",)),
    ("6Li19F", ("Li[6]F[19]",)),
    ("2H2O", ("H2O", "D2O")),
    ("H2", ("D", "H")),
]


@pytest.mark.parametrize(("name", "spellings"), REFUSED)
def test_number_that_could_be_either_is_refused_with_the_spellings_that_would_do(
    name: str, spellings: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        target(name)
    for spelling in spellings:
        assert spelling in str(caught.value)
        target(spelling)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ge99O2", "Ge has no isotope of mass number 99 "),
        ("Xe131.3", "Xe has no isotope of mass number 131.3 "),
        ("CaWO184", "O has no isotope of mass number 184 "),
        ("Li2100MoO4", "Li has no isotope of mass number 2100 "),
        ("40Ca48WO4", "Ca has two mass numbers"),
        ("99CaWO4", "99 is none of Ca"),
        ("2(H2O)", "leave out the number in front"),
        ("1.5NaI", "1.5 is none of Na"),
    ],
)
def test_number_that_is_no_mass_number_is_no_number_of_atoms_either(name: str, words: str) -> None:
    with pytest.raises(InputError, match="target") as caught:
        target(name)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "atoms"),
    [
        ("C12H26", {"C": 12, "H": 26}),  # dodecane
        ("C18H30", {"C": 18, "H": 30}),  # linear alkylbenzene
        ("C14H10", {"C": 14, "H": 10}),  # anthracene
        ("C13H10", {"C": 13, "H": 10}),
        ("C24H22N2O", {"C": 24, "H": 22, "N": 2, "O": 1}),
        ("C20H14N2O", {"C": 20, "H": 14, "N": 2, "O": 1}),
        ("C1000H1000", {"C": 1, "H": 1}),
        ("C6F14", {"C": 6, "F": 14}),
        ("C12F27N", {"C": 12, "F": 27, "N": 1}),
        ("C4F10", {"C": 4, "F": 10}),
        ("Bi4Ge3O12", {"Bi": 4, "Ge": 3, "O": 12}),
        ("Y3Al5O12", {"Y": 3, "Al": 5, "O": 12}),
        ("Gd2O2S", {"Gd": 2, "O": 2, "S": 1}),
        ("H2O", {"H": 2, "O": 1}),
        ("B4C", {"B": 4, "C": 1}),
        ("(B)10H14", {"B": 10, "H": 14}),
        ("Ge[76]0.88Ge[74]0.12O2", {"Ge": 1, "O": 2}),
    ],
)
def test_numbers_of_atoms_stay_numbers_of_atoms(name: str, atoms: dict[str, float]) -> None:
    found: dict[str, float] = {}
    material = target(name)
    for isotope, n in zip(material.isotopes, material.atoms_per_kg, strict=True):
        found[isotope.symbol] = found.get(isotope.symbol, 0.0) + n
    total = sum(found.values())
    expected = {symbol: n / sum(atoms.values()) for symbol, n in atoms.items()}
    assert {symbol: n / total for symbol, n in found.items()} == pytest.approx(expected, rel=1e-12)


def test_hydrogen_in_compounds_is_natural_and_heavy_water_has_its_own_symbol() -> None:
    assert shares(target("H2O"))["H2"] < 1e-4
    assert shares(target("D2O"))["D2"] == pytest.approx(2.0 / 3.0)


@pytest.mark.parametrize(
    ("name", "other"),
    [("SI", "Si"), ("PB", "Pb"), ("CSI", "CsI"), ("CO", "Co"), ("SN", "Sn"), ("SIO2", "SiO2"), ("PBWO4", "PbWO4")],
)
def test_capitals_that_are_an_element_too_are_noted(name: str, other: str) -> None:
    note = capitals_note(name)
    assert note is not None
    assert f"if {other} is meant" in note


@pytest.mark.parametrize(
    "name", ["CO2", "CF4", "H2O", "C3F8", "UF6", "KI", "CsI", "Si", "NH3", "C24H22N2O", "I", "SF6"]
)
def test_other_formulas_are_not(name: str) -> None:
    assert capitals_note(name) is None


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("xe", "Xe"),
        ("csi", "CsI"),
        ("NAI", "NaI"),
        ("GE", "Ge"),
        ("AR40", "Ar40"),
        ("PB208", "Pb208"),
        ("ne20", "Ne20"),
    ],
)
def test_name_in_the_wrong_letters_is_refused_with_the_right_ones(name: str, other: str) -> None:
    with pytest.raises(InputError, match=f"if {other} is meant, write it so"):
        target(name)


def test_shares_of_atoms_and_of_mass() -> None:
    assert shares(mixture({"Ge76": 0.88, "Ge74": 0.12})) == pytest.approx({"Ge76": 0.88, "Ge74": 0.12}, rel=1e-12)
    by_mass = mixture({"Ge76": 0.88, "Ge74": 0.12}, "mass")
    kg = [n * i.atomic_mass_u for i, n in zip(by_mass.isotopes, by_mass.atoms_per_kg, strict=True)]
    assert kg[0] / sum(kg) == pytest.approx(0.88, rel=1e-12)


@pytest.mark.parametrize("by", ["atoms", "mass"])
def test_kilogram_of_a_mixture_weighs_a_kilogram(by: str) -> None:
    whole = mixture({"Xe136": 0.7, "Xe": 0.2, "Ar": 0.1}, by)
    one = target("Xe132")
    u = one.atoms_per_kg[0] * one.isotopes[0].atomic_mass_u
    assert sum(n * i.atomic_mass_u for i, n in zip(whole.isotopes, whole.atoms_per_kg, strict=True)) == pytest.approx(u)


def test_natural_rest_adds_to_the_isotope_that_is_named() -> None:
    natural = shares(target("Ge"))
    mixed = shares(mixture({"Ge76": 0.8, "Ge": 0.2}))
    assert mixed["Ge76"] == pytest.approx(0.8 + 0.2 * natural["Ge76"], rel=1e-12)
    assert mixed["Ge70"] == pytest.approx(0.2 * natural["Ge70"], rel=1e-12)


@pytest.mark.parametrize("by", ["atoms", "mass"])
def test_natural_shares_in_a_table_are_the_natural_element(by: str) -> None:
    xenon = target("Xe")
    mixed = mixture({"Xe": 1.0}, by)
    assert mixed.isotopes == xenon.isotopes
    assert mixed.atoms_per_kg == pytest.approx(xenon.atoms_per_kg, rel=1e-14)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Ge76": 0.5}, "add up to 0.5, they must to 1"),
        ({}, "add up to 0, they must to 1"),
        ({"Ge76": 88.0, "Ge74": 12.0}, "add up to 100, they must to 1; in per cent"),
        ({"GeO2": 1.0}, "GeO2 is a compound"),
        ({"Xx": 1.0}, "unknown target 'Xx'"),
    ],
)
def test_shares_that_make_no_material_are_refused(given: dict[str, float], words: str) -> None:
    with pytest.raises(InputError) as caught:
        mixture(given)
    assert words in str(caught.value)
