"""What an axis over a number of the scan file costs: a mediator's mass, with COHERENT's CsI data of 2021.

`pytest benchmarks/test_outer_axes.py --benchmark-enable --benchmark-only` prints the times: of the integrals of one
more mass, beside integrating anew; and of a map of masses and couplings, beside what a script does that computes a new
rate at every point. The data releases must be in the folder that SCANENGINE_DATA names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import pytest

import scanengine
from scanengine import definition
from scanengine.definition.reading.bundled import find_scan
from scanengine.response import integrals
from scanengine.response.integrals import KnownRecoils, responses

Benchmark = Callable[..., None]

pytestmark = pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no data releases")

MASS = "mediators.zp.mass_MeV"
MASSES, COUPLINGS = 61, 401


@cache
def csi(masses: int = MASSES, couplings: int = COUPLINGS) -> scanengine.Scan:
    """99 bins with a Poisson likelihood and nuisances, and a universal vector mediator."""
    path = find_scan("coherent/csi2021")
    text = path.read_text(encoding="utf-8")
    text = text[: text.index("[axes]")] + '[mediators.zp]\nkind = "vector"\ncharges = "universal"\n[axes]\n'
    text += f'"{MASS}" = {{ min = 1.0, max = 1.0e4, points = {masses}, spacing = "log" }}\n'
    text += f'g_zp = {{ min = 1.0e-6, max = 1.0e-2, points = {couplings}, spacing = "log" }}\n'
    return scanengine.Scan(definition.parse(text, path=path))


@pytest.mark.benchmark(group="integrals of one mass of a mediator, CsI 2021")
def test_one_more_mass(benchmark: Benchmark) -> None:
    known: KnownRecoils = {}
    for mass in (3.0, 5.0):
        responses(csi().definition.inside({MASS: mass}), 1, known)
    benchmark(responses, csi().definition.inside({MASS: 7.0}), 1, known)


@pytest.mark.benchmark(group="integrals of one mass of a mediator, CsI 2021")
def test_anew(benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrals, "INTERPRETED_PANELS", -1)  # compiled, as for one of many
    benchmark(responses, csi().definition.inside({MASS: 7.0}))


@pytest.mark.benchmark(group="a map of 61 masses x 401 couplings, 99 bins, Poisson, 4 nuisances, one thread")
def test_map(benchmark: Benchmark, request: pytest.FixtureRequest) -> None:
    whole = request.config.getoption("benchmark_enable")
    scan = csi() if whole else csi(3, 21)
    benchmark(lambda: scanengine.Scan(scan.definition).run(threads=1))


@pytest.mark.benchmark(group="a new rate at one point, as a script does it: times 24 461 for the map")
def test_peer_a_new_rate_at_a_point(benchmark: Benchmark) -> None:
    one = csi().definition.inside({MASS: 7.0})
    benchmark(lambda: scanengine.Scan(one).chi2(g_zp=1e-5))
