"""Choices of the cross-section."""

from __future__ import annotations

from scanengine.inputs.couplings import SCHEMES
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.physics import Physics
from scanengine.inputs.spins import SPINS
from scanengine.inputs.terms import TERMS, terms_of


def test_a_scan_without_more_has_the_terms_that_are_always_at_hand() -> None:
    plain = Physics("tree", 0.2312, "leading", "leading", True)
    assert plain.evaluation == "polynomial"
    assert plain.charge_radius == "kosmas2015"
    assert terms_of(plain) == TERMS


def test_mediators_bring_terms_of_their_own_in_their_order() -> None:
    mediators = Mediator("A", "scalar", 10.0), Mediator("Z_prime", "vector", 100.0), Mediator("N", "dipole", 5.0)
    found = terms_of(Physics("tree", 0.2312, "full", "full", True, mediators=mediators, axial=SPINS))
    assert [term.name for term in found[len(TERMS) :]] == [
        "scalar mediator A",
        "vector mediator Z_prime",
        "dipole portal N",
    ]


def test_every_scheme_of_couplings_makes_terms() -> None:
    for scheme in SCHEMES:
        physics = Physics(scheme, 0.2312, "leading", "leading", True)  # type: ignore[arg-type]
        assert sum(len(term.couplings(physics)) for term in terms_of(physics)) >= 6
