"""Recoil integrals of one isotope at nodes that are laid out once: against closed forms, mpmath and SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, pi

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.integrate import quad

from scanengine.errors import RunError
from scanengine.inputs.detectors import Efficiency, Experiment
from scanengine.inputs.form_factors import NuclearFormFactors, helm, klein_nystrand, unity
from scanengine.inputs.mediators import Mediator
from scanengine.inputs.nuclei import Isotope, Target, target
from scanengine.inputs.physics import Physics
from scanengine.inputs.sources import stopped_pion
from scanengine.inputs.terms.interactions import Interactions
from scanengine.response.panels import inner_grid
from scanengine.response.recoils import Recoils, recoil_of
from scanengine_kernels import response as kernels
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import isotope as isotope_of
from tests.naive import FloatArray

pytestmark = pytest.mark.jit_only

# phi = 2 + 3 E - E^2 / 5 + E^3 / 70 from 1 to 2, then 30 - 4 E to 4; and a line of flux 3 at 3.5
KNOTS = np.array([1.0, 2.0, 4.0])
CUBICS = np.array([[2.0, 3.0, -0.2, 1.0 / 70.0], [30.0, -4.0, 0.0, 0.0]])
LINES = np.array([[3.5, 3.0]])
NUCLEUS = Isotope("X", 1, 1, (37215.0 + naive.M_E) / naive.U)
M = NUCLEUS.mass_MeV
SEES_ALL = Efficiency.constant(1.0)


def flux(E: naive.Real) -> naive.Real:
    c = CUBICS[0] if KNOTS[1] > E else CUBICS[1]
    return sum(mpf(float(c[p])) * E**p for p in range(4))


def tails() -> FloatArray:
    moments = np.zeros((3, 3))
    for j in (1, 0):
        moments[j] = moments[j + 1]
        kernels.segment_moments(KNOTS[j], KNOTS[j + 1], CUBICS[j], np.zeros(3), moments[j])
    return moments


def detector(edges_keV: Sequence[float], efficiency: Efficiency = SEES_ALL) -> Experiment:
    alone = Target("X", (NUCLEUS,), (1.0,))
    return Experiment("A", alone, 1.0, 1.0, 20.0, efficiency, np.array(edges_keV), unity(), {"all": ("nu_e",)})


def laid_out(panels: Sequence[tuple[float, float]], bins: Sequence[int], efficiency: Efficiency = SEES_ALL) -> Recoils:
    """With panels of one's own, in the neutrino energies that the recoils need."""
    experiment = detector([1e-6, *(1.0 + i for i in range(max(bins) + 1))], efficiency)
    grid = KNOTS, CUBICS, tails(), np.zeros(3)
    return Recoils(experiment, NUCLEUS, ((LINES, grid),), (np.array(panels), np.array(bins)))


def integrals(
    recoils: Recoils, choices: Physics | None = None, shape: NuclearFormFactors | None = None, compiled: bool = True
) -> FloatArray:
    """Of the only flavour, (bins, 4): weak p p, p n, n n, and magnetic."""
    form_factors = (shape or unity())(NUCLEUS)
    found = recoils.integrals(Interactions(choices or physics()).interfering, form_factors, compiled=compiled)
    return np.asarray(found[0])


CONSTANTS = np.array(
    [naive.G_F**2 * M / pi * naive.HBARC_CM**2] * 3 + [pi * (naive.ALPHA * 1e-10 / naive.M_E * naive.HBARC_CM) ** 2]
)


def one(q: object) -> object:
    return 1


def exact(
    lo: float, hi: float, full: bool = False, efficiency: Sequence[tuple[float, float]] = ((0.0, 1.0),)
) -> FloatArray:
    """The same for F = 1 between the recoils (not rounded at the upper end) of two neutrino energies."""
    nucleus = naive.Nucleus(1, 1, NUCLEUS.atomic_mass_u)
    slow = naive.Detector(nucleus, one, one, efficiency, options=naive.Options(full, full))
    T_keV = [2.0e3 * e * e / (M + 2.0 * e) for e in (lo, hi)]
    spectrum = naive.Spectrum(LINES.tolist(), flux, KNOTS.tolist())
    found = naive.kinematic_integrals(slow, spectrum, T_keV[0], T_keV[1] if hi < 4.0 else np.inf)
    return np.asarray(CONSTANTS * np.array([float(each) for each in found]))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("lo", "hi"), [(1.0, 2.0), (2.0, 3.5), (3.5, 4.0), (0.05, 1.0)])
def test_integrals_of_a_point_nucleus(lo: float, hi: float, full: bool, compiled: bool) -> None:
    word = "full" if full else "leading"
    choices = physics(kinematics=word, magnetic_moment=word)
    found = integrals(laid_out([(lo, hi)], [0]), choices, compiled=compiled)
    np.testing.assert_allclose(found[0], exact(lo, hi, full), rtol=1e-12)


def test_efficiency_multiplies_the_rate() -> None:
    e, T_keV = 2.0, 2.0e3 * 2.0**2 / (M + 4.0)
    curve = Efficiency(np.array([0.0, 2.0 * T_keV]), np.array([0.2, 1.0]))
    found = integrals(laid_out([(1.0, e)], [0], curve))
    np.testing.assert_allclose(found[0], exact(1.0, e, efficiency=[(0.0, 0.2), (2.0 * T_keV, 1.0)]), rtol=1e-12)


def test_panels_of_a_bin_add_up() -> None:
    whole = integrals(laid_out([(1.0, 2.0)], [0]))
    parts = integrals(laid_out([(1.0, 1.1), (1.1, 1.9), (1.9, 2.0)], [0, 0, 0]))
    np.testing.assert_allclose(parts, whole, rtol=1e-14)
    separate = integrals(laid_out([(1.0, 1.1), (1.1, 1.9), (1.9, 2.0)], [0, 2, 1]))
    np.testing.assert_allclose(separate.sum(axis=0), whole[0], rtol=1e-14)
    assert np.all(separate > 0.0)


def test_moment_is_left_out_where_recoils_of_no_energy_count() -> None:
    recoils = laid_out([(0.0, 2.0)], [0])
    recoils.experiment = replace(recoils.experiment, bin_edges_keV=np.array([0.0, 1.0]))
    found = integrals(recoils)
    assert found[0, 3] == 0.0
    assert np.all(found[0, :3] > 0.0)


def test_form_factor_of_the_moment_is_that_of_the_protons_or_one() -> None:
    shape = klein_nystrand(3.4, 0.9)
    with_F = integrals(laid_out([(1.0, 2.0)], [0]), shape=shape)
    without_F = integrals(laid_out([(1.0, 2.0)], [0]), physics(magnetic_form_factor=False), shape)
    point = integrals(laid_out([(1.0, 2.0)], [0]))
    assert with_F[0, 3] < without_F[0, 3]
    assert without_F[0, 3] == pytest.approx(point[0, 3], rel=1e-14)


LARGE = klein_nystrand(4000.0, 0.0)
"""A nucleus so large that the form factor oscillates dozens of times in one panel."""


def test_narrow_features_are_bisected_until_they_are_resolved() -> None:
    whole = integrals(laid_out([(1.0, 2.0)], [0]), shape=LARGE)
    cuts = np.linspace(1.0, 2.0, 257)
    parts = integrals(laid_out(list(pairwise(cuts.tolist())), [0] * 256), shape=LARGE)
    np.testing.assert_allclose(whole, parts, rtol=1e-10)


def test_nodes_are_refined_for_later_form_factors_that_need_it() -> None:
    """And serve again, as they are, those that do not."""
    recoils = laid_out([(1.0, 2.0)], [0])
    first = integrals(recoils)
    np.testing.assert_allclose(integrals(recoils, shape=LARGE), integrals(laid_out([(1.0, 2.0)], [0]), shape=LARGE))
    finer = recoils._nodes
    np.testing.assert_allclose(integrals(recoils), first, rtol=1e-12)
    assert recoils._nodes is finer


def test_jump_inside_a_panel_ends_the_run() -> None:
    """It cannot be resolved by bisection: that is what panel edges are for."""
    T_keV = 1e3 * 2.0 * 1.4**2 / (M + 2.8)
    jump = Efficiency(np.array([T_keV, np.nextafter(T_keV, 1.0)]), np.array([0.0, 1.0]))
    with pytest.raises(RunError, match=r"experiments.A: the recoil integral over X2 did not converge"):
        integrals(laid_out([(1.0, 2.0)], [0], jump))


def test_bins_that_no_panel_lies_in_are_exactly_zero() -> None:
    found = integrals(laid_out([(1.0, 2.0)], [2]))
    assert np.array_equal(found[:2], np.zeros((2, 4)))
    assert np.all(found[2] > 0.0)
    nothing = Recoils(
        detector([1.0, 2.0]),
        NUCLEUS,
        ((LINES, (KNOTS, CUBICS, tails(), np.zeros(3))),),
        (np.empty((0, 2)), np.empty(0, dtype=np.int64)),
    )
    assert np.array_equal(integrals(nothing), np.zeros((1, 4)))


def test_recoils_have_the_form_factors_of_their_momentum_transfer() -> None:
    isotope, T = isotope_of("Ar40"), np.array([1e-4, 0.01, 0.08])
    pair = helm(rms_p_fm=3.4, rms_n_fm=3.6)(isotope)
    for compiled in (False, True):
        seen = recoil_of(isotope, T, pair, compiled=compiled)
        q = np.sqrt(2.0 * isotope.mass_MeV * T) / naive.HBARC_FM
        for values, rms in ((seen.F_p, 3.4), (seen.F_n, 3.6)):
            R0 = np.sqrt(5.0 / 3.0 * (rms**2 - 3.0 * 0.9**2))
            np.testing.assert_allclose(values, [float(naive.helm(x, R0, 0.9)) for x in q.tolist()], rtol=1e-12)


# With mediators: SciPy's quadrature of the cross-section of a line, between the recoils that it causes.

LINE = stopped_pion(1.0e7, 20.0).spectra["nu_mu"]


def of_line(
    mediator: Mediator, parameter: str, edges_keV: Sequence[float], value: float
) -> tuple[FloatArray, FloatArray]:
    """Counts in bins of one argon atom, ours and SciPy's."""
    isotope = isotope_of("Ar40")
    choices = physics(kinematics="full", mediators=(mediator,))
    form_factors = helm()
    seen = Experiment(
        "A",
        Target("Ar", (isotope,), (1.0,)),
        1.0,
        1.0,
        20.0,
        SEES_ALL,
        np.array(edges_keV),
        form_factors,
        {"all": ("nu_mu",)},
    )
    interactions = Interactions(choices, frozenset({parameter}))
    kind = mediator.kind
    groups = [group for group in interactions.interfering if group.structure.name.startswith(kind)]
    (group,) = groups
    mass = group.structure.final_mass_MeV
    recoils = Recoils.of(seen, isotope, [LINE], [inner_grid(LINE)], mass)
    found = recoils.integrals(groups, form_factors(isotope), compiled=True)[0]
    names = ["1", *(p.name for p in interactions.parameters)]
    one_theta = np.array([{"1": 1.0, "sin2_theta_w": 0.2312, parameter: value}.get(name, 0.0) for name in names])
    forms = interactions.forms["nu_mu"][interactions.interfering.index(group)]
    c = forms @ one_theta
    weights = [(1.0 if i == j else 2.0) * float(c[:, i] @ c[:, j]) for i, j in group.pairs]
    E, per_s = float(LINE.line_energies_MeV[0]), float(LINE.line_fluxes_per_cm2_s[0])
    low, high = ends_MeV(E, isotope.mass_MeV, mass)

    def rate(T: float) -> float:
        pair = recoil_of(isotope, np.array([T]), form_factors(isotope), compiled=False)
        at = {parameter: value}
        return (
            1e40
            * per_s
            * cross_section(choices, recoil("Ar40", T, pair.F_p[0], pair.F_n[0]), "nu_mu", E, at, kinds=(kind,))
        )

    exact = []
    for lo, hi in pairwise(edges_keV):
        a, b = max(low, lo * 1e-3), min(high, hi * 1e-3)
        cuts = np.geomspace(a, b, 12).tolist() if b > a else []
        exact.append(1e-40 * sum(quad(rate, x, y, epsabs=0, epsrel=1e-12)[0] for x, y in pairwise(cuts)))
    return found @ np.array(weights), np.array(exact)


def ends_MeV(E: float, mass: float, m: float) -> tuple[float, float]:
    """The least and the greatest recoil, as a boost from the centre of mass has them."""
    with mpmath.workdps(40):
        E, M, m = mpf(E), mpf(mass), mpf(m)
        s = M * M + 2 * M * E
        p, p_out = M * E / mp.sqrt(s), mp.sqrt((s - (M + m) ** 2) * (s - (M - m) ** 2)) / (2 * mp.sqrt(s))
        energies = mp.sqrt(M * M + p * p) * mp.sqrt(M * M + p_out * p_out)
        return float((energies - p * p_out) / M - M), float((energies + p * p_out) / M - M)


@pytest.mark.parametrize("edges_keV", [(0.5, 4.0, 20.0, inf), (30.0, inf)])
@pytest.mark.parametrize(
    ("mediator", "parameter", "value"),
    [
        (Mediator("Z", "vector", 0.5), "g2_Z", 3e-10),
        (Mediator("Z", "vector", 40.0), "g2_Z", -3e-8),
        (Mediator("S", "scalar", 2.0), "g2_S", 3e-9),
        (Mediator("X", "tensor", 100.0), "g2_X", 1e-7),
        (Mediator("N", "dipole", 1.0), "mu_N", 10.0),
        (Mediator("N", "dipole", 20.0), "mu_N", 10.0),
    ],
    ids=lambda each: f"{each.kind} {each.mass_MeV:g} MeV" if isinstance(each, Mediator) else None,
)
def test_counts_of_a_mediator_are_the_integral_of_its_cross_section(
    mediator: Mediator, parameter: str, value: float, edges_keV: Sequence[float]
) -> None:
    ours, exact = of_line(mediator, parameter, edges_keV, value)
    np.testing.assert_allclose(ours, exact, rtol=1e-9)


@pytest.mark.parametrize(("m", "published"), [(0.0, 719.15916), (1.0, 718.76463), (5.0, 709.24028), (10.0, 678.79094)])
def test_a_ton_of_caesium_iodide_sees_sterile_neutrinos(m: float, published: float) -> None:
    """Above 5 keV, 1e14 neutrinos per cm^2 of each flavour and mu = 1e-9 mu_B: two other quadratures agree."""
    material, spectra = target("CsI"), list(stopped_pion(1.0e14, 20.0).spectra.values())
    R_p = {"Cs133": (4.804, 5.01), "I127": (4.749, 4.94)}
    counts = 0.0
    for isotope, per_kg in zip(material.isotopes, material.atoms_per_kg, strict=True):
        shape = helm(rms_p_fm=R_p[str(isotope)][0], rms_n_fm=R_p[str(isotope)][1])
        seen = Experiment(
            "A", material, 1.0, 1.0, 20.0, SEES_ALL, np.array([5.0, inf]), shape, {"all": ("nu_e", "nu_mu", "nu_mubar")}
        )
        choices = physics(mediators=(Mediator("N", "dipole", m),))
        groups = [g for g in Interactions(choices, frozenset({"mu_N"})).interfering if g.structure.name == "dipole N"]
        recoils = Recoils.of(seen, isotope, spectra, [inner_grid(each) for each in spectra], m)
        counts += 1e3 * per_kg * 10.0**2 * recoils.integrals(groups, shape(isotope), compiled=True).sum()
    assert counts == pytest.approx(published, rel=1e-6)
