"""What one flavour contributes to the counts of a channel: integrals of products of amplitudes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Binning
from scanengine.inputs.electrons import RecoilKind
from scanengine.inputs.flavours import ends
from scanengine.inputs.sources import Propagation
from scanengine.inputs.terms.interactions import Interactions, Interfering


@dataclass(frozen=True, eq=False)
class Response:
    """What one flavour contributes to one channel of one experiment, or the coherence of two.

    Of recoiling nuclei, or of recoiling electrons. integrals (bins, pairs) in counts, of the products of amplitudes
    f_i f_j that interfere: with c_bi the couplings to the final family b, N = sum over structures, b, i and j of
    integrals_ij c_bi c_bj. Of a coherence, c_bi are the couplings of one flavour and c_bj those of the other.
    """

    experiment: str
    channel: str
    flavour: str
    binning: Binning
    integrals: FloatArray
    interactions: Interactions
    recoil: RecoilKind = "nucleus"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Experiment, channel, flavour and recoil, by which a response is known among others."""
        return self.experiment, self.channel, self.flavour, self.recoil

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        return np.asarray(self.products(theta) @ self.integrals.T)

    def scaled(self, scale: FloatArray) -> Response:
        """Return the response with its bins (energies, times) times a scale (energies, extra bins, times)."""
        return replace(self, integrals=_scaled(self.integrals, scale))

    def products(self, theta: FloatArray) -> FloatArray:
        """Return what the integrals are multiplied with (..., pairs) at parameter vectors theta (..., parameters)."""
        one_theta = np.concatenate((np.ones((*theta.shape[:-1], 1)), theta), axis=-1)
        products = []
        for group, one, other in self._forms():
            c = np.einsum("fat,...t->...fa", one, one_theta)
            d = c if other is one else np.einsum("fat,...t->...fa", other, one_theta)
            for i, j in group.pairs:
                crossed = 0.0 if i == j else c[..., j] * d[..., i]
                products.append((c[..., i] * d[..., j] + crossed).sum(-1))
        return np.asarray(np.stack(products, axis=-1))

    def count_forms(self, to_parameters: FloatArray) -> FloatArray:
        """Return Q (bins, k, k) with N = y^T Q y, where (1, theta) is to_parameters (1 + parameters, k) @ y."""
        products = []
        for group, one, other in self._forms():
            c, d = one @ to_parameters, other @ to_parameters
            for i, j in group.pairs:
                product = c[:, i].T @ d[:, j] + (0.0 if i == j else c[:, j].T @ d[:, i])
                products.append(0.5 * (product + product.T))
        return np.asarray(np.einsum("bt,tij->bij", self.integrals, np.stack(products)))

    def _forms(self) -> Iterator[tuple[Interfering, FloatArray, FloatArray]]:
        """Yield amplitudes that interfere, with their linear forms for the flavour, or for the two of a coherence."""
        one, other = ends(self.flavour)
        forms = self.interactions.forms
        return zip(self.interactions.interfering, forms[one], forms[other], strict=True)


@dataclass(frozen=True, eq=False)
class PropagatedResponse(Response):
    """What a flavour contributes where couplings change the share of it that arrives, or of the coherence of two.

    `by_node` (bins, nodes, pairs) are the integrals over the spectrum of each node of the `arriving` state, `integrals`
    those of the Standard Model's flavours.
    """

    by_node: FloatArray = field(kw_only=True)
    arriving: Arriving = field(kw_only=True)

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        weights = self.arriving.weights(theta.reshape(-1, theta.shape[-1]), self.flavour)
        products = self.products(theta).reshape(len(weights), -1)
        counts = np.einsum("pn,bnt,pt->pb", weights, self.by_node, products, optimize=True)
        return np.asarray(counts.reshape(*theta.shape[:-1], -1))

    def scaled(self, scale: FloatArray) -> PropagatedResponse:
        """Return the response with its bins (energies, times) times a scale (energies, extra bins, times)."""
        return replace(self, integrals=_scaled(self.integrals, scale), by_node=_scaled(self.by_node, scale))

    def count_forms(self, to_parameters: FloatArray) -> FloatArray:  # noqa: ARG002  (there are none)
        """Raise InputError: counts are no polynomials."""
        raise InputError(
            f"experiments.{self.experiment}: NSI change the flavours in which its neutrinos arrive, and counts are no "
            "polynomials of them: only chi2 on a grid or at points is there; leave out nsi_in_propagation for the rest"
        )


def _scaled(integrals: FloatArray, scale: FloatArray) -> FloatArray:
    """Return integrals (energies and times, ...) times a scale (energies, extra bins, times)."""
    energies, _, times = scale.shape
    rest = integrals.shape[1:]
    scaled = scale.reshape(*scale.shape, *(1 for _ in rest)) * integrals.reshape(energies, 1, times, *rest)
    return np.asarray(scaled.reshape(-1, *rest))


class Arriving:
    """The states in which the neutrinos of an experiment arrive."""

    def __init__(self, propagation: Propagation, parameters: Sequence[str]) -> None:
        self._propagation = propagation
        self._columns = {name: column for column, name in enumerate(parameters) if name in propagation.felt}

    def weights(self, theta: FloatArray, flavour: str) -> FloatArray:
        """Return what counts of each node are multiplied with (points, nodes) at theta (points, parameters)."""
        couplings = {name: theta[:, column] for name, column in self._columns.items()}
        return self._propagation.weights(self._propagation.states(couplings), flavour)
