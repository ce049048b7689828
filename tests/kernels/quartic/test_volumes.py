"""The quartics of volumes, eight at once, against the squares."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanengine.chi2.monomials import Monomials
from scanengine_kernels.quartic import volumes as kernels
from scanengine_kernels.quartic.lines import tabulate_planes
from tests import naive
from tests.kernels.quartic.naive_squares import exact, grid_of, squares_of

SEEDS = st.integers(0, 2**32 - 1)


@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 19), st.integers(1, 12), SEEDS)
def test_volumes_and_their_planes(outer: list[int], along: int, number: int, seed: int) -> None:
    """Up to eight neighbours at a time, every volume of the grid once; each quartic within its bound of the squares."""
    random = np.random.default_rng(seed)
    shape = np.array([*outer, along, 3, 1, 1])
    values = [random.uniform(-1.0, 1.0, size=n) for n in shape]
    residuals = random.normal(size=(number, len(Monomials.of(len(shape), 2).exponents)))
    squares = squares_of(residuals, len(shape))
    volumes, planes = kernels.new_volumes(squares, len(shape)), np.full((15, 2, 8), np.nan)
    z = np.resize(values[-3], 8)
    b = 0
    while b < shape[:-3].prod():
        found = kernels.go_to_volumes(volumes, b, squares, grid_of(values))
        assert found == min(8, along - b % along)
        for volume in range(found):
            tabulate_planes(volumes.quartics, volume, z, 0, planes, 1)
            at = [np.array([v[i]]) for v, i in zip(values, np.unravel_index(b + volume, shape[:-3]), strict=False)]
            slow = exact(residuals, [*at, *values[-3:]])
            for k in range(3):
                quartic = Monomials.of(2, 4)
                point = [float(values[-2][0]), float(values[-1][0])]
                fast = naive.polynomial(planes[:, 1, k].tolist(), quartic.exponents, point)
                assert abs(fast - slow[k]) < volumes.bounds[volume] < 1e-10
        b += found
    assert b == shape[:-3].prod()


def test_of_three_axes_there_is_one_volume() -> None:
    residuals = np.random.default_rng(1).normal(size=(5, len(Monomials.of(3, 2).exponents)))
    squares = squares_of(residuals, 3)
    volumes, planes = kernels.new_volumes(squares, 3), np.empty((15, 1, 8))
    values = [np.linspace(-1.0, 1.0, 8), np.array([0.3]), np.array([-0.7])]
    assert kernels.go_to_volumes(volumes, 0, squares, grid_of(values)) == 1
    tabulate_planes(volumes.quartics, 0, values[0], 0, planes, 0)
    fast = [naive.polynomial(planes[:, 0, k].tolist(), Monomials.of(2, 4).exponents, [0.3, -0.7]) for k in range(8)]
    np.testing.assert_allclose(fast, exact(residuals, values), rtol=1e-13)
