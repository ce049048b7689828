"""Powers of two of eight numbers at once: what sums of exp(-chi2 / 2) take most of their time with.

2^y = 2^k 2^f with k the integer nearest to y. 2^f is a polynomial for |f| <= 1/2, and 2^k is added to its exponent.
"""

from __future__ import annotations

from math import factorial, log
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, Lanes, LanesType, _Code, _compiled_as, fma, lanes, splat

P = tuple(log(2.0) ** k / factorial(k) for k in range(11))
"""2^f for |f| <= 1/2, lowest power first: the series, whose rest is below 2.3e-13."""

_ROUNDS = 1.5 * 2.0**52
"""Added to a number below 2^51 it leaves the nearest integer in the lowest bits."""

_INTEGERS = ir.VectorType(ir.IntType(64), LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_MANTISSA_BITS = 52


def _emit_times_power(code: _Code, p: Any, shifted: Any) -> Any:
    bits = code.builder.bitcast(shifted, _INTEGERS)
    power = code.builder.shl(bits, ir.Constant(_INTEGERS, [_MANTISSA_BITS] * LANES))
    return code.builder.bitcast(code.builder.add(code.builder.bitcast(p, _INTEGERS), power), _DOUBLES)


def _blocks(*given: Any) -> Any:
    return lanes(*given) if all(isinstance(each, LanesType) for each in given) else None


@_compiled_as(_blocks, _emit_times_power)
def _times_power(p: Lanes, shifted: Lanes) -> Lanes:
    """Return p 2^k, 1/2 < p < 2, for the integer k that was shifted by `_ROUNDS`, |k| < 1000."""
    return np.ldexp(p, (shifted - _ROUNDS).astype(np.int64))


@jit
def power_of_two(y: Lanes) -> Lanes:
    """Return 2^y to 3e-13 of itself, for |y| < 1000; of others any number or none."""
    shifted = y + _ROUNDS
    f = y - (shifted - _ROUNDS)
    f2 = f * f
    # even and odd powers apart: a single chain of products is waited for longer than it is worked on
    even, odd = splat(P[-1]), splat(P[-2])
    for c in range(len(P) - 3, 0, -2):
        even = fma(f2, even, P[c])
        odd = fma(f2, odd, P[c - 1])
    even = fma(f2, even, P[0])
    return _times_power(fma(f, odd, even), shifted)
