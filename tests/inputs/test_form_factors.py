"""Form factors made for a nucleus: default radii, radii from rms radii, and tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from scanengine.errors import InputError
from scanengine.inputs import form_factors
from scanengine.inputs.form_factors import FormFactor, NuclearFormFactors
from scanengine.inputs.nuclei import Isotope, target
from scanengine_kernels.form_factors import form_factor

AR40, XE132, HE4 = (target(name).isotopes[0] for name in ("Ar40", "Xe132", "He4"))


def F(made: FormFactor, q_invfm: float) -> float:
    return form_factor(made.code, made.parameters, q_invfm)


def rms_fm(made: FormFactor) -> float:
    """From F = 1 - q^2 rms^2 / 6 + O(q^4), two q's to cancel the next order."""
    near, far = (6.0 * (1.0 - F(made, q)) / q**2 for q in (0.01, 0.02))
    return float(np.sqrt((4.0 * near - far) / 3.0))


def test_unity_is_one_everywhere() -> None:
    for made in form_factors.unity()(AR40):
        assert [F(made, q) for q in (0.0, 0.3, 50.0)] == [1.0, 1.0, 1.0]


def test_helm_has_lewin_and_smiths_radius() -> None:
    """R0 of xenon-132, by hand: c = 1.23 * 132^(1/3) - 0.60 = 5.66272 fm, R0^2 = c^2 + 6.22706 - 4.05."""
    made_p, made_n = form_factors.helm()(XE132)
    assert made_p.parameters == pytest.approx([5.85179, 0.9], abs=1e-5)
    assert np.array_equal(made_p.parameters, made_n.parameters)


@pytest.mark.parametrize("isotope", [AR40, XE132])
@pytest.mark.parametrize("s_fm", [0.0, 0.5, 0.9])
def test_helm_of_an_rms_radius_has_that_radius(isotope: Isotope, s_fm: float) -> None:
    for made in form_factors.helm(rms_fm=3.4, s_fm=s_fm)(isotope):
        assert rms_fm(made) == pytest.approx(3.4, rel=1e-6)


def test_helm_of_two_rms_radii_is_of_protons_and_neutrons() -> None:
    made_p, made_n = form_factors.helm(rms_p_fm=3.3, rms_n_fm=3.6)(AR40)
    assert rms_fm(made_p) == pytest.approx(3.3, rel=1e-6)
    assert rms_fm(made_n) == pytest.approx(3.6, rel=1e-6)


def test_helm_of_one_rms_radius_leaves_the_other_to_the_common_one() -> None:
    made_p, made_n = form_factors.helm(rms_fm=3.4, rms_n_fm=3.6)(AR40)
    assert rms_fm(made_p) == pytest.approx(3.4, rel=1e-6)
    assert rms_fm(made_n) == pytest.approx(3.6, rel=1e-6)


@pytest.mark.parametrize(
    ("made", "isotope", "words"),
    [
        (form_factors.helm(rms_fm=1.5), AR40, "rms radius of 1.5 fm is too small for a skin s of 0.9 fm"),
        (form_factors.helm(s_fm=5.0), HE4, "Lewin-Smith radius is too small"),
    ],
)
def test_helm_of_a_skin_thicker_than_the_nucleus_is_an_input_error(
    made: NuclearFormFactors, isotope: Isotope, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        made(isotope)


@pytest.mark.parametrize("isotope", [AR40, XE132])
def test_klein_nystrand_default_radius(isotope: Isotope) -> None:
    """rms^2 = 3/5 R^2 + 6 a^2, R = 1.2 A^(1/3) fm, a = 0.7 fm."""
    for made in form_factors.klein_nystrand()(isotope):
        assert rms_fm(made) ** 2 == pytest.approx(0.6 * 1.44 * isotope.A ** (2.0 / 3.0) + 6.0 * 0.49, rel=1e-6)
    assert form_factors.klein_nystrand(4.0, 0.5)(isotope)[0].parameters.tolist() == [4.0, 0.5]


@pytest.mark.parametrize("isotope", [AR40, XE132])
def test_symmetrised_fermi_default_radius(isotope: Isotope) -> None:
    """rms^2 = 3/5 c^2 + 7/5 (pi a)^2, c = 1.23 A^(1/3) - 0.60 fm, a = 0.52 fm."""
    c = 1.23 * isotope.A ** (1.0 / 3.0) - 0.60
    for made in form_factors.symmetrised_fermi()(isotope):
        assert rms_fm(made) ** 2 == pytest.approx(0.6 * c * c + 1.4 * (np.pi * 0.52) ** 2, rel=1e-6)
    assert form_factors.symmetrised_fermi(3.0, 0.4)(isotope)[1].parameters.tolist() == [3.0, 0.4]


def test_table_is_a_cubic_spline_separately_for_protons_and_neutrons() -> None:
    q = np.linspace(0.0, 2.0, 9)
    F_p, F_n = np.exp(-(q**2) / 3.0), np.exp(-(q**2) / 2.0)
    made_p, made_n = form_factors.tabulated(q, F_p, F_n)(AR40)
    for x in np.linspace(0.0, 2.0, 33):
        assert F(made_p, x) == pytest.approx(float(CubicSpline(q, F_p)(x)), abs=1e-14)
        assert F(made_n, x) == pytest.approx(float(CubicSpline(q, F_n)(x)), abs=1e-14)
    assert made_p.q_max_invfm == made_n.q_max_invfm == 2.0


@pytest.mark.parametrize(
    ("q", "values", "words"),
    [
        ([0.0, 0.5, 1.0], [1.0, 0.5, 0.2], "at least four points"),
        ([0.1, 0.5, 1.0, 1.5], [1.0, 0.5, 0.2, 0.1], "increases from 0"),
        ([0.0, 0.5, 0.5, 1.5], [1.0, 0.5, 0.2, 0.1], "increases from 0"),
        ([0.0, 0.5, 1.0, 1.5], [0.9, 0.5, 0.2, 0.1], r"F_p\(0\) = 1: found 0.9"),
    ],
)
def test_bad_table_is_an_input_error(q: list[float], values: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        form_factors.tabulated(np.array(q), np.array(values), np.ones(len(q)))


def test_bad_table_of_the_neutrons_is_named() -> None:
    q = np.linspace(0.0, 1.0, 4)
    with pytest.raises(InputError, match=r"F_n\(0\) = 1: found 2"):
        form_factors.tabulated(q, np.ones(4), np.full(4, 2.0))


def test_formulas_are_known_at_every_momentum_transfer() -> None:
    for kind in (form_factors.helm(), form_factors.klein_nystrand(), form_factors.symmetrised_fermi()):
        assert all(made.q_max_invfm == np.inf for made in kind(AR40))
