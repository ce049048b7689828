"""The form factor of Klein and Nystrand: a sharp sphere of radius R folded with a Yukawa potential of range a.

    F(q) = 3 j1(q R) / (q R) / (1 + (q a)^2)

S. R. Klein and J. Nystrand, Phys. Rev. C 60, 014903 (1999).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, Length, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import KLEIN_NYSTRAND


def klein_nystrand(radius_fm: float | None = None, a_fm: float = 0.7) -> NuclearFormFactors:
    """Return 3 j1(q R) / (q R) / (1 + (q a)^2): a sharp sphere, R = 1.2 A^(1/3) fm by default, folded with a Yukawa."""
    return partial(_pair, radius_fm, a_fm)


def _pair(radius_fm: float | None, a_fm: float, isotope: Isotope) -> Pair:
    radius = 1.2 * isotope.A ** (1.0 / 3.0) if radius_fm is None else radius_fm
    both = FormFactor(KLEIN_NYSTRAND, np.array([radius, a_fm]))
    return both, both


KLEIN_NYSTRAND_KIND = Kind(
    "klein-nystrand",
    "A hard sphere folded with a Yukawa potential.",
    klein_nystrand,
    lengths=(
        Length("radius_fm", "Radius of the sphere, fm; by default 1.2 A^(1/3)."),
        Length("a_fm", "Range of the Yukawa potential, fm.", default=0.7, may_be_zero=True),
    ),
)
