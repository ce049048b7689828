"""Blocks of eight numbers that a kernel handles like one: loaded, combined and stored by single machine instructions.

A compiler turns a loop of plain floats into such blocks only where it may reorder the arithmetic, and minima it leaves
alone altogether. Kernels that must run at the speed of the processor are therefore written in blocks, `Lanes`, with the
functions below and with `+ - * /`. All of these also take plain floats, which stand for eight equal lanes:

    value = fma(x, fma(x, c2, c1), c0)

Eight doubles are one register of AVX-512; for other processors LLVM cuts every operation into the pieces that they have
(AVX, SSE2, NEON): one source for all. With `NUMBA_DISABLE_JIT=1` the functions are plain Python on NumPy arrays of
eight numbers, as their bodies say. Never change a block in place (`a += b`): the arrays would be shared where registers
are not.

An ordinary store first fetches the cache line that it changes, and leaves it in the cache at the expense of others. A
grid larger than the caches takes twice as long to write so as with `stream`, which goes past them: whole lines only, so
that its first byte must lie at a multiple of 64 (`elements_to_boundary`; elsewhere the processor faults), and in no
order that another thread could rely on before a `fence`.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numba  # noqa: F401  (the package before its parts: of two threads that import them first, one would fail)
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, types
from numba.core.datamodel import models
from numba.core.typing.templates import ConcreteTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, register_model
from numpy.typing import NDArray

from scanengine_kernels import grids
from scanengine_kernels._jit import jit, jit_inline

LANES = grids.LANES
"""Numbers in a block."""

OUTSIDE = "a block of numbers lies outside of its array"

LINE_BYTES = 64
"""A cache line, and the alignment of streaming stores."""

Lanes = NDArray[np.float64]
"""A block of eight numbers. Inside compiled code this is a value, not an array."""

Output = NDArray[np.float64] | NDArray[np.float32]
"""Where blocks are stored: single precision rounds on the way."""

Function = TypeVar("Function", bound=Callable[..., object])


class LanesType(types.Type):
    """Numba's type of a block."""


lanes = LanesType(name="Lanes")
_DOUBLE, _INT32, _INT64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(_DOUBLE, LANES)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _BLOCK)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Code:
    """Where instructions are written: LLVM's builder and Numba's context and types."""

    builder: Any
    context: Any
    types: tuple[Any, ...]

    def block(self, value: Any) -> Any:
        """A block as it is, or a float in all lanes."""
        return value if value.type == _BLOCK else self.spread(value)

    def spread(self, value: Any) -> Any:
        undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
        return self.shuffled(first, [0] * LANES)

    def shuffled(self, block: Any, order: list[int]) -> Any:
        return self.builder.shuffle_vector(block, ir.Constant(block.type, ir.Undefined), self.mask(order))

    def mask(self, order: list[int]) -> Any:
        return ir.Constant(ir.VectorType(_INT32, len(order)), order)

    def address(self, array: Any, index: Any) -> Any:
        # of an array, never a bare number: Numba frees an array that it sees no more use of
        return self.builder.gep(self.context.make_array(self.types[0])(self.context, self.builder, array).data, [index])

    def check(self, inside: Any) -> None:
        """Raise IndexError where a condition does not hold; nothing is left of this but under `NUMBA_BOUNDSCHECK=1`."""
        if config.BOUNDSCHECK:
            with self.builder.if_then(self.builder.not_(inside), likely=False):
                self.context.call_conv.return_user_exc(self.builder, IndexError, (OUTSIDE,))

    def check_block(self, array: Any, index: Any) -> None:
        """Check that eight elements from a flat index on lie in the array that is the first argument."""
        if config.BOUNDSCHECK:
            size = self.context.make_array(self.types[0])(self.context, self.builder, array).nitems
            end = self.builder.add(index, ir.Constant(index.type, LANES))
            self.check(
                self.builder.and_(
                    self.builder.icmp_signed(">=", index, ir.Constant(index.type, 0)),
                    self.builder.icmp_signed("<=", end, size),
                )
            )

    @property
    def itemsize(self) -> int:
        """Bytes of an element of the array that is the first argument."""
        return int(self.types[0].dtype.bitwidth) // 8


def _compiled_as(typed: Callable[..., Any], emit: Callable[..., Any]) -> Callable[[Function], Function]:
    """Replace a plain Python function, where the JIT is on, by the instructions that `emit` writes.

    `typed` returns the signature for arguments of these types, or None where there is none.
    """

    def replaced(plain: Function) -> Any:
        def typing(_: Any, *given: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                value = emit(_Code(builder, context, signature.args), *args)
                return context.get_dummy_value() if signature.return_type == types.void else value

            signature = typed(*given)
            return (signature, generate) if signature else None

        # Numba binds arguments by the names that it finds here
        named = inspect.signature(plain).parameters.values()
        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY)
        typing.__name__, typing.__signature__ = plain.__name__, inspect.Signature([context, *named])  # type: ignore[attr-defined]
        return plain if config.DISABLE_JIT else intrinsic(typing)

    return replaced


def _is_output(array: Any) -> bool:
    return isinstance(array, types.Array) and array.layout == "C" and array.dtype in {types.float64, types.float32}


def _block_of(*given: Any) -> Any:
    return lanes(*given) if all(isinstance(t, (LanesType, types.Float)) for t in given) else None


def _flat_block(array: Output, index: int) -> Output:
    """Return eight elements of an array from a flat index on, as a view."""
    if not 0 <= index <= array.size - LANES:
        raise IndexError(OUTSIDE)
    return array.reshape(-1, copy=False)[index : index + LANES]


def _emit_load(code: _Code, array: Any, index: Any) -> Any:
    code.check_block(array, index)
    return code.builder.load(code.builder.bitcast(code.address(array, index), _BLOCK.as_pointer()), align=8)


@_compiled_as(
    lambda array, _: lanes(array, types.intp) if _is_output(array) and array.dtype == types.float64 else None,
    _emit_load,
)
def load(array: NDArray[np.float64], index: int) -> Lanes:
    """Return the eight elements of a C-contiguous array from a flat index on, at any alignment."""
    return np.array(_flat_block(array, index), dtype=np.float64)


def _storing(array: Any, _: Any, value: Any) -> Any:
    return types.void(array, types.intp, value) if _is_output(array) and _block_of(value) else None


def _emit_store(code: _Code, array: Any, index: Any, value: Any, aligned_to: int = 1) -> Any:
    code.check_block(array, index)
    block = code.block(value)
    if code.types[0].dtype == types.float32:
        block = code.builder.fptrunc(block, ir.VectorType(ir.FloatType(), LANES))
    pointer = code.builder.bitcast(code.address(array, index), block.type.as_pointer())
    return code.builder.store(block, pointer, align=aligned_to * code.itemsize)


def _emit_stream(code: _Code, array: Any, index: Any, value: Any) -> None:
    past_caches = code.builder.module.add_metadata([ir.Constant(_INT32, 1)])
    _emit_store(code, array, index, value, aligned_to=LANES).set_metadata("nontemporal", past_caches)


@_compiled_as(_storing, _emit_store)
def store(array: Output, index: int, value: Lanes | float) -> None:
    """Set the eight elements of a C-contiguous array from a flat index on, at any alignment."""
    _flat_block(array, index)[:] = value


@_compiled_as(_storing, _emit_stream)
def stream(array: Output, index: int, value: Lanes | float) -> None:
    """Set eight elements past the caches; the first must lie at a multiple of 64 bytes (32 in single precision)."""
    if elements_to_boundary(array, index) % LANES:
        raise ValueError(f"a stream needs an aligned address: element {index} is not")
    _flat_block(array, index)[:] = value


def _emit_elements_to_boundary(code: _Code, array: Any, index: Any) -> Any:
    address = code.builder.ptrtoint(code.address(array, index), _INT64)
    bytes_left = code.builder.and_(code.builder.neg(address), ir.Constant(_INT64, LINE_BYTES - 1))
    return code.builder.udiv(bytes_left, ir.Constant(_INT64, code.itemsize))


@_compiled_as(lambda array, _: types.intp(array, types.intp) if _is_output(array) else None, _emit_elements_to_boundary)
def elements_to_boundary(array: Output, index: int) -> int:
    """Return how many elements lie between a flat index and the next multiple of 64 bytes."""
    address = array.ctypes.data + index * array.itemsize
    return -address % LINE_BYTES // array.itemsize


@_compiled_as(types.void, lambda code: code.builder.fence("seq_cst"))
def fence() -> None:
    """Let other threads see all streams so far before any later store."""


@_compiled_as(lambda _: lanes(types.float64), lambda code, value: code.block(value))
def splat(value: float) -> Lanes:
    """Return a block with one number in all lanes."""
    return np.full(LANES, value, dtype=np.float64)


def _emit_fma(code: _Code, *terms: Any) -> Any:
    # fmuladd, not fma: a processor without the instruction multiplies and adds instead of calling the C library
    kind = ir.FunctionType(_BLOCK, [_BLOCK] * 3)
    function = cgutils.get_or_insert_function(code.builder.module, kind, f"llvm.fmuladd.v{LANES}f64")  # type: ignore[no-untyped-call]
    return code.builder.call(function, [code.block(term) for term in terms])


@_compiled_as(_block_of, _emit_fma)
def fma(a: Lanes | float, b: Lanes | float, c: Lanes | float) -> Lanes:
    """Return a b + c, rounded once where the processor can."""
    return np.asarray(a * b + c + np.zeros(LANES))


def _emit_choice(comparison: str) -> Callable[..., Any]:
    def emit(code: _Code, a: Any, b: Any) -> Any:
        first, second = code.block(a), code.block(b)
        return code.builder.select(code.builder.fcmp_ordered(comparison, first, second), first, second)

    return emit


@_compiled_as(_block_of, _emit_choice("<"))
def minimum(a: Lanes | float, b: Lanes | float) -> Lanes:
    """Return in each lane a where a < b, else b: if either is NaN, b. A running minimum b thus passes over NaN in a."""
    return np.where(np.less(a, b), a, b + np.zeros(LANES))


@_compiled_as(_block_of, _emit_choice(">"))
def maximum(a: Lanes | float, b: Lanes | float) -> Lanes:
    """Return in each lane a where a > b, else b: if either is NaN, b."""
    return np.where(np.greater(a, b), a, b + np.zeros(LANES))


def _emit_where_less(code: _Code, a: Any, b: Any, x: Any, y: Any) -> Any:
    less = code.builder.fcmp_ordered("<", code.block(a), code.block(b))
    return code.builder.select(less, code.block(x), code.block(y))


@_compiled_as(_block_of, _emit_where_less)
def where_less(a: Lanes | float, b: Lanes | float, x: Lanes | float, y: Lanes | float) -> Lanes:
    """Return in each lane x where a < b, else y."""
    return np.where(np.less(a, b), x, y + np.zeros(LANES))


def _emit_any_less(code: _Code, a: Any, b: Any) -> Any:
    less = code.builder.fcmp_ordered("<", code.block(a), code.block(b))
    bits = code.builder.bitcast(less, ir.IntType(LANES))
    return code.builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))


@_compiled_as(lambda a, b: types.boolean(a, b) if _block_of(a, b) else None, _emit_any_less)
def any_less(a: Lanes | float, b: Lanes | float) -> bool:
    """Return whether a < b in any lane."""
    return bool(np.any(np.less(a, b)))


def _emit_absolute(code: _Code, a: Any) -> Any:
    kind = ir.FunctionType(_BLOCK, [_BLOCK])
    function = cgutils.get_or_insert_function(code.builder.module, kind, f"llvm.fabs.v{LANES}f64")  # type: ignore[no-untyped-call]
    return code.builder.call(function, [code.block(a)])


@_compiled_as(_block_of, _emit_absolute)
def absolute(a: Lanes | float) -> Lanes:
    """Return |a|."""
    return np.abs(a) + np.zeros(LANES)


def _emit_first_lanes(code: _Code, number: Any, a: Any, b: Any) -> Any:
    most = ir.Constant(_INT64, LANES)
    number = code.builder.select(code.builder.icmp_signed("<", number, most), number, most)
    bits = code.builder.sub(code.builder.shl(ir.Constant(_INT64, 1), number), ir.Constant(_INT64, 1))
    inside = code.builder.bitcast(code.builder.trunc(bits, ir.IntType(LANES)), ir.VectorType(ir.IntType(1), LANES))
    return code.builder.select(inside, code.block(a), code.block(b))


@_compiled_as(lambda _, a, b: lanes(types.int64, a, b) if _block_of(a, b) else None, _emit_first_lanes)
def first_lanes(number: int, a: Lanes | float, b: Lanes | float) -> Lanes:
    """Return the first `number` lanes of a, 0 or more, and the others of b."""
    return np.where(np.arange(LANES) < number, a, b)


def _emit_lowest(code: _Code, block: Any) -> Any:
    for width in (4, 2, 1):
        low, high = code.shuffled(block, list(range(width))), code.shuffled(block, list(range(width, 2 * width)))
        block = code.builder.select(code.builder.fcmp_ordered("<", low, high), low, high)
    return code.builder.extract_element(block, ir.Constant(_INT32, 0))


@_compiled_as(lambda block: types.float64(block) if isinstance(block, LanesType) else None, _emit_lowest)
def lowest(block: Lanes) -> float:
    """Return the smallest of the eight numbers, none of which may be NaN."""
    return float(np.min(block))


def _emit_lowest_of_each(code: _Code, *blocks: Any) -> Any:
    # halves of neighbours meet in one block, thrice: the last holds one number of each
    order = list(range(2 * LANES))
    for width in (4, 2, 1):
        low = [lane for lane in order if lane % (2 * width) < width]
        high = [lane for lane in order if lane % (2 * width) >= width]
        merged = []
        for first, second in zip(blocks[::2], blocks[1::2], strict=True):
            halves = [code.builder.shuffle_vector(first, second, code.mask(lanes)) for lanes in (low, high)]
            merged.append(code.builder.select(code.builder.fcmp_ordered("<", *halves), *halves))
        blocks = tuple(merged)
    return blocks[0]


@_compiled_as(_block_of, _emit_lowest_of_each)
def lowest_of_each(a: Lanes, b: Lanes, c: Lanes, d: Lanes, e: Lanes, f: Lanes, g: Lanes, h: Lanes) -> Lanes:
    """Return the smallest number of each of eight blocks, none of which may hold a NaN."""
    return np.min([a, b, c, d, e, f, g, h], axis=1)


def _emit_total(code: _Code, block: Any) -> Any:
    for width in (4, 2, 1):
        low, high = code.shuffled(block, list(range(width))), code.shuffled(block, list(range(width, 2 * width)))
        block = code.builder.fadd(low, high)
    return code.builder.extract_element(block, ir.Constant(_INT32, 0))


@_compiled_as(lambda block: types.float64(block) if isinstance(block, LanesType) else None, _emit_total)
def total(block: Lanes) -> float:
    """Return the sum of the eight numbers, added pairwise."""
    pairs = block[:4] + block[4:]
    return float((pairs[0] + pairs[2]) + (pairs[1] + pairs[3]))


def _register_operator(function: Callable[..., Any], instruction: str) -> None:
    """Give blocks one of Python's operators; a product and a sum of it may contract, as in all kernels."""
    cases = [lanes(lanes, lanes), lanes(lanes, types.float64), lanes(types.float64, lanes)]
    infer_global(function)(type("_Operator", (ConcreteTemplate,), {"cases": cases}))  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Code(builder, context, signature.args)
        return getattr(builder, instruction)(*(code.block(arg) for arg in args), flags=("contract",))

    for case in cases:
        lower_builtin(function, *case.args)(generate)  # type: ignore[no-untyped-call]


_register_operator(operator.add, "fadd")
_register_operator(operator.sub, "fsub")
_register_operator(operator.mul, "fmul")
_register_operator(operator.truediv, "fdiv")


@jit_inline
def whole_blocks(number: int) -> int:
    """Return the next multiple of a block's eight numbers."""
    return -(-number // LANES) * LANES


@jit
def aligned(size: int) -> NDArray[np.float64]:
    """Return a new array (size,) that begins at a multiple of 64 bytes: a block within one line is loaded at once."""
    memory = np.empty(size + LANES - 1)
    first = elements_to_boundary(memory, 0)
    return memory[first : first + size]
