"""chi2 minimised over the hidden axes of a grid: one minimum per point, in registers, of quartics along lines.

The axes come in an order of their own: those shown first, and last a hidden one, along which the lines run.

How exact a minimum is shows once it is known: as long as it is large enough for the bound on the rounding error it
stands, and no line needs a floor beforehand. Otherwise the lines that could hold the true one, those whose minimum is
within twice the bound, are evaluated as squares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, aligned
from scanengine_kernels.grids import Grid
from scanengine_kernels.polynomial import fix_next_variable
from scanengine_kernels.quartic.along import lower_ends, lowest_of_ends, lowest_on_lines
from scanengine_kernels.quartic.axes import Last, last_axes
from scanengine_kernels.quartic.lines import tabulate_lines, tabulate_planes
from scanengine_kernels.quartic.squares import Squares, floor_needed, lowest_square
from scanengine_kernels.quartic.volumes import Volumes, fix_volume, go_to_volumes, new_volumes, volumes_of

LINES_TOGETHER = 128
"""Lines whose coefficients stay in the first cache: planes that have fewer are taken together."""


class LineTables(NamedTuple):
    """Quartics of eight planes (15, 1, 8), the coefficients of lines (5, lines), and their minima in blocks, `ends`
    (lines, 8); the lines fill blocks of eight.
    """

    planes: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    ends: NDArray[np.float64]


@jit
def line_tables(lines: int) -> LineTables:
    """Return tables for so many lines."""
    return LineTables(
        aligned(15 * LANES).reshape((15, 1, LANES)), aligned(5 * lines).reshape((5, lines)), aligned(lines * LANES)
    )


class Found(NamedTuple):
    """The minima of eight volumes (8,), and of their planes (8, planes); or if it is not empty those of their lines (8,
    lines + 8) alone.
    """

    of_volumes: NDArray[np.float64]
    of_planes: NDArray[np.float64]
    of_lines: NDArray[np.float64]


@jit
def minimise_quartic(squares: Squares, grid: Grid, shown: int, parabolas: bool, minima: NDArray[np.float64]) -> None:
    """Set minima (points of the first `shown` axes,), in C order, to the minimum of chi2 over the other axes.

    The grid is one of three axes or more, of which the last is hidden. `parabolas` says that the residuals are linear
    in its variable. chi2 must be finite everywhere.
    """
    n, last = grid.shape.size, last_axes(grid, 0)
    volumes = new_volumes(squares, n)
    depth, together = last.planes, min(last.planes, max(1, LINES_TOGETHER // last.lines))
    # lines that fill the last block of a plane are written over by the next plane's
    tables, again = line_tables(together * last.lines + 2 * LANES), line_tables(last.y.size)
    lines = depth * last.lines + LANES if shown == n - 1 else 0
    found = Found(np.empty(LANES), np.empty((LANES, depth)), np.empty((LANES, lines)))
    all_volumes, volumes_per_cell = volumes_of(grid, 0), volumes_of(grid, shown)
    of_volumes, of_planes = found.of_volumes, found.of_planes
    minima[:] = np.inf
    b = 0
    while b < all_volumes:
        number = go_to_volumes(volumes, b, squares, grid)
        if parabolas:
            minimise_parabolas(volumes, number, last, tables, found)
        else:
            minimise_quartics(volumes, number, last, tables, found)
        for volume in range(number):
            # calls count references to all arrays: only where there is more to be done
            bound = volumes.bounds[volume]
            needed, first = floor_needed(bound), (b + volume) * depth
            if shown == n - 1:
                take_lines(squares, grid, volumes, volume, last, found.of_lines, minima, first * last.lines)
            elif shown == n - 2:
                for k in range(depth):
                    least = of_planes[volume, k]
                    if least < needed:
                        fix_volume(volumes, squares, grid, volume)
                        least = lowest_on_plane(squares, volumes, volume, last, k, least + bound, again)
                    minima[first + k] = least
            else:
                cell = (b + volume) // volumes_per_cell
                highest = minima[cell]  # of what the minimum over all volumes can be
                for other in range(volume, min(number, (cell + 1) * volumes_per_cell - b)):
                    highest = min(highest, of_volumes[other] + volumes.bounds[other])
                least = of_volumes[volume]
                if least < needed and least - bound <= highest:
                    fix_volume(volumes, squares, grid, volume)
                    least = lowest_on_planes(squares, volumes, volume, last, of_planes, highest, again)
                minima[cell] = min(minima[cell], least)
        b += number


@jit
def take_lines(
    squares: Squares,
    grid: Grid,
    volumes: Volumes,
    volume: int,
    last: Last,
    of_lines: NDArray[np.float64],
    minima: NDArray[np.float64],
    first: int,
) -> None:
    """Set minima, from the first on, to those of one volume's lines: of squares, where of_lines round too much."""
    residuals, levels, n = squares.residuals, volumes.levels, grid.shape.size
    needed = floor_needed(volumes.bounds[volume])
    fix_volume(volumes, squares, grid, volume)
    for k in range(last.planes):
        fix_next_variable(residuals, levels, n - 3, last.z[k])
        for line in range(last.lines):
            i = k * last.lines + line
            least = of_lines[volume, i]
            if least < needed:
                fix_next_variable(residuals, levels, n - 2, last.y[line])
                least = lowest_square(levels[n - 1], last.x)
            minima[first + i] = least


@jit
def minimise_parabolas(volumes: Volumes, number: int, last: Last, tables: LineTables, found: Found) -> None:
    """Set what is found to the minima of a number of volumes, along whose lines chi2 is a parabola."""
    minimise_volumes(volumes, number, last, True, tables, found)


@jit
def minimise_quartics(volumes: Volumes, number: int, last: Last, tables: LineTables, found: Found) -> None:
    """Set what is found to the minima of a number of volumes."""
    minimise_volumes(volumes, number, last, False, tables, found)


@jit_inline
def minimise_volumes(
    volumes: Volumes, number: int, last: Last, parabolas: bool, tables: LineTables, found: Found
) -> None:
    """Set what is found to the minima of a number of volumes.

    As many planes are taken together as the tables have room for, but for 16 lines.
    """
    quartics, z, y, x, depth, rows = volumes.quartics, last.z, last.y, last.x, last.planes, last.lines
    planes, coefficients, ends = tables.planes, tables.coefficients, tables.ends
    of_volumes, of_planes, of_lines = found.of_volumes, found.of_planes, found.of_lines
    together, width = (coefficients.shape[1] - 2 * LANES) // rows, of_lines.shape[1]
    for volume in range(number):
        lowest_here = np.inf
        for first in range(0, depth, together):
            taken = min(together, depth - first)
            for k in range(taken):
                if (first + k) % LANES == 0:
                    tabulate_planes(quartics, volume, z, first + k, planes, 0)
                tabulate_lines(planes, 0, (first + k) % LANES, y, 0, coefficients, k * rows, ends)
            if width > 0:
                lower_ends(coefficients, taken * rows, x, parabolas, ends)
                lowest_of_ends(ends, of_lines, volume * width + first * rows, taken * rows)
            else:
                for k in range(taken):
                    least = lowest_on_lines(coefficients, k * rows, rows, x, parabolas)
                    of_planes[volume, first + k] = least
                    lowest_here = min(lowest_here, least)
        of_volumes[volume] = lowest_here


@jit_inline
def lowest_on_planes(
    squares: Squares,
    volumes: Volumes,
    volume: int,
    last: Last,
    of_planes: NDArray[np.float64],
    highest: float,
    tables: LineTables,
) -> float:
    """Return the minimum over the planes of a volume, by squares, of the lines that can be as low as `highest`."""
    least = np.inf
    for k in range(last.planes):
        if of_planes[volume, k] - volumes.bounds[volume] <= highest:
            least = min(least, lowest_on_plane(squares, volumes, volume, last, k, highest, tables))
    return least


@jit_inline
def lowest_on_plane(
    squares: Squares,
    volumes: Volumes,
    volume: int,
    last: Last,
    k: int,
    highest: float,
    tables: LineTables,
) -> float:
    """Return the minimum over the plane at last.z[k], by squares, of the lines that can be as low as `highest`.

    volumes.levels[n - 3] are the residuals of the plane's volume.
    """
    z, y, x, ends, of_lines = last.z, last.y, last.x, tables.ends, np.empty(last.y.size)
    residuals, levels, bound, n = squares.residuals, volumes.levels, volumes.bounds[volume], volumes.levels.shape[0]
    tabulate_planes(volumes.quartics, volume, z, k // LANES * LANES, tables.planes, 0)
    tabulate_lines(tables.planes, 0, k % LANES, y, 0, tables.coefficients, 0, ends)
    lower_ends(tables.coefficients, y.size, x, False, ends)
    lowest_of_ends(ends, of_lines, 0, y.size)
    fix_next_variable(residuals, levels, n - 3, z[k])
    least = np.inf
    for line in range(last.lines):
        if of_lines[line] - bound <= highest:
            fix_next_variable(residuals, levels, n - 2, y[line])
            least = min(least, lowest_square(levels[n - 1], x))
    return least
