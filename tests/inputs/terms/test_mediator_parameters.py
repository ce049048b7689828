"""What mediators have in common."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from scanengine.inputs.flavours import FLAVOURS
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.terms.mediator_parameters import propagator_MeV2, strengths
from scanengine.inputs.terms.term import Recoil
from tests import naive
from tests.interactions import isotope
from tests.interactions import nucleus as nucleus_of

T = np.array([1e-6, 1e-3, 0.05])
RECOILS = Recoil(isotope("Ar40"), T, np.ones(3), np.ones(3))


@pytest.mark.parametrize("mass", [0.0, 0.1, 50.0])
def test_propagator_of_a_mass(mass: float) -> None:
    exact = 1.0 / (2.0 * nucleus_of("Ar40").M * T + mass**2)
    np.testing.assert_allclose(propagator_MeV2(Mediator("A", "scalar", mass), RECOILS), exact, rtol=1e-14)


def test_a_contact_interaction_of_strength_one_is_a_mediator_of_any_large_mass_with_its_coupling() -> None:
    """g^2 / m^2 = sqrt(2) G_F."""
    mass = 1e6
    g2 = sqrt(2.0) * naive.G_F * mass**2
    heavy = g2 * propagator_MeV2(Mediator("A", "scalar", mass), RECOILS)
    np.testing.assert_allclose(propagator_MeV2(Mediator("A", "scalar", None), RECOILS), heavy, rtol=1e-8)


@pytest.mark.parametrize("squared", [False, True])
def test_a_mediator_brings_its_coupling_and_that_squared(squared: bool) -> None:
    product, coupling = strengths(Mediator("my_Z", "vector", 10.0), "words", squared=squared)
    assert (product.name, coupling.name, coupling.root_of) == ("g2_my_Z", "g_my_Z", "g2_my_Z")
    assert product.squared == squared
    assert product.root_of is None
    assert r"my\_Z" in product.symbol
    assert product.flavours == coupling.flavours == FLAVOURS


def test_a_contact_interaction_brings_its_strength_alone() -> None:
    (strength,) = strengths(Mediator("S", "scalar", None), "words", squared=True)
    assert (strength.name, strength.squared, strength.root_of) == ("eps_S", True, None)
