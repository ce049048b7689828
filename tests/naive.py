"""Slow references in plain Python and mpmath, written out from the papers; they share no code with the package.

S is Scholberg 2006, K Kosmas et al. 2015. Energies in MeV unless a name says otherwise, q in 1/fm.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise, product
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]
Real = Any
"""A float or an mpmath number."""
Function = Callable[[Real], Real]

# CODATA 2022 and the exact SI constants; charged pion: Particle Data Group 2024.
G_F = 1.1663787e-11
ALPHA = 7.2973525643e-3
M_E = 0.51099895069
M_MU = 105.6583755
M_PI = 139.57039
U = 931.49410372
U_KG = 1.66053906892e-27
HBARC_FM = 6.62607015e-34 * 299792458.0 / (2.0 * np.pi) / 1.602176634e-19 * 1e9
HBARC_CM = HBARC_FM * 1e-13
YEAR_S = 365.25 * 86400.0
LINE = (M_PI**2 - M_MU**2) / (2.0 * M_PI)

# AME2020, u
MASSES = {
    "C12": (6, 6, 12.0),
    "O16": (8, 8, 15.99491461926),
    "Ne20": (10, 10, 19.9924401753),
    "Si28": (14, 14, 27.97692653442),
    "Ar40": (18, 22, 39.96238312204),
    "Ca40": (20, 20, 39.962590850),
    "Ge76": (32, 44, 75.921402725),
    "I127": (53, 74, 126.904472592),
    "Xe132": (54, 78, 131.904155083),
    "Cs133": (55, 78, 132.905451958),
    "Pb208": (82, 126, 207.976651918),
}


@dataclass(frozen=True)
class Nucleus:
    """Z protons, N neutrons, and the mass of the neutral atom in u."""

    Z: int
    N: int
    atomic_mass_u: float

    @property
    def M(self) -> float:
        return self.atomic_mass_u * U - self.Z * M_E

    @property
    def per_kg(self) -> float:
        return 1.0 / (self.atomic_mass_u * U_KG)


def nucleus(name: str) -> Nucleus:
    return Nucleus(*MASSES[name])


# Form factors, as the textbooks have them; exact to mpmath's precision.


def helm(q: Real, R0: Real, s: Real) -> Real:
    x = mpf(q) * R0
    return 3 * (mp.sin(x) - x * mp.cos(x)) / x**3 * mp.exp(-((q * mpf(s)) ** 2) / 2)


def klein_nystrand(q: Real, R: Real, a: Real) -> Real:
    x = mpf(q) * R
    return 3 * (mp.sin(x) - x * mp.cos(x)) / x**3 / (1 + (mpf(q) * a) ** 2)


def symmetrised_fermi(q: Real, c: Real, a: Real) -> Real:
    """Sprung and Martorell 1997, in the form with sinh and coth."""
    q, c, a = mpf(q), mpf(c), mpf(a)
    y = mp.pi * q * a
    shape = y * mp.coth(y) * mp.sin(q * c) - q * c * mp.cos(q * c)
    return 3 / (q * c * ((q * c) ** 2 + y**2)) * y / mp.sinh(y) * shape


def fourier_transform(rho: Function, q: Real, r_max: Real) -> Real:
    """F(q) of a spherical density, normalised to F(0) = 1."""
    points = [r_max * k / mpf(40) for k in range(41)]
    of_q = mp.quad(lambda r: r**2 * rho(r) * mp.sinc(q * r), points)
    return of_q / mp.quad(lambda r: r**2 * rho(r), points)


# Spectra, normalised to one neutrino.


@dataclass(frozen=True)
class Spectrum:
    """Lines as (energy, flux), and a continuum with the energies at which it begins, ends or has a kink."""

    lines: Sequence[tuple[float, float]] = ()
    continuum: Function = lambda _: 0
    breaks: Sequence[float] = ()

    @property
    def E_max(self) -> float:
        return max([*(E for E, _ in self.lines), *self.breaks])


def stopped_nu_mu(flux: float = 1.0) -> Spectrum:
    return Spectrum(lines=[(LINE, flux)])


def stopped_nu_e(flux: float = 1.0) -> Spectrum:
    return Spectrum(continuum=lambda E: flux * 96 * E**2 * (M_MU - 2 * E) / M_MU**4, breaks=(0.0, M_MU / 2))


def stopped_nu_mubar(flux: float = 1.0) -> Spectrum:
    return Spectrum(continuum=lambda E: flux * 16 * E**2 * (3 * M_MU - 4 * E) / M_MU**4, breaks=(0.0, M_MU / 2))


STOPPED_PION = {"nu_mu": stopped_nu_mu, "nu_e": stopped_nu_e, "nu_mubar": stopped_nu_mubar}


def table(E: Sequence[float], flux: Sequence[float]) -> Spectrum:
    """Straight lines between points."""

    def value(x: Real) -> Real:
        j = bisect(E, x) - 1
        if j in {-1, len(E) - 1}:
            return flux[-1] if x == E[-1] else 0
        a, b = (mpf(E[j]), mpf(E[j + 1])) if isinstance(x, mpf) else (E[j], E[j + 1])
        return (flux[j] * (b - x) + flux[j + 1] * (x - a)) / (b - a)

    return Spectrum(continuum=value, breaks=tuple(E))


# The cross-section.


@dataclass(frozen=True)
class Options:
    full_kinematics: bool = False
    full_magnetic: bool = False
    magnetic_form_factor: bool = True


def weak_factor(E: Real, T: Real, M: Real, full: bool) -> Real:
    if full:
        return 1 - T / E - M * T / (2 * E**2) + T**2 / (2 * E**2)
    return 1 - M * T / (2 * E**2)


def magnetic_factor(E: Real, T: Real, full: bool) -> Real:
    return 1 / T - 1 / E + (T / (4 * E**2) if full else 0)


def reaches(E: Real, T: Real, M: Real) -> bool:
    return bool(T <= 2 * E**2 / (M + 2 * E))


@dataclass(frozen=True)
class Couplings:
    """Of one flavour: NSI to its own family and to the other two as (u, d), weak mixing angle, moment and radius."""

    own: tuple[float, float] = (0.0, 0.0)
    others: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    s2: float = 0.2312
    mu: float = 0.0
    r2: float = 0.0
    pdg2012: bool = False

    def nucleon(self) -> tuple[float, float]:
        """g_p and g_n: S below eq. 4, or K's eq. 2 and eq. 3."""
        s2 = self.s2 + self.r2 * 1e-32 * np.sqrt(2.0) * np.pi * ALPHA / (3.0 * G_F) / HBARC_CM**2
        if not self.pdg2012:
            return 0.5 - 2.0 * s2, -0.5
        rho, kappa, lambda_uL, lambda_dL, lambda_dR = 1.0086, 0.9978, -0.0031, -0.0025, 7.5e-5
        uL = rho * (0.5 - 2.0 / 3.0 * kappa * s2) + lambda_uL
        dL = rho * (-0.5 + 1.0 / 3.0 * kappa * s2) + lambda_dL
        uR = rho * (-2.0 / 3.0 * kappa * s2) + lambda_dR / 2.0
        dR = rho * (1.0 / 3.0 * kappa * s2) + lambda_dR
        return 2.0 * (uL + uR) + (dL + dR), (uL + uR) + 2.0 * (dL + dR)

    def bracket(self, Z: int, N: int, F_p: Real, F_n: Real) -> Real:
        """S4: C_a^2 + sum_b O_ab^2."""
        g_p, g_n = self.nucleon()
        u, d = self.own
        total = (Z * F_p * (g_p + 2 * u + d) + N * F_n * (g_n + u + 2 * d)) ** 2
        for u, d in self.others:
            total += (Z * F_p * (2 * u + d) + N * F_n * (u + 2 * d)) ** 2
        return total


def cross_section(
    E: Real, T: Real, target: Nucleus, F_p: Real, F_n: Real, couplings: Couplings, options: Options
) -> Real:
    """dsigma/dT in cm^2/MeV: S4 and S6, K3 and K6."""
    M, Z = target.M, target.Z
    weak = G_F**2 * M / np.pi * weak_factor(E, T, M, options.full_kinematics)
    weak *= couplings.bracket(Z, target.N, F_p, F_n)
    magnetic = np.pi * ALPHA**2 * (couplings.mu * 1e-10) ** 2 * Z**2 / M_E**2
    magnetic *= magnetic_factor(E, T, options.full_magnetic) * (F_p**2 if options.magnetic_form_factor else 1)
    return (weak + magnetic) * HBARC_CM**2


# Counts.


@dataclass(frozen=True)
class Detector:
    """`efficiency` are (T in keV, value) points joined by straight lines, constant beyond them."""

    target: Nucleus
    F_p: Function
    F_n: Function
    efficiency: Sequence[tuple[float, float]] = ((0.0, 1.0),)
    q_breaks: Sequence[float] = ()
    options: Options = field(default_factory=Options)

    def seen(self, T: Real) -> Real:
        T_keV = 1000 * T
        points = self.efficiency
        if T_keV <= points[0][0]:
            return points[0][1]
        for (a, va), (b, vb) in pairwise(points):
            if T_keV <= b:
                return va + (vb - va) * (T_keV - a) / (mpf(b) - a)
        return points[-1][1]


def integrals(detector: Detector, spectrum: Spectrum, low_keV: float, high_keV: float) -> tuple[Real, ...]:
    """Response integrals of one atom per flux and second, in cm^2: F_p^2, F_p F_n, F_n^2 weak, and magnetic.

    Defined by N = pp p^2 + 2 pn p n + nn n^2 + magnetic mu^2.
    """
    with mpmath.workdps(25):
        Z, N, M = detector.target.Z, detector.target.N, mpf(detector.target.M)
        weak = G_F**2 * M / mp.pi * mpf(HBARC_CM) ** 2
        magnetic = mp.pi * (mpf(ALPHA) * 1e-10 * Z / M_E * HBARC_CM) ** 2
        prefactors = weak * Z * Z, weak * Z * N, weak * N * N, magnetic
        kinematic = kinematic_integrals(detector, spectrum, low_keV, high_keV)
        return tuple(c * t for c, t in zip(prefactors, kinematic, strict=True))


def kinematic_integrals(
    detector: Detector, spectrum: Spectrum, low_keV: float, high_keV: float
) -> tuple[Real, Real, Real, Real]:
    """The double integrals of flux, efficiency and kinematic factors, times F_p^2, F_p F_n, F_n^2, and the magnetic
    one.

    Nested Gauss-Legendre quadrature between all kinks, in sqrt(T) and in E; with 25 digits the result is good to 16.
    """
    with mpmath.workdps(25):
        M, options = mpf(detector.target.M), detector.options
        ends = [mpf(low_keV) / 1000, _T_max(spectrum.E_max, M)]
        if high_keV < np.inf:
            ends[1] = min(ends[1], mpf(high_keV) / 1000)
        if ends[0] >= ends[1]:
            return mpf(0), mpf(0), mpf(0), mpf(0)
        breaks = [_T_max(E, M) for E in (*spectrum.breaks, *(E for E, _ in spectrum.lines))]
        breaks += [mpf(T_keV) / 1000 for T_keV, _ in detector.efficiency]
        breaks += [(mpf(q) * HBARC_FM) ** 2 / (2 * M) for q in detector.q_breaks]
        pp = pn = nn = magnetic = mpf(0)
        for a, b in pairwise(_cuts(ends, breaks, 16)):
            for root, weight in _gauss(mp.sqrt(a), mp.sqrt(b)):
                T = root**2
                dT = 2 * root * weight * detector.seen(T)
                weak_flux, magnetic_flux = _inner(spectrum, M, T, options, magnetic=low_keV > 0)
                q = mp.sqrt(2 * M * T) / HBARC_FM
                F_p, F_n = detector.F_p(q), detector.F_n(q)
                pp += dT * weak_flux * F_p**2
                pn += dT * weak_flux * F_p * F_n
                nn += dT * weak_flux * F_n**2
                magnetic += dT * magnetic_flux * (F_p**2 if options.magnetic_form_factor else 1)
        return pp, pn, nn, magnetic


def _inner(spectrum: Spectrum, M: Real, T: Real, options: Options, magnetic: bool) -> tuple[Real, Real]:
    E_min = (T + mp.sqrt(T**2 + 2 * M * T)) / 2
    nodes = [(mpf(E), mpf(flux)) for E, flux in spectrum.lines if E_min <= E]
    if spectrum.breaks and E_min < spectrum.breaks[-1]:
        for a, b in pairwise(
            _cuts([max(E_min, mpf(spectrum.breaks[0])), mpf(spectrum.breaks[-1])], spectrum.breaks, 3)
        ):
            nodes += [(E, weight * spectrum.continuum(E)) for E, weight in _gauss(a, b)]
    weak = sum((flux * weak_factor(E, T, M, options.full_kinematics) for E, flux in nodes), mpf(0))
    if not magnetic:
        return weak, mpf(0)
    return weak, sum((flux * magnetic_factor(E, T, options.full_magnetic) for E, flux in nodes), mpf(0))


def counts(detector: Detector, spectrum: Spectrum, low_keV: float, high_keV: float, couplings: Couplings) -> float:
    """Counts of one atom per flux and second: SciPy's adaptive quadrature of the cross-section in E, then in T."""
    nucleus, M = detector.target, detector.target.M

    def rate(T: float) -> float:
        q = np.sqrt(2 * M * T) / HBARC_FM
        F_p, F_n = float(detector.F_p(q)), float(detector.F_n(q))
        E_min = float((T + np.sqrt(T**2 + 2 * M * T)) / 2)

        def weighted(E: float) -> float:
            return float(spectrum.continuum(E) * sigma(E))

        def sigma(E: float) -> float:
            # in 1e-40 cm^2: SciPy's absolute tolerance is meant for numbers of order one
            return float(1e40 * cross_section(E, T, nucleus, F_p, F_n, couplings, detector.options))

        total = sum(flux * sigma(E) for E, flux in spectrum.lines if E_min <= E)
        edges = [max(E_min, b) for b in spectrum.breaks]
        total += sum(quad(weighted, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in pairwise(edges) if a < b)
        return float(total * detector.seen(T))

    ends = [low_keV / 1000, float(min(mpf(high_keV) / 1000, _T_max(spectrum.E_max, M)))]
    breaks = [float(_T_max(E, M)) for E in (*spectrum.breaks, *(E for E, _ in spectrum.lines))]
    breaks += [T_keV / 1000 for T_keV, _ in detector.efficiency]
    cuts = [ends[0], *sorted({b for b in breaks if ends[0] < b < ends[1]}), ends[1]]
    return 1e-40 * float(sum(quad(rate, a, b, epsabs=0, epsrel=1e-10)[0] for a, b in pairwise(cuts)))


def _T_max(E: Real, M: Real) -> Real:
    return 2 * mpf(E) ** 2 / (M + 2 * mpf(E))


def _cuts(ends: Sequence[Real], breaks: Sequence[Real], ratio: int) -> list[Real]:
    """Ends and the breaks between them, refined until neighbours are not further apart than a ratio.

    Above zero, where a ratio is none, the lowest piece is left whole: it ends at 1e-6 of the next break.
    """
    cuts = [ends[0], *sorted({mpf(b) for b in breaks if ends[0] < b < ends[1]}), ends[1]]
    refined = [cuts[0]]
    for a, b in pairwise(cuts):
        lowest = a if a > 0 else b * mpf(10) ** -6
        refined += [lowest] if a == 0 else []
        steps = int(mp.ceil(mp.log(b / lowest, ratio)))
        refined += [lowest * (b / lowest) ** (mpf(k) / steps) for k in range(1, steps)]
        refined.append(b)
    return refined


def _gauss(a: Real, b: Real) -> list[tuple[Real, Real]]:
    """Nodes and weights of Gauss-Legendre quadrature on [a, b], to mpmath's precision: 12 up to a factor of two, else
    24.
    """
    rule = _gauss_rule(12 if b <= 2 * a else 24, mp.prec)
    half, middle = (b - a) / 2, (b + a) / 2
    return [(middle + half * x, half * w) for x, w in rule]


@cache
def _gauss_rule(n: int, _precision: int) -> list[tuple[Real, Real]]:
    """The roots of the Legendre polynomial, by Newton's method from Chebyshev's approximation."""
    rule = []
    for k in range(n):
        x = mp.cos(mp.pi * (mpf(k) + 0.75) / (n + 0.5))
        for _ in range(8):
            before, value = mpf(1), x
            for j in range(2, n + 1):
                before, value = value, ((2 * j - 1) * x * value - (j - 1) * before) / j
            slope = n * (x * value - before) / (x * x - 1)
            x -= value / slope
        rule.append((x, 2 / ((1 - x * x) * slope**2)))
    return rule


# Statistics and grids.


def chi2(counts: FloatArray, expected: FloatArray, systematics: FloatArray, experiment: Sequence[str]) -> float:
    """(N - N_SM)^T V^-1 (N - N_SM), V = diag(N_SM) + f^2 N_SM N_SM^T inside each experiment, inverted as a matrix."""
    with mpmath.workdps(40):
        size = len(experiment)
        V = mp.zeros(size)
        for i, j in product(range(size), repeat=2):
            if experiment[i] == experiment[j]:
                V[i, j] = mpf(float(systematics[i])) ** 2 * float(expected[i]) * float(expected[j])
            if i == j:
                V[i, j] += float(expected[i])
        excess = mp.matrix([mpf(float(n)) - float(m) for n, m in zip(counts, expected, strict=True)])
        return float((excess.T * mp.lu_solve(V, excess))[0])


def poisson_chi2(counts: Sequence[Real], data: Sequence[float]) -> float:
    """Baker and Cousins 1984: 2 sum (N - n + n ln(n / N)), the logarithm left out where n = 0."""
    with mpmath.workdps(60):
        total = mpf(0)
        for N, n in zip(counts, data, strict=True):
            if n > 0.0 and N <= 0.0:
                return float("inf")
            total += mpf(N) - mpf(n) + (mpf(n) * mp.log(mpf(n) / mpf(N)) if n > 0.0 else 0)
        return float(2 * total)


def polynomial(coefficients: Sequence[float], exponents: Sequence[Sequence[int]], point: Sequence[float]) -> float:
    """sum_c coefficients[c] prod_v point[v]^exponents[c][v]."""
    total = 0.0
    for c, powers in zip(coefficients, exponents, strict=True):
        term = c
        for x, power in zip(point, powers, strict=True):
            term *= x**power
        total += term
    return total


def profiles(grid: FloatArray) -> tuple[list[FloatArray], dict[tuple[int, int], FloatArray]]:
    """Minima of a grid over all axes but one, and over all axes but two."""
    axes = range(grid.ndim)
    lines = [grid.min(axis=tuple(b for b in axes if b != a)) for a in axes]
    planes = {(a, b): grid.min(axis=tuple(c for c in axes if c not in {a, b})) for a, b in combinations(axes, 2)}
    return lines, planes


def minimum_over_nuisances(
    chi2: Callable[[FloatArray], float], nuisances: int, kinks: Sequence[int] = ()
) -> tuple[float, FloatArray]:
    """The least chi2 over nuisances in standard deviations, by a simplex in each orthant of those with kinks."""
    if nuisances == 0:
        return chi2(np.zeros(0)), np.zeros(0)
    best, place = np.inf, np.zeros(nuisances)
    for signs in product((1.0, -1.0), repeat=len(kinks)):

        def inside(z: FloatArray, signs: tuple[float, ...] = signs) -> FloatArray:
            folded = z.copy()
            for k, sign in zip(kinks, signs, strict=True):
                folded[k] = sign * abs(z[k])
            return folded

        def chi2_inside(z: FloatArray, inside: Callable[[FloatArray], FloatArray] = inside) -> float:
            return chi2(inside(z))

        z: FloatArray = np.full(nuisances, 0.3)
        options: Any = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000, "maxfev": 4000}
        for _ in range(3):  # a simplex may collapse: it is begun anew from where it ends
            found = minimize(chi2_inside, z, method="Nelder-Mead", options=options)
            z = np.asarray(found.x)
        if found.fun < best:
            best, place = float(found.fun), inside(z)
    return best, place


def minimum_in_many_digits(
    counts: FloatArray, data: FloatArray, residuals: FloatArray, below: Sequence[int], log_widths: FloatArray
) -> float:
    """The least chi2 over nuisances of counts (templates, bins) and residuals (templates, rows), by Newton's steps with
    60 digits; of nuisances k with below[k] != 1 + k, in each orthant and on its sides.
    """
    K = len(below)
    kinks = [k for k in range(K) if below[k] != 1 + k]
    lowest = mpf("inf")
    with mpmath.workdps(60):
        T, R = ([[mpf(v) for v in row] for row in rows.tolist()] for rows in (counts, residuals))
        for sides in product((1, 0, -1), repeat=len(kinks)):
            side = dict(zip(kinks, sides, strict=True))
            free = [k for k in range(K) if side.get(k, 1)]
            chosen = [int(below[k]) if side.get(k) == -1 else 1 + k for k in free]
            widths = [float(log_widths[k]) for k in free]
            found, z = _newton([[rows[0], *(rows[c] for c in chosen)] for rows in (T, R)], data.tolist(), widths)
            if all(v * side.get(k, 0) >= 0 for k, v in zip(free, z, strict=True)):
                lowest = min(lowest, found)
        return float(lowest)


def _newton(templates: list[list[list[Any]]], data: list[float], widths: list[float]) -> tuple[Any, list[Any]]:
    """The minimum of chi2 of counts and residuals, and where it is."""
    T, R = templates
    K = len(widths)

    def evaluated(z: list[Any]) -> tuple[Any, Any, Any]:
        chi2, g, H = mpf(0), mpmath.zeros(K, 1), mpmath.zeros(K, K)
        terms = [(rows[0][i] + sum(z[k] * rows[1 + k][i] for k in range(K)), rows, i)
                 for rows in (T, R) for i in range(len(rows[0]))]  # fmt: skip
        for value, rows, i in terms:
            if rows is R:
                term, first, second = value**2, 2 * value, mpf(2)
            elif value <= 0:
                return mpf("inf"), g, H
            else:
                n = mpf(data[i])
                term, first, second = 2 * (value - n + n * mp.log(n / value)), 2 * (1 - n / value), 2 * n / value**2
            chi2 += term
            for k in range(K):
                g[k] += first * rows[1 + k][i]
                for m in range(K):
                    H[k, m] += second * rows[1 + k][i] * rows[1 + m][i]
        for k, width in enumerate(widths):
            x = mpf(width) * z[k]
            if x <= -1:
                return mpf("inf"), g, H
            chi2 += 2 * (x - mp.log(1 + x)) / mpf(width) ** 2 if width else z[k] ** 2
            g[k] += 2 * z[k] / (1 + x)
            H[k, k] += 2 / (1 + x) ** 2
        return chi2, g, H

    z = [mpf(0)] * K
    chi2, g, H = evaluated(z)
    while K:
        step = -mpmath.lu_solve(H, g)
        slope = (g.T * step)[0]
        if -slope < mpf(10) ** -25:
            break
        share = mpf(1)
        while not (there := evaluated([z[k] + share * step[k] for k in range(K)]))[0] < chi2 + share * slope / 1000:
            share /= 2
        z = [z[k] + share * step[k] for k in range(K)]
        chi2, g, H = there
    return chi2, z


def log_pull(z: float, width: float, measured: float = 0.0) -> float:
    """2 (1 + x - c - c ln((1 + x) / c)) / w^2 at x = w z and c = 1 + w measured: 2 (x - ln(1 + x)) / w^2 of c = 1."""
    with mpmath.workdps(40):
        x, c = mpf(width) * mpf(z), 1 + mpf(width) * mpf(measured)
        return float(2 * (1 + x - c - c * mp.log((1 + x) / c)) / mpf(width) ** 2) if x > -1 else np.inf
