"""The Sun's neutrinos with NSI on their way out of it: the state that arrives depends on the couplings.

    2 E H = U diag(0, dm2_21, dm2_31) U^+ + 2 sqrt(2) G_F n_e E M,
    M = diag(1, 0, 0) + eps^e + (2 + Y) eps^u + (1 + 2 Y) eps^d

with Y neutrons and as many protons as electrons for each electron, and the vector couplings eps^f_ab: M. C.
Gonzalez-Garcia and M. Maltoni, JHEP 09 (2013) 152, arXiv:1307.3092; adiabatic, as without them (`flavour`). Between a
few energies the state is a polynomial, whose products with the spectrum are what detectors are integrated over.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.cubics import chebyshev_points, cubics_through
from scanengine.inputs.flavours import FLAVOURS, PAIRS, ends
from scanengine.inputs.solar.flavour import MATTER_EV2, Oscillation
from scanengine.inputs.solar.production import ELECTRONS_MOL_PER_CM3, NEUTRONS_PER_ELECTRON, SHARES
from scanengine.inputs.solar.spectra import produced
from scanengine.inputs.sources import Spectrum
from scanengine_kernels.adiabatic import shares_of_eigenstates

_KEPT = threading.local()

_NODES = 32
"""Energies of a spectrum at which the state is calculated: counts are right to 1e-7 even for couplings of 2."""

NSI = tuple(f"eps_{families}_{fermion}V" for families in PAIRS for fermion in "eud")
"""The couplings that matter is felt by, beside the weak one of its electrons."""

_OF_ELECTRONS = {"e": 1.0, "u": 2.0, "d": 1.0}
_OF_NEUTRONS = {"e": 0.0, "u": 1.0, "d": 2.0}
"""Fermions for each electron and its proton, and for each neutron."""


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The nodes of one component: energies (n,) and the spectrum that belongs to the state at each."""

    component: str
    E_MeV: FloatArray
    spectra: tuple[Spectrum, ...]


@dataclass(frozen=True, eq=False)
class Propagation:
    """The components of the Sun's neutrinos at the Earth, of all flavours together, and how they oscillate."""

    fluxes_per_cm2_s: Mapping[str, float]
    oscillation: Oscillation

    @property
    def felt(self) -> frozenset[str]:
        """The parameters, by name, that change the flavours."""
        return frozenset(NSI)

    @cached_property
    def spectra(self) -> tuple[Spectrum, ...]:
        """What the state at each node is multiplied with."""
        return tuple(spectrum for nodes in self._nodes for spectrum in nodes.spectra)

    def states(self, couplings: Mapping[str, FloatArray]) -> FloatArray:
        """Return the real part of rho (points, nodes, 3, 3), of couplings (points,) by their names in `NSI`."""
        couplings = couplings or {"eps_ee_eV": np.zeros(1)}
        felt = np.stack([couplings.get(name, np.zeros(1)) + 0.0 * next(iter(couplings.values())) for name in NSI])
        return np.concatenate([self._states(nodes, felt) for nodes in self._nodes], axis=1)

    def weights(self, states: FloatArray, flavour: str) -> FloatArray:
        """Return what counts of each node's spectrum are multiplied with (points, nodes), of a flavour or coherence."""
        a, b = (FLAVOURS.index(each) for each in ends(flavour))
        return states[..., a, b] if a == b else 2.0 * states[..., a, b]

    def _states(self, nodes: _Nodes, felt: FloatArray) -> FloatArray:
        """Return the states (points, nodes, 3, 3) of a component at couplings (NSI, points).

        The last are kept for each component: of a point the counts of several experiments are asked for.
        """
        kept: dict[tuple[str, Oscillation], tuple[FloatArray, FloatArray]] = _KEPT.__dict__.setdefault("states", {})
        key = nodes.component, self.oscillation
        if key not in kept or not np.array_equal(kept[key][0], felt):
            kept[key] = felt, _arriving(nodes.component, self.oscillation, nodes.E_MeV, *_matrices(felt))
        return kept[key][1]

    @cached_property
    def _nodes(self) -> tuple[_Nodes, ...]:
        return tuple(_nodes_of(name, flux) for name, flux in self.fluxes_per_cm2_s.items() if flux > 0.0)


def _matrices(felt: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what matter couples to, per electron and per neutron (points, 3, 3), of couplings (NSI, points)."""
    electrons, neutrons = np.zeros((felt.shape[1], 3, 3)), np.zeros((felt.shape[1], 3, 3))
    electrons[:, 0, 0] = 1.0
    for name, values in zip(NSI, felt, strict=True):
        _, families, fermion = name.split("_")
        a, b = ("emt".index(letter) for letter in families)
        for matrix, fermions in ((electrons, _OF_ELECTRONS), (neutrons, _OF_NEUTRONS)):
            matrix[:, a, b] += fermions[fermion[0]] * values
            matrix[:, b, a] = matrix[:, a, b]
    return electrons, neutrons


def _arriving(
    component: str, oscillation: Oscillation, E_MeV: FloatArray, electrons: FloatArray, neutrons: FloatArray
) -> FloatArray:
    """Return the real part of rho (points, n, 3, 3) at energies (n,), averaged over where a component is made."""
    U, masses = oscillation.mixing, oscillation.masses_eV2
    vacuum = np.ascontiguousarray(U * masses @ U.conj().T)
    U = U[:, np.argsort(masses)]
    made = SHARES[component]
    here = made > 0.0
    potentials = MATTER_EV2 * np.multiply.outer(E_MeV, ELECTRONS_MOL_PER_CM3[here])
    shares = np.empty((len(electrons), E_MeV.size, 3))
    ratios = NEUTRONS_PER_ELECTRON[here]
    shares_of_eigenstates(vacuum, electrons, neutrons, potentials, ratios, made[here], shares)
    return np.asarray(np.einsum("ai,bi,pni->pnab", U, U.conj(), shares).real)


def _nodes_of(component: str, flux_per_cm2_s: float) -> _Nodes:
    """Return the nodes of a component with some flux: Chebyshev points of a continuum, or its lines themselves."""
    made = produced(component).times(flux_per_cm2_s)
    if not made.knots_MeV.size:
        pairs = zip(made.line_energies_MeV.tolist(), made.line_fluxes_per_cm2_s.tolist(), strict=True)
        return _Nodes(component, made.line_energies_MeV, tuple(Spectrum.line(*each) for each in pairs))
    half = 0.5 * made.E_max_MeV
    points = np.polynomial.chebyshev.chebpts1(_NODES)
    at = chebyshev_points(made.knots_MeV)
    values = np.polynomial.polynomial.polyval(at, made.coefficients.T[..., None], tensor=False)
    # the polynomial that is 1 at one node and 0 at the others, in Chebyshev's polynomials
    terms = np.polynomial.chebyshev.chebvander(points, _NODES - 1).T * (2.0 / _NODES)
    terms[0] *= 0.5
    cardinal = np.polynomial.chebyshev.chebval(at / half - 1.0, terms)
    spectra = tuple(replace(made, coefficients=cubics_through(made.knots_MeV, each * values)) for each in cardinal)
    return _Nodes(component, half * (1.0 + points), spectra)
