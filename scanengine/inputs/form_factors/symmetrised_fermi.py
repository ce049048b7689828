"""The symmetrised Fermi form factor: a density sinh(c/a) / (cosh(r/a) + cosh(c/a)), up to its norm.

    F(q) = 3 / (q c ((q c)^2 + y^2)) y / sinh(y) [y coth(y) sin(q c) - q c cos(q c)],  y = pi q a

D. W. L. Sprung and J. Martorell, J. Phys. A 30, 6525 (1997).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, Length, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import SYMMETRISED_FERMI


def symmetrised_fermi(c_fm: float | None = None, a_fm: float = 0.52) -> NuclearFormFactors:
    """Return the symmetrised Fermi form factor of half-density radius c (1.23 A^(1/3) - 0.60 fm by default),
    diffuseness a.
    """
    return partial(_pair, c_fm, a_fm)


def _pair(c_fm: float | None, a_fm: float, isotope: Isotope) -> Pair:
    c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60 if c_fm is None else c_fm
    both = FormFactor(SYMMETRISED_FERMI, np.array([c, a_fm]))
    return both, both


SYMMETRISED_FERMI_KIND = Kind(
    "symmetrised-fermi",
    "The symmetrised Fermi distribution.",
    symmetrised_fermi,
    lengths=(
        Length("c_fm", "Half-density radius, fm; by default 1.23 A^(1/3) - 0.60."),
        Length("a_fm", "Diffuseness, fm.", default=0.52),
    ),
)
