"""Spectra of solar neutrinos, against mpmath and published tables."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

from scanengine.inputs.solar.fluxes import COMPONENTS
from scanengine.inputs.solar.spectra import DAUGHTERS, END_POINTS_MEV, LINES, allowed, produced

M_E = mpmath.mpf("0.51099895069")
ALPHA = mpmath.mpf("0.0072973525643")
HBARC = mpmath.mpf("197.3269804593025")


def naive_allowed(component: str, E: float) -> float:
    Z, A = DAUGHTERS[component]
    E_e = END_POINTS_MEV[component] + M_E - mpmath.mpf(E)
    p = mpmath.sqrt(E_e**2 - M_E**2)
    g = mpmath.sqrt(1 - (ALPHA * Z) ** 2)
    y = -ALPHA * Z * E_e / p
    radius = 1.2 * mpmath.mpf(A) ** (mpmath.mpf(1) / 3)
    F = 2 * (1 + g) * (2 * p * radius / HBARC) ** (2 * g - 2) * mpmath.exp(mpmath.pi * y)
    F *= abs(mpmath.gamma(g + 1j * y)) ** 2 / mpmath.gamma(2 * g + 1) ** 2
    return float(E**2 * p * E_e * F)


@pytest.mark.parametrize("component", END_POINTS_MEV)
def test_shape_is_that_of_an_allowed_decay(component: str) -> None:
    for fraction in (0.05, 0.5, 0.9, 0.9995):
        E = fraction * END_POINTS_MEV[component]
        assert float(allowed(component, np.array(E))) == pytest.approx(naive_allowed(component, E), rel=1e-10)
    assert float(allowed(component, np.array(END_POINTS_MEV[component] * 1.01))) == 0.0


@pytest.mark.parametrize("component", END_POINTS_MEV)
def test_cubics_are_the_shape(component: str) -> None:
    from_end = np.concatenate((np.linspace(1.0, 3e-4, 4001), np.geomspace(3e-4, 1e-8, 4001)))
    E = END_POINTS_MEV[component] * (1.0 - from_end)
    flux, shape = produced(component).per_cm2_s_MeV(E), allowed(component, E)
    scale = np.median(flux[1:4001] / shape[1:4001])
    off = np.abs(flux - scale * shape) / flux.max()
    assert off[:4001].max() < 1e-7
    assert off[4001:].max() < 3e-5


@pytest.mark.parametrize("component", COMPONENTS)
def test_spectra_are_of_one_neutrino(component: str) -> None:
    assert produced(component).total_per_cm2_s == pytest.approx(1.0, rel=1e-9)


def test_pp_is_as_published() -> None:
    """J. N. Bahcall, Phys. Rev. C 56, 3391 (1997), every tenth row of the table."""
    E = np.array([0.05041, 0.10081, 0.15122, 0.20162, 0.25203, 0.30244, 0.35284, 0.40325])
    published = np.array([0.3094, 1.0647, 2.0258, 2.9766, 3.7194, 4.0605, 3.7632, 2.2589])
    assert produced("pp").per_cm2_s_MeV(E) == pytest.approx(published, rel=2e-3)


def test_boron_is_as_published() -> None:
    """J. N. Bahcall et al., Phys. Rev. C 54, 411 (1996): the table adds up to 0.9999865."""
    spectrum = produced("B8")
    E = spectrum.knots_MeV
    flux = spectrum.per_cm2_s_MeV(E)
    assert flux[[1, 2, 5]] == pytest.approx(np.array([8.6e-6, 3.4e-5, 2.019e-4]) / 0.9999865, rel=1e-6)
    assert (E[-1], set(spectrum.kinks) <= set(E)) == (pytest.approx(16.36), True)


def test_lines_of_beryllium_share_its_flux() -> None:
    assert produced("Be7").lines.tolist() == [list(line) for line in LINES["Be7"]]
    assert produced("pep").lines.tolist() == [[1.442, 1.0]]
