"""Form factors of even-even nuclei from oscillator states, filled with BCS occupation probabilities.

    F(q) = exp(-y) sum_k a_k y^k,  y = (q b)^2 / 4

T. S. Kosmas et al., Phys. Rev. D 92, 013011 (2015), eq. 5. The coefficients follow from the ground states of
`scanengine.inputs.bcs`; the oscillator length b needs a charge radius that is tabulated or given, or is given itself.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from scanengine.inputs.bcs import nucleus, oscillator_length_fm, require_even
from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, Length, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import OSCILLATOR


def bcs(b_fm: float | None = None, rms_charge_fm: float | None = None) -> NuclearFormFactors:
    """Return exp(-y) sum_k a_k y^k, y = (q b)^2 / 4: oscillator states with BCS occupation probabilities.

    The oscillator length b of protons and neutrons is `b_fm`, or fits the charge radius `rms_charge_fm`; without both
    it is that of Kosmas et al. 2015 for Ne20, Ar40, Ge76 and Xe132, and fits the measured charge radius of others.
    Raises InputError, when a nucleus is asked for, if Z or N is odd, or a mass or a radius that it needs is not
    tabulated.
    """
    return partial(_pair, b_fm, rms_charge_fm)


def _pair(b_fm: float | None, rms_charge_fm: float | None, isotope: Isotope) -> Pair:
    state = nucleus(isotope)
    b = oscillator_length_fm(state, rms_charge_fm) if b_fm is None else b_fm
    form_factor_p, form_factor_n = (
        FormFactor(OSCILLATOR, np.concatenate(([b], species.coefficients())))
        for species in (state.protons, state.neutrons)
    )
    return form_factor_p, form_factor_n


BCS_KIND = Kind(
    "bcs",
    "Oscillator states occupied as in a BCS ground state, for even-even nuclei; without keys, of tabulated radii.",
    bcs,
    lengths=(
        Length("b_fm", "Oscillator length, fm; or rms_charge_fm."),
        Length("rms_charge_fm", "Rms charge radius to which the oscillator length is fitted, fm; or b_fm."),
    ),
    alternatives=(("b_fm",), ("rms_charge_fm",)),
    require=require_even,
)
