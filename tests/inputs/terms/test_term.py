"""What an interaction is made of."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.inputs.parameters import PARAMETERS
from scanengine.inputs.terms import TERMS
from scanengine.inputs.terms.term import CONSTANT, Recoil
from tests.interactions import isotope
from tests.interactions import nucleus as nucleus_of


def test_a_recoil_knows_its_momentum_transfer_and_charges() -> None:
    recoil = Recoil(isotope("Xe132"), np.array([0.001, 0.02]), np.array([0.9, 0.4]), np.array([0.8, 0.3]))
    nucleus = nucleus_of("Xe132")
    np.testing.assert_allclose(recoil.Q2_MeV2, 2.0 * nucleus.M * np.array([0.001, 0.02]), rtol=1e-15)
    np.testing.assert_allclose(recoil.protons, [54 * 0.9, 54 * 0.4], rtol=1e-15)
    np.testing.assert_allclose(recoil.neutrons, [78 * 0.8, 78 * 0.3], rtol=1e-15)


def test_the_constant_is_no_parameter() -> None:
    assert CONSTANT not in PARAMETERS


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_terms_tell_where_they_come_from_and_their_parameters_who_feels_them(term: object) -> None:
    assert any(character.isdigit() for character in term.reference)  # type: ignore[attr-defined]
    for parameter in term.parameters:  # type: ignore[attr-defined]
        assert parameter.flavours
        assert parameter.symbol
