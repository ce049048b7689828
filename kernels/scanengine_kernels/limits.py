"""What the processor can do at most: the limits that `scanengine bench` and the benchmarks measure kernels against."""

from __future__ import annotations

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, Output, elements_to_boundary, fence, fma, splat, stream, total

LANES_PER_ROUND = 12 * LANES
"""Multiply-adds in a round: twelve independent chains of eight lanes, where latency times units would need eight."""


@jit
def fill_past_caches(out: Output, value: float) -> None:
    """Set a C-contiguous array to one number with streaming stores, the fastest way into memory."""
    out = out.reshape(-1)
    first = min(elements_to_boundary(out, 0), out.size)
    last = first + (out.size - first) // LANES * LANES
    for i in range(first):
        out[i] = value
    block = splat(value)
    for i in range(first, last, LANES):
        stream(out, i, block)
    for i in range(last, out.size):
        out[i] = value
    fence()


@jit
def multiply_and_add(rounds: int, x: float, y: float) -> float:
    """Do `rounds` times `LANES_PER_ROUND` multiply-adds in registers; return what the compiler cannot leave out."""
    a, b, c, d = splat(0.01), splat(0.02), splat(0.03), splat(0.04)
    e, f, g, h = splat(0.05), splat(0.06), splat(0.07), splat(0.08)
    i, j, k, m = splat(0.09), splat(0.10), splat(0.11), splat(0.12)
    for _ in range(rounds):
        a, b, c, d = fma(a, x, y), fma(b, x, y), fma(c, x, y), fma(d, x, y)
        e, f, g, h = fma(e, x, y), fma(f, x, y), fma(g, x, y), fma(h, x, y)
        i, j, k, m = fma(i, x, y), fma(j, x, y), fma(k, x, y), fma(m, x, y)
    return total((((a + b) + (c + d)) + ((e + f) + (g + h))) + ((i + j) + (k + m)))
