"""Klein and Nystrand's form factor: its radius."""

from __future__ import annotations

import pytest

from scanengine.inputs.form_factors import klein_nystrand
from scanengine.inputs.nuclei import Isotope
from tests.inputs.form_factors.evaluated import AR40, XE132, rms_fm


@pytest.mark.parametrize("isotope", [AR40, XE132])
def test_klein_nystrand_default_radius(isotope: Isotope) -> None:
    """rms^2 = 3/5 R^2 + 6 a^2, R = 1.2 A^(1/3) fm, a = 0.7 fm."""
    for made in klein_nystrand()(isotope):
        assert rms_fm(made) ** 2 == pytest.approx(0.6 * 1.44 * isotope.A ** (2.0 / 3.0) + 6.0 * 0.49, rel=1e-6)
    assert klein_nystrand(4.0, 0.5)(isotope)[0].parameters.tolist() == [4.0, 0.5]
