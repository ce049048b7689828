"""What the response integrals cost, by bins and targets, beside double integrals at every grid point.

`pytest benchmarks/test_response.py --benchmark-enable --benchmark-only` prints the times. The last group times one grid
point: of the polynomial, which is filled at a million of them, take the time divided by `POINTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.integrate import dblquad

import scanengine
from scanengine import definition
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.couplings import WEAK_COUPLINGS
from scanengine.response.integrals import responses
from scanengine.response.panels import inner_grid
from scanengine.response.recoils import Recoils
from scanengine_kernels._jit import jit
from scanengine_kernels.cross_sections import E_min, T_max
from scanengine_kernels.form_factors import helm

TARGETS = ("Ne20", "Ar40", "Ge76", "Xe132", "C12", "O16", "Si28", "Ca40")
TARGETS += ("Ti48", "Fe56", "Kr84", "I127", "Cs133", "W184", "Pb208", "Bi209")
POINTS = 1024 * 1024

Benchmark = Callable[..., None]


@cache
def many(targets: int, bins: int) -> definition.Definition:
    """The stopped-pion source of the five-parameter scan seen by so many targets, in so many bins, three flavours."""
    text = '[source]\nkind = "stopped-pion"\nflux_per_cm2_s = 1.0e7\nreference_distance_m = 20.0\n'
    for name in TARGETS[:targets]:
        text += f'[[experiments]]\nname = "{name}"\ntarget = "{name}"\nmass_kg = 100.0\nlive_time_yr = 1.0\n'
        text += 'distance_m = 20.0\nchannels = { delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }\n'
        text += 'form_factor = "helm"\n'
        edges = np.linspace(5.0, 35.0 if name in {"Pb208", "Bi209", "W184"} else 45.0, bins + 1).tolist()
        text += f"recoil_bins_keV = {edges}\n"
    return definition.parse(text, require_axes=False)


@pytest.mark.parametrize("bins", [1, 10, 100])
@pytest.mark.parametrize("targets", [1, 4, 16])
@pytest.mark.benchmark(group="response integrals, three flavours")
def test_bins_and_targets(benchmark: Benchmark, targets: int, bins: int) -> None:
    found = benchmark(responses, many(targets, bins))
    assert len(found) == 3 * targets  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group="response integrals, three flavours")
def test_bins_and_targets_in_threads(benchmark: Benchmark, threads: int) -> None:
    benchmark(responses, many(16, 100), threads)


@pytest.mark.benchmark(
    group="response integrals of the five-parameter scan: 4 targets, 8 channels, 12 flavours in them"
)
def test_five_parameters(benchmark: Benchmark) -> None:
    assert len(benchmark(responses, scanengine.load("large/nsi-5d").definition)) == 12  # type: ignore[arg-type]


@pytest.mark.parametrize("compiled", [False, True], ids=["by Python", "compiled"])
@pytest.mark.benchmark(
    group="response integrals of the five-parameter scan: 4 targets, 8 channels, 12 flavours in them"
)
def test_five_parameters_without_laying_out(benchmark: Benchmark, compiled: bool) -> None:
    scan = scanengine.load("large/nsi-5d").definition
    groups = scan.interactions.interfering
    laid_out = []
    for each in scan.experiments:
        spectra = [scan.source.spectra[flavour] for flavour in each.flavours]
        grids = [inner_grid(spectrum) for spectrum in spectra]
        laid_out += [(Recoils.of(each, i, spectra, grids), each.form_factors(i)) for i in each.target.isotopes]
    benchmark(lambda: [recoils.integrals(groups, pair, compiled=compiled) for recoils, pair in laid_out])


# One grid point: nu_e and nu_mubar on neon above 10 keV, the scan of Scholberg's Fig. 7.


@cache
def neon() -> scanengine.Scan:
    return scanengine.load("scholberg2006/fig07", ["axes.eps_ee_uV.points=1024", "axes.eps_ee_dV.points=1024"])


def neon_counts() -> float:
    return sum(event.counts for event in neon().events(eps_ee_uV=0.3, eps_ee_dV=-0.2))


@jit
def cevns(E: float, T: float, nucleus: FloatArray, couplings: FloatArray) -> float:
    """The peer's own cross-section, from scratch: Scholberg 2006, eq. 4, with one pair g_p, g_n per final family.

    couplings (7,): p_b and n_b of the three families, and G_F^2 / pi in cm^2 / MeV^2.
    """
    Z, N, M, F_p, F_n = nucleus[0], nucleus[1], nucleus[2], nucleus[3], nucleus[4]
    bracket = 0.0
    for b in range(3):
        C = Z * F_p * couplings[2 * b] + N * F_n * couplings[2 * b + 1]
        bracket += C * C
    return couplings[6] * M * (1.0 - M * T / (2.0 * E * E)) * bracket


def neon_couplings(flavour: str) -> FloatArray:
    """Of the Standard Model, with eps_ee^uV = 0.3 and eps_ee^dV = -0.2 for nu_e."""
    physics = neon().definition.physics
    weak, s2 = WEAK_COUPLINGS[physics.couplings], physics.sin2_theta_w
    u, d = (0.3, -0.2) if flavour == "nu_e" else (0.0, 0.0)
    couplings = np.zeros(7)
    couplings[:2] = weak.g_p(s2) + 2.0 * u + d, weak.g_n(s2) + u + 2.0 * d
    couplings[6] = (constants.G_F_PER_MEV2 * constants.HBARC_MEV_CM) ** 2 / np.pi
    return couplings


@jit
def double_integral(
    E_nodes: FloatArray,
    E_weights: FloatArray,
    flux: FloatArray,
    T_nodes: FloatArray,
    T_weights: FloatArray,
    T_threshold: float,
    nucleus: FloatArray,
    R0_fm: float,
    hbarc_MeV_fm: float,
    couplings: FloatArray,
) -> float:
    """Plain nested sums: recoil energies between the threshold and the highest at each neutrino energy."""
    M = nucleus[2]
    total = 0.0
    for i in range(E_nodes.size):
        E = E_nodes[i]
        half = 0.5 * (T_max(E, M) - T_threshold)
        inner = 0.0
        for k in range(T_nodes.size):
            T = T_threshold + half * (1.0 + T_nodes[k])
            nucleus[3] = nucleus[4] = helm(np.sqrt(2.0 * M * T) / hbarc_MeV_fm, R0_fm, 0.9)
            inner += T_weights[k] * cevns(E, T, nucleus, couplings)
        total += E_weights[i] * flux[i] * half * inner
    return total


class Neon:
    """What both double integrals take."""

    def __init__(self) -> None:
        scan = neon().definition
        (experiment,) = scan.experiments
        (isotope,) = experiment.target.isotopes
        (self.R0_fm, _) = experiment.form_factors(isotope)[0].parameters
        self.nucleus = np.array([isotope.Z, isotope.N, isotope.mass_MeV, 0.0, 0.0])
        self.exposure = experiment.mass_kg * experiment.target.atoms_per_kg[0] * experiment.live_time_s
        self.spectra = {name: scan.source.spectra[name] for name in ("nu_e", "nu_mubar")}
        self.T_threshold = 0.010
        self.E_threshold = float(E_min(self.T_threshold, isotope.mass_MeV))

    def by_nodes(self, n: int = 200) -> float:
        x, w = np.polynomial.legendre.leggauss(n)
        total = 0.0
        for name, spectrum in self.spectra.items():
            half = 0.5 * (spectrum.E_max_MeV - self.E_threshold)
            E = self.E_threshold + half * (1.0 + x)
            total += double_integral(
                *(E, half * w, spectrum.per_cm2_s_MeV(E), x, w, self.T_threshold, self.nucleus, self.R0_fm),
                *(constants.HBARC_MEV_FM, neon_couplings(name)),
            )
        return total * self.exposure

    def by_scipy(self) -> float:
        M = self.nucleus[2]
        total = 0.0
        for name, spectrum in self.spectra.items():
            cubic, couplings = spectrum.coefficients[0], neon_couplings(name)

            def rate(T: float, E: float, cubic: FloatArray = cubic, couplings: FloatArray = couplings) -> float:
                self.nucleus[3:] = helm(np.sqrt(2.0 * M * T) / constants.HBARC_MEV_FM, self.R0_fm, 0.9)
                flux = cubic[0] + E * (cubic[1] + E * (cubic[2] + E * cubic[3]))
                # in units that leave numbers of order one to the absolute tolerance
                return float(flux * cevns(E, T, self.nucleus, couplings) * 1e36)

            integral, _ = dblquad(rate, self.E_threshold, spectrum.E_max_MeV, self.T_threshold, lambda E: T_max(E, M))
            total += integral * 1e-36
        return total * self.exposure


@pytest.mark.benchmark(group="one grid point, nu_e and nu_mubar on neon")
def test_polynomial_at_a_million_points(benchmark: Benchmark) -> None:
    scan = neon()
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    chi2 = np.zeros((1024, 1024))
    assert chi2.size == POINTS
    benchmark(polynomial.fill, [axis.values for axis in scan.definition.axes], chi2)


@pytest.mark.benchmark(group="one grid point, nu_e and nu_mubar on neon")
def test_direct_evaluation(benchmark: Benchmark) -> None:
    scan = scanengine.load("scholberg2006/fig07", "physics.evaluation=direct")
    chi2 = benchmark(lambda: scan.chi2(eps_ee_uV=0.3, eps_ee_dV=-0.2))
    assert chi2 == pytest.approx(neon().chi2(eps_ee_uV=0.3, eps_ee_dV=-0.2), rel=1e-9)


@pytest.mark.benchmark(group="one grid point, nu_e and nu_mubar on neon")
def test_peer_plain_kernel_of_200_x_200_nodes(benchmark: Benchmark) -> None:
    counts = benchmark(Neon().by_nodes)
    assert counts == pytest.approx(neon_counts(), rel=1e-11)


@pytest.mark.benchmark(group="one grid point, nu_e and nu_mubar on neon")
def test_peer_scipy_dblquad(benchmark: Benchmark) -> None:
    counts = benchmark(Neon().by_scipy)
    assert counts == pytest.approx(neon_counts(), rel=1e-7)
