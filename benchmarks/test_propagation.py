"""What NSI in the propagation of solar neutrinos cost, beside the diagonalisation of each Hamiltonian by NumPy.

`pytest benchmarks/test_propagation.py --benchmark-enable --benchmark-only` prints the times: of the states of one
component at `POINTS` points, 32 energies and 38 radii each; and of a grid, four bins and two components with their
fluxes as nuisances, beside the same with the flavours of the Standard Model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import scanengine
from scanengine.grid.axes import FloatArray
from scanengine.inputs.solar.flavour import MATTER_EV2, Oscillation
from scanengine.inputs.solar.production import ELECTRONS_MOL_PER_CM3, NEUTRONS_PER_ELECTRON
from scanengine.inputs.solar.propagation import Propagation

Benchmark = Callable[..., None]

POINTS = 64
_VALUES = np.linspace(-0.5, 0.5, POINTS)


def by_numpy(values: FloatArray) -> FloatArray:
    """Shares of the eigenstates (points, energies, radii, 3) at couplings eps_et_dV."""
    oscillation = Oscillation()
    U = oscillation.mixing
    matter = np.zeros((values.size, 1, ELECTRONS_MOL_PER_CM3.size, 3, 3))
    matter[..., 0, 0] = 1.0
    matter[..., 0, 2] = matter[..., 2, 0] = values[:, None, None] * (1.0 + 2.0 * NEUTRONS_PER_ELECTRON)
    E_MeV = np.linspace(0.1, 16.0, 32)
    potentials = MATTER_EV2 * np.multiply.outer(E_MeV, ELECTRONS_MOL_PER_CM3)
    H = U * oscillation.masses_eV2 @ U.conj().T + potentials[..., None, None] * matter
    return np.abs(np.linalg.eigh(H)[1][..., 0, :]) ** 2


@pytest.mark.benchmark(group=f"states of 8B neutrinos at {POINTS} points")
def test_states(benchmark: Benchmark) -> None:
    found = Propagation({"B8": 1.0}, Oscillation())
    shift = iter(range(1_000_000))  # the last states are kept
    benchmark(lambda: found.states({"eps_et_dV": _VALUES + 1e-9 * next(shift)}))


@pytest.mark.benchmark(group=f"states of 8B neutrinos at {POINTS} points")
def test_by_numpy(benchmark: Benchmark) -> None:
    benchmark(by_numpy, _VALUES)


@cache
def grid(points: int, *, in_sun: bool) -> scanengine.Scan:
    """The bundled scan with so many points on each axis."""
    axes = {name: {"min": -0.3, "max": 0.3, "points": points} for name in ("eps_ee_dV", "eps_et_dV")}
    return scanengine.load("solar/xenon-nsi-matter", {"source.nsi_in_propagation": in_sun, "axes": axes})


@pytest.mark.parametrize("in_sun", [False, True])
@pytest.mark.benchmark(group="a grid of 121 x 121 points, four bins, two nuisances, one thread")
def test_grid(benchmark: Benchmark, request: pytest.FixtureRequest, in_sun: bool) -> None:
    scan = grid(121 if request.config.getoption("benchmark_enable") else 5, in_sun=in_sun)
    scan.run(threads=1)
    benchmark(lambda: scan.run(threads=1))
