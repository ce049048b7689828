"""Which variables enter the residuals alone, and the residuals rearranged around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scanengine
from scanengine.chi2.residuals import HiddenVariables, LoneVariable, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import FloatArray
from scanengine_kernels.minimise import Residuals

SEEDS = st.integers(0, 2**32 - 1)
NSI_5D = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")


def chi2_at(residuals: Residuals, t: FloatArray) -> FloatArray:
    """chi2 (cells,) at points t (cells, n)."""
    r = residuals.c + t @ residuals.b.T + np.einsum("pi,kij,pj->pk", t, residuals.A, t)
    return np.asarray((r * r).sum(axis=1))


def five_dimensional(*overrides: str) -> Residuals:
    scan = scanengine.load("large/nsi-5d", [*(f"axes.{name}.points=3" for name in NSI_5D), *overrides])
    polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
    assert isinstance(polynomial, ChiSquaredPolynomial)
    return quadratic_residuals(polynomial)


def with_lone_variables(random: np.random.Generator, n: int, vertices: list[float | None]) -> Residuals:
    """Random residuals of n variables; the last enter alone, about these vertices or linearly."""
    A = random.normal(size=(5, n, n))
    residuals = Residuals(random.normal(size=5), random.normal(size=(5, n)), A + A.transpose(0, 2, 1))
    for i, vertex in enumerate(vertices, start=n - len(vertices)):
        residuals.A[:, i, :] = residuals.A[:, :, i] = 0.0
        if vertex is not None:
            residuals.A[:, i, i] = random.normal(size=5)
            residuals.b[:, i] = -2.0 * vertex * residuals.A[:, i, i]
    return residuals


def test_the_magnetic_moment_and_the_flavour_changing_coupling_enter_by_their_squares_alone() -> None:
    residuals = five_dimensional()
    found = [LoneVariable.of(residuals, i) for i in range(5)]
    assert [variable is not None for variable in found] == [False, False, True, True, False]
    assert all(variable.vertex == 0.0 for variable in found if variable is not None)


def test_two_flavour_changing_couplings_of_the_same_flavours_do_not_enter_alone() -> None:
    residuals = five_dimensional("axes.eps_et_uV.min=-1.0", "axes.eps_et_uV.max=1.0", "axes.eps_et_uV.points=3")
    assert [LoneVariable.of(residuals, i) is not None for i in range(6)] == [False, False, False, True, False, False]


def test_far_from_zero_the_square_is_recognised_by_its_vertex() -> None:
    """On [5, 6] the variable is (mu - 5.5) / 0.5, and mu = 0 lies at -11."""
    residuals = five_dimensional("axes.mu_nu.min=5.0", "axes.mu_nu.max=6.0")
    variable = LoneVariable.of(residuals, 3)
    assert variable is not None
    assert variable.vertex == pytest.approx(-11.0, rel=1e-12)


@given(st.none() | st.floats(-3.0, 3.0), st.floats(-1.0, 0.9), st.floats(1e-3, 1.0), st.data())
def test_from_s_back_to_t(vertex: float | None, lower: float, width: float, data: st.DataObject) -> None:
    variable = LoneVariable(np.ones(1), vertex)
    upper = lower + width
    lowest, highest = variable.range(lower, upper)
    t = np.array(data.draw(st.lists(st.floats(lower, upper), min_size=1, max_size=5)))
    s = variable.s(t)
    assert np.all((s >= lowest - 1e-12) & (s <= highest + 1e-12))
    back = variable.t(s, lower, upper)
    assert np.all((back >= lower) & (back <= upper))
    assert variable.s(back) == pytest.approx(s, abs=1e-9)
    ends = variable.t(np.array([lowest, highest]), lower, upper)
    assert variable.s(ends) == pytest.approx([lowest, highest], abs=1e-9)


@given(SEEDS, st.lists(st.none() | st.floats(-1.5, 1.5), max_size=4), st.integers(0, 3))
def test_rearranged_residuals_have_the_same_chi2(seed: int, vertices: list[float | None], others: int) -> None:
    random = np.random.default_rng(seed)
    n = others + len(vertices) + 1
    residuals = with_lone_variables(random, n, vertices)
    lower, upper = -random.uniform(0.0, 1.0, size=n), random.uniform(0.1, 1.0, size=n)
    hidden = HiddenVariables(residuals, lower, upper, (0,))
    assert sorted([0, *hidden.order]) == list(range(n))
    assert hidden.searched + hidden.linear.lower.size <= len(hidden.order)
    t = random.uniform(lower, upper, size=(7, n))
    where = hidden.from_scaled(t)
    assert np.all((where >= hidden.box.lower - 1e-12) & (where <= hidden.box.upper + 1e-12))
    chi2 = chi2_at(residuals, t)
    assert chi2_at(hidden.residuals, np.column_stack((t[:, 0], where))) == pytest.approx(chi2, rel=1e-8, abs=1e-8)
    back = hidden.to_scaled(t[:, :1], where)
    assert np.all((back >= lower) & (back <= upper))
    assert chi2_at(residuals, back) == pytest.approx(chi2, rel=1e-7, abs=1e-7)


def test_of_the_hidden_variables_those_that_are_solved_for_need_no_search() -> None:
    residuals = five_dimensional()
    lower, upper = -np.ones(5), np.ones(5)
    searched = {shown: HiddenVariables(residuals, lower, upper, shown).searched for shown in ((0, 1), (0, 2), (2, 3))}
    assert searched == {(0, 1): 0, (0, 2): 1, (2, 3): 2}


@given(SEEDS, st.sampled_from([None, 0.0, -0.3, 2.0]), st.sampled_from([0.0, 1e-15]))
def test_what_is_dropped_and_rounded_is_held_by_the_bound(seed: int, vertex: float | None, noise: float) -> None:
    """Residuals in the hidden variables, even beyond the ends, differ from the given ones by `dropped` at most."""
    random = np.random.default_rng(seed)
    residuals = with_lone_variables(random, 3, [vertex])
    residuals.A[:, 2, :2] = residuals.A[:, :2, 2] = noise * random.normal(size=(5, 2))
    residuals.b[:, 2] += noise * random.normal(size=5)
    lower, upper = np.full(3, -1.0), np.full(3, 1.0)
    hidden = HiddenVariables(residuals, lower, upper, ())
    variable = LoneVariable.of(residuals, 2)
    assert variable is not None
    t = random.uniform(lower, upper, size=(40, 3))
    t[0, 2], t[1, 2] = -1.0, 1.0
    where = hidden.from_scaled(t)
    column = hidden.order.index(2)
    where[:, column] += random.choice([-1.0, 0.0, 1.0], size=40) * hidden.widened[column]
    r = residuals.c + t @ residuals.b.T + np.einsum("pi,kij,pj->pk", t, residuals.A, t)
    c, b, A = hidden.residuals
    found = c + where @ b.T + np.einsum("pi,kij,pj->pk", where, A, where)
    size = np.abs(residuals.c) + np.abs(residuals.b).sum(axis=1) + np.abs(residuals.A).sum(axis=(1, 2))
    assert np.all(np.linalg.norm(r - found, axis=1) <= hidden.dropped + 60.0 * 2.0**-53 * np.linalg.norm(size))
    assert (hidden.dropped > 0.0) == (noise > 0.0 or vertex is not None)


@given(SEEDS, st.sampled_from([None, 0.0, -0.3, 2.0]))
def test_all_values_of_a_variable_lie_between_the_ends_of_its_squares(seed: int, vertex: float | None) -> None:
    random = np.random.default_rng(seed)
    variable = LoneVariable(np.ones(1), vertex)
    t = np.sort(random.uniform(-1.0, 1.0, size=200))
    s = variable.s(t)
    low, high = np.sort(random.choice(s, size=2))
    sides = variable.sides(float(low), float(high), -1.0, 1.0)
    inside = t[(s >= low) & (s <= high)]
    held = [(inside >= start - 1e-12) & (inside <= end + 1e-12) for start, end in sides]
    assert np.all(np.any(held, axis=0))
    assert len(sides) == 1 or sides[0][1] < sides[1][0]
