"""Counts of electron recoils, against quadratures that know nothing of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from math import erfc, sqrt
from typing import Any

import numpy as np
import periodictable
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from scanengine.definition import parse
from scanengine.inputs.electrons import step
from scanengine.inputs.flavours import FAMILY, FLAVOURS
from scanengine.inputs.nuclei import target as material
from scanengine.scan.events import events
from scanengine.scan.problem import Problem
from tests import naive
from tests.inputs.terms.test_electron_weak import matrix_element, standard_model
from tests.response.electron_check_values import REACTOR_E_MEV, REACTOR_FLUX, REACTOR_GERMANIUM, STOPPED_PION

m = 0.51099895069
REACTOR = {
    "kind": "tabulated",
    "reference_distance_m": 1.0,
    "spectra": {"nu_ebar": {"E_MeV": REACTOR_E_MEV, "flux": (1e20 / 5.3242209775 * np.array(REACTOR_FLUX)).tolist()}},
}
PHYSICS = {"sin2_theta_w": 0.23857, "kinematics": "full", "charge_radius": "form-factor"}


def counts(
    experiment: Mapping[str, Any],
    at: Mapping[str, float] | None = None,
    *,
    source: Mapping[str, Any] = REACTOR,
    mediators: Mapping[str, Any] | None = None,
    physics: Mapping[str, Any] = PHYSICS,
) -> float:
    tables = {"source": source, "physics": physics, "fixed": at or {}, "mediators": mediators or {}}
    detector = {"name": "A", "mass_kg": 1.0, "live_time_s": 1.0, "distance_m": 1.0, "recoils": ["electron"]}
    text = "\n".join(f"{key} = {_inline(table)}" for key, table in tables.items())
    given = {key: value for key, value in {**detector, **experiment}.items() if value is not None}
    text += f"\nexperiments = [{_inline(given)}]"
    return sum(record.counts for record in events(Problem(parse(text, require_axes=False)), {}))


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


def germanium(window_keV: tuple[float, float], binding: Any = "free") -> dict[str, Any]:
    channels = {"all": ["nu_ebar"]}
    electrons = {"binding": binding}
    return {"target": "Ge", "recoil_window_keV": list(window_keV), "channels": channels, "electrons": electrons}


AT: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "SM": ({}, {}),
    "mu=1e-11": ({"mu_nu_ebar": 0.1}, {}),
    "q=+1e-12": ({"q_nu_e": 1.0}, {}),
    "q=-1e-12": ({"q_nu_e": -1.0}, {}),
    "r2=+10e-32": ({"r2_nu_ebar": 10.0}, {}),
}


def of_mediator(kind: str, mass_MeV: float, Q_e: float) -> tuple[dict[str, float], dict[str, Any]]:
    charges = {"charges": {"electron": Q_e, "nu_e": 1.0}} if kind == "vector" else {}
    return {"g2_x": 1e-12 if kind == "vector" else 1.0}, {"x": {"kind": kind, "mass_MeV": mass_MeV, **charges}}


@pytest.mark.parametrize("window_keV", list(REACTOR_GERMANIUM))
def test_reactor_antineutrinos_in_germanium(window_keV: tuple[float, float]) -> None:
    """Moments, charges, radii and mediators of three masses, to the nine digits that there are."""
    expected = REACTOR_GERMANIUM[window_keV]
    none = counts(germanium(window_keV))
    for name, value in expected.items():
        if isinstance(name, str):
            at, mediators = AT[name]
        else:
            at, mediators = of_mediator(*name)
        found = counts(germanium(window_keV), at, mediators=mediators)
        alone = name == "mu=1e-11" or (not isinstance(name, str) and name[0] != "vector")
        assert found - (none if alone else 0.0) == pytest.approx(value, rel=2e-8), name


@pytest.mark.parametrize("target", list(STOPPED_PION))
def test_decay_at_rest_on_free_electrons(target: str) -> None:
    """1 t and 1e14 /cm^2 of each flavour, 1 to 10 keV."""
    source = {"kind": "stopped-pion", "flux_per_cm2_s": 1e14, "reference_distance_m": 1.0}
    detector = {
        "target": target,
        "mass_kg": 1000.0,
        "recoil_window_keV": [1.0, 10.0],
        "channels": {"all": ["nu_e", "nu_mu", "nu_mubar"]},
        "electrons": {"binding": "free"},
    }
    charges = ("q_nu_e", "q_nu_mu", "q_nu_tau")
    none, moment, positive, negative = STOPPED_PION[target]
    sm = counts(detector, source=source)
    assert sm == pytest.approx(none, rel=1e-6)
    assert counts(detector, {"mu_nu": 10.0}, source=source) - sm == pytest.approx(moment, rel=1e-6)
    assert counts(detector, dict.fromkeys(charges, 1000.0), source=source) == pytest.approx(positive, rel=1e-6)
    assert counts(detector, dict.fromkeys(charges, -1000.0), source=source) == pytest.approx(negative, rel=1e-6)


def by_quadrature(flavour: str, window_keV: tuple[float, float], spectrum: Any, E_max: float, number: Any) -> float:
    """Of one atom, by SciPy: E outside, T inside between its kinematic ends and the steps of the binding."""
    gV, gA = standard_model(flavour, 0.23857)
    low, high = (1e-3 * T for T in window_keV)

    def of_E(E: float) -> float:
        top = min(high, 2.0 * E * E / (m + 2.0 * E))
        if top <= low:
            return 0.0
        steps = [1e-3 * B for B in number.kinks_keV.tolist() if low < 1e-3 * B < top]
        ends = [low, *steps, top]
        total = 0.0
        for a, b in pairwise(ends):
            n = float(number.number(np.array([500.0 * (a + b)]))[0])
            total += n * quad(lambda T: matrix_element(gV, gA, E, T), a, b, epsabs=0.0, epsrel=1e-11)[0]
        return float(spectrum(E)) * total

    E_low = 0.5 * (low + sqrt(low * (low + 2.0 * m)))
    kinks = [0.5 * (1e-3 * B + sqrt(1e-3 * B * (1e-3 * B + 2.0 * m))) for B in (*number.kinks_keV, window_keV[1])]
    points = sorted(E for E in kinks if E_low < E < E_max)
    ends = [E_low, *points, E_max]
    return float(sum(quad(of_E, a, b, epsabs=0.0, epsrel=1e-9, limit=200)[0] for a, b in pairwise(ends)))


@pytest.mark.parametrize(
    ("target", "Z", "window_keV", "flavour", "binding"),
    [
        ("Xe", 54, (0.1, 40.0), "nu_e", "step"),
        ("Na23", 11, (0.5, 3000.0), "nu_taubar", "step"),
        ("Ar40", 18, (0.05, 0.6), "nu_mu", "free"),
    ],
)
def test_a_falling_spectrum_on_bound_electrons(
    target: str, Z: int, window_keV: tuple[float, float], flavour: str, binding: str
) -> None:
    source = {
        "kind": "tabulated",
        "reference_distance_m": 1.0,
        "spectra": {flavour: {"E_MeV": [0.0, 4.0], "flux": [8e10, 0.0]}},
    }
    detector = {
        "target": target,
        "recoil_window_keV": list(window_keV),
        "channels": {"all": [flavour]},
        "electrons": {"binding": binding},
    }
    shells = step(target.rstrip("0123456789"), Z)
    if binding == "free":
        shells = type(shells)(np.zeros(1), np.array([float(Z)]))
    exact = by_quadrature(flavour, window_keV, lambda E: 2e10 * (4.0 - E), 4.0, shells)
    element = periodictable.elements.symbol(target.rstrip("0123456789"))
    mass_u = element.mass if target == "Xe" else element[int(target[2:])].mass
    assert counts(detector, source=source) == pytest.approx(exact / (mass_u * 1.66053906892e-27), rel=1e-7)


def test_bound_electrons_are_free_ones_above_the_last_shell() -> None:
    window = (12.0, 300.0)
    assert counts(germanium(window, "step")) == pytest.approx(counts(germanium(window)), rel=1e-12)
    below = (1.5, 11.0)
    assert counts(germanium(below, "step")) == pytest.approx(counts(germanium(below)) * 30.0 / 32.0, rel=1e-12)


def smeared(E_keV: float, low: float, high: float) -> float:
    """The share of a Gaussian of 5% of its mean between two ends."""
    width = 0.05 * E_keV * sqrt(2.0)
    sign = 1.0 if E_keV > low else -1.0
    return 0.5 * sign * (erfc(sign * (E_keV - high) / width) - erfc(sign * (E_keV - low) / width))


def test_a_response_of_their_own() -> None:
    """Quenching 0.9, resolution and efficiency of electrons; their spectrum goes on far beyond the last bin."""
    source = {
        "kind": "tabulated",
        "reference_distance_m": 1.0,
        "spectra": {"nu_ebar": {"E_MeV": [0.5, 6.0], "flux": [1e10, 1e10]}},
    }
    electron = {
        "quenching": 0.9,
        "resolution": {"kind": "gaussian", "c": 0.05},
        "efficiency": 0.8,
        "recoil_threshold_keV": 1.0,
    }
    detector = {
        "target": "Ge76",
        "channels": {"all": ["nu_ebar"]},
        "electrons": {"binding": "step", "efficiency": 0.5},
        "response": {"quenching": 0.2, "bins": [2.0, 5.0], "electron": electron},
    }
    gV, gA = standard_model("nu_ebar", 0.23857)

    def of_T(T_keV: float) -> float:
        T = 1e-3 * T_keV
        E_low = max(0.5, 0.5 * (T + sqrt(T * (T + 2.0 * m))))
        inner = quad(lambda E: matrix_element(gV, gA, E, T), E_low, 6.0, epsabs=0.0, epsrel=1e-11)[0]
        return 1e-3 * 1e10 * float(inner) * 0.4 * smeared(0.9 * T_keV, 2.0, 5.0)

    steps = [1.0, 1.217, 1.2481, 1.4146, 2.2, 3.0, 5.0, 5.6, 6.5, 8.5]
    number = step("Ge", 32).number
    exact = sum(
        float(number(np.array([0.5 * (a + b)]))[0]) * quad(of_T, a, b, epsabs=1e-46, epsrel=1e-10, limit=200)[0]
        for a, b in pairwise(steps)
    )
    exact /= periodictable.elements.Ge[76].mass * 1.66053906892e-27
    assert counts(detector, source=source) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("mass_MeV", [0.05, 1.0])
def test_electrons_turn_neutrinos_into_a_sterile_state(mass_MeV: float) -> None:
    """Against the double integral between the sharp ends of the recoil energy, in the other order."""
    source = {
        "kind": "tabulated",
        "reference_distance_m": 1.0,
        "spectra": {"nu_e": {"E_MeV": [1.0, 9.0], "flux": [1e10, 1e10]}},
    }
    detector = {
        "target": "Ar40",
        "recoil_window_keV": [50.0, 2000.0],
        "channels": {"all": ["nu_e"]},
        "electrons": {"binding": "free"},
    }
    N = {"N": {"kind": "dipole", "mass_MeV": mass_MeV}}
    found = counts(detector, {"mu_N": 1.0}, source=source, mediators=N) - counts(detector, source=source)

    def of_T(T: float) -> float:
        least = 0.5 * (T + sqrt(T * (T + 2.0 * m))) * (1.0 + mass_MeV**2 / (2.0 * m * T))
        if least >= 9.0:
            return 0.0

        def bracket(E: float) -> float:
            light = 1.0 / T - 1.0 / E + mass_MeV**2 * (T - 2.0 * E - m) / (4.0 * E**2 * T * m)
            return float(light + mass_MeV**4 * (T - m) / (8.0 * E**2 * T**2 * m**2))

        return float(quad(bracket, max(1.0, least), 9.0, epsabs=0.0, epsrel=1e-11)[0])

    ends = [0.05, 0.2, 0.5, 1.0, 2.0]
    exact = sum(quad(of_T, a, b, epsabs=0.0, epsrel=1e-8, limit=300)[0] for a, b in pairwise(ends))
    exact *= 1e10 * 18.0 * np.pi * (naive.ALPHA * 1e-10 * naive.HBARC_CM / m) ** 2
    exact /= periodictable.elements.Ar[40].mass * 1.66053906892e-27
    assert found == pytest.approx(exact, rel=1e-6)


def test_flavours_that_arrive_together_interfere_on_electrons_too() -> None:
    """Solar neutrinos with an NSI that changes flavour: the interference is odd in it, all else even."""
    flavours = ["nu_e", "nu_mu", "nu_tau"]
    solar = {"kind": "solar", "components": ["Be7"]}
    detector = {"target": "Xe", "recoil_window_keV": [1.0, 300.0], "channels": {"all": flavours}, "distance_m": None}
    alone = sum(
        counts({**detector, "channels": {"all": [flavour]}}, {"eps_em_eV": 0.2}, source=solar) for flavour in flavours
    )
    positive, negative = (counts(detector, {"eps_em_eV": sign * 0.2}, source=solar) for sign in (1.0, -1.0))
    assert 0.5 * (positive + negative) == pytest.approx(alone, rel=1e-9)
    assert abs(positive / negative - 1.0) > 0.01


@settings(max_examples=8)
@given(
    st.sampled_from([("Xe", 54), ("Ge", 32), ("Si", 14), ("F", 9)]),
    st.sampled_from(FLAVOURS),
    st.sampled_from(["vector", "scalar", "tensor"]),
    st.floats(-4.0, 3.0),
    st.floats(0.05, 5.0),
    st.floats(1.5, 40.0),
    st.booleans(),
)
def test_any_target_flavour_and_mediator(
    target: tuple[str, int], flavour: str, kind: str, log_mass: float, low_keV: float, ratio: float, bound: bool
) -> None:
    """SciPy integrates over T outside and E inside, between all steps of the binding and ends of the kinematics."""
    symbol, Z = target
    mass_MeV, high_keV = 10.0**log_mass, low_keV * ratio
    source = {
        "kind": "tabulated",
        "reference_distance_m": 1.0,
        "spectra": {flavour: {"E_MeV": [2.0, 30.0], "flux": [1e10, 1e10]}},
    }
    detector = {
        "target": symbol,
        "recoil_window_keV": [low_keV, high_keV],
        "channels": {"all": [flavour]},
        "electrons": {"binding": "step" if bound else "free"},
    }
    g2 = 3e-12 * (1.0 + mass_MeV**2 / (2.0 * m * 1e-3 * low_keV))
    charges = {"charges": {"electron": -1.0, "nu_e": 2.0, "nu_mu": -1.0, "nu_tau": 0.5}} if kind == "vector" else {}
    mediators = {"x": {"kind": kind, "mass_MeV": mass_MeV, **charges}}
    Q_nu = {"e": 2.0, "m": -1.0, "t": 0.5}[FAMILY[flavour]]
    gV, gA = standard_model(flavour, 0.23857)

    def of_E(E: float, T: float) -> float:
        propagator = g2 / (2.0 * m * T + mass_MeV**2)
        shift = -Q_nu * propagator / (sqrt(2.0) * naive.G_F) if kind == "vector" else 0.0
        added = 0.0
        if kind == "scalar":
            added = m * T * (m + 0.5 * T) / (4.0 * np.pi * E**2)
        if kind == "tensor":
            added = 4.0 * m / np.pi * (1.0 - T / E - m * T / (4.0 * E**2) + T**2 / (4.0 * E**2))
        return matrix_element(gV + shift, gA, E, T) + float(propagator**2 * added * naive.HBARC_CM**2)

    shells = step(symbol, Z)
    steps = [B for B in shells.kinks_keV.tolist() if low_keV < B < high_keV] if bound else []
    ends = sorted({low_keV, *steps, high_keV, *(min(low_keV * 2.0**k, high_keV) for k in range(7))})
    total = 0.0
    for a, b in pairwise(ends):
        number = float(shells.number(np.array([0.5 * (a + b)]))[0]) if bound else float(Z)
        of_T = lambda T_keV: quad(of_E, 2.0, 30.0, args=(1e-3 * T_keV,), epsabs=0.0, epsrel=1e-10)[0]  # noqa: E731
        total += number * 1e-3 * quad(of_T, a, b, epsabs=0.0, epsrel=1e-9)[0]
    exact = 1e10 * total * sum(material(symbol).atoms_per_kg)
    found = counts(detector, {"g2_x": g2}, source=source, mediators=mediators)
    assert found == pytest.approx(exact, rel=1e-6)
