"""The neutrino flavours: their names in scan files, their families and their symbols."""

from __future__ import annotations

from types import MappingProxyType

FLAVOURS = ("nu_e", "nu_mu", "nu_tau", "nu_ebar", "nu_mubar", "nu_taubar")
ANTINEUTRINOS = FLAVOURS[3:]
FAMILIES = ("e", "m", "t")
"""The letters of families in the subscripts of parameters."""

FAMILY = MappingProxyType({name: FAMILIES[index % 3] for index, name in enumerate(FLAVOURS)})
"""The family letter of NSI subscripts that a flavour belongs to; antineutrinos share their neutrino's couplings."""

FLAVOUR_SYMBOLS = MappingProxyType(
    dict(zip(FLAVOURS, (r"\nu_e", r"\nu_\mu", r"\nu_\tau", r"\bar\nu_e", r"\bar\nu_\mu", r"\bar\nu_\tau"), strict=True))
)
FAMILY_SYMBOLS = MappingProxyType({"e": "e", "m": r"\mu", "t": r"\tau"})
FAMILY_WORDS = MappingProxyType({"e": "e", "m": "mu", "t": "tau"})
PAIRS = ("ee", "mm", "tt", "em", "et", "mt")
"""Pairs of families, as couplings that change flavour or not have them in their names."""


def pair(one: str, other: str) -> str:
    """Return the name of a pair of families, whatever their order."""
    return one + other if one + other in PAIRS else other + one


def coherence(one: str, other: str) -> str:
    """Return the name of what two flavours of a source have in common, which is no flavour itself."""
    return f"{one}-{other}"


def ends(name: str) -> tuple[str, str]:
    """Return the two flavours of a coherence, or twice the flavour itself."""
    one, _, other = name.partition("-")
    return one, other or one


def of_families(families: str) -> tuple[str, ...]:
    """Return the flavours, antineutrinos too, that belong to one of these families."""
    return tuple(flavour for flavour in FLAVOURS if FAMILY[flavour] in families)
