"""NSI in the propagation of solar neutrinos, against the diagonalisation of each Hamiltonian by NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.grid.axes import FloatArray
from scanengine.inputs.flavours import coherence
from scanengine.inputs.solar.flavour import Oscillation, density_matrix, shares_of_masses
from scanengine.inputs.solar.production import ELECTRONS_MOL_PER_CM3, NEUTRONS_PER_ELECTRON, SHARES
from scanengine.inputs.solar.propagation import NSI, Propagation

pytestmark = pytest.mark.jit_only

MATTER_EV2 = 2.0 * 2.0**0.5 * 1.1663788e-23 * 6.02214076e23 * 1.973269804e-5**3 * 1e6
"""2 sqrt(2) G_F n_e E for one mol of electrons per cm^3 and 1 MeV, in eV^2: G_F in /eV^2, N_A, hbar c in eV cm."""


def by_diagonalisation(
    oscillation: Oscillation, component: str, E_MeV: FloatArray, couplings: dict[str, float]
) -> FloatArray:
    """The real part of rho (n, 3, 3) at energies (n,), one radius after the other."""
    eps = {fermion: np.zeros((3, 3)) for fermion in "eud"}
    for name, value in couplings.items():
        _, families, fermion = name.split("_")
        a, b = ("emt".index(letter) for letter in families)
        eps[fermion[0]][a, b] = eps[fermion[0]][b, a] = value
    U = oscillation.mixing
    vacuum = U @ np.diag(oscillation.masses_eV2) @ U.conj().T
    order = np.argsort(oscillation.masses_eV2)
    rho = np.zeros((E_MeV.size, 3, 3))
    for n_e, Y, share in zip(ELECTRONS_MOL_PER_CM3, NEUTRONS_PER_ELECTRON, SHARES[component], strict=True):
        matter = np.diag([1.0, 0.0, 0.0]) + eps["e"] + (2.0 + Y) * eps["u"] + (1.0 + 2.0 * Y) * eps["d"]
        _, states = np.linalg.eigh(vacuum + MATTER_EV2 * n_e * E_MeV[:, None, None] * matter)
        made = np.abs(states[:, 0]) ** 2
        rho += share * np.einsum("ai,bi,ni->nab", U[:, order], U[:, order].conj(), made).real
    return rho


@pytest.mark.parametrize("dm2_31_eV2", [2.513e-3, -2.484e-3])
@pytest.mark.parametrize("size", [0.05, 1.0])
def test_states_are_those_of_the_diagonalised_hamiltonian(dm2_31_eV2: float, size: float) -> None:
    rng = np.random.default_rng(7)
    oscillation = Oscillation(dm2_31_eV2=dm2_31_eV2)
    found = Propagation({"B8": 1.0, "Be7": 0.0, "pep": 2.0}, oscillation)
    couplings = {name: rng.normal(scale=size, size=3) for name in NSI}
    states = found.states(couplings)
    E_MeV = 0.5 * found.spectra[0].E_max_MeV * (1.0 + np.polynomial.chebyshev.chebpts1(32))
    for point in range(3):
        here = {name: float(values[point]) for name, values in couplings.items()}
        assert states[point, :32] == pytest.approx(by_diagonalisation(oscillation, "B8", E_MeV, here), abs=1e-7)
        assert states[point, 32:] == pytest.approx(
            by_diagonalisation(oscillation, "pep", np.array([1.442]), here), abs=1e-7
        )
    assert np.trace(states, axis1=2, axis2=3) == pytest.approx(1.0, abs=1e-10)


def test_without_couplings_the_state_is_that_of_the_standard_model() -> None:
    oscillation = Oscillation()
    found = Propagation({"hep": 1.0}, oscillation)
    E_MeV = 0.5 * found.spectra[0].E_max_MeV * (1.0 + np.polynomial.chebyshev.chebpts1(32))
    expected = density_matrix(oscillation, shares_of_masses(oscillation, "hep", E_MeV))
    (states,) = found.states({"eps_em_dV": np.zeros(1)})
    assert states == pytest.approx(expected, abs=1e-13)
    assert found.weights(states, "nu_tau") == pytest.approx(expected[:, 2, 2], abs=1e-13)
    assert found.weights(states, coherence("nu_e", "nu_tau")) == pytest.approx(2.0 * expected[:, 0, 2], abs=1e-13)


def test_spectra_of_the_nodes_add_up_to_that_of_the_component() -> None:
    found = Propagation({"B8": 5.0e6, "Be7": 4.0e9}, Oscillation())
    assert sum(each.total_per_cm2_s for each in found.spectra) == pytest.approx(5.0e6 + 4.0e9, rel=1e-12)
    E_MeV = np.linspace(1.0, 15.0, 57)
    whole = np.sum([each.per_cm2_s_MeV(E_MeV) for each in found.spectra], axis=0)
    one = Propagation({"B8": 1.0}, Oscillation())
    assert np.sum([5.0e6 * each.per_cm2_s_MeV(E_MeV) for each in one.spectra], axis=0) == pytest.approx(whole)
