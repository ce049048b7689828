"""The Sun as a source: the sum of its components, in the flavours in which they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

import numpy as np

from scanengine.inputs.cubics import chebyshev_points, cubics_through
from scanengine.inputs.flavours import FLAVOURS, coherence
from scanengine.inputs.frozen import FrozenMapping
from scanengine.inputs.solar.flavour import Oscillation, arriving
from scanengine.inputs.solar.propagation import Propagation
from scanengine.inputs.solar.spectra import produced
from scanengine.inputs.sources import Source, Spectrum

ASTRONOMICAL_UNIT_M = 1.495978707e11

_FLAVOURS = FLAVOURS[:3]


def solar(
    fluxes_per_cm2_s: Mapping[str, float], oscillation: Oscillation | None, *, nsi_in_propagation: bool = False
) -> Source:
    """Return the Sun's neutrinos at the Earth, of components with these fluxes of all flavours together."""
    parts = {component: _of_one(component, oscillation) for component, flux in fluxes_per_cm2_s.items() if flux > 0.0}
    names = next(iter(parts.values()))
    spectra = {
        name: Spectrum.sum_of([part[name].times(fluxes_per_cm2_s[component]) for component, part in parts.items()])
        for name in names
    }
    return Source(
        {flavour: spectra.pop(flavour) for flavour in _FLAVOURS},
        ASTRONOMICAL_UNIT_M,
        coherences=spectra,
        at_earth=True,
        propagation=Propagation(FrozenMapping(fluxes_per_cm2_s), oscillation)
        if nsi_in_propagation and oscillation
        else None,
    )


def with_uncertainties(
    source: Source, fluxes: Mapping[str, tuple[float, float]], oscillation: Oscillation | None
) -> Source:
    """Return a source that knows what it is with each flux one standard deviation higher and lower; fluxes are given
    with their relative standard deviations.
    """
    nsi = source.propagation is not None
    nominal = {component: flux for component, (flux, _) in fluxes.items()}
    varied = {
        f"flux_{component}": (
            solar({**nominal, component: flux * (1.0 + width)}, oscillation, nsi_in_propagation=nsi),
            solar({**nominal, component: flux * (1.0 - width)}, oscillation, nsi_in_propagation=nsi),
        )
        for component, (flux, width) in fluxes.items()
        if flux > 0.0
    }
    return replace(source, varied=varied)


@lru_cache(maxsize=64)
def _of_one(component: str, oscillation: Oscillation | None) -> Mapping[str, Spectrum]:
    """Return the spectra of a component by flavour, and those of its coherences, of one neutrino per cm^2 and second.

    Between two flavours it is twice the real part of rho, for both of its elements.
    """
    made = produced(component)
    end = made.E_max_MeV
    at = chebyshev_points(made.knots_MeV)
    values = np.polynomial.polynomial.polyval(at, made.coefficients.T[..., None], tensor=False)
    of_continuum = arriving(oscillation, component, at.ravel(), end).reshape(*at.shape, 3, 3)
    of_lines = arriving(oscillation, component, made.line_energies_MeV, end)

    def arrived(a: int, b: int, factor: float) -> Spectrum:
        return replace(
            made,
            line_fluxes_per_cm2_s=factor * of_lines[:, a, b] * made.line_fluxes_per_cm2_s,
            coefficients=cubics_through(made.knots_MeV, factor * of_continuum[..., a, b] * values)
            if made.knots_MeV.size
            else made.coefficients,
        )

    spectra = {flavour: arrived(index, index, 1.0) for index, flavour in enumerate(_FLAVOURS)}
    for a, b in combinations(range(3), 2):
        spectra[coherence(_FLAVOURS[a], _FLAVOURS[b])] = arrived(a, b, 2.0)
    return FrozenMapping(spectra)
