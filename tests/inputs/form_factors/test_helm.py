"""Helm's form factor: default radii, and radii from rms radii."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.errors import InputError
from scanengine.inputs.form_factors import NuclearFormFactors, helm
from scanengine.inputs.nuclei import Isotope
from tests.inputs.form_factors.evaluated import AR40, HE4, XE132, rms_fm


def test_helm_has_lewin_and_smiths_radius() -> None:
    """R0 of xenon-132, by hand: c = 1.23 * 132^(1/3) - 0.60 = 5.66272 fm, R0^2 = c^2 + 6.22706 - 4.05."""
    made_p, made_n = helm()(XE132)
    assert made_p.parameters == pytest.approx([5.85179, 0.9], abs=1e-5)
    assert np.array_equal(made_p.parameters, made_n.parameters)


@pytest.mark.parametrize("isotope", [AR40, XE132])
@pytest.mark.parametrize("s_fm", [0.0, 0.5, 0.9])
def test_helm_of_an_rms_radius_has_that_radius(isotope: Isotope, s_fm: float) -> None:
    for made in helm(rms_fm=3.4, s_fm=s_fm)(isotope):
        assert rms_fm(made) == pytest.approx(3.4, rel=1e-6)


def test_helm_of_two_rms_radii_is_of_protons_and_neutrons() -> None:
    made_p, made_n = helm(rms_p_fm=3.3, rms_n_fm=3.6)(AR40)
    assert rms_fm(made_p) == pytest.approx(3.3, rel=1e-6)
    assert rms_fm(made_n) == pytest.approx(3.6, rel=1e-6)


def test_helm_of_one_rms_radius_leaves_the_other_to_the_common_one() -> None:
    made_p, made_n = helm(rms_fm=3.4, rms_n_fm=3.6)(AR40)
    assert rms_fm(made_p) == pytest.approx(3.4, rel=1e-6)
    assert rms_fm(made_n) == pytest.approx(3.6, rel=1e-6)


@pytest.mark.parametrize(
    ("made", "isotope", "words"),
    [
        (helm(rms_fm=1.5), AR40, "rms radius of 1.5 fm is too small for a skin s of 0.9 fm"),
        (helm(s_fm=5.0), HE4, "Lewin-Smith radius is too small"),
    ],
)
def test_helm_of_a_skin_thicker_than_the_nucleus_is_an_input_error(
    made: NuclearFormFactors, isotope: Isotope, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        made(isotope)
