"""Reactors: the parametrisation, its normalisation, and what is given for below 2 MeV."""

from __future__ import annotations

from math import exp, pi

import numpy as np
import pytest

from scanengine.errors import InputError
from scanengine.inputs.reactor import SPECTRA, fissions_per_s, per_fission_MeV, reactor

FUEL = {"U235": 0.55, "U238": 0.07, "Pu239": 0.32, "Pu241": 0.06}


def test_spectrum_of_uranium_at_four_MeV() -> None:
    # the polynomial by hand
    exponent = 3.217 - 3.111 * 4 + 1.395 * 16 - 0.3690 * 64 + 0.04445 * 256 - 0.002053 * 1024
    assert per_fission_MeV({"U235": 1.0}, np.array([4.0]))[0] == pytest.approx(exp(exponent), rel=1e-12)


def test_uranium_238_gives_most_and_plutonium_239_least() -> None:
    E = np.linspace(2.0, 8.0, 601)
    totals = {fuel: float(np.trapezoid(per_fission_MeV({fuel: 1.0}, E), E)) for fuel in SPECTRA}
    assert sorted(totals, key=totals.__getitem__) == ["Pu239", "Pu241", "U235", "U238"]
    assert totals["U235"] == pytest.approx(1.68, abs=0.01)  # so many lie above 2 MeV, of about six


def test_a_gigawatt_is_three_times_ten_to_the_nineteen_fissions() -> None:
    assert fissions_per_s(1.0, FUEL) == pytest.approx(3.03e19, rel=2e-3)  # and, with six each, 2e20 antineutrinos


def test_flux_is_the_parametrisation_over_the_sphere() -> None:
    E = np.linspace(2.0, 8.0, 2001)
    source = reactor(2.9, FUEL)
    expected = fissions_per_s(2.9, FUEL) * per_fission_MeV(FUEL, E) / (4.0 * pi * 100.0**2)
    np.testing.assert_allclose(source.spectra["nu_ebar"].per_cm2_s_MeV(E), expected, rtol=1e-8)
    assert source.reference_distance_m == 1.0
    assert source.spectra["nu_ebar"].E_max_MeV == 8.0


def test_there_is_nothing_below_two_MeV_unless_it_is_given() -> None:
    E = np.array([0.5, 1.5])
    assert reactor(2.9, FUEL).spectra["nu_ebar"].per_cm2_s_MeV(E).tolist() == [0.0, 0.0]
    below = (np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 1.0]))
    found = reactor(2.9, FUEL, below).spectra["nu_ebar"].per_cm2_s_MeV(E)
    np.testing.assert_allclose(found, fissions_per_s(2.9, FUEL) * np.array([2.5, 2.0]) / (4.0 * pi * 1e4), rtol=1e-12)


def test_between_the_last_point_and_two_MeV_there_is_nothing() -> None:
    below = (np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    spectrum = reactor(2.9, FUEL, below).spectra["nu_ebar"]
    assert spectrum.per_cm2_s_MeV(np.array([1.5])).tolist() == [0.0]
    assert spectrum.per_cm2_s_MeV(np.array([3.0]))[0] > 0.0


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InputError, match=r"add up to 0.6, they must to 1"):
        reactor(2.9, {"U235": 0.6})


def test_points_beyond_two_MeV_are_refused() -> None:
    with pytest.raises(InputError, match="found 3 MeV, the parametrisation begins at 2 MeV"):
        reactor(2.9, FUEL, (np.array([1.0, 3.0]), np.array([1.0, 1.0])))
