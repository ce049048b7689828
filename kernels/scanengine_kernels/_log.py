"""Logarithms of eight numbers at once, in the form that counts need: x - ln(1 + x), which must not cancel at small x.

1 + x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2). There f - ln(1 + f) = f^2 Q(f) with a polynomial Q, and
where k = 0 nothing else is left: f is x itself, exactly, so that a minimum of chi2 keeps all its digits.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, Lanes, LanesType, _Code, _compiled_as, fma, lanes, splat

LN_2 = log(2.0)
SQRT_HALF = sqrt(0.5)

Q = (
    0.5000000000000583,
    -0.3333333333344662,
    0.2499999999398682,
    -0.19999999953492875,
    0.16666667656524572,
    -0.14285720101396138,
    0.12499940991401966,
    -0.11110783390355668,
    0.10001557841299596,
    -0.09100382764187441,
    0.08316254559902464,
    -0.0754876160182177,
    0.07149214247041823,
    -0.07706948124022943,
    0.07436784608298763,
    -0.03657283707050544,
)
"""(f - ln(1 + f)) / f^2 for sqrt(1/2) <= 1 + f <= sqrt(2), lowest power first, to 1.4e-13 of itself: the polynomial
through it at the 16 Chebyshev points of that interval, as the tests derive it anew."""

_INTEGERS = ir.VectorType(ir.IntType(64), LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_MANTISSA_BITS = 52
_BIAS = 1023
_EXPONENT = 0x7FF << _MANTISSA_BITS
_ONE = _BIAS << _MANTISSA_BITS
_SQRT_HALF = int(np.array(SQRT_HALF).view(np.int64))
_TWO_TO_52 = (_BIAS + _MANTISSA_BITS) << _MANTISSA_BITS


def _all_lanes(value: int) -> Any:
    return ir.Constant(_INTEGERS, [value] * LANES)


def _bits_with_exponent(code: _Code, y: Any) -> Any:
    """The bits of y / sqrt(1/2), but for the mantissa: their exponent field is 1023 + k."""
    return code.builder.add(code.builder.bitcast(y, _INTEGERS), _all_lanes(_ONE - _SQRT_HALF))


def _emit_nearest_power(code: _Code, y: Any) -> Any:
    # as the lowest bits of 2^52 the integer becomes a double without the conversion that AVX2 lacks
    field = code.builder.lshr(_bits_with_exponent(code, y), _all_lanes(_MANTISSA_BITS))
    shifted = code.builder.bitcast(code.builder.or_(field, _all_lanes(_TWO_TO_52)), _DOUBLES)
    return code.builder.fsub(shifted, ir.Constant(_DOUBLES, [2.0**_MANTISSA_BITS + _BIAS] * LANES))


def _emit_inverse_power(code: _Code, y: Any) -> Any:
    field = code.builder.and_(_bits_with_exponent(code, y), _all_lanes(_EXPONENT))
    return code.builder.bitcast(code.builder.sub(_all_lanes(2 * _ONE), field), _DOUBLES)


def _emit_where_positive(code: _Code, y: Any, a: Any, b: Any) -> Any:
    positive = code.builder.fcmp_ordered(">", y, ir.Constant(_DOUBLES, [0.0] * LANES))
    return code.builder.select(positive, code.block(a), code.block(b))


def _block(y: Any) -> Any:
    return lanes(y) if isinstance(y, LanesType) else None


@_compiled_as(_block, _emit_nearest_power)
def nearest_power(y: Lanes) -> Lanes:
    """Return the integer k with sqrt(1/2) <= y / 2^k < sqrt(2), for normal y > 0; for others any number."""
    mantissa, exponent = np.frexp(y)
    return np.asarray(exponent - (mantissa < SQRT_HALF), dtype=np.float64)


@_compiled_as(_block, _emit_inverse_power)
def inverse_power(y: Lanes) -> Lanes:
    """Return 2^-k for the k of `nearest_power`, which must be below 1023."""
    return np.ldexp(np.ones(LANES), -nearest_power(y).astype(np.int64))


@_compiled_as(lambda y, a, b: lanes(y, a, b) if _block(y) else None, _emit_where_positive)
def where_positive(y: Lanes, a: Lanes | float, b: Lanes | float) -> Lanes:
    """Return the lanes of a where y > 0 and those of b elsewhere."""
    return np.where(y > 0.0, a, b)


@jit
def x_minus_log1p(x: Lanes, y: Lanes) -> Lanes:
    """Return x - ln(1 + x), y = 1 + x > 0 as rounded, to 2e-13 of itself and what the roundings of x make of it.

    Where y <= 0 the result is any number or none.
    """
    power = inverse_power(y)
    f = fma(power, x, power - 1.0)
    # even and odd powers apart: a single chain of products is waited for longer than it is worked on
    f2 = f * f
    even, odd = splat(Q[-2]), splat(Q[-1])
    for c in range(len(Q) - 4, -1, -2):
        even = fma(f2, even, Q[c])
        odd = fma(f2, odd, Q[c + 1])
    return fma(nearest_power(y), -LN_2, fma(f2, fma(f, odd, even), x - f))
