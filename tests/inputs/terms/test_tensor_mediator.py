"""Tensor mediators."""

from __future__ import annotations

from math import pi

import pytest

from scanengine.inputs.mediators import Mediator
from tests import naive
from tests.interactions import cross_section, physics, recoil
from tests.interactions import nucleus as nucleus_of
from tests.traces import SIGMA, SIGMA_LOW, Scattering

E, T, F_P, F_N, G2, MASS = 40.0, 0.01, 0.8, 0.75, 4e-8, 60.0
NUCLEUS = nucleus_of("Cs133")
FACTOR = 1 - T / E - NUCLEUS.M * T / (4 * E**2) + T**2 / (4 * E**2)


def found(mass: float | None, strength: float, F_p: float = F_P, F_n: float = F_N) -> float:
    choices = physics(mediators=(Mediator("X", "tensor", mass),))
    name = "eps_X" if mass is None else "g2_X"
    return cross_section(choices, recoil("Cs133", T, F_p, F_n), "nu_mu", E, {name: strength}, kinds=("tensor",))


@pytest.mark.parametrize("strength", [G2, -G2])
def test_rate(strength: float) -> None:
    """delta_u + delta_d = 0.784 - 0.204 of protons and, mirrored, of neutrons."""
    M, Q_T = NUCLEUS.M, 0.58 * (55 * F_P + 78 * F_N)
    exact = 4 * M / pi * G2**2 * Q_T**2 / (2 * M * T + MASS**2) ** 2 * FACTOR * naive.HBARC_CM**2
    assert found(MASS, strength) == pytest.approx(exact, rel=1e-13)


def test_is_the_trace_of_tensor_currents() -> None:
    strength = G2 * 0.58 * 133 / (2 * NUCLEUS.M * T + MASS**2)
    twice = [(strength * SIGMA[m, n], 2.0 * SIGMA_LOW[m, n]) for m in range(4) for n in range(m)]
    traced = Scattering(E, T, NUCLEUS.M).per_recoil(*zip(*twice, strict=True)) * naive.HBARC_CM**2
    assert found(MASS, G2, 1.0, 1.0) == pytest.approx(traced, rel=1e-9)


def test_contact_interaction() -> None:
    """(8 G_F^2 M / pi) Q_T^2 eps^2 [...]."""
    Q_T = 0.58 * (55 * F_P + 78 * F_N)
    exact = 8 * naive.G_F**2 * NUCLEUS.M / pi * Q_T**2 * 0.03**2 * FACTOR * naive.HBARC_CM**2
    assert found(None, 0.03) == pytest.approx(exact, rel=1e-13)
