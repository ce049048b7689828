"""A crystal of two elements, each with quenching, light yield and resolution of its own: by hand, with SciPy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from scanengine.definition import Definition, parse
from scanengine.inputs.nuclei import target
from scanengine.response.integrals import responses
from tests import naive
from tests.scan_files import SOURCE_TEXT

SIN2, MASS_KG, LIGHT_YIELD = 0.23120, 10.0, 11.0
NA_KEV, NA_FACTORS = [3.0, 10.0, 25.0, 60.0], [0.10, 0.14, 0.19, 0.21]
EDGES = [1.0, 3.0, 7.0]
TEXT = f"""\
{SOURCE_TEXT}
[[experiments]]
name = "NaI"
target = "NaI"
mass_kg = {MASS_KG}
live_time_yr = 1.0
distance_m = 20.0
form_factor = "unity"
channels = {{ all = ["nu_e"] }}
[experiments.response]
quenching = {{ Na = {{ file = "na.txt" }}, I = 0.09 }}
resolution = {{ kind = "gaussian", b = 0.3 }}
bins = {EDGES}
"""
RESOLUTION = 'resolution = { kind = "gaussian", b = 0.3 }'


def read(folder: Path, *edits: tuple[str, str]) -> Definition:
    rows = (f"{T} {q}\n" for T, q in zip(NA_KEV, NA_FACTORS, strict=True))
    (folder / "na.txt").write_text("".join(rows), encoding="utf-8")
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return parse(text, directory=folder, require_axes=False)


def events(scan: Definition) -> list[float]:
    point = scan.parameters.values(np.zeros(0))
    (response,) = responses(scan)
    return [float(n) for n in response.counts(point)]


def flux_above(E: float, power: int) -> float:
    """The integral of the nu_e spectrum of muon decay over E^power from E on."""
    m = naive.M_MU
    a, b, p = 96.0 / m**3, -192.0 / m**4, 3 - power
    top = m / 2.0
    return a * (top**p - E**p) / p + b * (top ** (p + 1) - E ** (p + 1)) / (p + 1)


def by_hand(symbol: str, lo: float, hi: float, share: Callable[[float, float, float], float]) -> float:
    """The counts of one element in one bin; share(T in keV, lo, hi) is that of recoils that end up there."""
    (isotope,) = (each for each in target("NaI").isotopes if each.symbol == symbol)
    M, Q = isotope.mass_MeV, isotope.Z * (0.5 - 2.0 * SIN2) - 0.5 * isotope.N

    def rate(root: float) -> float:
        T = root * root
        e = 0.5 * (T + sqrt(T * T + 2.0 * M * T))
        return 2.0 * root * share(1e3 * T, lo, hi) * (flux_above(e, 0) - 0.5 * M * T * flux_above(e, 2))

    E_max = naive.M_MU / 2.0
    T_max = 2.0 * E_max**2 / (M + 2.0 * E_max)
    cuts = sorted({0.0, sqrt(T_max), *(sqrt(1e-3 * T) for T in NA_KEV if T_max > 1e-3 * T)})
    integral = sum(quad(rate, a, b, epsrel=1e-11, epsabs=1e-14, limit=400)[0] for a, b in pairwise(cuts))
    atoms = MASS_KG / sum(each.atomic_mass_u for each in target("NaI").isotopes) / naive.U_KG
    sigma = naive.G_F**2 * M / np.pi * naive.HBARC_CM**2 * Q**2
    return float(1e7 * naive.YEAR_S * atoms * sigma * integral)


def keVee(symbol: str, T: float) -> float:
    return T * (float(np.interp(T, NA_KEV, NA_FACTORS)) if symbol == "Na" else 0.09)


def gaussian(symbol: str, b: float, light_yield: float = 1.0) -> Callable[[float, float, float], float]:
    def share(T: float, lo: float, hi: float) -> float:
        x = light_yield * keVee(symbol, T)
        sigma = b * sqrt(x) if x else 1e-30
        return float(norm.cdf((hi - x) / sigma) - norm.cdf((lo - x) / sigma))

    return share


def test_each_element_has_its_quenching(tmp_path: Path) -> None:
    found = events(read(tmp_path))
    for n, (lo, hi) in zip(found, pairwise(EDGES), strict=True):
        expected = sum(by_hand(symbol, lo, hi, gaussian(symbol, 0.3)) for symbol in ("Na", "I"))
        assert n == pytest.approx(expected, rel=1e-8)


def test_each_element_has_its_resolution_and_light_yield(tmp_path: Path) -> None:
    own = '{ Na = { kind = "gaussian", b = 1.2 }, I127 = { kind = "gaussian", b = 2.0 } }'
    scan = read(
        tmp_path,
        (RESOLUTION, f"resolution = {own}\nlight_yield_PE_per_keVee = {{ Na = {LIGHT_YIELD}, I = 7.0 }}"),
        (f"bins = {EDGES}", "bins = [15.0, 40.0]"),
    )
    shares = {"Na": gaussian("Na", 1.2, LIGHT_YIELD), "I": gaussian("I", 2.0, 7.0)}
    expected = sum(by_hand(symbol, 15.0, 40.0, share) for symbol, share in shares.items())
    assert events(scan) == [pytest.approx(expected, rel=1e-8)]
    assert scan.experiments[0].binning.units == "PE"


def test_the_same_for_each_element_is_the_same_for_all(tmp_path: Path) -> None:
    alike = "quenching = { Na = 0.1, I = 0.1 }"
    one = read(tmp_path, ('quenching = { Na = { file = "na.txt" }, I = 0.09 }', "quenching = 0.1"))
    both = read(tmp_path, ('quenching = { Na = { file = "na.txt" }, I = 0.09 }', alike))
    assert events(both) == pytest.approx(events(one), rel=1e-12)


def test_one_crystal_is_one_experiment(tmp_path: Path) -> None:
    """Its elements add up to that of the crystal, and the quenching of either is a key of its own."""
    scan = read(tmp_path)
    key = "experiments.NaI.response.quenching.I"
    blind = events(scan.at({key: 1e-6}))
    sodium = [by_hand("Na", lo, hi, gaussian("Na", 0.3)) for lo, hi in pairwise(EDGES)]
    assert blind == pytest.approx(sodium, rel=1e-8)
    axis = parse(TEXT + f'[axes]\n"{key}" = {{ values = [0.05, 0.09] }}\n', directory=tmp_path)
    assert events(axis.inside({key: 0.09})) == pytest.approx(events(scan), rel=1e-12)
