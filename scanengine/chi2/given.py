"""A cross-section of the user's own, with the recoils that it allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanengine.errors import InputError, RunError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.nuclei import Isotope
from scanengine.response.recoils import T_max
from scanengine_kernels.direct import CrossSection, LargestRecoil, rates_of_given

_CHECKED = 1000

_CALLED = {
    "cross_section": "(E_MeV, T_MeV, nucleus, flavour, parameters) and returns cm^2/MeV",
    "T_max": "(E_MeV, M_MeV) and returns MeV",
}
"""How the functions are called, and what they return."""

_TRIED_MEV = 30.0, 1e-3
"""Energies of the neutrino and of the recoil at which a cross-section is tried."""


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

    def require_sound(self, isotope: Isotope, parameters: FloatArray) -> None:
        """Raise InputError unless the functions are compiled, can be called as they will be, and return a number."""
        nucleus = np.array([isotope.Z, isotope.N, isotope.mass_MeV, 1.0, 1.0])
        _compiled(self.dsigma_dT, nucleus, parameters)
        _tried("cross_section", self.dsigma_dT, (*_TRIED_MEV, nucleus, 0, parameters))
        if self.T_max is not None:
            _tried("T_max", self.T_max, (_TRIED_MEV[0], isotope.mass_MeV))

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
        with failures_told("T_max"):
            T = np.array([self.largest_recoil_MeV(float(each), isotope) for each in E])
        if not np.all(np.isfinite(T)) or np.any(T < 0.0) or np.any(np.diff(T) < 0.0):
            bad = int(np.argmax(~np.isfinite(T) | (T < 0.0) | (np.diff(T, prepend=0.0) < 0.0)))
            raise InputError(
                f"T_max of a cross-section must be a number from zero on that does not fall as E rises: found "
                f"{T[bad]:g} MeV for {isotope} at E = {E[bad]:g} MeV"
            )


@contextmanager
def failures_told(what: str) -> Iterator[None]:
    """Raise RunError in place of an error in a function that was given, "cross_section" or "T_max"."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever a function of the user's own may raise)
        raise RunError(f"{what}, which was given, failed: {_told(error)}") from None


def _compiled(function: CrossSection, nucleus: FloatArray, parameters: FloatArray) -> None:
    """Compile a cross-section for the kernel that will call it, as which it divides by zero without an error.

    Numba compiles it as its first caller is. What is wrong with it is left to be told of another call.
    """
    if not hasattr(function, "_numba_type_"):
        return
    E, T = (np.array([each]) for each in _TRIED_MEV)
    ends, flavour = np.array([[0, 1, 0, 0]]), np.zeros(1, dtype=np.int64)
    with suppress(Exception):
        rates_of_given(function, parameters, T, np.ones(1), nucleus[None], flavour, ends, E, np.ones(1), np.empty(1))


def _tried(what: str, function: object, arguments: tuple[object, ...]) -> None:
    """Raise InputError unless a function that was given can be called so, and returns a number."""
    from numba.core import config

    wanted = f"it is called with {_CALLED[what]}"
    if not callable(function):
        raise InputError(f"{what} must be a function compiled with numba.njit: found {function!r:.60}")
    if not config.DISABLE_JIT and not hasattr(function, "_numba_type_"):
        name = getattr(function, "__name__", repr(function))
        raise InputError(f"{what} must be compiled: write @numba.njit above {name}; {wanted}")
    try:
        value = function(*arguments)
    except Exception as error:  # noqa: BLE001  (the same)
        raise InputError(f"{what} fails: {_told(error)}; {wanted}") from None
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise InputError(f"{what} returns {value!r:.60}, it must be a number; {wanted}")


def _told(error: Exception) -> str:
    """Return what an error says, in one line: of Numba's the one that is about the function itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    about = [line for line in lines if "TypeError" in line or "undefined" in line.lower()]
    chosen = (
        (about or lines[1:2] or lines or [""])[0] if type(error).__module__.startswith("numba") else " ".join(lines)
    )
    return f"{type(error).__name__}: {chosen:.200}"
