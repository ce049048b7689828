"""The BCS state: its equations hold, the root is the largest, and closed shells are its limit."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.inputs.bcs import Level, Species
from scanengine.inputs.bcs.pairing import paired
from tests import naive_bcs


def made(energies: list[float], shells: list[int] | None = None) -> tuple[Level, ...]:
    """Levels of the highest j of each shell from 0 on, or of the shells given."""
    shells = list(range(len(energies))) if shells is None else shells
    return tuple(Level(N, N, 2 * N + 1, e) for N, e in zip(shells, energies, strict=True))


def quasi_particles_MeV(species: Species) -> naive_bcs.FloatArray:
    return np.hypot(np.array([level.energy_MeV for level in species.levels]) - species.lambda_MeV, species.delta_MeV)


def capacities(species: Species) -> naive_bcs.FloatArray:
    return np.array([float(level.capacity) for level in species.levels])


spectra = st.lists(st.floats(0.3, 6.0), min_size=2, max_size=7).map(lambda steps: list(np.cumsum(steps) - 30.0))


@given(spectra, st.floats(0.0, 1.0), st.floats(0.2, 4.0))
def test_equations_of_the_bcs_state(energies: list[float], filling: float, gap: float) -> None:
    levels = made(energies)
    total = sum(level.capacity for level in levels)
    particles = min(max(2 * round(filling * total / 2), 2), total - 2)
    species = paired(levels, particles, gap)
    v2, n = species.occupations, capacities(species)
    assert np.all((v2 >= 0.0) & (v2 <= 1.0))
    assert n @ v2 == pytest.approx(particles, rel=1e-12)
    if species.delta_MeV == 0.0:
        assert set(v2.tolist()) <= {0.0, 1.0}
        assert quasi_particles_MeV(species).min() > 0.0
        return
    E = quasi_particles_MeV(species)
    assert E.min() == pytest.approx(gap, rel=1e-9)
    # The gap equation: Delta is G times the sum of u v over pairs of states.
    uv = np.sqrt(v2 * (1.0 - v2))
    assert species.strength_MeV * float(n / 2.0 @ uv) == pytest.approx(species.delta_MeV, rel=1e-6)
    distance = np.array(energies) - species.lambda_MeV
    assert v2 == pytest.approx(0.5 * (1.0 - distance / E), abs=1e-12)


LEVELS = made([-20.0, -14.0, -11.5, -6.0, -1.0])


@pytest.mark.parametrize(("particles", "gap"), [(8, 1.2), (10, 0.8), (14, 2.5), (16, 1.0)])
def test_delta_lambda_and_occupations_equal_nested_bisection(particles: int, gap: float) -> None:
    """Also that no larger Delta gives the gap: the slow search comes down from Delta = gap."""
    species = paired(LEVELS, particles, gap)
    delta, fermi, v2 = naive_bcs.occupied([(e.energy_MeV, e.capacity) for e in LEVELS], particles, gap)
    assert species.delta_MeV == pytest.approx(delta, abs=1e-8)
    assert species.lambda_MeV == pytest.approx(fermi, abs=1e-7)
    assert species.occupations == pytest.approx(np.array(v2), abs=1e-8)


def test_half_filled_single_level_has_delta_equal_to_the_gap() -> None:
    """In one j-shell E = G (2j + 1) / 4 for every filling, and v^2 = N / (2j + 1)."""
    level = (Level(4, 4, 9, -7.0), Level(5, 5, 11, 5000.0))
    species = paired(level, 5, 1.3)
    assert species.lambda_MeV == pytest.approx(-7.0, abs=1e-3)
    assert species.delta_MeV == pytest.approx(1.3, abs=1e-6)
    assert species.occupations == pytest.approx([0.5, 0.0], abs=1e-6)
    assert species.strength_MeV == pytest.approx(4.0 * 1.3 / 10.0, rel=1e-3)


def test_closed_shell_wider_than_the_gap_is_filled_without_pairing() -> None:
    levels = made([-20.0, -14.0, -4.0])
    species = paired(levels, 6, 2.0)
    assert species.occupations.tolist() == [1.0, 1.0, 0.0]
    assert (species.delta_MeV, species.strength_MeV, species.lambda_MeV) == (0.0, 0.0, -9.0)
    assert species.gap_MeV == 2.0


def test_closed_shell_is_the_limit_of_pairing() -> None:
    """As the gap falls to half the distance of the levels, about 5 MeV here, Delta and the smearing go to zero."""
    levels = made([-20.0, -14.0, -4.0])
    smeared = [1.0 - float(paired(levels, 6, gap).occupations[1]) for gap in (6.0, 5.0, 4.7, 4.6)]
    assert smeared == sorted(smeared, reverse=True)
    assert smeared[0] > 0.02
    assert smeared[-1] < 5e-3
    assert paired(levels, 6, 4.2).delta_MeV == 0.0


def test_inert_shells_are_full_and_take_no_part() -> None:
    levels = made([-30.0, -20.0, -8.0, -7.0, -1.0])
    core = paired(levels, 12, 1.0, inert=2)
    alone = paired(levels[2:], 12 - 6, 1.0)
    assert core.occupations[:2].tolist() == [1.0, 1.0]
    assert np.array_equal(core.occupations[2:], alone.occupations)
    assert (core.delta_MeV, core.lambda_MeV, core.strength_MeV) == (
        alone.delta_MeV,
        alone.lambda_MeV,
        alone.strength_MeV,
    )


def test_radius_and_coefficients_of_filled_shells() -> None:
    """Two nucleons in 0s and four in 0p3/2: <r^2> = (2 * 3/2 + 4 * 5/2) / 6 b^2, F e^y = 1 - (4/6) (2/3) y."""
    species = paired(made([-20.0, -14.0, -4.0]), 6, 2.0)
    assert species.mean_square_radius_b2 == pytest.approx(13.0 / 6.0, rel=1e-15)
    assert species.rms_fm(1.7) == pytest.approx(1.7 * sqrt(13.0 / 6.0), rel=1e-15)
    assert species.coefficients() == pytest.approx([1.0, -4.0 / 9.0, 0.0], abs=1e-15)


def test_occupations_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        paired(LEVELS, 8, 1.0).occupations[0] = 0.0
