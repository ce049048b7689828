"""What a grid point costs, beside the limit of the memory and a NumPy script.

`pytest benchmarks --benchmark-enable --benchmark-only` prints the times; every case works on the same number of points,
so that ratios of times are ratios of rates. Under plain `pytest` each case runs once, as a test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import scanengine
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import FloatArray

SHAPE = (15, 15, 31, 31, 40)


@cache
def five_dimensional(bins: int) -> scanengine.Scan:
    """The main job's scan on this grid, each target's recoil window in a number of bins."""
    edges = [*(10.0 + 40.0 * i / bins for i in range(bins)), 400.0]
    overrides = [f"experiments.{name}.recoil_bins_keV={edges}" for name in ("Ne", "Ar", "Ge", "Xe")] if bins > 1 else []
    names = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")
    overrides += [f"axes.{name}.points={points}" for name, points in zip(names, SHAPE, strict=True)]
    return scanengine.load("large/nsi-5d", [*overrides, "output.profile=grid", "output.keep=profiles"])


def values(scan: scanengine.Scan) -> list[FloatArray]:
    return [axis.values for axis in scan.definition.axes]


@pytest.mark.benchmark(group="8.6 million grid points")
def test_limit_fill_of_reused_memory(benchmark: Callable[..., None]) -> None:
    chi2 = np.zeros(SHAPE)
    benchmark(chi2.fill, 1.0)
    assert chi2[0, 0, 0, 0, 0] == 1.0


@pytest.mark.parametrize("bins", [1, 10, 100])
@pytest.mark.benchmark(group="8.6 million grid points")
def test_fill(benchmark: Callable[..., None], bins: int) -> None:
    scan = five_dimensional(bins)
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    chi2 = np.zeros(SHAPE)
    benchmark(polynomial.fill, values(scan), chi2)
    assert np.all(np.isfinite(chi2))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group="8.6 million grid points")
def test_scan_to_profiles(benchmark: Callable[..., None], threads: int) -> None:
    scan = five_dimensional(1)
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    benchmark(scan_grid, polynomial, scan.definition.axes, NoSink(), threads=threads)


@pytest.mark.benchmark(group="8.6 million grid points")
def test_peer_numpy_broadcasting(benchmark: Callable[..., None]) -> None:
    """What a careful script does: amplitudes by broadcasting, counts per channel, chi2 summed."""
    scan = five_dimensional(1)
    u, d, et, mu, s2 = np.meshgrid(*values(scan), indexing="ij", sparse=True)
    responses = scan.responses
    expected = {(r.experiment, r.channel): 0.0 for r in responses}
    for event in scan.events():
        expected[event.experiment, event.channel] += event.counts

    def chi2() -> FloatArray:
        counts: dict[tuple[str, str], FloatArray] = {}
        for r in responses:
            pp, pn, nn, magnetic = r.integrals[0]
            electron = r.flavour == "nu_e"
            g_p = 0.5 - 2.0 * s2
            p, n = (g_p + 2.0 * u + d, -0.5 + u + 2.0 * d) if electron else (g_p, -0.5)
            weak = pp * p * p + 2.0 * pn * p * n + nn * n * n
            if electron:
                weak = weak + (pp + 4.0 * pn + 4.0 * nn) * et * et
            key = (r.experiment, r.channel)
            counts[key] = counts.get(key, 0.0) + weak + magnetic * mu * mu
        total = np.zeros(SHAPE)
        for key, n in counts.items():
            total += (n - expected[key]) ** 2 / (expected[key] + (0.1 * expected[key]) ** 2)
        return total

    result = benchmark.pedantic(chi2, rounds=2) if hasattr(benchmark, "pedantic") else chi2()
    assert result.shape == SHAPE
