"""Sources whose spectra depend on the time of arrival, against the product of a spectrum and shares in time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.sources import Arrivals, Spectrum, at_rest
from scanengine.likelihood.counts import standard_model_counts
from scanengine.response.integrals import responses
from tests.scan_files import experiment, written

pytestmark = pytest.mark.jit_only

E_MEV = np.linspace(0.0, 52.0, 14)
FLUX = 1e5 * E_MEV**2 * (52.0 - E_MEV)
EDGES = [0.0, 0.5, 1.0, 2.0]
SHARES = np.array([0.1, 0.5, 0.25])
RESPONSE = {"quenching": 0.2, "resolution": {"kind": "gaussian", "b": 0.3}, "bins": [2.0, 4.0, 8.0]}


def table(path: Path, flux: Callable[[float], np.ndarray]) -> None:
    """Write the flux at the middles of bins of 0.25 us."""
    rows = [(t, E, f) for t in np.arange(0.125, 2.0, 0.25) for E, f in zip(E_MEV, flux(t), strict=True)]
    np.savetxt(path, rows)


def in_time(folder: Path, flux: Callable[[float], np.ndarray], **keys: Any) -> Definition:
    table(folder / "nu_e.txt", flux)
    spectra = {"nu_e": {"file": "nu_e.txt", "columns": ["time_us", "E_MeV", "flux"]}}
    return scan(folder, {"spectra": spectra, **keys.pop("source", {})}, {"bins_us": EDGES, **keys})


def scan(folder: Path, source: dict[str, Any], time: dict[str, Any] | None) -> Definition:
    detector = experiment(
        recoil_window_keV=None, response=RESPONSE, channels={"all": ["nu_e"]}, **({"time": time} if time else {})
    )
    text = written([detector], source={"kind": "tabulated", "reference_distance_m": 20.0, **source})
    return parse(text, directory=folder, require_axes=False)


def counts(found: Definition) -> np.ndarray:
    return standard_model_counts(found, responses(found))


def test_what_factorises_is_the_product(tmp_path: Path) -> None:
    shares = dict(
        zip(
            np.arange(0.125, 2.0, 0.25).tolist(),
            np.repeat(SHARES, [2, 2, 4]) / np.repeat([2, 2, 4], [2, 2, 4]),
            strict=True,
        )
    )
    found = in_time(tmp_path, lambda t: shares[t] * FLUX)
    plain = {"spectra": {"nu_e": {"E_MeV": E_MEV.tolist(), "flux": FLUX.tolist()}}}
    product = scan(tmp_path, plain, {"bins_us": EDGES, "delayed": SHARES.tolist()})
    assert counts(found) == pytest.approx(counts(product), rel=1e-9)
    assert counts(scan(tmp_path, {"spectra": found_spectra()}, None)) == pytest.approx(
        SHARES.sum() * counts(scan(tmp_path, plain, None)), rel=1e-9
    )


def found_spectra() -> dict[str, Any]:
    return {"nu_e": {"file": "nu_e.txt", "columns": ["time_us", "E_MeV", "flux"]}}


def test_a_spectrum_that_changes_is_integrated_in_each_bin(tmp_path: Path) -> None:
    """Late neutrinos have other energies; half a bin of the table arrives in half of its time."""
    found = in_time(tmp_path, lambda t: FLUX if t < 0.5 else E_MEV * 1e7 * (t < 1.0), bins_us=[-1.0, 0.125, 0.5, 3.0])
    early, late = (
        counts(scan(tmp_path, {"spectra": {"nu_e": {"E_MeV": E_MEV.tolist(), "flux": each.tolist()}}}, None))
        for each in (FLUX, E_MEV * 1e7)
    )
    expected = np.stack((0.5 * early, 1.5 * early, 2.0 * late), axis=1)
    assert counts(found).reshape(2, 3) == pytest.approx(expected, rel=1e-9)


def test_the_efficiency_in_time_and_a_total_flux_apply(tmp_path: Path) -> None:
    efficiency = {"kind": "exponential", "start_us": 0.0, "rate_per_us": 0.7}
    plain, kept = (in_time(tmp_path, lambda _: FLUX, **keys) for keys in ({}, {"efficiency": efficiency}))
    averages = [(np.exp(-0.7 * a) - np.exp(-0.7 * b)) / 0.7 / (b - a) for a, b in pairwise(EDGES)]
    assert counts(kept).reshape(2, 3) == pytest.approx(counts(plain).reshape(2, 3) * averages, rel=1e-9)
    scaled = in_time(tmp_path, lambda _: FLUX, source={"flux_per_cm2_s": 3.0e6})
    assert scaled.source.spectra["nu_e"].total_per_cm2_s == pytest.approx(3.0e6)
    assert counts(scaled) == pytest.approx(counts(plain) * 3.0e6 / plain.source.spectra["nu_e"].total_per_cm2_s)


def test_they_oscillate_as_others_do(tmp_path: Path) -> None:
    sterile = {"sterile": {"dm2_eV2": 1.3, "sin2_2theta_ee": 0.3}}
    found = in_time(tmp_path, lambda _: FLUX / 8.0, source=sterile)
    plain = scan(tmp_path, {"spectra": {"nu_e": {"E_MeV": E_MEV.tolist(), "flux": FLUX.tolist()}}, **sterile}, None)
    assert counts(found).reshape(2, 3).sum(axis=1) == pytest.approx(counts(plain), rel=1e-8)


@pytest.mark.parametrize(
    ("lines", "time", "said"),
    [
        ("0.1 10 1\n0.3 10 1\n0.1 20 1\n", {}, "found 3 rows for 2 times and 2 energies"),
        ("0.1 10 1\n0.1 10 5\n0.3 10 1\n0.3 20 1\n", {}, "nu_e.txt:2: found time_us = 0.1 with E_MeV = 10 once more"),
        ("0.1 10 -1\n0.3 10 1\n", {}, "found flux = -1"),
        ("0.1 10 1\n0.1 20 1\n", {}, "it must have two times or more"),
        ("0.1 10 1\n0.3 10 1\n", {}, "at least two points"),
        (
            "0.1 10 1\n0.3 10 1\n0.1 20 1\n0.3 20 0\n",
            {"delayed": [1.0, 0.0, 0.0]},
            "delayed: the source's spectra have",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: str, time: dict[str, Any], said: str) -> None:
    (tmp_path / "nu_e.txt").write_text(lines)
    with pytest.raises(DefinitionError, match=said):
        scan(tmp_path, {"spectra": found_spectra()}, {"bins_us": EDGES, **time})


def test_all_flavours_have_times_or_none(tmp_path: Path) -> None:
    table(tmp_path / "nu_e.txt", lambda _: FLUX)
    spectra = {**found_spectra(), "nu_mu": {"at_rest": "pi+", "flux_per_cm2_s": 1e6}}
    with pytest.raises(DefinitionError, match="nu_mu: found no column time_us, which nu_e has"):
        scan(tmp_path, {"spectra": spectra}, None)


def test_decays_at_rest_are_components(tmp_path: Path) -> None:
    of_muon = {"at_rest": "mu+", "flux_per_cm2_s": 1e7}
    flight = {"E_MeV": [20.0, 60.0, 150.0], "flux": [0.0, 1e3, 0.0]}
    found = scan(tmp_path, {"spectra": {"nu_e": [of_muon, flight]}}, None)
    parts = [counts(scan(tmp_path, {"spectra": {"nu_e": each}}, None)) for each in (of_muon, flight)]
    assert counts(found) == pytest.approx(sum(parts), rel=1e-9)
    kaon = at_rest("K+", "nu_mu", 2.0)
    assert kaon is not None
    assert kaon.lines == pytest.approx(np.array([[235.53, 2.0]]), abs=5e-3)
    with pytest.raises(DefinitionError, match=r"at_rest: found .K\+., which makes no nu_e here"):
        scan(tmp_path, {"spectra": {"nu_e": {"at_rest": "K+", "flux_per_cm2_s": 1.0}}}, None)


def test_arrivals_between_edges_add_up() -> None:
    spectra = tuple(Spectrum.line(30.0, flux) for flux in (1.0, 2.0, 4.0))
    found = Arrivals(np.array([0.0, 1.0, 2.0, 4.0]), spectra).between(np.array([0.5, 1.5, 3.0, 9.0]), None)
    assert [each.total_per_cm2_s for each in found] == pytest.approx([1.5, 3.0, 2.0])
