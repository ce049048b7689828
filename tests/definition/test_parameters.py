"""Axes, fixed values and ties fold into one linear map."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from scanengine.definition import ParameterMap, parse
from scanengine.inputs.parameters import FLAVOURS, PARAMETER_INDEX, PHYSICAL_PARAMETERS
from tests.definition.example import TEXT

HEAD = TEXT[: TEXT.index("[axes]")].replace("sin2_theta_w = 0.23\n", "")
AXIS = "{ min = 1, max = 2, points = 2 }"


def parameters(tables: str) -> ParameterMap:
    return parse(HEAD + tables).parameters


def value(of: ParameterMap, name: str, *axis_values: float) -> float:
    return float(of.values(axis_values)[PARAMETER_INDEX[name]])


def test_defaults() -> None:
    everything = parameters(f"[axes]\neps_ee_uV = {AXIS}").values([0.0])
    assert everything[PARAMETER_INDEX["sin2_theta_w"]] == 0.23120
    assert np.count_nonzero(everything) == 1


def test_mu_nu_is_the_moment_of_all_flavours_but_those_named() -> None:
    mapped = parameters(f"[axes]\nmu_nu = {AXIS}\nmu_nu_e = {AXIS}\n[fixed]\nmu_nu_tau = 9")
    for flavour in FLAVOURS:
        expected = {"nu_e": 5.0, "nu_tau": 9.0}.get(flavour, 3.0)
        assert value(mapped, f"mu_{flavour}", 3.0, 5.0) == expected


def test_fixed_mu_nu_and_scanned_flavour() -> None:
    mapped = parameters(f"[axes]\nmu_nu_e = {AXIS}\n[fixed]\nmu_nu = 4")
    assert value(mapped, "mu_nu_e", 7.0) == 7.0
    assert value(mapped, "mu_nu_mu", 7.0) == 4.0


def test_chain_of_ties_is_followed_in_any_order() -> None:
    mapped = parameters(
        f"[axes]\nfree = {AXIS}\n[fixed]\neps_mm_uV = 0.5\n[tied]\n"
        "eps_ee_uV = { eps_ee_dV = 2.0, constant = 1.0 }\n"
        "eps_ee_dV = { eps_tt_uV = 3.0, eps_mm_uV = 4.0 }\n"
        "eps_tt_uV = { free = 5.0, constant = -1 }\n"
    )
    assert value(mapped, "eps_tt_uV", 0.1) == 5.0 * 0.1 - 1.0
    assert_allclose(value(mapped, "eps_ee_dV", 0.1), 3.0 * (5.0 * 0.1 - 1.0) + 2.0, rtol=1e-15)
    assert_allclose(value(mapped, "eps_ee_uV", 0.1), 2.0 * (3.0 * (5.0 * 0.1 - 1.0) + 2.0) + 1.0, rtol=1e-15)


def test_tie_to_one_flavours_moment_that_mu_nu_sets() -> None:
    mapped = parameters(f"[axes]\nmu_nu = {AXIS}\n[tied]\nr2_nu_e = {{ mu_nu_mu = 2 }}")
    assert value(mapped, "r2_nu_e", 3.0) == 6.0


def test_tied_mu_nu() -> None:
    mapped = parameters(f"[axes]\nmu_nu_e = {AXIS}\n[tied]\nmu_nu = {{ mu_nu_e = 2 }}")
    assert value(mapped, "mu_nu_e", 1.5) == 1.5
    assert value(mapped, "mu_nu_mubar", 1.5) == 3.0


def test_tied_angle_replaces_the_default() -> None:
    mapped = parameters(f"[axes]\nr2_nu_e = {AXIS}\n[tied]\nsin2_theta_w = {{ r2_nu_e = 0.02, constant = 0.24 }}")
    assert_allclose(value(mapped, "sin2_theta_w", 1.0), 0.26, rtol=1e-15)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=2), st.floats(-5, 5), st.floats(-5, 5))
def test_tie_equals_its_formula(axis_values: list[float], factor: float, constant: float) -> None:
    mapped = parameters(
        f"[axes]\neps_ee_uV = {AXIS}\neps_ee_dV = {AXIS}\n"
        f"[tied]\neps_et_uV = {{ eps_ee_uV = {factor!r}, eps_ee_dV = 1.0, constant = {constant!r} }}"
    )
    expected = constant + factor * axis_values[0] + axis_values[1]
    assert_allclose(value(mapped, "eps_et_uV", *axis_values), expected, rtol=1e-14, atol=1e-13)


def test_values_of_many_points() -> None:
    mapped = parameters(f"[axes]\neps_ee_uV = {AXIS}\neps_ee_dV = {AXIS}")
    points = np.arange(24.0).reshape(3, 4, 2)
    values = mapped.values(points)
    assert values.shape == (3, 4, len(PHYSICAL_PARAMETERS))
    assert_allclose(values[..., PARAMETER_INDEX["eps_ee_dV"]], points[..., 1])
