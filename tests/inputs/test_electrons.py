"""The electrons of atoms by shells, against other tables."""

from __future__ import annotations

import numpy as np
import periodictable
import pytest

from scanengine.errors import InputError
from scanengine.inputs.electrons import TabulatedBinding, binding_energies_eV, free, step

XENON = [
    (12.0, 4),
    (13.4, 2),
    (27.5, 2),
    (71.7, 6),
    (73.8, 4),
    (162.8, 4),
    (175.6, 2),
    (229.4, 2),
    (649.9, 6),
    (708.1, 4),
    (961.2, 4),
    (1024.8, 2),
    (1170.5, 2),
    (4835.6, 4),
    (5161.5, 2),
    (5509.8, 2),
    (34759.0, 2),
]
"""Calculated binding energies [eV] and electrons: J.-W. Chen et al., Phys. Lett. B 774, 656 (2017), Table 1."""

GERMANIUM = [
    (11.1031, 2),
    (1.4146, 2),
    (1.2481, 2),
    (1.217, 4),
    (0.1801, 2),
    (0.1249, 2),
    (0.1208, 4),
    (0.0298, 4),
    (0.0292, 6),
]
"""Measured ones [keV], as in the X-ray data booklet (LBNL, 2009); four more electrons are bound with a few eV."""


def test_shells_of_xenon_are_those_of_a_calculation() -> None:
    """The same electrons in the same order; calculated energies of outer shells differ by up to a fifth."""
    shells = step("Xe", 54)
    assert shells.occupation.tolist() == [electrons for _, electrons in XENON]
    calculated = np.array([energy for energy, _ in XENON])
    np.testing.assert_allclose(1e3 * shells.B_keV, calculated, rtol=0.19)
    np.testing.assert_allclose(1e3 * shells.B_keV[-6:], calculated[-6:], rtol=0.025)


def test_shells_of_germanium_are_those_of_the_booklet() -> None:
    shells = step("Ge", 32)
    T_keV = np.array([0.02, 0.0295, 0.1, 0.15, 1.0, 1.3, 1.5, 11.0, 12.0])
    expected = [4.0 + sum(n for B, n in GERMANIUM if T >= B) for T in T_keV.tolist()]
    assert shells.number(T_keV).tolist() == expected == [4, 10, 14, 20, 22, 28, 30, 30, 32]


@pytest.mark.parametrize("Z", range(1, 99))
def test_every_atom_is_neutral(Z: int) -> None:
    symbol = periodictable.elements[Z].symbol
    shells = step(symbol, Z)
    assert shells.occupation.sum() == Z
    assert np.all(np.diff(shells.B_keV) >= 0.0)
    energies = binding_energies_eV()[symbol]
    assert shells.B_keV[-1] == pytest.approx(1e-3 * energies["K"])
    assert shells.number(np.array([200.0])) == free(Z).number(np.array([0.0])) == Z


@pytest.mark.parametrize("symbol", ["D", "T"])
def test_isotopes_of_hydrogen_have_its_electron(symbol: str) -> None:
    hydrogen, isotope = step("H", 1), step(symbol, 1)
    assert isotope.B_keV.tolist() == hydrogen.B_keV.tolist() == pytest.approx([0.0136], rel=1e-2)


def test_an_element_beyond_the_table_is_refused() -> None:
    with pytest.raises(InputError, match="no binding energies of Fm"):
        step("Fm", 100)


def test_tables_are_joined_by_straight_lines() -> None:
    table = TabulatedBinding(np.array([0.1, 1.0, 2.0]), np.array([10.0, 28.0, 30.0]))
    np.testing.assert_allclose(table.number(np.array([0.0, 0.55, 1.5, 9.0])), [10.0, 19.0, 29.0, 30.0])
