"""What a real detector makes of a recoil: quenched, smeared, accepted, and counted in bins of what it reconstructs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.acceptances import Acceptance
from scanengine.inputs.by_isotope import ByIsotope, of_isotope
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.quenching import Quenching
from scanengine.inputs.resolution import Perfect, Resolution, Shown

MOST_STEPS = 5000
"""Resolutions so fine that the spectrum is thousands of standard deviations long are as good as perfect."""

_SAMPLES = 4000
_FAR = 12.0
"""In standard deviations: events so far beyond the last bin are not in it, whatever the resolution."""
_STEP = 3.0


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """From true recoil energy to the bins of a reconstructed quantity: photo-electrons, or keVee without a light yield.

    `edges` (bins + 1,) and `efficiency` are in the reconstructed quantity; `light_yield` is in PE per keVee. Quenching,
    light yield and resolution may be others for each isotope.
    """

    quenching: Quenching | ByIsotope[Quenching]
    light_yield: float | ByIsotope[float] | None
    resolution: Resolution | ByIsotope[Resolution]
    efficiency: Acceptance
    edges: FloatArray

    @property
    def units(self) -> str:
        """Units of the reconstructed quantity."""
        return "keVee" if self.light_yield is None else "PE"

    def shown(self, T_keV: FloatArray, isotope: Isotope) -> Shown:
        """Return the energies (n,) that recoils (n,) show, and the means of the reconstructed quantity."""
        E_keVee = of_isotope(self.quenching, isotope).keVee(T_keV, isotope)
        light_yield = of_isotope(self.light_yield, isotope)
        return Shown(E_keVee, E_keVee * (1.0 if light_yield is None else light_yield))

    def shares(self, T_keV: FloatArray, isotope: Isotope) -> FloatArray:
        """Return the shares (bins, n) of recoils (n,) that end up in each bin."""
        return of_isotope(self.resolution, isotope).shares(self.shown(T_keV, isotope), self.edges, self.efficiency)

    def cuts_keV(self, isotope: Isotope, T_max_keV: float) -> FloatArray:
        """Return recoil energies up to T_max, increasing, between which the shares are smooth and vary little.

        Raises InputError if the resolution is too fine for that.
        """
        T_keV = T_max_keV * np.linspace(0.0, 1.0, _SAMPLES) ** 2
        x = self.shown(T_keV, isotope).x
        resolution = of_isotope(self.resolution, isotope)
        if isinstance(resolution, Perfect):
            breaks = self.efficiency.breaks
            steps = self._crossings(np.union1d(self.edges, breaks[np.isfinite(breaks)]), T_keV, x, isotope)
        else:
            middle = 0.5 * (T_keV[1:] + T_keV[:-1])
            deviation = resolution.deviation(self.shown(middle, isotope))
            passed = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) / np.maximum(deviation, 1e-300))))
            if not passed[-1] < MOST_STEPS:
                raise InputError(
                    f"the spectrum is {passed[-1]:.3g} standard deviations of the resolution long, at most "
                    f'{MOST_STEPS} can be integrated over: use kind = "none"'
                )
            steps = np.interp(np.arange(_STEP, passed[-1], _STEP), passed, T_keV)
        kinks = of_isotope(self.quenching, isotope).kinks_keV
        return np.union1d(steps, kinks[(kinks > 0.0) & (kinks < T_max_keV)])

    def highest_keV(self, isotope: Isotope, T_max_keV: float) -> float:
        """Return the recoil energy, at most T_max, from which on all recoils are reconstructed beyond the last bin."""
        T_keV = np.append(np.geomspace(1e-9 * T_max_keV, T_max_keV, _SAMPLES), T_max_keV)
        shown = self.shown(T_keV, isotope)
        deviation = of_isotope(self.resolution, isotope).deviation(shown)
        seen = np.flatnonzero(shown.x - _FAR * deviation <= self.edges[-1])
        return float(T_keV[seen[-1] + 1]) if seen.size and seen[-1] + 1 < T_keV.size else T_max_keV

    def _crossings(self, levels: FloatArray, T_keV: FloatArray, x: FloatArray, isotope: Isotope) -> FloatArray:
        """Where the mean passes the levels, by bisection between neighbouring samples."""
        above = x[:, None] >= levels
        sample, level = np.nonzero(above[1:] != above[:-1])
        lo, hi, rising = T_keV[sample], T_keV[sample + 1], above[sample + 1, level]
        for _ in range(70):
            middle = 0.5 * (lo + hi)
            beyond = (self.shown(middle, isotope).x >= levels[level]) == rising
            lo, hi = np.where(beyond, lo, middle), np.where(beyond, middle, hi)
        return np.unique(hi)

    def sees_any_recoil(self, isotope: Isotope) -> bool:
        """Whether the shares do not vanish towards zero recoil energy, where magnetic scattering diverges."""
        return bool(self.shares(np.array([1e-20]), isotope).max() > 1e-9)
