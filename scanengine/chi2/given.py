"""A cross-section of the user's own, with the recoils that it allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanengine.errors import InputError
from scanengine.inputs.nuclei import Isotope
from scanengine.response.recoils import T_max
from scanengine_kernels.direct import CrossSection, LargestRecoil

_CHECKED = 1000


@dataclass(frozen=True)
class OwnCrossSection:
    """A differential cross-section in place of the standard one, and the largest recoil energy if it is not elastic.

    `dsigma_dT`, compiled with numba.njit, is called with (E_MeV, T_MeV, nucleus, flavour, parameters), as
    `scanengine_kernels.direct` says, and returns cm^2/MeV. `T_max`, compiled as well, is called with (E_MeV, M_MeV),
    the nucleus' mass, and returns MeV; it does not fall as the neutrino energy rises, and is zero below a threshold.
    """

    dsigma_dT: CrossSection
    T_max: LargestRecoil | None = None

    def __call__(self, *at: Any) -> Any:
        """Return dsigma/dT, as the function itself."""
        return self.dsigma_dT(*at)

    @classmethod
    def of(cls, given: CrossSection) -> OwnCrossSection:
        """Return what is given, a function alone with elastic kinematics."""
        return given if isinstance(given, OwnCrossSection) else cls(given)

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions as they were written."""
        given = (self.dsigma_dT, self.T_max)
        return [getattr(each, "py_func", each) for each in given if each is not None]

    def largest_recoil_MeV(self, E_MeV: float, isotope: Isotope) -> float:
        """Return the largest recoil energy that a neutrino of energy E gives a nucleus."""
        if self.T_max is None:
            return float(T_max(E_MeV, isotope.mass_MeV))
        return float(self.T_max(E_MeV, isotope.mass_MeV))

    def check(self, E_highest_MeV: float, isotope: Isotope) -> None:
        """Raise InputError unless the largest recoil energy rises with the neutrino energy, or stays, up to E."""
        E = np.linspace(0.0, E_highest_MeV, _CHECKED + 1)[1:]
        T = np.array([self.largest_recoil_MeV(float(each), isotope) for each in E])
        if not np.all(np.isfinite(T)) or np.any(T < 0.0) or np.any(np.diff(T) < 0.0):
            bad = int(np.argmax(~np.isfinite(T) | (T < 0.0) | (np.diff(T, prepend=0.0) < 0.0)))
            raise InputError(
                f"T_max of a cross-section must be a number from zero on that does not fall as E rises: found "
                f"{T[bad]:g} MeV for {isotope} at E = {E[bad]:g} MeV"
            )
