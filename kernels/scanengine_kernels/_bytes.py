"""Sixty-four words taken apart byte by byte, by the instructions of the processor that move bytes between registers.

A compiler makes of a loop over bytes one pass for each byte of the words; here all words are read once. As in `_simd`,
LLVM cuts the shuffles into pieces that a processor has, and with `NUMBA_DISABLE_JIT=1` the function is plain Python.
"""

from __future__ import annotations

from typing import Any

import numba  # noqa: F401  (the package before its parts: of two threads that import them first, one would fail)
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numpy.typing import NDArray

from scanengine_kernels._simd import OUTSIDE, _Code, _compiled_as

WORDS = 64
"""Words at a time: as many registers of 64 bytes as a word has bytes."""

_BYTES = ir.VectorType(ir.IntType(8), WORDS)
_EVEN, _ODD = ([*range(first, 2 * WORDS, 2)] for first in (0, 1))


def _typed(words: Any, _index: Any, _half: Any, _kept: Any, planes: Any) -> Any:
    arrays = all(isinstance(array, types.Array) and array.layout == "C" for array in (words, planes))
    if not arrays or words.dtype not in {types.uint32, types.uint64} or planes.dtype != types.uint8:
        return None
    return types.void(words, types.intp, types.uint64, types.uint64, planes)


def _emit(code: _Code, words: Any, index: Any, half: Any, kept: Any, planes: Any) -> None:
    word, n = ir.IntType(8 * code.itemsize), WORDS // code.itemsize
    block = ir.VectorType(word, n)

    def spread(number: Any) -> Any:
        given = number if number.type == word else code.builder.trunc(number, word)
        first = code.builder.insert_element(ir.Constant(block, ir.Undefined), given, ir.Constant(ir.IntType(32), 0))
        return code.builder.shuffle_vector(first, ir.Constant(block, ir.Undefined), code.mask([0] * n))

    array = code.context.make_array(code.types[4])(code.context, code.builder, planes)
    rows, length = (code.builder.extract_value(array.shape, axis) for axis in (0, 1))
    given = code.context.make_array(code.types[0])(code.context, code.builder, words).nitems
    end = code.builder.add(index, ir.Constant(index.type, WORDS))
    code.check(code.builder.icmp_signed(">=", index, ir.Constant(index.type, 0)))
    code.check(code.builder.icmp_signed("<=", end, given))
    code.check(code.builder.icmp_signed("<=", end, length))
    code.check(code.builder.icmp_signed("<=", rows, ir.Constant(rows.type, code.itemsize)))
    first, halves, mask = code.address(words, index), spread(half), spread(kept)
    vectors = []
    for i in range(code.itemsize):
        pointer = code.builder.bitcast(
            code.builder.gep(first, [ir.Constant(ir.IntType(64), i * n)]), block.as_pointer()
        )
        value = code.builder.load(pointer, align=code.itemsize)
        rounded = code.builder.and_(code.builder.add(value, halves), mask)
        vectors.append(code.builder.bitcast(rounded, _BYTES))
    left_out = code.builder.sub(ir.Constant(rows.type, code.itemsize), rows)
    for place, value in _sorted_by_byte(code, 0, vectors, 1):
        row = code.builder.sub(ir.Constant(rows.type, place), left_out)
        with code.builder.if_then(code.builder.icmp_signed(">=", row, ir.Constant(rows.type, 0))):
            at = code.builder.gep(array.data, [code.builder.add(code.builder.mul(row, length), index)])
            code.builder.store(value, code.builder.bitcast(at, _BYTES.as_pointer()), align=1)


def _sorted_by_byte(code: _Code, place: int, vectors: list[Any], step: int) -> list[tuple[int, Any]]:
    """Separate bytes of even and of odd places, again and again, until each vector has those of one place alone."""
    if len(vectors) == 1:
        return [(place, vectors[0])]
    pairs = list(zip(vectors[::2], vectors[1::2], strict=True))
    found = []
    for odd, order in enumerate((_EVEN, _ODD)):
        half = [code.builder.shuffle_vector(a, b, code.mask(order)) for a, b in pairs]
        found += _sorted_by_byte(code, place + odd * step, half, 2 * step)
    return found


@_compiled_as(_typed, _emit)
def gather_bytes(
    words: NDArray[np.uint64], index: int, half: np.uint64, kept: np.uint64, planes: NDArray[np.uint8]
) -> None:
    """Set 64 bytes of each row of planes (bytes, n), from an index on, to the highest bytes of as many words.

    Of each word w they are those of w + half, of which the bits in `kept` alone are left; the lowest ones come first.
    """
    if not 0 <= index <= min(words.size, planes.shape[1]) - WORDS or planes.shape[0] > words.itemsize:
        raise IndexError(OUTSIDE)
    some = (words[index : index + WORDS] + half.astype(words.dtype)) & kept.astype(words.dtype)
    planes[:, index : index + WORDS] = some.view(np.uint8).reshape(WORDS, -1).T[-planes.shape[0] :]
