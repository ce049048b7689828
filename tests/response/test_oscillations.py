"""Counts of neutrinos that oscillate on their way, against independent integrals."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from scipy.integrate import quad

from scanengine.definition import Definition, parse
from scanengine.likelihood.counts import standard_model_counts
from scanengine.response.integrals import responses
from tests.definition.example import edited, faults_of
from tests.scan_files import SOURCE, definition, experiment

pytestmark = pytest.mark.jit_only

CHANNELS = {flavour: [flavour] for flavour in ("nu_mu", "nu_e", "nu_mubar")}


def caesium_iodide(sterile: dict[str, float], threshold_keV: float = 5.0) -> Definition:
    """1 t that a fluence of 1e14 /cm^2 passes through, at 19.3 m."""
    helm = {
        "Cs133": {"kind": "helm", "rms_p_fm": 4.804, "rms_n_fm": 5.01},
        "I127": {"kind": "helm", "rms_p_fm": 4.749, "rms_n_fm": 4.94},
    }
    window = [threshold_keV, inf]
    detector = experiment(target="CsI", mass_kg=1e3, live_time_yr=None, live_time_s=1e7, distance_m=19.3)
    detector |= {"form_factor": helm, "channels": CHANNELS, "recoil_window_keV": window}
    source = {**SOURCE, "reference_distance_m": 19.3, "sterile": sterile}
    return definition([detector], source=source, physics={"sin2_theta_w": 0.23857, "kinematics": "full"})


def counts(found: Definition) -> list[float]:
    return [float(each) for each in standard_model_counts(found, responses(found))]


@pytest.mark.parametrize(
    ("dm2_eV2", "expected"),
    [(1.0, [2512.21074, 3525.66473, 4971.69286]), (5.0, [2475.64358, 3570.8363, 4990.33077])],
)
def test_counts_of_an_independent_quadrature(dm2_eV2: float, expected: list[float]) -> None:
    mixing = {"dm2_eV2": dm2_eV2, "sin2_2theta_ee": 0.1, "sin2_2theta_mm": 0.1}
    assert counts(caesium_iodide(mixing)) == pytest.approx(expected, rel=1e-6)


def test_fast_oscillations_are_integrated_as_they_are() -> None:
    """On neon without a form factor, above 100 keV; twelve periods between threshold and end point."""
    dm2_eV2, L, mass_MeV = 90.0, 20.0, 18617.728
    detector = experiment(recoil_window_keV=[100.0, inf], channels={"all": ["nu_e"]}, form_factor="unity")
    still = definition([detector])
    fast = definition([detector], source={**SOURCE, "sterile": {"dm2_eV2": dm2_eV2, "sin2_2theta_ee": 1.0}})
    isotope = still.experiments[0].target.isotopes[0]
    assert isotope.mass_MeV == pytest.approx(mass_MeV, rel=1e-4)
    T, spectrum = 0.1, still.source.spectra["nu_e"]
    least = 0.5 * (T + np.sqrt(T * (T + 2.0 * isotope.mass_MeV)))

    def seen(E: float) -> float:
        """int dT (1 - M T / 2 E^2) above the threshold, times the flux."""
        M, end = isotope.mass_MeV, 2.0 * E * E / (isotope.mass_MeV + 2.0 * E)
        return float(spectrum.per_cm2_s_MeV(np.array([E]))[0]) * (end - T - M * (end * end - T * T) / (4.0 * E * E))

    def left(E: float) -> float:
        return float(seen(E) * np.cos(1.2669326785 * dm2_eV2 * L / E) ** 2)

    still_rate, rate = (
        quad(each, least, spectrum.E_max_MeV, epsabs=0.0, epsrel=1e-12, limit=400)[0] for each in (seen, left)
    )
    assert counts(fast)[0] / counts(still)[0] == pytest.approx(rate / still_rate, rel=1e-9)


def test_without_a_threshold_what_turns_too_fast_is_averaged() -> None:
    mixing = {"dm2_eV2": 20.0, "sin2_2theta_ee": 0.1, "sin2_2theta_mm": 0.1}
    whole = caesium_iodide(mixing, threshold_keV=0.0)
    assert whole.source.at(19.3).spectra["nu_e"].oscillation.averaged_below_MeV > 0.07  # type: ignore[union-attr]
    still = counts(caesium_iodide({"dm2_eV2": 0.0}, threshold_keV=0.0))
    ratios = np.array(counts(whole)) / still
    assert np.all((ratios > 0.9) & (ratios < 1.0))


STERILE = ("reference_distance_m = 20.0\n", "reference_distance_m = 20.0\nsterile = {{ {} }}\n")


def sterile(keys: str) -> tuple[str, str]:
    return STERILE[0], STERILE[1].format(keys)


def test_parameters_of_oscillations_are_axes() -> None:
    keys = sterile("dm2_eV2 = 1.0, sin2_2theta_ee = 0.1")
    axes = '"source.sterile.dm2_eV2" = { values = [0.5, 2.0] }\n"source.sterile.sin2_2theta_ee" = { values = [0.1, 1] }'
    found = parse(edited(keys, ("[axes]\n", f"[axes]\n{axes}\n")))
    inside = found.inside({"source.sterile.dm2_eV2": 2.0, "source.sterile.sin2_2theta_ee": 1.0})
    assert inside.source.sterile is not None
    assert (inside.source.sterile.dm2_eV2, inside.source.sterile.sin2_2theta_ee) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("sin2_2theta_ee = 0.1", "source.sterile.dm2_eV2: missing, it must be given: difference of the squared"),
        ("dm2_eV2 = -1.0", "source.sterile.dm2_eV2: found -1.0, it must be a number that is not negative"),
        ("dm2_eV2 = 1.0, sin2_2theta_ee = 1.5", "source.sterile.sin2_2theta_ee: found 1.5, it must be"),
        ("dm2_eV2 = 1.0, theta = 1.0", "source.sterile.theta: unknown key"),
        (
            "dm2_eV2 = 1.0e5, sin2_2theta_ee = 0.1",
            "experiments.Ne.distance_m: over 20 m nu_e below 403 MeV oscillate faster than can be followed",
        ),
    ],
)
def test_faults(keys: str, expected: str) -> None:
    assert faults_of(edited(sterile(keys)))[0].message.startswith(expected)


def test_both_angles_at_once_are_noted() -> None:
    text = edited(sterile("dm2_eV2 = 1.0, sin2_2theta_ee = 0.1, sin2_2theta_mm = 0.1"))
    assert any("exact only if one of the angles is zero" in note for note in parse(text).notes)
    assert not any("sterile" in note for note in parse(edited(sterile("dm2_eV2 = 1.0, sin2_2theta_ee = 0.1"))).notes)
