"""Mediators, contact interactions, the dipole portal, axial scattering and the other terms in counts of scan files."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, pi, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.api.scan import Scan
from scanengine.inputs.constants import G_F_PER_MEV2
from tests import naive
from tests.inputs.terms.check_values import EFFICIENCY, OTHERS, OWN_CHARGES, RADII_FM, VECTOR, WINDOW_KEV
from tests.scan_files import definition, experiment

FLAVOURS = ("nu_mu", "nu_e", "nu_mubar")
OF_TARGET = {"CsI": ("Cs133", "I127"), "Ar": ("Ar40",), "F19": (), "Ge": ()}
AGREEMENT = 1e-8
"""The check values have nine digits, a little less where they cancel."""

Table = Mapping[str, Any]


def scan(target: str, window_keV: tuple[float, float], *, efficiency: bool = False, **tables: Any) -> Scan:
    """One tonne of a target in a fluence of 1e14 /cm^2 per flavour."""
    radii = {name: RADII_FM[name] for name in OF_TARGET[target]}
    shapes = {name: {"kind": "helm", "rms_p_fm": p, "rms_n_fm": n} for name, (p, n) in radii.items()}
    keys: dict[str, Any] = {"form_factor": (shapes["Ar40"] if target == "Ar" else shapes) or "helm"}
    if efficiency:
        T_keV, values = EFFICIENCY[target]
        keys["efficiency"] = {"recoil_keV": T_keV, "values": values}
    detector = experiment(
        target="Ar40" if target == "Ar" else target,
        mass_kg=1000.0,
        live_time_yr=None,
        distance_m=sqrt(1e-14 / (4.0 * pi * 1e4)),
        recoil_window_keV=list(window_keV),
        channels={"all": list(FLAVOURS)},
        **keys,
    )
    source = {"kind": "stopped-pion", "protons_on_target": 1.0, "neutrinos_per_proton": 1.0}
    physics = {"sin2_theta_w": 0.23857, "kinematics": "full", **tables.pop("physics", {})}
    return Scan(definition([detector], source=source, physics=physics, **tables))


def counts(of: Scan) -> dict[str, float]:
    return {event.flavour: event.counts for event in of.events()}


def total(of: Scan) -> float:
    return sum(counts(of).values())


def mediator(kind: str, mass_MeV: float, **keys: Any) -> dict[str, dict[str, Any]]:
    return {"zp": {"kind": kind, "mass_MeV": mass_MeV, **keys}}


@pytest.mark.parametrize(("target", "charges", "mass_MeV"), list(VECTOR))
def test_vector_mediators(target: str, charges: str, mass_MeV: float) -> None:
    zp = mediator("vector", mass_MeV, charges=OWN_CHARGES if charges == "own" else charges)
    g2 = {1.0: 1e-8, 1000.0: 1e-5}[mass_MeV]
    found = counts(scan(target, WINDOW_KEV[target], efficiency=True, mediators=zp, fixed={"g_zp": sqrt(g2)}))
    for flavour, (a, b, c) in VECTOR[target, charges, mass_MeV].items():
        size = a + abs(b) * g2 + c * g2 * g2
        assert found[flavour] == pytest.approx(a + b * g2 + c * g2 * g2, abs=AGREEMENT * size)


@pytest.mark.parametrize(("kind", "target", "mass_MeV"), list(OTHERS))
def test_scalar_and_tensor_mediators(kind: str, target: str, mass_MeV: float) -> None:
    name, _, way = kind.partition(" ")
    zp = mediator(name, mass_MeV, **({"matrix_elements": way} if way == "15.1Z+14N" else {}))
    physics = {"kinematics": "leading"} if way == "leading" else {}
    tables: dict[str, Any] = {"efficiency": True, "mediators": zp, "physics": physics}
    g2 = {1.0: 1e-8, 1000.0: 1e-3}[mass_MeV]
    with_it = scan(target, WINDOW_KEV[target], **tables, fixed={"g2_zp": g2})
    without = scan(target, WINDOW_KEV[target], **tables)
    added = total(with_it) - total(without)
    assert added == pytest.approx(OTHERS[kind, target, mass_MeV] * g2 * g2, rel=AGREEMENT)


@pytest.mark.parametrize(
    ("mass_MeV", "by_flavour"),
    [
        (0.0, (236.5703221, 221.1247343, 261.4640991)),
        (1.0, (236.4114223, 220.9938103, 261.3593985)),
        (10.0, (219.9925137, 207.9622734, 250.8361508)),
        (29.7, (0.0, 108.1208001, 161.6907316)),
        (50.0, (0.0, 1.177282018, 9.773442052)),
    ],
)
def test_dipole_portal(mass_MeV: float, by_flavour: tuple[float, ...]) -> None:
    portal = {"N": {"kind": "dipole", "mass_MeV": mass_MeV}}
    found = counts(scan("CsI", (5.0, inf), mediators=portal, fixed={"mu_N": 10.0}))
    without = counts(scan("CsI", (5.0, inf)))
    added = [found[flavour] - without[flavour] for flavour in FLAVOURS]
    assert added == pytest.approx(by_flavour, rel=AGREEMENT, abs=1e-9)


@pytest.mark.parametrize(("kind", "added"), [("scalar", 5499.54527), ("tensor", 64.0574415)])
def test_contact_interactions(kind: str, added: float) -> None:
    contact = {"heavy": {"kind": kind, "contact": True}}
    found = total(scan("CsI", (5.0, inf), mediators=contact, fixed={"eps_heavy": 0.01}))
    assert found - total(scan("CsI", (5.0, inf))) == pytest.approx(added, rel=AGREEMENT)


@pytest.mark.parametrize(
    ("threshold_keV", "vector", "axial", "other_spins"),
    [
        (5.0, 3433.51127, 202.924571, 206.320739),
        (10.0, 3142.29037, 197.201848, 200.50224),
        (20.0, 2620.32964, 185.155167, 188.253944),
    ],
)
def test_axial_scattering_on_fluorine(threshold_keV: float, vector: float, axial: float, other_spins: float) -> None:
    window = (threshold_keV, inf)
    plain = total(scan("F19", window))
    assert plain == pytest.approx(vector, rel=AGREEMENT)
    assert total(scan("F19", window, physics={"axial": True})) - plain == pytest.approx(axial, rel=AGREEMENT)
    own = {"axial": {"F19": {"J": 0.5, "S_p": 0.475, "S_n": -0.009}}}
    assert total(scan("F19", window, physics=own)) - plain == pytest.approx(other_spins, rel=AGREEMENT)


def test_axial_form_factor_as_a_table() -> None:
    """Half of F_A everywhere is half of the counts; one that falls is less than a constant one."""
    spin = {"J": 0.5, "S_p": 0.475, "S_n": -0.009}

    def added(**table: Any) -> float:
        with_it = scan("F19", (10.0, inf), physics={"axial": {"F19": {**spin, **table}}})
        return total(with_it) - total(scan("F19", (10.0, inf)))

    constant = added()
    assert added(q_invfm=[0.0, 1.0], ratio=[0.5, 0.5]) == pytest.approx(0.5 * constant, rel=1e-9)
    assert 0.5 * constant < added(q_invfm=[0.0, 0.5], ratio=[1.0, 0.5]) < constant


@pytest.mark.parametrize(
    ("couplings", "csi", "argon"),
    [
        ("radiative2020", (2687.15981, 3611.18935, 5190.33066), 5547.44554),
        ("radiative2023", (2726.67632, 3665.11283, 5266.96194), 5633.91249),
    ],
)
def test_radiative_couplings(couplings: str, csi: tuple[float, ...], argon: float) -> None:
    physics = {"couplings": couplings}
    found = counts(scan("CsI", (5.0, inf), physics=physics))
    assert [found[flavour] for flavour in FLAVOURS] == pytest.approx(csi, rel=AGREEMENT)
    assert total(scan("Ar", (10.0, inf), physics=physics)) == pytest.approx(argon, rel=AGREEMENT)


@pytest.mark.parametrize(
    ("convention", "fixed", "by_flavour"),
    [
        ("form-factor", {"r2_nu_e": -10.0}, (2654.30051, 1506.85648, 5128.12973)),
        ("form-factor", {"r2_nu_mu": 10.0, "r2_nu_mubar": 10.0}, (4878.36789, 3657.44844, 9473.47037)),
        ("kosmas2015", {"r2_nu_e": -10.0}, (2654.30051, 294.784783, 5128.12973)),
        ("kosmas2015", {"r2_nu_mu": 10.0, "r2_nu_mubar": 10.0}, (7774.1146, 3657.44844, 15142.2258)),
        ("form-factor", {"r2_em": 10.0}, (2990.14017, 4126.70858, 5789.83711)),
        ("form-factor", {"r2_et": 10.0}, (2654.30051, 4126.70858, 5128.12973)),
    ],
)
def test_charge_radii_in_both_conventions(convention: str, fixed: Table, by_flavour: tuple[float, ...]) -> None:
    found = counts(scan("CsI", (5.0, inf), physics={"charge_radius": convention}, fixed=fixed))
    assert [found[flavour] for flavour in FLAVOURS] == pytest.approx(by_flavour, rel=AGREEMENT)


@pytest.mark.parametrize(
    ("target", "threshold_keV", "charge_e", "wanted"),
    [
        ("CsI", 5.0, 1e-7, 4444.19336),
        ("CsI", 5.0, -1e-7, 22502.9923),
        ("Ar", 10.0, 1e-7, 1594.46243),
        ("Ar", 10.0, -1e-7, 13851.5075),
    ],
)
def test_millicharges(target: str, threshold_keV: float, charge_e: float, wanted: float) -> None:
    fixed = {f"q_nu_{family}": charge_e * 1e12 for family in ("e", "mu", "tau")}
    assert total(scan(target, (threshold_keV, inf), fixed=fixed)) == pytest.approx(wanted, rel=AGREEMENT)


# Limits and symmetries.


def test_a_heavy_mediator_is_the_contact_interaction() -> None:
    heavy = mediator("vector", 1e8, charges="universal")
    eps = 0.05
    g2 = eps * sqrt(2.0) * G_F_PER_MEV2 * 1e8**2
    contact = {"zp": {"kind": "vector", "contact": True, "charges": "universal"}}
    found = counts(scan("CsI", (5.0, inf), mediators=heavy, fixed={"g2_zp": g2}))
    assert found == pytest.approx(counts(scan("CsI", (5.0, inf), mediators=contact, fixed={"eps_zp": eps})), rel=1e-9)


def test_a_contact_interaction_with_charges_of_nsi_is_nsi() -> None:
    charges = {"u": 0.3, "d": -0.1, "nu_e": 1.0}
    contact = {"x": {"kind": "vector", "contact": True, "charges": charges}}
    nsi = {"eps_ee_uV": 0.3 * 0.4, "eps_ee_dV": -0.1 * 0.4}
    assert counts(scan("CsI", (5.0, inf), mediators=contact, fixed={"eps_x": 0.4})) == pytest.approx(
        counts(scan("CsI", (5.0, inf), fixed=nsi)), rel=1e-13
    )


@pytest.mark.parametrize(("kind", "power"), [("vector", 1), ("scalar", 2), ("tensor", 2)])
def test_a_massless_mediator_is_the_limit_of_light_ones(kind: str, power: int) -> None:
    fixed = {"g2_zp": 1e-9**power * 10.0}
    massless, light = (
        total(scan("Ar", (10.0, inf), mediators=mediator(kind, mass), fixed=fixed)) for mass in (0.0, 1e-3)
    )
    assert light == pytest.approx(massless, rel=1e-7)


@settings(max_examples=15)
@given(
    g2=st.floats(-1e-8, 1e-8),
    eps=st.floats(-0.5, 0.5),
    s2=st.floats(0.2, 0.26),
    r2=st.floats(-5.0, 5.0),
    mass_MeV=st.floats(0.1, 300.0),
)
def test_interference_with_all_other_vector_terms_is_that_of_one_amplitude(
    g2: float, eps: float, s2: float, r2: float, mass_MeV: float
) -> None:
    """Counts are quadratic along any line in parameters that share an amplitude: three points give a fourth."""
    ends = ({"sin2_theta_w": 0.23}, {"g2_zp": g2, "eps_ee_uV": eps, "sin2_theta_w": s2, "r2_nu_e": r2})

    def at(x: float) -> float:
        fixed = {name: x * ends[1].get(name, 0.0) + (1.0 - x) * ends[0].get(name, 0.0) for name in ends[1]}
        zp = mediator("vector", mass_MeV, charges="B-L")
        return counts(scan("Ar", (10.0, inf), mediators=zp, fixed=fixed))["nu_e"]

    a, b, c, d = (at(x) for x in (0.0, 1.0, 2.0, 3.0))
    assert d == pytest.approx(a - 3.0 * b + 3.0 * c, abs=1e-9 * (abs(a) + abs(b) + abs(c) + abs(d)))


def test_couplings_of_several_mediators_add_in_the_amplitude() -> None:
    """Two mediators of one mass and one kind are one mediator with the sum of g^2."""
    one = mediator("vector", 20.0, charges="universal")
    two = {**one, "xp": one["zp"]}
    found = counts(scan("Ar", (10.0, inf), mediators=two, fixed={"g2_zp": 3e-9, "g2_xp": 2e-9}))
    assert found == pytest.approx(counts(scan("Ar", (10.0, inf), mediators=one, fixed={"g2_zp": 5e-9})), rel=1e-13)


def test_direct_evaluation_has_every_interaction() -> None:
    """The double integral at a point, of vector, scalar, tensor and axial terms, a portal and a millicharge."""
    mediators = {
        "zp": {"kind": "vector", "mass_MeV": 15.0, "charges": "L_mu-L_tau"},
        "phi": {"kind": "scalar", "mass_MeV": 8.0},
        "t": {"kind": "tensor", "mass_MeV": 60.0},
        "N": {"kind": "dipole", "mass_MeV": 12.0},
    }
    fixed = {"g_zp": 1e-3, "g_phi": 2e-5, "g_t": 4e-4, "mu_N": 8.0, "q_nu_e": 2e4, "mu_nu": 3.0}
    tables: dict[str, Any] = {"mediators": mediators, "fixed": fixed, "axes": {"eps_ee_uV": {"values": [-0.2, 0.3]}}}
    polynomial, direct = (
        scan("F19", (10.0, 60.0), physics={"axial": True, "evaluation": way}, **tables)
        for way in ("polynomial", "direct")
    )
    for eps in (-0.2, 0.1, 0.3):
        assert direct.chi2(eps_ee_uV=eps) == pytest.approx(polynomial.chi2(eps_ee_uV=eps), rel=1e-9)
    T_keV = np.array([1.0, 12.0, 40.0, 90.0])
    found = polynomial.cross_section_cm2_per_keV("A", "nu_mu", 40.0, T_keV)
    assert found == pytest.approx(direct.cross_section_cm2_per_keV("A", "nu_mu", 40.0, T_keV), rel=1e-12)
    assert np.all(found[:3] > 0.0)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def by_energies(
    kind: str, name: str, flavour: str, m: float, charges: Mapping[str, float], g2: float, rms: float
) -> float:
    """Counts above 8 keV of 100 kg for a year, by Gauss' rule over T inside of one over E: between the exact ends, with
    the formulas as papers have them.
    """
    nucleus = naive.nucleus(name)
    M, Z, N, low = nucleus.M, nucleus.Z, nucleus.N, 0.008
    s_fm = 0.9
    R0 = sqrt(5.0 / 3.0 * (rms**2 - 3.0 * s_fm**2))
    Q_nu, u, d = charges[flavour.replace("bar", "")], charges["u"], charges["d"]

    def up_to(E: float) -> float:
        """Integrate dsigma/dT in cm^2 over T, in the logarithm of the propagator."""
        ends = np.log(2.0 * M * np.array([low, 2.0 * E * E / (M + 2.0 * E)]) + m * m)
        x = ends.mean() + 0.5 * np.ptp(ends) * NODES
        propagator = np.exp(-x)
        T = (1.0 / propagator - m * m) / (2.0 * M)
        F = np.array([float(naive.helm(q, R0, s_fm)) for q in np.sqrt(2.0 * M * T) / naive.HBARC_FM])
        y = T / E
        if kind == "vector":
            C = Z * F * (0.5 - 2.0 * 0.23857) - 0.5 * N * F
            C += g2 * Q_nu * (Z * F * (2.0 * u + d) + N * F * (u + 2.0 * d)) * propagator / (sqrt(2.0) * naive.G_F)
            sigma = naive.G_F**2 * M / pi * C**2 * (1.0 - y - M * T / (2.0 * E * E) + 0.5 * y * y)
        elif kind == "scalar":
            of_p, of_n = 938.27208943 * (0.0208 / 2.16 + 0.0411 / 4.67), 939.56542194 * (0.0189 / 2.16 + 0.0451 / 4.67)
            Q = F * (Z * of_p + N * of_n)
            sigma = g2**2 * M * T * (M + 0.5 * T) * Q**2 * propagator**2 / (4.0 * pi * E * E)
        else:
            Q = F * (Z + N) * (0.784 - 0.204)
            bracket = 1.0 - y - M * T / (4.0 * E * E) + 0.25 * y * y
            sigma = 4.0 * M / pi * g2**2 * Q**2 * propagator**2 * bracket
        jacobian = 0.5 * np.ptp(ends) / (2.0 * M * propagator)
        return float(naive.HBARC_CM**2 * (WEIGHTS * jacobian) @ sigma)

    spectrum = naive.STOPPED_PION[flavour](1e7)
    least = 0.5 * (low + sqrt(low**2 + 2.0 * M * low))
    total = sum(float(flux) * up_to(float(E)) for E, flux in spectrum.lines if least < E)
    if spectrum.breaks:
        half = 0.5 * (float(spectrum.E_max) - least)
        E = least + half * (1.0 + NODES)
        total += half * sum(
            w * float(spectrum.continuum(e)) * up_to(e) for w, e in zip(WEIGHTS, E.tolist(), strict=True)
        )
    return total * 100.0 * float(nucleus.per_kg) * naive.YEAR_S


@pytest.mark.parametrize("kind", ["vector", "scalar", "tensor"])
@pytest.mark.parametrize("seed", range(4))
def test_any_mass_target_and_charges(kind: str, seed: int) -> None:
    """Against an independent quadrature in the other order."""
    random = np.random.default_rng([seed, len(kind)])
    name = ("Si28", "Ar40", "Ge76", "Xe132", "Cs133", "Ne20")[int(random.integers(6))]
    flavour = ("nu_mu", "nu_e", "nu_mubar")[int(random.integers(3))]
    m, rms = 10.0 ** random.uniform(-1.0, 3.0), random.uniform(2.8, 5.0)
    g2 = 10.0 ** random.uniform(-1.0, 0.5) * 2e-10 * (1.0 + (m / 30.0) ** 2)
    charges = dict(zip(("u", "d", "electron", "nu_e", "nu_mu", "nu_tau"), random.normal(size=6).tolist(), strict=True))
    keys: dict[str, Any] = {"charges": charges} if kind == "vector" else {}
    seen = experiment(
        target=name,
        channels={"all": [flavour]},
        recoil_window_keV=[8.0, inf],
        form_factor={"kind": "helm", "rms_fm": rms, "s_fm": 0.9},
    )
    physics = {"sin2_theta_w": 0.23857, "kinematics": "full"}
    of = Scan(definition([seen], physics=physics, mediators=mediator(kind, m, **keys), fixed={"g2_zp": g2}))
    standard = Scan(definition([seen], physics=physics))
    ours = total(of) - (0.0 if kind == "vector" else total(standard))
    assert ours == pytest.approx(by_energies(kind, name, flavour, m, charges, g2, rms), rel=1e-8)
