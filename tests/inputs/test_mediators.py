"""Charges of the models of vector mediators."""

from __future__ import annotations

import pytest

from scanengine.inputs.flavours import FAMILIES
from scanengine.inputs.mediators import CHARGES, Mediator


@pytest.mark.parametrize(
    ("model", "quark", "electron", "neutrinos"),
    [
        ("universal", 1.0, 1.0, (1.0, 1.0, 1.0)),
        ("B-L", 1.0 / 3.0, -1.0, (-1.0, -1.0, -1.0)),
        ("B-3L_e", 1.0 / 3.0, -3.0, (-3.0, 0.0, 0.0)),
        ("B-3L_mu", 1.0 / 3.0, 0.0, (0.0, -3.0, 0.0)),
        ("B-3L_tau", 1.0 / 3.0, 0.0, (0.0, 0.0, -3.0)),
        ("B-2L_e-L_mu", 1.0 / 3.0, -2.0, (-2.0, -1.0, 0.0)),
        ("L_e-L_mu", 0.0, 1.0, (1.0, -1.0, 0.0)),
        ("L_e-L_tau", 0.0, 1.0, (1.0, 0.0, -1.0)),
        ("L_mu-L_tau", 0.0, 0.0, (0.0, 1.0, -1.0)),
    ],
)
def test_charges(model: str, quark: float, electron: float, neutrinos: tuple[float, float, float]) -> None:
    charges = CHARGES[model]
    assert (charges.u, charges.d, charges.electron) == (quark, quark, electron)
    assert tuple(charges.of_family(family) for family in FAMILIES) == neutrinos


@pytest.mark.parametrize("model", sorted(set(CHARGES) - {"universal"}))
def test_charges_of_quarks_and_leptons_cancel(model: str) -> None:
    """As anomalies demand: three generations of quarks in three colours against all leptons, 9 Q_q + sum Q_l = 0."""
    charges = CHARGES[model]
    leptons = sum(charges.of_family(family) for family in FAMILIES)
    assert 9.0 * charges.u + leptons == pytest.approx(0.0, abs=1e-15)
    assert charges.electron == charges.nu_e  # a charge of the doublet


@pytest.mark.parametrize("model", sorted(CHARGES))
def test_mixing_is_that_of_families_with_opposite_charges(model: str) -> None:
    charges = CHARGES[model]
    assert (charges.mixing is not None) == (charges.u == 0.0)
    if charges.mixing is not None:
        assert [charges.of_family(family) for family in charges.mixing] == [1.0, -1.0]


def test_contact_and_massless_are_the_two_ends_of_the_masses() -> None:
    contact, light, massless = (Mediator("A", "scalar", mass) for mass in (None, 1e-3, 0.0))
    assert [m.is_contact for m in (contact, light, massless)] == [True, False, False]
    assert [m.is_massless for m in (contact, light, massless)] == [False, False, True]
