"""Reactors: normalisation, how the parts of the spectrum are joined, and fluxes that experiments quote."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from scanengine.errors import InputError
from scanengine.inputs.reactor import fissions_per_s, reactor
from scanengine.inputs.reactor_spectra import per_fission_MeV

FUEL = {"U235": 0.55, "U238": 0.07, "Pu239": 0.32, "Pu241": 0.06}
AT_ONE_METRE = fissions_per_s(1.0, FUEL) / (4.0 * pi * 100.0**2)


def test_a_gigawatt_is_three_times_ten_to_the_nineteen_fissions() -> None:
    assert fissions_per_s(1.0, FUEL) == pytest.approx(3.03e19, rel=2e-3)  # and, with six each, 2e20 antineutrinos


def test_flux_is_the_parametrisation_over_the_sphere() -> None:
    E = np.linspace(2.0, 8.0, 2001)
    source = reactor(2.9, FUEL)
    expected = fissions_per_s(2.9, FUEL) * per_fission_MeV(FUEL, E) / (4.0 * pi * 100.0**2)
    np.testing.assert_allclose(source.spectra["nu_ebar"].per_cm2_s_MeV(E), expected, rtol=1e-8)
    assert source.reference_distance_m == 1.0
    assert source.spectra["nu_ebar"].E_max_MeV == 8.0


@pytest.mark.parametrize("above", ["mueller2011", "huber2011", "vogel-engel1989"])
def test_every_parametrisation_is_met_between_two_and_eight_MeV(above: str) -> None:
    E = np.linspace(2.001, 8.0, 1001)
    found = reactor(1.0, FUEL, above=above).spectra["nu_ebar"].per_cm2_s_MeV(E)
    np.testing.assert_allclose(found, AT_ONE_METRE * per_fission_MeV(FUEL, E, above), rtol=1e-8)


def test_below_two_MeV_is_vogel_and_engels_table() -> None:
    spectrum = reactor(1.0, FUEL).spectra["nu_ebar"]
    found = spectrum.per_cm2_s_MeV(np.array([0.0625, 1.0, 1.25])) / AT_ONE_METRE
    at_1 = 0.55 * 2.41 + 0.07 * 2.75 + 0.32 * 2.32 + 0.06 * 2.63
    at_1_5 = 0.55 * 1.69 + 0.07 * 1.97 + 0.32 * 1.48 + 0.06 * 1.75
    at_0_0625 = 0.55 * 0.61 + 0.07 * 0.65 + 0.32 * 0.64 + 0.06 * 0.59
    np.testing.assert_allclose(found, [at_0_0625, at_1, 0.5 * (at_1 + at_1_5)], rtol=1e-12)


def test_below_two_MeV_there_may_be_nothing_or_points() -> None:
    E = np.array([0.5, 1.5])
    assert reactor(2.9, FUEL, below="none").spectra["nu_ebar"].per_cm2_s_MeV(E).tolist() == [0.0, 0.0]
    below = (np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 1.0]))
    found = reactor(1.0, FUEL, below=below).spectra["nu_ebar"].per_cm2_s_MeV(E)
    np.testing.assert_allclose(found, AT_ONE_METRE * np.array([2.5, 2.0]), rtol=1e-12)


def test_between_the_last_point_and_two_MeV_there_is_nothing() -> None:
    below = (np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    spectrum = reactor(2.9, FUEL, below=below).spectra["nu_ebar"]
    assert spectrum.per_cm2_s_MeV(np.array([1.5])).tolist() == [0.0]
    assert spectrum.per_cm2_s_MeV(np.array([3.0]))[0] > 0.0


def test_from_eight_MeV_on_there_is_nothing_but_what_is_given() -> None:
    E = np.array([8.5, 9.0, 9.5])
    assert reactor(1.0, FUEL).spectra["nu_ebar"].per_cm2_s_MeV(E).tolist() == [0.0, 0.0, 0.0]
    beyond = (np.array([8.0, 9.0, 10.0]), np.array([4e-3, 2e-3, 0.0]))
    spectrum = reactor(1.0, FUEL, beyond=beyond).spectra["nu_ebar"]
    np.testing.assert_allclose(spectrum.per_cm2_s_MeV(E), AT_ONE_METRE * np.array([3e-3, 2e-3, 1e-3]), rtol=1e-12)
    assert spectrum.E_max_MeV == 10.0


@pytest.mark.parametrize(
    ("power_GW", "distance_m", "published"), [(2.96, 10.39, 4.8e13), (3.9, 17.1, 2.3e13), (2.9, 28.0, 6.4e12)]
)
def test_fluxes_that_experiments_quote(power_GW: float, distance_m: float, published: float) -> None:
    """Dresden-II (J. Colaresi et al., Phys. Rev. Lett. 129, 211802, 2022), CONUS (N. Ackermann et al., Phys. Rev. Lett.
    133, 251802, 2024) and TEXONO (H. T. Wong et al., Phys. Rev. D 75, 012001, 2007).

    They count 1.2 antineutrinos per fission from neutron captures, which are not in the table, and the fission products
    with yields that are some 7% higher than its sum.
    """
    spectrum = reactor(power_GW, FUEL).spectra["nu_ebar"]
    E = np.linspace(0.0, 8.0, 80_001)
    fissions = float(np.trapezoid(spectrum.per_cm2_s_MeV(E), E))
    captures = 1.2 * fissions_per_s(power_GW, FUEL) / (4.0 * pi * 100.0**2)
    assert (fissions + captures) / distance_m**2 == pytest.approx(published, rel=0.08)


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InputError, match=r"add up to 0.6, they must to 1"):
        reactor(2.9, {"U235": 0.6})


def test_points_beyond_two_MeV_are_refused() -> None:
    with pytest.raises(InputError, match="found 3 MeV, the parametrisation begins at 2 MeV"):
        reactor(2.9, FUEL, below=(np.array([1.0, 3.0]), np.array([1.0, 1.0])))


def test_points_within_the_parametrisation_are_refused_above_as_well() -> None:
    with pytest.raises(InputError, match="found 7 MeV, the parametrisation ends only at 8 MeV"):
        reactor(2.9, FUEL, beyond=(np.array([7.0, 9.0]), np.array([1.0, 1.0])))


def test_a_table_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="found 'vogel', it must be vogel-engel1989 or none, or points"):
        reactor(2.9, FUEL, below="vogel")
