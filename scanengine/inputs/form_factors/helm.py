"""Helm's form factor: a sphere of radius R0 whose surface is smeared by a Gaussian of width s.

    F(q) = 3 j1(q R0) / (q R0) exp(-(q s)^2 / 2)

R. H. Helm, Phys. Rev. 104, 1466 (1956); R0 as in J. D. Lewin and P. F. Smith, Astropart. Phys. 6, 87 (1996), eqs.
4.7-4.11, or of given rms radii: rms^2 = 3/5 R0^2 + 3 s^2.
"""

from __future__ import annotations

from functools import partial
from math import pi, sqrt

import numpy as np

from scanengine.errors import InputError
from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, Length, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import HELM


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
    return partial(_pair, radii, s_fm)


def _pair(radii_fm: tuple[float | None, float | None], s_fm: float, isotope: Isotope) -> Pair:
    return _of_radius(radii_fm[0], s_fm, isotope), _of_radius(radii_fm[1], s_fm, isotope)


def _of_radius(rms_fm: float | None, s_fm: float, isotope: Isotope) -> FormFactor:
    if rms_fm is None:
        c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60
        r0_squared = c * c + 7.0 / 3.0 * pi**2 * 0.52**2 - 5.0 * s_fm**2
    else:
        r0_squared = 5.0 / 3.0 * (rms_fm * rms_fm - 3.0 * s_fm**2)
    if r0_squared < 0.0:
        given = "its Lewin-Smith radius" if rms_fm is None else f"an rms radius of {rms_fm:g} fm"
        raise InputError(f"helm form factor of {isotope}: {given} is too small for a skin s of {s_fm:g} fm")
    return FormFactor(HELM, np.array([sqrt(r0_squared), s_fm]))


HELM_KIND = Kind(
    "helm",
    "Helm's form factor; without radii, those of Lewin and Smith.",
    helm,
    lengths=(
        Length("rms_fm", "Rms radius of protons and neutrons, fm."),
        Length("rms_p_fm", "Rms radius of the protons, fm."),
        Length("rms_n_fm", "Rms radius of the neutrons, fm."),
        Length("s_fm", "Skin thickness, fm.", default=0.9, may_be_zero=True),
    ),
    alternatives=(("rms_fm",), ("rms_p_fm", "rms_n_fm")),
)
