"""The flavour of solar neutrinos, against diagonalisation of the full Hamiltonian and against the limits of theory."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from scipy.linalg import eigh

from scanengine.inputs.solar.flavour import MATTER_EV2, Oscillation, arriving, density_matrix, shares_of_masses
from scanengine.inputs.solar.production import ELECTRONS_MOL_PER_CM3, SHARES

BEST = Oscillation()
INVERTED = replace(BEST, dm2_31_eV2=-2.4e-3)


def test_matter_in_the_units_of_experiments() -> None:
    """2 sqrt(2) G_F N_A is 1.526e-7 eV^2 per mol/cm^3 and MeV (Particle Data Group)."""
    assert pytest.approx(1.5265e-7, rel=1e-4) == MATTER_EV2


@pytest.mark.parametrize("oscillation", [BEST, INVERTED], ids=["normal", "inverted"])
@pytest.mark.parametrize(
    ("component", "E_MeV"), [("pp", 0.3), ("Be7", 0.862), ("B8", 2.5), ("B8", 12.0), ("hep", 18.0)]
)
def test_state_is_that_of_the_full_hamiltonian_radius_by_radius(
    oscillation: Oscillation, component: str, E_MeV: float
) -> None:
    U, masses = oscillation.mixing, oscillation.masses_eV2
    vacuum = U @ np.diag(masses) @ U.conj().T
    rho = np.zeros((3, 3), dtype=complex)
    for share, density in zip(SHARES[component], ELECTRONS_MOL_PER_CM3, strict=True):
        _, states = eigh(vacuum + np.diag([MATTER_EV2 * density * E_MeV, 0.0, 0.0]))
        for state, mass in zip(states.T, np.argsort(masses), strict=True):
            rho += share * abs(state[0]) ** 2 * np.outer(U[:, mass], U[:, mass].conj())
    found = density_matrix(oscillation, shares_of_masses(oscillation, component, np.array([E_MeV])))[0]
    np.testing.assert_allclose(found, rho.real, atol=1e-12)


def test_two_flavours_in_matter_are_nearly_all_there_is() -> None:
    """P_ee = c13^4 (1 + cos 2 theta_m cos 2 theta) / 2 + s13^4, as the field's papers write it, but for the atmospheric
    mass difference in matter.
    """
    s2, s13 = BEST.sin2_theta12, BEST.sin2_theta13
    cos_2theta, sin_2theta = 1.0 - 2.0 * s2, 2.0 * sqrt(s2 * (1.0 - s2))
    for E_MeV in (0.4, 3.0, 10.0):
        ratio = MATTER_EV2 * ELECTRONS_MOL_PER_CM3 * E_MeV * (1.0 - s13) / BEST.dm2_21_eV2
        cos_matter = (cos_2theta - ratio) / np.hypot(cos_2theta - ratio, sin_2theta)
        P_ee = (1.0 - s13) ** 2 * 0.5 * (1.0 + cos_2theta * (SHARES["B8"] * cos_matter).sum()) + s13**2
        found = arriving(BEST, "B8", np.array([E_MeV]), 16.36)[0]
        assert found[0, 0] == pytest.approx(P_ee, abs=1.5e-3)
        assert np.trace(found) == pytest.approx(1.0, rel=1e-12)


def test_without_energy_neutrinos_are_those_of_the_vacuum() -> None:
    U = BEST.mixing
    averaged = (np.abs(U[0]) ** 2 * np.abs(U) ** 2).sum(axis=1)
    assert arriving(BEST, "pp", np.array([0.0]), 0.4234)[0].diagonal() == pytest.approx(averaged, abs=1e-12)


def test_mixing_is_unitary_and_has_the_angles_given() -> None:
    U = BEST.mixing
    np.testing.assert_allclose(U @ U.conj().T, np.eye(3), atol=1e-15)
    assert abs(U[0, 2]) ** 2 == pytest.approx(BEST.sin2_theta13)
    assert abs(U[0, 1] / U[0, 0]) ** 2 == pytest.approx(BEST.sin2_theta12 / (1.0 - BEST.sin2_theta12))
    assert abs(U[1, 2] / U[2, 2]) ** 2 == pytest.approx(BEST.sin2_theta23 / (1.0 - BEST.sin2_theta23))


def test_between_its_nodes_the_state_is_interpolated_to_rounding() -> None:
    E_MeV = np.linspace(0.1, 18.0, 23)
    exact = density_matrix(BEST, shares_of_masses(BEST, "hep", E_MeV))
    np.testing.assert_allclose(arriving(BEST, "hep", E_MeV, 18.7733), exact, atol=1e-12)


def test_without_an_oscillation_all_are_electron_neutrinos() -> None:
    assert arriving(None, "B8", np.array([3.0]), 16.0)[0].tolist() == np.diag([1.0, 0.0, 0.0]).tolist()
