"""Lines of chi2 on their way to memory: by ordinary stores, or past the caches in whole cache lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit_inline
from scanengine_kernels._simd import LANES, Lanes, Output, first_lanes, load, maximum, store, stream
from scanengine_kernels.quartic.lines import Quartic, quartic_at, quartic_on_line_of


class Stream(NamedTuple):
    """Where in chi2 a run of whole blocks goes on, where a cache line begins: at element `position`.

    The first `held` lanes of `carry` are the end of the line before, which does not fill a block: it waits for the next
    line to begin in the same block. held < 0 says how far before a cache line the very first line begins.
    """

    position: int
    held: int
    carry: Lanes


@jit_inline
def chi2_at(x: Lanes, c: Quartic, positive: bool) -> Lanes:
    """Return a quartic at x, or where rounding may leave it below zero the larger of both."""
    value = quartic_at(x, c)
    return value if positive else maximum(0.0, value)


@jit_inline
def store_lines(
    coefficients: NDArray[np.float64],
    table: int,
    lines: int,
    x: NDArray[np.float64],
    length: int,
    position: int,
    chi2: Output,
) -> None:
    """Set chi2 from element position on to the quartics with coefficients[table] (5, lines or more) at x[:length].

    A sum of squares is not negative, and what rounding leaves below zero is zero.
    """
    short = np.empty(LANES)
    for line in range(lines):
        c = quartic_on_line_of(coefficients, table, line)
        for i in range(0, length - LANES + 1, LANES):
            store(chi2, position + i, chi2_at(load(x, i), c, False))
        if length >= LANES:
            i = length - LANES
            store(chi2, position + i, chi2_at(load(x, i), c, False))
        else:
            store(short, 0, chi2_at(load(x, 0), c, False))
            for i in range(length):
                chi2[position + i] = short[i]
        position += length


@jit_inline
def stream_lines(
    coefficients: NDArray[np.float64],
    table: int,
    lines: int,
    x: NDArray[np.float64],
    length: int,
    positive: bool,
    run: Stream,
    chi2: Output,
) -> Stream:
    """Do as `store_lines` past the caches: lines of any length, 16 or more, go out as one run of whole blocks.

    Returns where it goes on. x begins again after its end, for at least a block. `positive` says that no number will
    come out below zero.
    """
    position, held, carry = run.position, run.held, run.carry
    for line in range(lines):
        c = quartic_on_line_of(coefficients, table, line)
        i = 0
        if held > 0:
            stream(chi2, position, first_lanes(held, carry, chi2_at(load(x, length - held), c, positive)))
            position += LANES
            i = LANES - held
        elif held < 0:
            # what these blocks set beyond the boundary is streamed once more
            store(chi2, position, chi2_at(load(x, 0), c, positive))
            if held < -LANES:
                store(chi2, position + LANES, chi2_at(load(x, LANES), c, positive))
            i = -held
            position += i
        while i + 5 * LANES <= length:  # lines of forty points have no loop whose end could be mispredicted
            stream_five(c, x, i, positive, position, chi2)
            position += 5 * LANES
            i += 5 * LANES
        while i + LANES <= length:
            stream(chi2, position, chi2_at(load(x, i), c, positive))
            position += LANES
            i += LANES
        held = length - i
        if held > 0:
            carry = chi2_at(load(x, i), c, positive)
    return Stream(position, held, carry)


@jit_inline
def stream_five(c: Quartic, x: NDArray[np.float64], i: int, positive: bool, position: int, chi2: Output) -> None:
    """Stream a quartic at forty of x, from i on, to five blocks of chi2 from position on."""
    p, q = load(x, i), load(x, i + LANES)
    r, s, t = load(x, i + 2 * LANES), load(x, i + 3 * LANES), load(x, i + 4 * LANES)
    stream(chi2, position, chi2_at(p, c, positive))
    stream(chi2, position + LANES, chi2_at(q, c, positive))
    stream(chi2, position + 2 * LANES, chi2_at(r, c, positive))
    stream(chi2, position + 3 * LANES, chi2_at(s, c, positive))
    stream(chi2, position + 4 * LANES, chi2_at(t, c, positive))
