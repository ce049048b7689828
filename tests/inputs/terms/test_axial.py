"""Axial scattering on nuclei with spin."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from scanengine.inputs.spins import SPINS
from tests import naive
from tests.interactions import cross_section, isotope, physics, recoil

E, T = 30.0, 0.03


@pytest.mark.parametrize(("name", "F_A"), [("F19", 1.499116), ("Ge73", 0.441268), ("Xe129", 0.662116)])
def test_adds_to_the_vector_rate_without_interference(name: str, F_A: float) -> None:
    seen, M = recoil(name, T, 0.9, 0.8), isotope(name).mass_MeV
    without = cross_section(physics(), seen, "nu_e", E)
    found = cross_section(physics(axial=SPINS), seen, "nu_e", E, kinds=("axial",))
    exact = naive.G_F**2 * M / (4 * pi) * (1 - T / E + M * T / (2 * E**2)) * F_A * naive.HBARC_CM**2
    assert found == pytest.approx(exact, rel=2e-6)
    assert cross_section(physics(axial=SPINS), seen, "nu_e", E) == pytest.approx(without + found, rel=1e-14)


def test_nuclei_without_spin_or_that_are_not_named_have_none() -> None:
    for name in ("Ar40", "Ge76", "Xe132"):
        assert cross_section(physics(axial=SPINS), recoil(name, T), "nu_mu", E, kinds=("axial",)) == 0.0
    only = physics(axial={"F19": SPINS["F19"]})
    assert cross_section(only, recoil("Na23", T), "nu_mu", E, kinds=("axial",)) == 0.0
    assert cross_section(only, recoil("F19", T), "nu_mu", E, kinds=("axial",)) > 0.0


def test_a_table_of_momentum_transfers_makes_it_fall() -> None:
    constant = SPINS["F19"]
    falling = replace(constant, q_invfm=np.array([0.0, 0.5]), ratio=np.array([1.0, 0.4]))
    M = isotope("F19").mass_MeV
    q = np.sqrt(2.0 * M * T) / naive.HBARC_FM
    assert 0.0 < q < 0.5
    whole, reduced = (
        cross_section(physics(axial={"F19": spin}), recoil("F19", T), "nu_e", E, kinds=("axial",))
        for spin in (constant, falling)
    )
    assert reduced / whole == pytest.approx(1.0 - 0.6 * q / 0.5, rel=1e-13)
    beyond = cross_section(physics(axial={"F19": falling}), recoil("F19", 10.0), "nu_e", 1e3, kinds=("axial",))
    constant_beyond = cross_section(
        physics(axial={"F19": constant}), recoil("F19", 10.0), "nu_e", 1e3, kinds=("axial",)
    )
    assert beyond == pytest.approx(0.4 * constant_beyond, rel=1e-13)
