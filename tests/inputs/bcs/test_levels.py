"""Woods-Saxon levels: against Ritz's principle in another basis, and what is known of their order."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.inputs.bcs import woods_saxon
from tests import naive_bcs


@pytest.mark.parametrize(("Z", "N", "highest"), [(10, 10, 3), (54, 78, 5), (82, 126, 7)])
@pytest.mark.parametrize("protons", [True, False])
def test_levels_are_those_of_ritz_in_the_box(Z: int, N: int, highest: int, protons: bool) -> None:
    found = woods_saxon(Z, N, protons, highest)
    exact = naive_bcs.levels(Z, N, protons, highest)
    for level, (energy, *names) in zip(found, exact, strict=True):
        assert [level.shell, level.ell, level.two_j] == names
        assert level.energy_MeV == pytest.approx(energy, abs=3e-4)


def test_a_free_particle_in_the_box_has_the_energies_of_sines() -> None:
    """Neutrons of a nucleus with V0 = 51 - 33 (N - Z) / A = 0 feel nothing: k = pi / 20 fm, 2 pi / 20 fm, ..."""
    s_levels = [level for level in woods_saxon(-6, 28, False, 6) if level.ell == 0]
    mu = naive_bcs.M_N * 21.0 * naive_bcs.U / (naive_bcs.M_N + 21.0 * naive_bcs.U)
    for k, level in enumerate(s_levels, start=1):
        assert level.energy_MeV == pytest.approx((naive_bcs.HBARC * k * np.pi / 20.0) ** 2 / (2.0 * mu), rel=1e-8)


@pytest.mark.parametrize("highest", range(8))
def test_shells_hold_the_numbers_of_the_oscillator(highest: int) -> None:
    levels = woods_saxon(54, 78, False, highest)
    assert sum(level.capacity for level in levels) == (highest + 1) * (highest + 2) * (highest + 3) // 3
    assert all(level.shell == 2 * level.nodes + level.ell for level in levels)
    assert [level.energy_MeV for level in levels] == sorted(level.energy_MeV for level in levels)


def test_levels_of_lead_close_the_magic_numbers() -> None:
    """Counted up from the lowest, a level ends at each of 2, 8, 20, 28, 50, 82, 126; the gap after 126 is large."""
    levels = woods_saxon(82, 126, False, 7)
    counted = np.cumsum([level.capacity for level in levels])
    assert {2, 8, 20, 82, 126} <= set(counted.tolist())
    last = counted.tolist().index(126)
    assert levels[last + 1].energy_MeV - levels[last].energy_MeV > 3.0


def test_spin_orbit_coupling_lowers_the_larger_j() -> None:
    energy = {(level.shell, level.ell, level.two_j): level.energy_MeV for level in woods_saxon(54, 78, False, 5)}
    for (shell, ell, two_j), e in energy.items():
        if two_j > 2 * ell and ell > 0:
            assert e < energy[shell, ell, 2 * ell - 1]


def test_coulomb_and_symmetry_terms_of_protons() -> None:
    """Xenon-132's extra neutrons deepen the protons' well by 33 (N - Z) / A, less the Coulomb potential, 17.3 MeV at
    r = 0 and 11.5 at R: the lowest proton level lies between the two shifts from the neutrons'.
    """
    lowest_p, lowest_n = (woods_saxon(54, 78, protons, 5)[0].energy_MeV for protons in (True, False))
    deeper = 2.0 * 33.0 * 24.0 / 132.0
    at_R = 53.0 * naive_bcs.ALPHA * naive_bcs.HBARC / (1.27 * 132.0 ** (1.0 / 3.0))
    assert at_R < lowest_p - lowest_n + deeper < 1.5 * at_R
