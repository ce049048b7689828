"""Spins of odd nuclei and the axial form factor that follows from them."""

from __future__ import annotations

import pytest

from scanengine.inputs.nuclei import target
from scanengine.inputs.spins import SPINS, NuclearSpin

F_A = {
    "Li7": 0.878566,
    "F19": 1.499116,
    "Na23": 0.144591,
    "Al27": 0.251852,
    "Si29": 0.127529,
    "Ge73": 0.441268,
    "I127": 0.293684,
    "Xe129": 0.662116,
    "Xe131": 0.250030,
    "Cs133": 0.143690,
}
"""At zero momentum transfer, worked out by hand from the spins."""


@pytest.mark.parametrize("name", sorted(F_A))
def test_axial_form_factor_at_zero(name: str) -> None:
    assert pytest.approx(F_A[name], abs=6e-7) == SPINS[name].F_A


def test_spins_are_those_of_nuclei_with_an_odd_number_of_protons_or_neutrons() -> None:
    assert set(SPINS) == set(F_A)
    for name, spin in SPINS.items():
        (isotope,) = target(name).isotopes
        assert str(isotope) == name
        assert isotope.A % 2 == 1
        assert (2.0 * spin.J) % 2.0 == 1.0
        # most of the spin is carried by the kind of which there is an odd number
        assert (abs(spin.S_p) > abs(spin.S_n)) == (isotope.Z % 2 == 1)


def test_a_free_nucleon_has_g_A_squared() -> None:
    """J = S_p = 1/2: (4/3) g_A^2 3 / 4 = g_A^2."""
    assert pytest.approx(1.2754**2, rel=1e-15) == NuclearSpin(0.5, 0.5, 0.0).F_A
    assert NuclearSpin(0.5, 0.0, 0.5).F_A == NuclearSpin(0.5, 0.5, 0.0).F_A
