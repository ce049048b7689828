"""Powers of two in blocks of eight, over all of the numbers that they are meant for."""

from __future__ import annotations

import numpy as np

from scanengine_kernels._exp import power_of_two
from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, any_less, load, store
from tests.naive import FloatArray


@jit
def all_powers(y: FloatArray, power: FloatArray) -> None:
    for i in range(0, y.size, LANES):
        store(power, i, power_of_two(load(y, i)))


@jit
def is_any_less(y: FloatArray, limit: float) -> bool:
    return any_less(load(y, 0), limit)


def test_powers_of_two() -> None:
    edges = np.array([0.0, -0.0, 0.5, -0.5, np.nextafter(0.5, 1.0), 1.0, -1.0, 999.0, -999.0, 1e-300])
    y = np.concatenate((edges, np.random.default_rng(1).uniform(-999.0, 999.0, 80_000), np.zeros(6)))
    power = np.empty(y.size)
    all_powers(y, power)
    assert np.max(np.abs(power / np.exp2(y) - 1.0)) < 3e-13
    assert power[0] == 1.0


def test_any_less() -> None:
    for lane in range(LANES):
        block = np.full(LANES, 2.0)
        assert not is_any_less(block, 2.0)
        block[lane] = 1.0
        assert is_any_less(block, 2.0)
    assert not is_any_less(np.full(LANES, np.nan), 2.0)
