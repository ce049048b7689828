"""The last three axes of a grid: planes, the lines in a plane, and the points on a line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, aligned, whole_blocks
from scanengine_kernels.grids import Grid


@jit
def around(values: NDArray[np.float64], number: int, spare: int) -> NDArray[np.float64]:
    """Return a number of values and from the first on again, in whole blocks and so many spare ones.

    What fills the last block does no harm: minima are not lowered by a point that counts twice.
    """
    blocks = aligned(whole_blocks(number) + spare * LANES)
    for i in range(blocks.size):
        blocks[i] = values[i % number]
    return blocks


class Last(NamedTuple):
    """The values of the last three axes in whole blocks, as `around` gives them, and how many are meant: planes, lines
    in a plane, points on a line. x lie on these `sides` of zero.
    """

    z: NDArray[np.float64]
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    planes: int
    lines: int
    points: int
    sides: int


@jit
def last_axes(grid: Grid, spare: int) -> Last:
    """Return the last axes of a grid of three or more, with so many spare blocks of x."""
    n, values = grid.shape.size, grid.values
    planes, lines, points = grid.shape[n - 3], grid.shape[n - 2], grid.shape[n - 1]
    z, y, x = around(values[n - 3], planes, 0), around(values[n - 2], lines, 0), around(values[n - 1], points, spare)
    return Last(z, y, x, planes, lines, points, sides_of_zero(x[:points]))


@jit
def sides_of_zero(x: NDArray[np.float64]) -> int:
    """Return on which sides of zero x lie: 1 above, 2 below or at it, 3 both."""
    sides = 0
    for t in x:
        sides |= 1 if t > 0.0 else 2
    return sides
