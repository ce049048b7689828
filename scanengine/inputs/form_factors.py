"""Nuclear form factors: a kind with its parameters, made definite for each nucleus as what the kernels evaluate.

References: Helm: J. D. Lewin and P. F. Smith, Astropart. Phys. 6, 87 (1996), eqs. 4.7-4.11. Klein-Nystrand: S. R. Klein
and J. Nystrand, Phys. Rev. C 60, 014903 (1999). Symmetrised Fermi: D. W. L. Sprung and J. Martorell, J. Phys. A 30,
6525 (1997). BCS: T. S. Kosmas et al., Phys. Rev. D 92, 013011 (2015), eq. 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import pi, sqrt

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.bcs import nucleus, oscillator_length_fm
from scanengine.inputs.nuclei import Isotope

# The kernels' codes: scanengine_kernels.form_factors.form_factor branches on them.
UNITY, HELM, KLEIN_NYSTRAND, FERMI, TABLE, OSCILLATOR = range(6)


@dataclass(frozen=True, eq=False)
class FormFactor:
    """F(q) of protons or neutrons in one nucleus: a kernel code and its parameters.

    `q_max_invfm` is where a table ends (infinite for a formula): beyond it F is not known.
    """

    code: int
    parameters: FloatArray = field(default_factory=lambda: np.zeros(0))
    q_max_invfm: float = np.inf


Pair = tuple[FormFactor, FormFactor]
NuclearFormFactors = Callable[[Isotope], Pair]
"""Gives the proton and the neutron form factor of a nucleus.

Those made here are functions of this module with some arguments given, so that they travel to other processes.
"""


def unity() -> NuclearFormFactors:
    """Return F = 1: a point nucleus, or the limit of zero momentum transfer."""
    return _unity


def _unity(isotope: Isotope) -> Pair:  # noqa: ARG001  (the same for all)
    return FormFactor(UNITY), FormFactor(UNITY)


def helm(
    rms_fm: float | None = None,
    rms_p_fm: float | None = None,
    rms_n_fm: float | None = None,
    s_fm: float = 0.9,
) -> NuclearFormFactors:
    """Return Helm's form factor, 3 j1(q R0) / (q R0) exp(-(q s)^2 / 2).

    Without radii, R0 follows Lewin and Smith: R0^2 = c^2 + 7/3 pi^2 a^2 - 5 s^2 with c = 1.23 A^(1/3) - 0.60 fm, a =
    0.52 fm. `rms_fm`, or `rms_p_fm` and `rms_n_fm` for protons and neutrons, give R0^2 = 5/3 (rms^2 - 3 s^2) instead.
    Raises InputError, when a nucleus is asked for, if R0^2 comes out negative.
    """
    radii = (rms_fm if rms_p_fm is None else rms_p_fm, rms_fm if rms_n_fm is None else rms_n_fm)
    return partial(_helm_pair, radii, s_fm)


def _helm_pair(radii_fm: tuple[float | None, float | None], s_fm: float, isotope: Isotope) -> Pair:
    return _helm(radii_fm[0], s_fm, isotope), _helm(radii_fm[1], s_fm, isotope)


def _helm(rms_fm: float | None, s_fm: float, isotope: Isotope) -> FormFactor:
    if rms_fm is None:
        c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60
        r0_squared = c * c + 7.0 / 3.0 * pi**2 * 0.52**2 - 5.0 * s_fm**2
    else:
        r0_squared = 5.0 / 3.0 * (rms_fm * rms_fm - 3.0 * s_fm**2)
    if r0_squared < 0.0:
        given = "its Lewin-Smith radius" if rms_fm is None else f"an rms radius of {rms_fm:g} fm"
        raise InputError(f"helm form factor of {isotope}: {given} is too small for a skin s of {s_fm:g} fm")
    return FormFactor(HELM, np.array([sqrt(r0_squared), s_fm]))


def klein_nystrand(radius_fm: float | None = None, a_fm: float = 0.7) -> NuclearFormFactors:
    """Return 3 j1(q R) / (q R) / (1 + (q a)^2): a sharp sphere, R = 1.2 A^(1/3) fm by default, folded with a Yukawa."""
    return partial(_klein_nystrand, radius_fm, a_fm)


def _klein_nystrand(radius_fm: float | None, a_fm: float, isotope: Isotope) -> Pair:
    radius = 1.2 * isotope.A ** (1.0 / 3.0) if radius_fm is None else radius_fm
    both = FormFactor(KLEIN_NYSTRAND, np.array([radius, a_fm]))
    return both, both


def symmetrised_fermi(c_fm: float | None = None, a_fm: float = 0.52) -> NuclearFormFactors:
    """Return the symmetrised Fermi form factor of half-density radius c (1.23 A^(1/3) - 0.60 fm by default),
    diffuseness a.
    """
    return partial(_symmetrised_fermi, c_fm, a_fm)


def _symmetrised_fermi(c_fm: float | None, a_fm: float, isotope: Isotope) -> Pair:
    c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60 if c_fm is None else c_fm
    both = FormFactor(FERMI, np.array([c, a_fm]))
    return both, both


def bcs(b_fm: float | None = None, rms_charge_fm: float | None = None) -> NuclearFormFactors:
    """Return exp(-y) sum_k a_k y^k, y = (q b)^2 / 4: oscillator states with BCS occupation probabilities.

    The oscillator length b of protons and neutrons is `b_fm`, or fits the charge radius `rms_charge_fm`; without both
    it is that of Kosmas et al. 2015 for Ne20, Ar40, Ge76 and Xe132, and fits the measured charge radius of others.
    Raises InputError, when a nucleus is asked for, if Z or N is odd, or a mass or a radius that it needs is not
    tabulated.
    """
    return partial(_bcs, b_fm, rms_charge_fm)


def _bcs(b_fm: float | None, rms_charge_fm: float | None, isotope: Isotope) -> Pair:
    state = nucleus(isotope)
    b = oscillator_length_fm(state, rms_charge_fm) if b_fm is None else b_fm
    form_factor_p, form_factor_n = (
        FormFactor(OSCILLATOR, np.concatenate(([b], species.coefficients())))
        for species in (state.protons, state.neutrons)
    )
    return form_factor_p, form_factor_n


def tabulated(q_invfm: FloatArray, F_p: FloatArray, F_n: FloatArray) -> NuclearFormFactors:
    """Return F given at points (n,) of q from zero on, joined by a cubic spline; the same table for every isotope.

    Raises InputError if there are fewer than four points, q does not increase from 0, or F(0) is not 1.
    """
    from scipy.interpolate import CubicSpline

    if q_invfm.size < 4 or q_invfm[0] != 0.0 or not np.all(np.diff(q_invfm) > 0.0):
        raise InputError("a tabulated form factor needs at least four points whose q increases from 0")
    pair = []
    for name, values in (("F_p", F_p), ("F_n", F_n)):
        if abs(values[0] - 1.0) > 1e-6:
            raise InputError(f"a tabulated form factor must begin with {name}(0) = 1: found {values[0]:g}")
        cubics = CubicSpline(q_invfm, values).c  # (4, n - 1), highest power first
        packed = np.concatenate(([float(q_invfm.size)], q_invfm, cubics.ravel()))
        pair.append(FormFactor(TABLE, packed, float(q_invfm[-1])))
    return partial(_tabulated, (pair[0], pair[1]))


def _tabulated(pair: Pair, isotope: Isotope) -> Pair:  # noqa: ARG001  (the same for all)
    return pair


def by_isotope(of: Mapping[Isotope, NuclearFormFactors]) -> NuclearFormFactors:
    """Return form factors that are given for each isotope."""
    return partial(_of_isotope, of)


def _of_isotope(of: Mapping[Isotope, NuclearFormFactors], isotope: Isotope) -> Pair:
    return of[isotope](isotope)
