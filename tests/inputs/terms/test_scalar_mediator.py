"""Scalar mediators."""

from __future__ import annotations

from math import pi, sqrt

import pytest

from scanengine.inputs.mediators import Mediator
from scanengine.inputs.terms.scalar_mediator import NUCLEON_CHARGES
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.traces import ONE, Scattering

E, T, F_P, F_N, G2, MASS = 40.0, 0.01, 0.8, 0.75, 4e-8, 60.0
NUCLEUS = nucleus_of("Cs133")


def found(full: bool, mediator: Mediator, strength: float, flavour: str = "nu_e", **form_factors: float) -> float:
    choices = physics(kinematics="full" if full else "leading", mediators=(mediator,))
    seen = recoil("Cs133", T, form_factors.get("F_p", F_P), form_factors.get("F_n", F_N))
    name = "eps_S" if mediator.is_contact else "g2_S"
    return cross_section(choices, seen, flavour, E, {name: strength}, kinds=("scalar",))


def test_nucleons_of_equal_couplings_to_quarks() -> None:
    of_proton, of_neutron = NUCLEON_CHARGES["hoferichter2015"]
    assert (of_proton, of_neutron) == pytest.approx((17.2928, 17.2949), abs=6e-5)
    # 15.1 Z + 14 N = 14 A + 1.1 Z
    assert NUCLEON_CHARGES["15.1Z+14N"] == (15.1, 14.0)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("elements", "p", "n"), [("hoferichter2015", 17.2928, 17.2949), ("15.1Z+14N", 15.1, 14.0)])
def test_rate(elements: str, p: float, n: float, full: bool) -> None:
    mediator = Mediator("S", "scalar", MASS, matrix_elements=elements)  # type: ignore[arg-type]
    Q_S = 55 * F_P * p + 78 * F_N * n
    M = NUCLEUS.M
    exact = G2**2 * M * T * (M + (T / 2 if full else 0)) * Q_S**2 / (4 * pi * E**2 * (2 * M * T + MASS**2) ** 2)
    for flavour in ("nu_e", "nu_taubar"):
        rate = found(full, mediator, G2, flavour)
        assert rate == pytest.approx(exact * naive.HBARC_CM**2, rel=1e-5 if p > 17 else 1e-13)
        assert found(full, mediator, -G2, flavour) == rate


def test_is_the_trace_of_scalar_currents() -> None:
    mediator = Mediator("S", "scalar", MASS, matrix_elements="15.1Z+14N")
    strength = G2 * (15.1 * 55 + 14.0 * 78) / (2 * NUCLEUS.M * T + MASS**2)
    traced = Scattering(E, T, NUCLEUS.M).per_recoil([strength * ONE], [ONE]) * naive.HBARC_CM**2
    assert found(True, mediator, G2, F_p=1.0, F_n=1.0) == pytest.approx(traced, rel=1e-9)


def test_contact_interaction() -> None:
    """(G_F^2 M / 2 pi) (M T / E^2) Q_S^2 eps^2."""
    M, Q_S = NUCLEUS.M, 15.1 * 55 * F_P + 14.0 * 78 * F_N
    exact = naive.G_F**2 * M / (2 * pi) * M * T / E**2 * Q_S**2 * 0.03**2 * naive.HBARC_CM**2
    contact = Mediator("S", "scalar", None, matrix_elements="15.1Z+14N")
    assert found(False, contact, 0.03) == pytest.approx(exact, rel=1e-13)
    heavy = Mediator("S", "scalar", 1e5, matrix_elements="15.1Z+14N")
    assert found(False, heavy, 0.03 * sqrt(2.0) * naive.G_F * 1e10) == pytest.approx(exact, rel=1e-6)
