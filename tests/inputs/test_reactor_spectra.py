"""Spectra per fission: against formulae by hand, inverse beta decay yields, and published numbers of antineutrinos."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

from scanengine.errors import InputError
from scanengine.inputs.reactor_spectra import ABOVE_2_MEV, FUELS, TABLE, TABLE_E_MEV, below_2_MeV, per_fission_MeV


@pytest.mark.parametrize(
    ("above", "exponent"),
    [
        ("mueller2011", 3.217 - 3.111 * 4 + 1.395 * 16 - 0.3690 * 64 + 0.04445 * 256 - 0.002053 * 1024),
        ("huber2011", 4.367 - 4.577 * 4 + 2.100 * 16 - 0.5294 * 64 + 0.06186 * 256 - 0.002777 * 1024),
        ("vogel-engel1989", 0.870 - 0.160 * 4 - 0.0910 * 16),
    ],
)
def test_spectrum_of_uranium_at_four_MeV(above: str, exponent: float) -> None:
    assert per_fission_MeV({"U235": 1.0}, np.array([4.0]), above)[0] == pytest.approx(exp(exponent), rel=1e-12)


def test_parametrisation_that_is_not_known() -> None:
    with pytest.raises(InputError, match="found 'mueler', it must be one of mueller2011, huber2011, vogel-engel1989"):
        per_fission_MeV({"U235": 1.0}, np.array([4.0]), "mueler")


@pytest.mark.parametrize("above", list(ABOVE_2_MEV))
def test_uranium_238_gives_most_and_plutonium_239_least(above: str) -> None:
    E = np.linspace(2.0, 8.0, 601)
    totals = {fuel: float(np.trapezoid(per_fission_MeV({fuel: 1.0}, E, above), E)) for fuel in FUELS}
    assert sorted(totals, key=totals.__getitem__) == ["Pu239", "Pu241", "U235", "U238"]


def inverse_beta_decay_cm2(E_MeV: float) -> float:
    """Cross-section of nu_ebar on protons: A. Strumia and F. Vissani, Phys. Lett. B 564, 42 (2003), eq. 25."""
    E_e = E_MeV - 1.29333
    p_e = sqrt(max(E_e**2 - 0.51099895**2, 0.0))
    return 1e-43 * p_e * E_e * exp(log(E_MeV) * (-0.07056 + 0.02018 * log(E_MeV) - 0.001953 * log(E_MeV) ** 3))


@pytest.mark.parametrize(("fuel", "published"), [("U235", 6.69), ("U238", 10.10), ("Pu239", 4.40), ("Pu241", 6.03)])
def test_inverse_beta_decay_yields_are_those_of_huber_and_mueller(fuel: str, published: float) -> None:
    """Cross-sections per fission, 1e-43 cm^2: C. Giunti, Phys. Lett. B 764, 145 (2017), table 1 ("Saclay-Huber").

    They begin at the threshold of 1.8 MeV, as ours do with Vogel and Engel's table below 2 MeV, and end above 8 MeV,
    which is worth a per cent.
    """
    E, values = below_2_MeV({fuel: 1.0})

    def spectrum(e: float) -> float:
        low = float(np.interp(e, E, values))
        return low if e < 2.0 else float(per_fission_MeV({fuel: 1.0}, np.array([e]), "huber2011")[0])

    found = quad(lambda e: spectrum(e) * inverse_beta_decay_cm2(e), 1.8044, 8.0, points=[2.0], limit=200)[0]
    assert found / 1e-43 == pytest.approx(published, rel=0.02)


def test_the_table_is_that_of_every_fuel_at_every_energy() -> None:
    E, half = below_2_MeV({"U235": 0.5, "Pu241": 0.5})
    assert E.tolist() == list(TABLE_E_MEV)
    np.testing.assert_allclose(half, 0.5 * np.array(TABLE["U235"]) + 0.5 * np.array(TABLE["Pu241"]), rtol=1e-14)
    assert {fuel: len(values) for fuel, values in TABLE.items()} == dict.fromkeys(FUELS, len(TABLE_E_MEV))


@pytest.mark.parametrize(
    ("fuel", "summed", "published"),
    [("U235", 5.671, 6.14), ("U238", 6.603, 7.08), ("Pu239", 5.081, 5.58), ("Pu241", 5.932, 6.42)],
)
def test_a_fission_gives_about_six_antineutrinos(fuel: str, summed: float, published: float) -> None:
    """Vogel and Engel's own spectrum up to 12 MeV adds up to `summed`, and to 6 to 9% less than the yields of
    fission products, `published`, as H. T. Wong et al., Phys. Rev. D 75, 012001 (2007) have them.
    """
    E, values = below_2_MeV({fuel: 1.0})
    high = quad(lambda e: float(per_fission_MeV({fuel: 1.0}, np.array([e]), "vogel-engel1989")[0]), 2.0, 12.0)[0]
    total = float(np.trapezoid(values, E)) + high
    assert total == pytest.approx(summed, rel=1e-3)
    assert 0.91 * published < total < 0.94 * published
