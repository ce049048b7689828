"""Flavours, their families and pairs of these."""

from __future__ import annotations

from itertools import product

import pytest

from scanengine.inputs.flavours import (
    FAMILIES,
    FAMILY,
    FAMILY_SYMBOLS,
    FAMILY_WORDS,
    FLAVOUR_SYMBOLS,
    FLAVOURS,
    PAIRS,
    of_families,
    pair,
)


def test_antineutrinos_are_of_their_neutrinos_family() -> None:
    assert dict(FAMILY) == {
        "nu_e": "e",
        "nu_mu": "m",
        "nu_tau": "t",
        "nu_ebar": "e",
        "nu_mubar": "m",
        "nu_taubar": "t",
    }


def test_every_flavour_and_family_has_a_symbol_of_its_own() -> None:
    assert tuple(FLAVOUR_SYMBOLS) == FLAVOURS
    assert tuple(FAMILY_SYMBOLS) == tuple(FAMILY_WORDS) == FAMILIES
    for symbols in (FLAVOUR_SYMBOLS, FAMILY_SYMBOLS, FAMILY_WORDS):
        assert len(set(symbols.values())) == len(symbols)


@pytest.mark.parametrize(("one", "other"), list(product(FAMILIES, repeat=2)))
def test_a_pair_of_families_has_one_name(one: str, other: str) -> None:
    assert pair(one, other) == pair(other, one)
    assert pair(one, other) in PAIRS
    assert set(pair(one, other)) == {one, other}


@pytest.mark.parametrize("families", PAIRS)
def test_flavours_of_families(families: str) -> None:
    assert set(of_families(families)) == {flavour for flavour in FLAVOURS if FAMILY[flavour] in families}
    assert len(of_families(families)) == 2 * len(set(families))
