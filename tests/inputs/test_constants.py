"""Constants: CODATA's digits, and what the papers derive from them."""

from __future__ import annotations

import pytest
from scipy.constants import physical_constants

from scanengine.inputs import constants
from tests import naive


@pytest.mark.parametrize(
    ("ours", "published"),
    [
        (constants.G_F_PER_MEV2, naive.G_F),
        (constants.ALPHA, naive.ALPHA),
        (constants.M_E_MEV, naive.M_E),
        (constants.M_MU_MEV, naive.M_MU),
        (constants.M_PI_MEV, naive.M_PI),
        (constants.U_MEV, naive.U),
        (constants.U_KG, naive.U_KG),
        (constants.HBARC_MEV_FM, naive.HBARC_FM),
        (constants.HBARC_MEV_CM, naive.HBARC_CM),
        (constants.SECONDS_PER_YEAR, naive.YEAR_S),
    ],
)
def test_equals_the_published_value(ours: float, published: float) -> None:
    assert ours == pytest.approx(published, rel=1e-12)


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (constants.G_F_PER_MEV2 * 1e6, "Fermi coupling constant"),
        (constants.ALPHA, "fine-structure constant"),
        (constants.M_E_MEV, "electron mass energy equivalent in MeV"),
        (constants.M_MU_MEV, "muon mass energy equivalent in MeV"),
        (constants.M_PROTON_MEV, "proton mass energy equivalent in MeV"),
        (constants.M_NEUTRON_MEV, "neutron mass energy equivalent in MeV"),
        (constants.U_MEV, "atomic mass constant energy equivalent in MeV"),
        (constants.U_KG, "atomic mass constant"),
        (constants.HBARC_MEV_FM, "reduced Planck constant times c in MeV fm"),
    ],
)
def test_has_the_digits_of_codata(ours: float, name: str) -> None:
    """A newer CODATA in SciPy than that of 2022 may differ by a few parts in a billion."""
    assert ours == pytest.approx(physical_constants[name][0], rel=1e-8)


def test_charge_radius_of_1e_32_cm2_shifts_the_mixing_angle_by_0_0238() -> None:
    """K17, where the root covers the 2 alone: a root over 2 pi alpha would give 0.11."""
    assert pytest.approx(0.0238, abs=5e-5) == constants.CHARGE_RADIUS_SHIFT


def test_mass_and_energy_of_the_atomic_unit_agree() -> None:
    joule_per_MeV, c = 1.602176634e-13, 299792458.0
    assert constants.U_KG * c**2 / joule_per_MeV == pytest.approx(constants.U_MEV, rel=1e-9)
