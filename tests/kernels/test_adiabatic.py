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


@pytest.mark.jit_only
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, 1e7, 1e10])
def test_shares_are_probabilities_however_close_two_states_are(size: float) -> None:
    """One large coupling leaves two states as close as those in vacuum, beside it."""
    rng = np.random.default_rng(4)
    root = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    vacuum = np.ascontiguousarray(root * [0.0, 7.5e-5, 2.5e-3] @ root.conj().T)
    electrons = np.zeros((9, 3, 3))
    for p in range(9):
        electrons[p, p // 3, p % 3] = electrons[p, p % 3, p // 3] = size
    electrons[:, 0, 0] += 1.0
    potentials, ratios, weights = np.array([[1e-6], [1e-4]]), np.zeros(1), np.ones(1)
    shares = np.empty((9, 2, 3))
    shares_of_eigenstates(vacuum, electrons, np.zeros_like(electrons), potentials, ratios, weights, shares)
    assert shares.min() >= -1e-9
    assert shares.sum(axis=2) == pytest.approx(np.ones((9, 2)), abs=1e-12)
    H = vacuum + potentials[:, 0, None, None] * electrons[:, None]
    expected = np.abs(np.linalg.eigh(H)[1][..., 0, :]) ** 2
    assert shares == pytest.approx(expected, abs=1e-6 if size < 1e9 else 1.0)
