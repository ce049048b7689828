"""The BCS form factor: its length, and the charge radius that it is fitted to.

The ground states it is made of are tested with `scanengine.inputs.bcs`.
"""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.errors import InputError
from scanengine.inputs.bcs import nucleus
from scanengine.inputs.form_factors import bcs
from scanengine.inputs.nuclei import target
from tests.inputs.form_factors.evaluated import AR40, F, rms_fm


def test_bcs_is_the_polynomial_of_its_states_in_the_length_that_is_given() -> None:
    b_fm, q = 1.8, 0.7
    y = (q * b_fm) ** 2 / 4.0
    state = nucleus(AR40)
    for made, species in zip(bcs(b_fm=b_fm)(AR40), (state.protons, state.neutrons), strict=True):
        polynomial = sum(a * y**k for k, a in enumerate(species.coefficients()))
        assert F(made, q) == pytest.approx(np.exp(-y) * polynomial, rel=1e-13)


def test_bcs_of_a_charge_radius_is_larger_for_a_larger_one() -> None:
    small, large = (rms_fm(bcs(rms_charge_fm=radius)(AR40)[0]) for radius in (3.4, 3.6))
    assert large - small == pytest.approx(0.2, rel=0.05)  # but for the proton's own radius and the centre of mass


def test_bcs_of_an_odd_nucleus_is_an_input_error() -> None:
    with pytest.raises(InputError, match="Z or N of I127 is odd"):
        bcs()(target("I127").isotopes[0])
