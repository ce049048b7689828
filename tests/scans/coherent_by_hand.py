"""COHERENT's likelihoods by plain NumPy and SciPy: templates by direct sums, pulls by a general minimiser.

Written from the data releases and the recipes of arXiv:1804.09459, 2110.07730 and 2006.12659, as straight as they read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import pi, sqrt
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import erfc, gammaln
from scipy.stats import poisson

from scanengine.inputs import constants as c
from scanengine.inputs.nuclei import Isotope, target
from tests.naive import FloatArray

Templates = list[FloatArray]
FormFactor = Callable[[FloatArray], FloatArray]
S2 = 0.23857
FORBIDDEN = 1e30
"""chi2 where counts that were seen cannot be expected."""
FLAVOURS = ("nu_mu", "nu_e", "nu_mubar")


def gauss(low: float, high: float, pieces: int, order: int = 40) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss and Legendre in equal pieces."""
    x, w = np.polynomial.legendre.leggauss(order)
    edges = np.linspace(low, high, pieces + 1)
    half, middle = 0.5 * np.diff(edges)[:, None], 0.5 * (edges[1:] + edges[:-1])[:, None]
    return (middle + half * x).ravel(), (half * w).ravel()


def klein_nystrand(A: int) -> FormFactor:
    def F(q: FloatArray) -> FloatArray:
        x = np.maximum(1.2 * A ** (1.0 / 3.0) * q, 1e-4)
        return np.asarray(3.0 * (np.sin(x) - x * np.cos(x)) / x**3 / (1.0 + (0.7 * q) ** 2))

    return F


def helm(rms_fm: float) -> FormFactor:
    def F(q: FloatArray) -> FloatArray:
        x = np.maximum(sqrt(5.0 / 3.0 * (rms_fm**2 - 3.0 * 0.9**2)) * q, 1e-4)
        return np.asarray(3.0 * (np.sin(x) - x * np.cos(x)) / x**3 * np.exp(-0.5 * (0.9 * q) ** 2))

    return F


def over_energy(flavour: str, T: FloatArray, M: float) -> FloatArray:
    """The spectrum times 1 - T/E - M T/(2 E^2) + T^2/(2 E^2), over the energies that reach T: with T and M in MeV."""

    def K(E: FloatArray) -> FloatArray:
        return 1.0 - T / E - M * T / (2.0 * E**2) + T**2 / (2.0 * E**2)

    E_min = 0.5 * (T + np.sqrt(T * T + 2.0 * M * T))
    if flavour == "nu_mu":
        line = (c.M_PI_MEV**2 - c.M_MU_MEV**2) / (2.0 * c.M_PI_MEV)
        return np.where(E_min <= line, K(np.full_like(T, line)), 0.0)
    x, w = np.polynomial.legendre.leggauss(12)
    top = 0.5 * c.M_MU_MEV
    half = 0.5 * np.maximum(top - E_min, 0.0)
    total = np.zeros_like(T)
    for node, weight in zip(x, w, strict=True):
        E = top - half + half * node
        y = 2.0 * E / c.M_MU_MEV
        shape = 12.0 * y**2 * (1.0 - y) if flavour == "nu_e" else 2.0 * y**2 * (3.0 - 2.0 * y)
        total += weight * half * 2.0 / c.M_MU_MEV * shape * K(E)
    return total


Shares = Callable[[FloatArray, Isotope], FloatArray]
"""Of recoils (n,) in keV, the share that lands in each bin: (bins, n)."""


def coupling_sums(
    material: str,
    mass_kg: float,
    distance_m: float,
    fluence: float,
    form_factors: Callable[[Isotope], tuple[FormFactor, FormFactor]],
    shares: Shares,
    T_max_keV: float,
) -> dict[str, FloatArray]:
    """Sums (bins, 3) per flavour, which g_p^2, 2 g_p g_n and g_n^2 multiply."""
    made = target(material)
    T_keV, w_keV = gauss(0.0, T_max_keV, 120)
    found = {}
    for flavour in FLAVOURS:
        found[flavour] = np.zeros((len(shares(T_keV[:1], made.isotopes[0])), 3))
        for isotope, per_kg in zip(made.isotopes, made.atoms_per_kg, strict=True):
            M, T = isotope.mass_MeV, 1e-3 * T_keV
            q_invfm = np.sqrt(2.0 * M * T) / c.HBARC_MEV_FM
            F_p, F_n = (F(q_invfm) for F in form_factors(isotope))
            P, N = isotope.Z * F_p, (isotope.A - isotope.Z) * F_n
            flux = fluence / (4.0 * pi * (100.0 * distance_m) ** 2) * mass_kg * per_kg
            sigma = c.G_F_PER_MEV2**2 * c.HBARC_MEV_CM**2 * M / pi * over_energy(flavour, T, M) * flux * 1e-3 * w_keV
            seen = shares(T_keV, isotope)
            found[flavour] += np.stack([seen @ (sigma * P * P), seen @ (sigma * P * N), seen @ (sigma * N * N)], axis=1)
    return found


def signal(sums: dict[str, FloatArray], flavour: str, eps_u: float, eps_d: float) -> FloatArray:
    """Counts (bins,) with the couplings eps_ee of u and d quarks."""
    u, d = (eps_u, eps_d) if flavour == "nu_e" else (0.0, 0.0)
    p, n = 0.5 - 2.0 * S2 + 2.0 * u + d, -0.5 + u + 2.0 * d
    return np.asarray(sums[flavour] @ np.array([p * p, 2.0 * p * n, n * n]))


def poisson_chi2(mu: FloatArray, n: FloatArray) -> float:
    seen = n > 0.0
    if np.any(mu[seen] <= 0.0):
        return FORBIDDEN
    return float(2.0 * np.sum(mu - n) + 2.0 * np.sum(n[seen] * np.log(n[seen] / mu[seen])))


def profiled(chi2: Callable[[FloatArray], float], pulls: int) -> float:
    """The minimum over pulls in standard deviations, by two general minimisers after one another."""
    found = minimize(chi2, np.zeros(pulls), method="BFGS", options={"gtol": 1e-7})
    for _ in range(2):
        found = minimize(chi2, found.x, method="Powell", options={"xtol": 1e-9, "ftol": 1e-14})
        found = minimize(chi2, found.x, method="BFGS", options={"gtol": 1e-8})
    return float(found.fun)


def normalised(templates: Templates, n: FloatArray, widths: Sequence[float], log: bool = False) -> float:
    """chi2 minimised over a normalisation of each template."""

    def chi2(z: FloatArray) -> float:
        x = z * np.array(widths)
        if log and np.any(x <= -1.0):
            return FORBIDDEN
        pull = 2.0 * (x - np.log1p(x)) / np.square(widths) if log else z**2
        return poisson_chi2(
            np.sum([(1.0 + each) * t for each, t in zip(x, templates, strict=True)], axis=0), n
        ) + float(np.sum(pull))

    return profiled(chi2, len(templates))


class CsI2017:
    """144 bins of photo-electrons and time, arXiv:1804.09459."""

    widths = (0.28, 0.25, 0.171)

    def __init__(self, data: Path, midpoint: float = 10.8507) -> None:
        folder = data / "csi2017"
        k = np.arange(6, 30)
        accepted = 0.6655 / (1.0 + np.exp(-0.4942 * (k - midpoint)))

        def in_bins(mean: FloatArray) -> FloatArray:
            return np.asarray((poisson.pmf(k[:, None], mean) * accepted[:, None]).reshape(12, 2, -1).sum(axis=1))

        def by_form_factor(isotope: Isotope) -> tuple[FormFactor, FormFactor]:
            return klein_nystrand(isotope.A), klein_nystrand(isotope.A)

        self.sums = coupling_sums(
            "CsI", 14.6, 19.3, 1.76e23 * 0.08, by_form_factor, lambda T, _: in_bins(0.0878 * 13.348 * T), 60.0
        )
        self.prompt, self.delayed = (
            np.loadtxt(folder / f"data_{flux}_cut.dat")[:, 1] for flux in ("prompt", "delayed")
        )
        rows = np.loadtxt(folder / "Co_data.dat")
        self.n = np.zeros((12, 12))
        for PE, t, counts in rows:
            self.n[int((PE - 6.0) // 2.0), int(t // 0.5)] += counts
        steady = np.zeros((12, 12))
        for name in ("full_AC_on", "full_AC_off", "full_CO_off"):
            for PE, t, counts in np.loadtxt(folder / f"{name}.dat"):
                if 6.0 <= PE < 30.0 and t < 6.0:
                    steady[int((PE - 6.0) // 2.0), int(t // 0.5)] += counts
        steady = np.outer(steady.sum(axis=1), steady.sum(axis=0)) / steady.sum()
        self.steady = steady * 308.1 / (308.1 + 2.0 * 153.5)
        self.neutrons = np.zeros((12, 12))
        for t, PE, counts in np.loadtxt(folder / "total_neutron.dat"):
            if t < 6.0 and 4.0 <= PE <= 36.0:
                self.neutrons[:, int(t // 0.5)] += counts * in_bins(np.array([PE + 0.5]))[:, 0]

    def templates(self, eps_u: float = 0.0, eps_d: float = 0.0) -> Templates:
        found = np.zeros((12, 12))
        for flavour in FLAVOURS:
            time = self.prompt if flavour == "nu_mu" else self.delayed
            found += np.outer(signal(self.sums, flavour, eps_u, eps_d), time)
        return [found.ravel(), self.neutrons.ravel(), self.steady.ravel()]


def pulse_shares(
    edges: FloatArray, mean: float, width: float, delayed: bool, kept: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """A Gaussian pulse and exponential decays, numerically: shares of each bin of time that are kept."""
    step = 1e-4
    t = np.arange(edges[0], edges[-1] + 0.5 * step, step)

    def arrived(tau: float) -> FloatArray:
        r, z = width / tau, (t - mean) / width
        return np.asarray(np.exp(0.5 * r * r - r * z) * 0.5 * erfc((r - z) / sqrt(2.0)) / tau)

    rate = arrived(c.TAU_PI_US)
    if delayed:
        a, b = c.TAU_PI_US, c.TAU_MU_US
        rate = (b * arrived(b) - a * arrived(a)) / (b - a)
    sums = np.concatenate(([0.0], np.cumsum(0.5 * step * (rate[1:] * kept(t[1:]) + rate[:-1] * kept(t[:-1])))))
    return np.diff(np.interp(edges, t, sums))


class CsI2021:
    """99 bins of photo-electrons and time, arXiv:2110.07730."""

    widths = (0.12, 0.25, 0.357, 0.021)
    PE = np.array([0, 8, 12, 16, 20, 24, 32, 40, 50, 60], dtype=float)
    t_us = np.concatenate((np.arange(9) / 8.0, [2.0, 4.0, 6.0]))

    def __init__(self, data: Path) -> None:
        folder = data / "csi2021"

        def kept(t: FloatArray) -> FloatArray:
            return np.exp(-0.0494 * np.maximum(t - 0.52, 0.0))

        # the efficiency begins at 7.07 photo-electrons, which an edge between pieces lies at
        zero = 10.8646 + np.log(0.333322 / (1.32045 - 0.333322)) / 0.285979
        cuts = np.unique(np.concatenate((self.PE, [zero], np.arange(0.0, 60.0, 1.0))))
        parts = [gauss(lo, hi, 1, 16) for lo, hi in pairwise(cuts)]
        x, w = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        accepted = np.maximum(0.0, 1.32045 / (1.0 + np.exp(-0.285979 * (x - 10.8646))) - 0.333322)
        which = np.searchsorted(self.PE, x, side="right") - 1

        def shares(T_keV: FloatArray, _: Isotope) -> FloatArray:
            T = 1e-3 * T_keV
            E_keVee = 1e3 * (0.0554628 * T + 4.30681 * T**2 - 111.707 * T**3 + 840.384 * T**4)
            A, b = 0.0749 / E_keVee, 9.56 * E_keVee
            log_density = (1.0 + b) * np.log(A * (1.0 + b)) + b * np.log(x[:, None]) - A * (1.0 + b) * x[:, None]
            density = np.exp(log_density - gammaln(1.0 + b)) * (accepted * w)[:, None]
            return np.stack([density[which == i].sum(axis=0) for i in range(9)])

        radii = {55: (4.804, 5.01), 53: (4.749, 4.94)}
        self.sums = coupling_sums(
            "CsI",
            14.6,
            19.3,
            3.198e23 * 0.0848,
            lambda isotope: (helm(radii[isotope.Z][0]), helm(radii[isotope.Z][1])),
            shares,
            60.0,
        )
        self.times = {delayed: pulse_shares(self.t_us, 0.50, 0.153, delayed, kept) for delayed in (False, True)}
        events = np.loadtxt(folder / "dataBeamOnC.txt")
        self.n = np.histogram2d(events[:, 0], events[:, 1], bins=(self.PE, self.t_us))[0].ravel()
        steady = np.histogram(np.loadtxt(folder / "dataBeamOnAC.txt")[:, 0], bins=self.PE)[0]  # all times
        in_time = np.exp(-0.0494 * self.t_us[:-1]) - np.exp(-0.0494 * self.t_us[1:])
        self.steady = 1286.0 * np.outer(steady / steady.sum(), in_time / in_time.sum()).ravel()
        self.neutrons = [self._neutrons(folder, name, kept) for name in ("brn", "nin")]

    def _neutrons(self, folder: Path, name: str, kept: Callable[[FloatArray], FloatArray]) -> FloatArray:
        energy, time = np.loadtxt(folder / f"{name}PE.txt"), np.loadtxt(folder / f"{name}Trec.txt")
        in_energy = np.histogram(energy[:, 0], bins=self.PE, weights=energy[:, 1])[0]
        in_time = np.histogram(time[:, 0], bins=self.t_us, weights=time[:, 1] * kept(time[:, 0]))[0]
        return np.outer(in_energy / in_energy.sum(), in_time / energy[:, 1].sum()).ravel()

    def templates(self, eps_u: float = 0.0, eps_d: float = 0.0) -> Templates:
        found = np.zeros((9, 11))
        for flavour in FLAVOURS:
            found += np.outer(signal(self.sums, flavour, eps_u, eps_d), self.times[flavour != "nu_mu"])
        return [found.ravel(), *self.neutrons, self.steady]


class LAr2020:
    """960 bins of energy, pulse shape and time, arXiv:2006.12659."""

    totals = (128.0, 497.0, 33.0, 3154.0)
    sigmas = (17.0, 160.0, 33.0, 25.0)

    def __init__(self, data: Path) -> None:
        self.folder = data / "lar2020"
        efficiency = np.loadtxt(self.folder / "CENNS10AnlAEfficiency.txt")

        def shares(T_keV: FloatArray, _: Isotope) -> FloatArray:
            E = (0.246 + 0.00078 * T_keV) * T_keV
            kept = np.interp(T_keV, efficiency[:, 1], efficiency[:, 2])
            edges = np.arange(0.0, 130.0, 10.0)[:, None]
            below = 0.5 * erfc(-(edges - E) / (0.58 * np.sqrt(E) * sqrt(2.0)))
            return np.diff(below, axis=0) * kept

        self.sums, self.shares = self.with_neutrons(3.40, shares), shares
        self.n = self.file("datanobkgsub", scaled=False)
        self.backgrounds = [
            self.file(name) * total
            for name, total in zip(("brnpdf", "delbrnpdf", "bkgpdf"), self.totals[1:], strict=True)
        ]
        self.pdf = self.file("cevnspdf") * self.file("cevnspdf", scaled=False).sum()

    @staticmethod
    def with_neutrons(rms_n_fm: float, shares: Callable[[FloatArray, Isotope], FloatArray]) -> dict[str, FloatArray]:
        """The sums with neutrons of some rms radius."""
        F = helm(3.427), helm(rms_n_fm)
        return coupling_sums("Ar40", 24.4, 27.5, 13.8e22 * 0.09, lambda _: F, shares, 160.0)

    @cache  # noqa: B019 - one instance lives as long as the tests
    def file(self, name: str, *, scaled: bool = True) -> FloatArray:
        counts = np.loadtxt(self.folder / f"{name}.txt")[:, 3]
        return np.asarray(counts / counts.sum()) if scaled else counts

    def ratio(self, eps_u: float, eps_d: float, rms_n_fm: float | None = None) -> FloatArray:
        """Counts over those that the template was made with, whose neutrons have 3.40 fm."""
        sums = self.sums if rms_n_fm is None else self.with_neutrons(rms_n_fm, self.shares)
        with_nsi = np.sum([signal(sums, flavour, eps_u, eps_d) for flavour in FLAVOURS], axis=0)
        without = np.sum([signal(self.sums, flavour, 0.0, 0.0) for flavour in FLAVOURS], axis=0)
        return np.repeat(with_nsi / np.where(without > 0.0, without, 1.0), 80)

    def chi2(self, z: FloatArray, eps_u: float = 0.0, eps_d: float = 0.0, ratio: FloatArray | None = None) -> float:
        """chi2 at nine pulls in standard deviations, whose effects on a component add up."""
        x = z[:4] * np.array(self.sigmas) / np.array(self.totals)
        brn, delayed, steady = self.backgrounds
        nominal = self.pdf

        def side(z: float, template: FloatArray, plus: str, minus: str) -> FloatArray:
            if z >= 0.0 or not minus:
                return np.asarray(z * (self.file(plus) * template.sum() - template))
            return np.asarray(z * (template - self.file(minus) * template.sum()))

        neutrons = (1.0 + x[1]) * brn + side(z[4], brn, "brnpdf+1sigEnergy", "brnpdf-1sigEnergy")
        neutrons += side(z[5], brn, "brnpdf+1sigBRNTimingMean", "brnpdf-1sigBRNTimingMean")
        neutrons += side(z[6], brn, "brnpdfBRNTimingWidthSyst", "")
        cevns = (1.0 + x[0]) * nominal + side(z[7], nominal, "cevnspdf+1sigF90", "cevnspdf-1sigF90")
        cevns += side(z[8], nominal, "cevnspdfCEvNSTimingMeanSyst", "")
        ratio = self.ratio(eps_u, eps_d) if ratio is None else ratio
        mu = cevns * ratio + neutrons + (1.0 + x[2]) * delayed + (1.0 + x[3]) * steady
        return poisson_chi2(mu, self.n) + float(z @ z)
