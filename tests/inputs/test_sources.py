"""Neutrino sources: spectra normalised as stated, and of the published shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.errors import InputError
from scanengine.inputs.sources import PROMPT_LINE_MEV, Source, Spectrum, stopped_pion, tabulated_spectrum
from tests import naive


def value(spectrum: Spectrum, E: float) -> float:
    for j, (lo, hi) in enumerate(zip(spectrum.knots_MeV[:-1], spectrum.knots_MeV[1:], strict=True)):
        if lo <= E <= hi:
            return float(np.polynomial.polynomial.polyval(E, spectrum.coefficients[j]))
    return 0.0


def total(spectrum: Spectrum) -> float:
    result = float(spectrum.line_fluxes_per_cm2_s.sum())
    for j, (lo, hi) in enumerate(zip(spectrum.knots_MeV[:-1], spectrum.knots_MeV[1:], strict=True)):
        antiderivative = np.polynomial.polynomial.polyint(spectrum.coefficients[j])
        result += float(np.diff(np.polynomial.polynomial.polyval([lo, hi], antiderivative))[0])
    return result


@pytest.mark.parametrize("flavour", ["nu_e", "nu_mu", "nu_mubar"])
def test_each_flavour_of_a_stopped_pion_has_the_flux_given(flavour: str) -> None:
    assert total(stopped_pion(2.5e7, 20.0).spectra[flavour]) == pytest.approx(2.5e7, rel=1e-13)


@pytest.mark.parametrize("flavour", ["nu_e", "nu_mubar"])
def test_muon_decay_spectra_are_the_published_ones(flavour: str) -> None:
    spectrum, published = stopped_pion(3.0, 20.0).spectra[flavour], naive.STOPPED_PION[flavour](3.0)
    assert spectrum.E_max_MeV == naive.M_MU / 2.0
    for E in np.linspace(0.0, spectrum.E_max_MeV, 21):
        assert value(spectrum, E) == pytest.approx(float(published.continuum(E)), abs=1e-15)


def test_flux_at_energies_is_the_continuum_and_vanishes_beyond_it() -> None:
    spectra = stopped_pion(1e7, 20.0).spectra
    E = np.array([-1.0, 0.0, 12.5, 30.0, naive.M_MU / 2.0, 52.83, 80.0])
    for flavour in ("nu_e", "nu_mubar"):
        continuum = naive.STOPPED_PION[flavour](1e7).continuum
        within = (E >= 0.0) & (E <= naive.M_MU / 2.0)
        published = [float(continuum(e)) if here else 0.0 for e, here in zip(E, within, strict=True)]
        assert spectra[flavour].per_cm2_s_MeV(E) == pytest.approx(published, rel=1e-12, abs=1e-7)
    assert not spectra["nu_mu"].per_cm2_s_MeV(np.array([PROMPT_LINE_MEV])).any()
    lines = tabulated_spectrum(np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 1.0]))
    assert lines.per_cm2_s_MeV(np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0])) == pytest.approx(
        [0.0, 3.0, 4.0, 5.0, 3.0, 1.0]
    )


def test_prompt_line_is_two_body_kinematics() -> None:
    assert pytest.approx(29.792, abs=5e-4) == PROMPT_LINE_MEV
    line = stopped_pion(1.0, 20.0).spectra["nu_mu"]
    assert line.line_energies_MeV.tolist() == [PROMPT_LINE_MEV] == [line.E_max_MeV]
    assert stopped_pion(1.0, 20.0, 29.9).spectra["nu_mu"].E_max_MeV == 29.9


@pytest.mark.parametrize(("flavour", "mean"), [("nu_e", 3.0 / 5.0), ("nu_mubar", 7.0 / 10.0)])
def test_mean_energy_of_muon_decay(flavour: str, mean: float) -> None:
    """3/10 and 7/20 of the muon's mass."""
    spectrum = stopped_pion(1.0, 20.0).spectra[flavour]
    times_E = Spectrum.continuum(
        spectrum.knots_MeV, np.polynomial.polynomial.polymulx(spectrum.coefficients[0])[None, :]
    )
    assert total(times_E) == pytest.approx(mean * naive.M_MU / 2.0, rel=1e-13)


POINTS = st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.0, 10.0)), min_size=2, max_size=12)


@given(POINTS, st.floats(0.0, 10.0))
def test_table_runs_through_its_points_in_straight_lines(points: list[tuple[float, float]], first: float) -> None:
    E = first + np.cumsum([step for step, _ in points]) - points[0][0]
    flux = np.array([f for _, f in points]) + 0.1
    spectrum = tabulated_spectrum(E, flux)
    for x in np.concatenate((E, 0.5 * (E[1:] + E[:-1]))):
        assert value(spectrum, x) == pytest.approx(float(np.interp(x, E, flux)), abs=1e-10)
    assert spectrum.E_max_MeV == E[-1]
    assert total(spectrum) == pytest.approx(np.trapezoid(flux, E), rel=1e-10)


@given(POINTS, st.floats(1e-3, 1e15))
def test_table_with_a_total_is_scaled_to_it(points: list[tuple[float, float]], flux: float) -> None:
    E = np.cumsum([step for step, _ in points])
    given_flux = np.array([f for _, f in points]) + 0.1
    assert total(tabulated_spectrum(E, given_flux, flux)) == pytest.approx(flux, rel=1e-10)


def test_table_given_by_the_user_is_left_as_it_is() -> None:
    E, flux = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 0.0])
    tabulated_spectrum(E, flux, 100.0)
    assert (E.tolist(), flux.tolist()) == ([1.0, 2.0, 3.0], [1.0, 2.0, 0.0])


@pytest.mark.parametrize(
    ("E", "flux", "words"),
    [
        ([1.0], [1.0], "at least two points"),
        ([2.0, 1.0], [1.0, 1.0], "increasing"),
        ([1.0, 1.0], [1.0, 1.0], "increasing"),
        ([-1.0, 1.0], [1.0, 1.0], "non-negative"),
        ([1.0, 2.0], [1.0, -1.0], "not negative"),
        ([1.0, 2.0], [0.0, 0.0], "not all zero"),
    ],
)
def test_bad_table_is_an_input_error(E: list[float], flux: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        tabulated_spectrum(np.array(E), np.array(flux))


def test_sum_of_spectra_has_the_flux_of_all_at_every_energy() -> None:
    parts = [
        tabulated_spectrum(np.array([0.0, 2.0, 5.0]), np.array([0.0, 3.0, 1.0])),
        stopped_pion(10.0, 20.0).spectra["nu_e"],
        Spectrum.line(3.0, 7.0),
        tabulated_spectrum(np.array([60.0, 70.0]), np.array([1.0, 4.0])),
    ]
    both = Spectrum.sum_of(parts)
    E = np.array([0.5, 1.9, 2.1, 4.99, 5.01, 52.0, 55.0, 65.0, 71.0])
    assert both.per_cm2_s_MeV(E) == pytest.approx(sum(part.per_cm2_s_MeV(E) for part in parts), rel=1e-13)
    assert both.total_per_cm2_s == pytest.approx(sum(total(part) for part in parts), rel=1e-13)
    assert both.lines.tolist() == [[3.0, 7.0]]
    assert both.times(2.0).total_per_cm2_s == pytest.approx(2.0 * both.total_per_cm2_s, rel=1e-15)


def test_sum_of_lines_alone_has_no_continuum() -> None:
    lines = Spectrum.sum_of([Spectrum.line(0.862, 4.0), Spectrum.line(0.384, 1.0)])
    assert (lines.total_per_cm2_s, lines.knots_MeV.size, lines.coefficients.shape) == (5.0, 0, (0, 4))


def test_unknown_flavour_is_an_input_error() -> None:
    with pytest.raises(InputError, match="unknown flavour 'nu_x': nu_e, nu_mu"):
        Source({"nu_x": Spectrum.line(1.0, 1.0)}, 20.0)


def test_spectra_of_a_source_cannot_be_changed() -> None:
    spectra: dict[str, Spectrum] = {"nu_e": Spectrum.line(1.0, 1.0)}
    source = Source(spectra, 20.0)
    spectra["nu_mu"] = Spectrum.line(1.0, 1.0)
    assert list(source.spectra) == ["nu_e"]
