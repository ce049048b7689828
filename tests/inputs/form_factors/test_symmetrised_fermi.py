"""The symmetrised Fermi form factor: its radius."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.inputs.form_factors import symmetrised_fermi
from scanengine.inputs.nuclei import Isotope
from tests.inputs.form_factors.evaluated import AR40, XE132, rms_fm


@pytest.mark.parametrize("isotope", [AR40, XE132])
def test_symmetrised_fermi_default_radius(isotope: Isotope) -> None:
    """rms^2 = 3/5 c^2 + 7/5 (pi a)^2, c = 1.23 A^(1/3) - 0.60 fm, a = 0.52 fm."""
    c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60
    for made in symmetrised_fermi()(isotope):
        assert rms_fm(made) ** 2 == pytest.approx(0.6 * c * c + 1.4 * (np.pi * 0.52) ** 2, rel=1e-6)
    assert symmetrised_fermi(3.0, 0.4)(isotope)[1].parameters.tolist() == [3.0, 0.4]
