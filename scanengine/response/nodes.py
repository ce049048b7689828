"""Quadrature nodes in panels of recoil energies, and what is seen there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine_kernels.quadrature import EMBEDDED_WEIGHTS, KRONROD_NODES, KRONROD_WEIGHTS


@dataclass(frozen=True, eq=False)
class Nodes:
    """Quadrature nodes in some panels, 21 in each, and what is seen there.

    `panels` (panels, 2) with the bin of true recoil energy of each, T_MeV (nodes,), `weights` (nodes,) without those of
    the rules, `shares` (bins, nodes) of the recoils in each bin of a reconstructed quantity, None where true recoils
    are counted; `moments` (flavours, nodes, 3) of the spectra above the least neutrino energy.
    """

    panels: FloatArray
    bins: NDArray[np.int64]
    T_MeV: FloatArray
    weights: FloatArray
    shares: FloatArray | None
    moments: FloatArray

    def select(self, keep: NDArray[np.bool_]) -> Nodes:
        """Return the nodes of some panels (panels,) alone."""
        nodes = np.repeat(keep, KRONROD_NODES.size)
        return Nodes(
            self.panels[keep],
            self.bins[keep],
            self.T_MeV[nodes],
            self.weights[nodes],
            None if self.shares is None else self.shares[:, nodes],
            self.moments[:, nodes],
        )

    @classmethod
    def joined(cls, parts: Sequence[Nodes]) -> Nodes:
        """Return the nodes of all parts."""
        if len(parts) == 1:
            return parts[0]
        shares = [part.shares for part in parts if part.shares is not None]
        return cls(
            np.concatenate([part.panels for part in parts]),
            np.concatenate([part.bins for part in parts]),
            np.concatenate([part.T_MeV for part in parts]),
            np.concatenate([part.weights for part in parts]),
            np.concatenate(shares, axis=1) if shares else None,
            np.concatenate([part.moments for part in parts], axis=1),
        )

    @cached_property
    def rules(self) -> FloatArray:
        """What nodes count in the two rules (2, bins or 1, nodes), the shares of the bins in them."""
        both = np.stack((KRONROD_WEIGHTS, EMBEDDED_WEIGHTS))
        weights = np.tile(both, len(self.panels)) * self.weights
        return weights[:, None, :] if self.shares is None else weights[:, None, :] * self.shares

    def by_panel(self, integrand: FloatArray) -> FloatArray:
        """Return the integrals by both rules (2, panels, flavours, bins or 1, pairs) of an integrand (flavours, nodes,
        pairs).
        """
        rules = self.rules.reshape(2, -1, len(self.panels), KRONROD_NODES.size)
        shaped = integrand.reshape(len(integrand), len(self.panels), KRONROD_NODES.size, -1)
        return np.asarray(np.einsum("rbpk,fpkt->rpfbt", rules, shaped, optimize=True))

    def into_bins(self, by_panel: FloatArray, bins: int) -> FloatArray:
        """Return the sums (..., flavours, bins, pairs) over panels of what each has (..., panels, flavours, bins or 1,
        pairs).
        """
        if self.shares is not None:
            return np.asarray(by_panel.sum(axis=-4))
        panels = np.moveaxis(by_panel[..., 0, :], -3, 0)
        total = np.zeros((bins, *panels.shape[1:]))
        np.add.at(total, self.bins, panels)
        return np.moveaxis(total, 0, -2)

    def integrate(self, integrand: FloatArray, bins: int) -> FloatArray:
        """Return the integrals by both rules (2, flavours, bins, pairs)."""
        if self.shares is None:
            return self.into_bins(self.by_panel(integrand), bins)
        flat = np.moveaxis(integrand, 1, 0).reshape(integrand.shape[1], -1)
        summed = (self.rules @ flat).reshape(2, bins, len(integrand), -1)
        return np.moveaxis(summed, 2, 1)


def nodes_of(panels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the quadrature nodes (21 panels,) of panels (n, 2), and half the width of the panel of each."""
    half = 0.5 * (panels[:, 1] - panels[:, 0])
    nodes = 0.5 * (panels[:, 0] + panels[:, 1])[:, None] + half[:, None] * KRONROD_NODES
    return nodes.ravel(), np.repeat(half, KRONROD_NODES.size)


def kronrod_nodes(panels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the nodes of the 21-point rule in panels (n, 2), and their weights."""
    nodes, half = nodes_of(panels)
    return nodes, half * np.tile(KRONROD_WEIGHTS, len(panels))
