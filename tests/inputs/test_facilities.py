"""Sources by name: their fluxes by hand, and those that the literature quotes."""

from __future__ import annotations

from math import pi
from pathlib import Path

import pytest

from scanengine.definition import parse
from scanengine.inputs.facilities import FACILITIES
from tests.scan_files import NEON_TEXT

SOURCES = Path(__file__).parents[2] / "docs" / "sources.md"


def flux_per_cm2_s(name: str, at_m: float) -> float:
    """Of each flavour."""
    source = parse(f'source = "{name}"\n{NEON_TEXT}', require_axes=False).source
    spectrum = source.spectra["nu_e"]
    return spectrum.total_per_cm2_s * (source.reference_distance_m / at_m) ** 2


def test_sns_at_20_m_is_a_third_of_the_flux_that_coherent_quotes() -> None:
    """4.3e7 /cm^2/s of three flavours: COHERENT, arXiv:1803.09183."""
    by_hand = 1.4e6 / 1.602176634e-10 * 0.0848 / (4.0 * pi * 2000.0**2)
    assert flux_per_cm2_s("sns", 20.0) == pytest.approx(by_hand, rel=1e-12)
    assert 3.0 * flux_per_cm2_s("sns", 20.0) == pytest.approx(4.3e7, rel=0.04)


def test_ess_has_an_order_of_magnitude_more_neutrinos_a_year() -> None:
    """2.8e23 protons in 5000 h, with 0.3 neutrinos of each flavour."""
    per_year = flux_per_cm2_s("ess", 20.0) * 4.0 * pi * 2000.0**2 * 5000.0 * 3600.0
    assert per_year == pytest.approx(0.3 * 2.8e23, rel=0.01)


def test_jsns2_has_the_flux_per_proton_that_it_measured() -> None:
    """6.7e-9 /cm^2 at 24 m, of 1 MW / 3 GeV protons a second."""
    assert flux_per_cm2_s("jsns2", 24.0) == pytest.approx(6.7e-9 * 1e6 / (3e9 * 1.602176634e-19), rel=1e-12)


def test_fission_fractions_add_up() -> None:
    for facility in FACILITIES.values():
        fractions = facility.keys.get("fission_fractions")
        if isinstance(fractions, dict):
            assert sum(fractions.values()) == pytest.approx(1.0, abs=1e-12)


def test_the_documentation_has_them_all() -> None:
    text = SOURCES.read_text(encoding="utf-8")
    for facility in FACILITIES.values():
        assert f'`"{facility.name}"`' in text
        assert all(word.strip(",;:)") in text for word in facility.references.split() if word.startswith("arXiv:2"))
