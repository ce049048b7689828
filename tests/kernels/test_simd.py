"""Blocks of eight numbers: each function against NumPy, and what happens to NaN, at the ends and at odd addresses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine_kernels import _simd as simd
from scanengine_kernels._jit import jit
from tests.naive import FloatArray

NUMBERS = st.floats(-1e6, 1e6)
BLOCKS = st.lists(NUMBERS, min_size=8, max_size=8).map(np.array)


@jit
def combined(a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray) -> None:
    """Every operation once, one block each."""
    x, y, z = simd.load(a, 0), simd.load(b, 0), simd.load(c, 0)
    simd.store(out, 0, simd.fma(x, y, z))
    simd.store(out, 8, simd.fma(x, 2.0, 0.5))
    simd.store(out, 16, simd.minimum(x, y))
    simd.store(out, 24, simd.maximum(x, y))
    simd.store(out, 32, (x + y) - z)
    simd.store(out, 40, 3.0 * x / (simd.maximum(x, 0.0 - x) + 1.0))
    simd.store(out, 48, simd.first_lanes(3, x, y))
    simd.store(out, 56, simd.lowest_of_each(x, y, z, x, y, z, x, z))
    simd.store(out, 64, simd.where_less(x, y, z, 7.0))
    simd.store(out, 72, simd.absolute(x))
    for i, number in enumerate((0, 8, 100)):
        simd.store(out, 80 + 8 * i, simd.first_lanes(number, x, y))
    out[104] = simd.lowest(x)
    out[105] = simd.total(x)


@given(BLOCKS, BLOCKS, BLOCKS)
def test_operations_on_blocks(a: FloatArray, b: FloatArray, c: FloatArray) -> None:
    out = np.full(106, np.nan)
    combined(a, b, c, out)
    np.testing.assert_allclose(out[:8], a * b + c, rtol=1e-15, atol=1e-15 * np.abs(a * b).max())
    np.testing.assert_allclose(out[8:16], 2.0 * a + 0.5, rtol=1e-15, atol=1e-15 * np.abs(a).max())
    assert np.array_equal(out[16:24], np.minimum(a, b))
    assert np.array_equal(out[24:32], np.maximum(a, b))
    np.testing.assert_allclose(out[32:40], a + b - c, atol=1e-15 * np.abs([a, b, c]).max())
    np.testing.assert_allclose(out[40:48], 3.0 * a / (np.abs(a) + 1.0), rtol=1e-15)
    assert np.array_equal(out[48:56], [*a[:3], *b[3:]])
    lowest = [v.min() for v in (a, b, c)]
    assert np.array_equal(out[56:64], [lowest[i] for i in (0, 1, 2, 0, 1, 2, 0, 2)])
    assert np.array_equal(out[64:72], np.where(a < b, c, 7.0))
    assert np.array_equal(out[72:80], np.abs(a))
    assert np.array_equal(out[80:104], [*b, *a, *a])
    assert out[104] == a.min()
    np.testing.assert_allclose(out[105], a.sum(), atol=1e-14 * np.abs(a).max())


@jit
def chosen(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    simd.store(out, 0, simd.minimum(simd.load(a, 0), simd.load(b, 0)))
    simd.store(out, 8, simd.maximum(simd.load(a, 0), simd.load(b, 0)))


def test_of_a_pair_with_nan_the_second_is_chosen() -> None:
    """So that a running minimum, given second, passes over NaN, and max(0, NaN) stays NaN."""
    nan, out = np.full(8, np.nan), np.empty(16)
    chosen(nan, np.ones(8), out)
    assert np.array_equal(out, np.ones(16))
    chosen(np.ones(8), nan, out)
    assert np.isnan(out).all()


@jit
def copied(given: FloatArray, at: int, out: FloatArray) -> None:
    simd.store(out, at, simd.load(given, at))


@jit
def streamed(given: FloatArray, out: FloatArray) -> int:
    first = simd.elements_to_boundary(out, 0)
    for i in range(first, given.size - 7, 8):
        simd.stream(out, i, simd.load(given, i))
    simd.fence()
    return first


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", range(17))
def test_blocks_go_to_any_address_and_streams_to_boundaries(dtype: type, offset: int) -> None:
    given = np.random.default_rng(offset).normal(size=64)
    out: FloatArray = np.zeros(100, dtype=dtype)[offset:][:64]
    copied(given, 3, out)
    assert np.array_equal(out[3:11], given[3:11].astype(dtype))
    assert np.all(out[11:] == 0.0)
    out[:] = 0.0
    first = streamed(given, out)
    assert (out.ctypes.data + first * out.itemsize) % 64 == 0
    assert 0 <= first * out.itemsize < 64
    end = first + (64 - first) // 8 * 8
    assert np.array_equal(out[first:end], given[first:end].astype(dtype))
    assert np.all(out[:first] == 0.0)
    assert np.all(out[end:] == 0.0)


@pytest.mark.parametrize("size", [1, 8, 100])
def test_aligned_memory(size: int) -> None:
    for _ in range(20):
        memory = simd.aligned(size)
        assert memory.shape == (size,)
        assert memory.ctypes.data % 64 == 0


@pytest.mark.slow
@pytest.mark.jit_only
def test_kernels_give_the_same_on_a_processor_without_vector_extensions(tmp_path: Path) -> None:
    """The tests of the kernels that are written in blocks, compiled for the least of these processors."""
    here = Path(__file__).parent
    names = ("quartic/test_grid", "quartic/test_profiles", "test_simd", "test_polynomial")
    files = [str(here / f"{name}.py") for name in names]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not without_vector", *files],
        env=os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)},
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
