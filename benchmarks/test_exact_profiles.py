"""What an exact profile costs, beside the fill and reduction of the grid whose hidden axes it takes the place of.

`pytest benchmarks --benchmark-enable --benchmark-only` prints the times; `cells` in the extra information is the number
of cells of the planes. Under plain `pytest` each case runs once, as a test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import scanengine
from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.chosen_planes import HiddenMinimum, pass_for
from scanengine.driver.exact_profiles import exact_profiles
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine_kernels.linear_minima import minimise_linear

NAMES = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")


@cache
def problem(*points: int) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...]]:
    """The main job's scan with these numbers of points; an axis with one is held."""
    scanned = {name: n for name, n in zip(NAMES, points, strict=True) if n > 1}
    overrides = [f"axes.{name}.points={n}" for name, n in scanned.items()]
    scan = scanengine.load("large/nsi-5d", [*overrides, "output.keep=profiles"])
    axes = tuple(axis for axis in scan.definition.axes if axis.name in scanned)
    chosen = [axis.name in scanned for axis in scan.definition.axes]
    whole = scan.definition.parameters
    # what is not scanned stays at its Standard Model value
    held = np.array([scan.standard_model[axis.name] for axis in scan.definition.axes])
    matrix = np.column_stack(
        [whole.matrix[:, 0] + whole.matrix[:, 1:] @ np.where(chosen, 0.0, held), whole.matrix[:, 1:][:, chosen]]
    )
    parameters = type(whole)(tuple(axis.name for axis in axes), matrix)
    return scan.likelihood.polynomial(axes, parameters), axes


def unknown(axes: tuple[Axis, ...]) -> Profiles:
    """Profiles of a grid that has not been looked at, so that the exact ones are timed alone."""
    lines: dict[str, FloatArray] = {axis.name: np.full(axis.values.size, np.inf) for axis in axes}
    planes = {(a.name, b.name): np.full((a.values.size, b.values.size), np.inf) for a, b in combinations(axes, 2)}
    return Profiles(1e300, tuple(float(axis.values[0]) for axis in axes), lines, planes)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("points", [(31,) * 5, (61,) * 5], ids=["31^5", "61^5"])
@pytest.mark.benchmark(group="ten planes of five parameters")
def test_exact_profiles(benchmark: Any, points: tuple[int, ...], threads: int) -> None:
    if benchmark.disabled:  # as a test the search is the same on fewer cells
        points = tuple(n // 3 for n in points)
    polynomial, axes = problem(*points)
    benchmark.extra_info["cells"] = sum(a * b for a, b in combinations(points, 2))
    arguments = polynomial, axes, unknown(axes), threads
    _, found = benchmark.pedantic(exact_profiles, args=arguments, rounds=1, warmup_rounds=1)
    assert found.minimum == pytest.approx(0.0, abs=1e-9)


GRID = (40, 40, 40, 40, 1)
"""Of the plane of the first two axes both hidden ones enter by their squares; sin2_theta_w is held."""


@pytest.mark.benchmark(group="the plane with two squares hidden")
def test_profile_on_the_grid(benchmark: Callable[..., None]) -> None:
    polynomial, axes = problem(*GRID)
    over = pass_for(polynomial, GRID[:4], [(0, 1)])
    assert over is not None
    minimum, plane = HiddenMinimum.of(polynomial, axes, over), np.empty((40, 40))
    benchmark(minimum.fill, [axis.values for axis in axes[:2]], plane)
    found = scan_grid(polynomial, axes, NoSink()).planes["eps_ee_uV", "eps_ee_dV"]
    assert np.allclose(plane, found, rtol=1e-9, atol=1e-9)


@pytest.mark.benchmark(group="the plane with two squares hidden")
def test_profile_in_closed_form(benchmark: Callable[..., None]) -> None:
    polynomial, axes = problem(*GRID)
    scaled = polynomial.scaled([axis.values for axis in axes])
    lower, upper = (np.array([v[end] for v in scaled]) for end in (0, -1))
    hidden = HiddenVariables(quadratic_residuals(polynomial), lower, upper, (0, 1))
    x, y = np.meshgrid(scaled[0], scaled[1], indexing="ij")
    assert hidden.pair is not None
    points, chi2, where = np.array((x.ravel(), y.ravel())), np.empty(x.size), np.empty((2, x.size))
    benchmark(minimise_linear, hidden.residuals, hidden.pair, points, chi2, where)
    on_grid = scan_grid(polynomial, axes, NoSink()).planes["eps_ee_uV", "eps_ee_dV"]
    assert np.all(chi2.reshape(x.shape) <= on_grid * (1.0 + 1e-9) + 1e-9)
