"""Proofs that a list of minima is whole: against wells put in, lists cut short, and searches from anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import scanengine
from scanengine.chi2.minima import global_minima
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inference.proving import Proof, prove
from tests.command_line import Printed

pytestmark = pytest.mark.jit_only


def with_two_wells(seed: int, n: int, depth: float) -> tuple[ChiSquaredPolynomial, FloatArray]:
    """Residuals s (x_0 - u_0) (x_0 - v_0), x_i - u_i - slope_i (x_0 - u_0) and one that is depth at v and zero at u."""
    random = np.random.default_rng(seed)
    monomials = Monomials.of(n, 2)
    u, v = random.uniform(-0.9, -0.2, size=n), random.uniform(0.2, 0.9, size=n)
    rows = np.zeros((n + 1, len(monomials.exponents)))
    first, constant = monomials.column_of_product(1), monomials.column_of_product(0)
    rows[0, monomials.column_of_product(1, 1)] = 40.0
    rows[0, first], rows[0, constant] = -40.0 * (u[0] + v[0]), 40.0 * u[0] * v[0]
    for i in range(1, n):
        slope = (v[i] - u[i]) / (v[0] - u[0])
        rows[i, monomials.column_of_product(i + 1)] = 20.0
        rows[i, first], rows[i, constant] = -20.0 * slope, -20.0 * (u[i] - slope * u[0])
    rows[n, first], rows[n, constant] = depth / (v[0] - u[0]), -depth * u[0] / (v[0] - u[0])
    return ChiSquaredPolynomial(np.zeros(n), np.ones(n), monomials, rows), np.array([u, v])


def axes_of(n: int) -> list[Axis]:
    return [Axis("abcdefgh"[i], np.linspace(-1.0, 1.0, 4)) for i in range(n)]


def inside(box: dict[str, tuple[float, float]], place: Sequence[float]) -> bool:
    return all(low <= x <= high for x, (low, high) in zip(place, box.values(), strict=True))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_wells_as_deep_are_all_named_or_the_list_is_not_whole(seed: int, n: int) -> None:
    polynomial, wells = with_two_wells(seed, n, depth=0.05)  # the second is 0.0025 higher
    both = prove(polynomial, axes_of(n), wells)
    assert both.is_whole
    assert both.lower <= 0.0 + 1e-12
    assert sorted(i for holds in both.holds for i in holds) == [0, 1]
    for number, known in enumerate(wells):
        alone = prove(polynomial, axes_of(n), known[None])
        assert not alone.is_whole
        distance = np.max(np.abs(alone.missed - wells[1 - number]), axis=1)
        assert distance.min() < 0.1


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_higher_well_does_not_matter_and_a_lower_one_does(n: int) -> None:
    polynomial, wells = with_two_wells(7, n, depth=0.5)  # the second is nearly 0.25 higher
    lowest = prove(polynomial, axes_of(n), wells[:1])
    assert lowest.is_whole
    assert len(lowest.boxes) == 1
    wrong = prove(polynomial, axes_of(n), wells[1:])
    assert not wrong.is_whole
    assert wrong.upper < 1e-6
    assert np.max(np.abs(wrong.missed - wells[0]), axis=1).min() < 1e-3


def proof_of(polynomial: ChiSquaredPolynomial, n: int, **budget: int) -> Proof:
    found = global_minima(polynomial, axes_of(n))
    return prove(polynomial, axes_of(n), found.places, 0.02, **budget)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("squared", [(), (1,), (0, 1)])
def test_all_low_points_lie_in_the_boxes(seed: int, squared: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    monomials = Monomials.of(3, 2)
    rows = 3.0 * random.normal(size=(4, len(monomials.exponents)))
    for i in squared:
        for j in range(4):
            if j != i + 1:
                rows[:, monomials.column_of_product(i + 1, j)] = 0.0
    rows[:, 0] -= rows @ monomials.values(random.uniform(-1.0, 1.0, size=3))
    polynomial = ChiSquaredPolynomial(np.zeros(3), np.ones(3), monomials, rows)
    proof = proof_of(polynomial, 3)
    points = random.uniform(-1.0, 1.0, size=(200_000, 3))
    near = global_minima(polynomial, axes_of(3)).places
    near = np.clip(near[random.integers(0, len(near), 20_000)] + 0.02 * random.normal(size=(20_000, 3)), -1.0, 1.0)
    points = np.concatenate((points, near))
    chi2 = np.sum((monomials.values(points) @ rows.T) ** 2, axis=1)
    low = points[chi2 <= proof.lower + proof.delta_chi2]
    assert len(low) > 10
    assert proof.lower <= chi2.min()
    assert all(any(inside(box, place) for box in proof.boxes) for place in low.tolist())


def test_a_budget_that_is_too_small_is_said_to_prove_nothing() -> None:
    polynomial, wells = with_two_wells(3, 5, depth=0.0)
    proof = prove(polynomial, axes_of(5), wells[:1], most_boxes=3)
    assert not proof.is_whole or proof.holds == ((0,),)
    assert all(any(inside(box, well) for box in proof.boxes) for well in wells.tolist())


SCAN = """
title = "Two couplings"
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
[[experiments]]
name = "Ar"
target = "Ar40"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
recoil_window_keV = [20.0, inf]
form_factor = "helm"
channels = { all = ["nu_e", "nu_mu", "nu_mubar"] }
systematic = 0.1
[axes]
eps_ee_uV = { min = -0.5, max = 0.5, points = 5 }
mu_nu = { min = 0.0, max = 50.0, points = 5 }
"""
POISSON = '\n[statistic]\nkind = "poisson"\n'


def test_the_command_line_says_proven_or_found(printed: Printed, tmp_path: Path) -> None:
    for text, status in ((SCAN, "proven"), (SCAN.replace("systematic = 0.1\n", "") + POISSON, "found")):
        (tmp_path / "scan.toml").write_text(text, encoding="utf-8")
        found = json.loads(printed("fit", "scan.toml", "--json"))
        assert found["status"] == status
        assert ("proof" in found) == (status == "proven")
        told = printed("fit", "scan.toml")
        assert ("proven: the lowest chi2" in told) == (status == "proven")
        assert ("not proven" in told) == (status == "found")


def test_a_proof_of_what_is_no_sum_of_squares_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "scan.toml"
    path.write_text(SCAN.replace("systematic = 0.1\n", "") + POISSON, encoding="utf-8")
    scan = scanengine.load(path)
    with pytest.raises(scanengine.InputError, match="sum of squared quadratics"):
        scan.prove(scan.fit())


def test_mirror_images_that_are_apart_are_boxes_of_their_own() -> None:
    """chi2 = (10 (x - 0.6) (x + 0.78))^2 + (5 y)^2: in x only the square about -0.09 counts."""
    monomials = Monomials.of(2, 2)
    rows = np.zeros((2, len(monomials.exponents)))
    rows[0, monomials.column_of_product(1, 1)] = 10.0
    rows[0, monomials.column_of_product(1)] = 1.8
    rows[0, monomials.column_of_product(0)] = -4.68
    rows[1, monomials.column_of_product(2)] = 5.0
    polynomial = ChiSquaredPolynomial(np.zeros(2), np.ones(2), monomials, rows)
    one = prove(polynomial, axes_of(2), np.array([[0.6, 0.0]]))
    assert not one.is_whole
    assert one.missed == pytest.approx(np.array([[-0.78, 0.0]]), abs=0.05)
    both = prove(polynomial, axes_of(2), np.array([[0.6, 0.0], [-0.78, 0.0]]))
    assert both.is_whole
    assert sorted(both.holds) == [(0,), (1,)]
