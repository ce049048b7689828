"""Antineutrinos of a reactor: those of the fission products of its fuel, for a thermal power."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from types import MappingProxyType

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import MEV_J
from scanengine.inputs.reactor_spectra import E_HIGH_MEV, E_LOW_MEV, below_2_MeV, per_fission_MeV
from scanengine.inputs.sources import Source, Spectrum, tabulated_spectrum

FISSION_MEV = MappingProxyType({"U235": 202.36, "U238": 205.99, "Pu239": 211.12, "Pu241": 214.26})
"""Thermal energy per fission, MeV: X. B. Ma et al., Phys. Rev. C 88, 014605 (2013)."""

Points = tuple[FloatArray, FloatArray]
"""Energies in MeV, and antineutrinos per fission and MeV, joined by straight lines."""

E_FAR_MEV = 12.0
"""Where an extrapolated spectrum ends."""

_PER_MEV = 40


def fissions_per_s(power_GW: float, fractions: Mapping[str, float]) -> float:
    """Return the rate of fissions at a thermal power."""
    return power_GW * 1e9 / (MEV_J * sum(share * FISSION_MEV[fuel] for fuel, share in fractions.items()))


def reactor(
    power_GW: float,
    fractions: Mapping[str, float],
    *,
    above: str = "mueller2011",
    below: Points | str = "vogel-engel1989",
    beyond: Points | str = "none",
) -> Source:
    """Return the nu_ebar of a reactor at 1 m from its core, for shares of the fissions of its fuels.

    From 2 to 8 MeV the spectrum is the parametrisation `above`, in pieces of cubics that agree with it to 1e-8. Below
    2 MeV it is Vogel and Engel's table joined by straight lines, or the points `below`, or nothing ("none"). The two do
    not meet: at 2 MeV there is a step of some per cent. From 8 MeV on there is nothing ("none"), or what the points
    `beyond` say, or the parametrisation's formula up to 12 MeV, where it is not validated ("extrapolated").

    Raises InputError if the shares do not add up to 1, the points do not increase or lie within 2 to 8 MeV, or a name
    is not known.
    """
    total = sum(fractions.values())
    if abs(total - 1.0) > 0.01:
        raise InputError(f"the shares of the fissions add up to {total:.4g}, they must to 1")
    if isinstance(beyond, str) and beyond not in ("none", "extrapolated"):
        raise InputError(f"found {beyond!r}, it must be none or extrapolated, or points")
    knots, coefficients = _parametrised(fractions, above, E_FAR_MEV if beyond == "extrapolated" else E_HIGH_MEV)
    if isinstance(below, tuple):
        knots, coefficients = _joined(_below(below), (knots, coefficients))
    elif below == "vogel-engel1989":
        knots, coefficients = _joined(_below(below_2_MeV(fractions)), (knots, coefficients))
    elif below != "none":
        raise InputError(f"found {below!r}, it must be vogel-engel1989 or none, or points")
    if isinstance(beyond, tuple):
        high = tabulated_spectrum(*beyond)
        if high.knots_MeV[0] < E_HIGH_MEV:
            raise InputError(f"found {high.knots_MeV[0]:g} MeV, the parametrisation ends only at {E_HIGH_MEV:g} MeV")
        knots, coefficients = _joined((knots, coefficients), (high.knots_MeV, high.coefficients))
    at_one_metre = fissions_per_s(power_GW, fractions) / (4.0 * pi * 100.0**2)
    return Source({"nu_ebar": Spectrum.continuum(knots, at_one_metre * coefficients)}, 1.0)


def _parametrised(fractions: Mapping[str, float], above: str, high_MeV: float) -> tuple[FloatArray, FloatArray]:
    """Return knots (n + 1,) from 2 MeV on and cubics (n, 4): through four Chebyshev points of each segment."""
    knots = np.linspace(E_LOW_MEV, high_MeV, round((high_MeV - E_LOW_MEV) * _PER_MEV) + 1)
    half, middle = 0.5 * (knots[1] - knots[0]), 0.5 * (knots[1:] + knots[:-1])
    x = np.cos(pi * (2.0 * np.arange(4) + 1.0) / 8.0)
    values = per_fission_MeV(fractions, middle + half * x[:, None], above)
    local = np.linalg.solve(np.vander(x, increasing=True), values)
    coefficients = [
        np.polynomial.Polynomial(cubic, domain=[lo, hi]).convert(domain=[-1.0, 1.0]).coef
        for cubic, lo, hi in zip(local.T, knots[:-1], knots[1:], strict=True)
    ]
    return knots, np.array(coefficients)


def _below(points: Points) -> tuple[FloatArray, FloatArray]:
    low = tabulated_spectrum(*points)
    if low.knots_MeV[-1] > E_LOW_MEV:
        raise InputError(f"found {low.knots_MeV[-1]:g} MeV, the parametrisation begins at {E_LOW_MEV:g} MeV already")
    return low.knots_MeV, low.coefficients


def _joined(low: tuple[FloatArray, FloatArray], high: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return two piecewise cubics as one, with nothing between them if they do not touch."""
    gap = low[0][-1] < high[0][0]
    knots = np.concatenate((low[0] if gap else low[0][:-1], high[0]))
    return knots, np.concatenate((low[1], np.zeros((int(gap), 4)), high[1]))
