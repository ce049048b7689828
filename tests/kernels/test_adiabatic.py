"""Shares of eigenstates from eigenvalues alone, against eigenvectors."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine_kernels.adiabatic import shares_of_eigenstates


@pytest.mark.jit_only
def test_shares_are_squares_of_the_eigenvectors() -> None:
    rng = np.random.default_rng(3)
    root = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    vacuum = root @ root.conj().T
    electrons, neutrons = (each + each.swapaxes(1, 2) for each in rng.normal(size=(2, 4, 3, 3)))
    potentials, ratios, weights = rng.uniform(size=(5, 2)), np.array([0.2, 0.7]), np.array([0.25, 0.75])
    shares = np.empty((4, 5, 3))
    shares_of_eigenstates(vacuum, electrons, neutrons, potentials, ratios, weights, shares)
    matter = electrons[:, None] + ratios[:, None, None] * neutrons[:, None]
    H = vacuum + potentials[..., None, None] * matter[:, None]
    expected = np.einsum("pkri,r->pki", np.abs(np.linalg.eigh(H)[1][..., 0, :]) ** 2, weights)
    assert shares == pytest.approx(expected, abs=1e-10)
