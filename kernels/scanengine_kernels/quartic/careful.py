"""Lines of a plane whose quartics round too much: from squares added up on the plane, on the line, or not at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels.polynomial import fix_next_variable
from scanengine_kernels.quartic.axes import Last
from scanengine_kernels.quartic.lines import lowest_on_line, tabulate_lines
from scanengine_kernels.quartic.squares import Squares, add_up_squares, floor_needed


@jit
def take_carefully(
    squares: Squares,
    levels: NDArray[np.float64],
    needed: float,
    last: Last,
    k: int,
    coefficients: NDArray[np.float64],
    floors: NDArray[np.float64],
    squared: NDArray[np.bool_],
) -> int:
    """Do the lines of the plane at last.z[k] whose minima are below what is needed again, from sums of squares on the
    plane itself, and where that is not enough, on the line.

    levels (n, monomials, number) hold the residuals with 0, 1, ... variables fixed, up to n - 3, and are set to those
    on the plane; no line is lower than floors (lines,). These lines' coefficients (5, lines) are set anew, squared
    (lines,) wherever only the squares keep the promise; lines that merely fill a block come after these and are left
    alone. Returns how many are squared.
    """
    n, y, x = levels.shape[0], last.y, last.x
    fix_next_variable(squares.residuals, levels, n - 3, last.z[k])
    plane = np.empty((15, 1, 1))
    needed_here = floor_needed(add_up_squares(levels[n - 2], squares.plane_products, plane[:, 0, 0]))
    better = np.empty(coefficients.shape)
    tabulate_lines(plane, 0, 0, y, 0, better, 0, np.empty(0))
    number = 0
    line_quartic = np.empty(5)
    for line in range(squared.size):
        squared[line] = False
        if floors[line] >= needed or not lowest_on_line(coefficients, line, x) < needed:
            continue
        for power in range(5):
            coefficients[power, line] = better[power, line]
        if not lowest_on_line(coefficients, line, x) < needed_here:
            continue
        fix_next_variable(squares.residuals, levels, n - 2, y[line])
        needed_on_line = floor_needed(add_up_squares(levels[n - 1], squares.line_products, line_quartic))
        for power in range(5):
            coefficients[power, line] = line_quartic[power]
        if lowest_on_line(coefficients, line, x) < needed_on_line:
            squared[line] = True
            number += 1
    return number
