"""Oscillations to a sterile neutrino: the phase, the probability and its average."""

from __future__ import annotations

from math import pi, sin

import numpy as np
import pytest

from scanengine.inputs.oscillation import MOST_TURNS, PHASE, Oscillation, Sterile
from scanengine.inputs.sources import Source, Spectrum, stopped_pion


def test_phase_in_the_units_of_experiments() -> None:
    assert pytest.approx(1.26693268, abs=1e-8) == PHASE


def test_probability_at_some_energies() -> None:
    turning = Sterile(1.3, sin2_2theta_ee=0.2).of("nu_ebar", 25.0)
    assert turning is not None
    E = np.array([0.5, 3.0, 40.0])
    expected = [1.0 - 0.2 * sin(1.26693268 * 1.3 * 25.0 / each) ** 2 for each in E]
    assert turning.survival(E) == pytest.approx(expected, rel=1e-6)
    assert turning.survival(np.array([turning.averaged_below_MeV * 0.99])) == pytest.approx([0.9], rel=1e-15)


def test_probability_passes_through_a_part_of_its_period_between_energies() -> None:
    turning = Oscillation(30.0, 0.5)
    E = turning.energies_MeV(0.25)
    assert (E.size, E[0]) == (4 * MOST_TURNS, pytest.approx(turning.averaged_below_MeV, rel=1e-14))
    assert -np.diff(turning.phase_MeV / E) == pytest.approx(np.full(E.size - 1, 0.25 * pi), rel=1e-9)


def test_angles_are_those_of_a_flavour_and_its_antineutrino() -> None:
    sterile = Sterile(1.0, 0.1, 0.3)
    angles = {}
    for flavour in ("nu_e", "nu_ebar", "nu_mu", "nu_mubar", "nu_tau"):
        turning = sterile.of(flavour, 10.0)
        angles[flavour] = None if turning is None else turning.sin2_2theta
    assert angles == {"nu_e": 0.1, "nu_ebar": 0.1, "nu_mu": 0.3, "nu_mubar": 0.3, "nu_tau": None}
    assert Sterile(0.0, 0.1).of("nu_e", 10.0) is None


def test_a_source_at_a_distance_has_what_is_left_of_lines_and_continuum() -> None:
    alone = stopped_pion(1e7, 20.0)
    source = Source(alone.spectra, 20.0, sterile=Sterile(2.0, sin2_2theta_ee=0.1, sin2_2theta_mm=0.4))
    near = source.at(19.3)
    line: Spectrum = near.spectra["nu_mu"]
    E_MeV, before = alone.spectra["nu_mu"].lines[0]
    assert line.lines[0] == pytest.approx([E_MeV, before * (1.0 - 0.4 * sin(PHASE * 2.0 * 19.3 / E_MeV) ** 2)])
    E = np.array([11.0, 37.0])
    left = 1.0 - 0.1 * np.sin(PHASE * 2.0 * 19.3 / E) ** 2
    assert near.spectra["nu_e"].per_cm2_s_MeV(E) == pytest.approx(alone.spectra["nu_e"].per_cm2_s_MeV(E) * left)
    assert near.at(5.0) is near
    assert alone.at(5.0) is alone
