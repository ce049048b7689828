"""A few chosen planes of a grid: the hidden axes are minimised over where chi2 is computed, and nothing else is.

A pass over the grid gives chi2 minimised over the axes that it hides, on all points of those that it shows, and with it
every plane of these. It can show all axes but one, the innermost, which is chosen freely among those that no plane has:
planes that have all axes among them are left to the scan of all planes at once. A pass is 1.0 to 2.2 times as fast as
that, in which every point takes part in three minima; two passes would not be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import numpy as np

from scanengine.chi2.monomials import whole_blocks
from scanengine.chi2.residuals import LoneVariable, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling

Pair = tuple[int, int]

_PROMISED = 1e-11
"""How far making the residuals linear in a variable may change chi2, relative to 1 + chi2."""

_OPERATIONS, _OPERATIONS_OF_PARABOLA, _OPERATIONS_PER_LINE = 5, 3, 30


@dataclass(frozen=True)
class Pass:
    """The axes that a pass over a grid shows, in the grid's order, and those that it hides, the innermost last."""

    shown: tuple[int, ...]
    hidden: tuple[int, ...]


def pass_for(polynomial: ChiSquaredPolynomial, shape: Sequence[int], planes: Collection[Pair]) -> Pass | None:
    """Return the pass that finds these planes (axis, later axis) of a grid, nothing if no axis is left to hide.

    Of the axes that no plane has, the innermost one is that along which a point takes the fewest operations: long, and
    better if chi2 knows only its square.
    """
    shown = tuple(sorted({axis for plane in planes for axis in plane}))
    hidden = [axis for axis in range(len(shape)) if axis not in shown]
    if not hidden:
        return None
    innermost = min(hidden, key=lambda i: _cost(shape[i], parabolas=_made_linear(polynomial, i) is not None))
    hidden.remove(innermost)
    # the kernel goes fastest along long axes: the short axes come first
    return Pass(shown, (*sorted(hidden, key=lambda axis: shape[axis]), innermost))


def _cost(length: int, *, parabolas: bool) -> float:
    """Return about how many operations of eight numbers eight points along an axis take."""
    along = whole_blocks(length) * (_OPERATIONS_OF_PARABOLA if parabolas else _OPERATIONS)
    return (along + _OPERATIONS_PER_LINE) / length


@dataclass(frozen=True, eq=False)
class HiddenMinimum:
    """chi2 minimised over hidden axes on tensor grids of those shown, of a polynomial in the shown and then the hidden.

    `hidden` are the values of the hidden axes; `parabolas` says that the residuals are linear in the last.
    """

    polynomial: ChiSquaredPolynomial
    hidden: tuple[FloatArray, ...]
    parabolas: bool

    @classmethod
    def of(cls, polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], over: Pass) -> HiddenMinimum:
        """Arrange a polynomial in these axes for a pass over their grid."""
        hidden = [axes[axis].values for axis in over.hidden]
        linear = _made_linear(polynomial, over.hidden[-1])
        if linear is not None:
            scaled = polynomial.scaled([axis.values for axis in axes])
            polynomial, hidden[-1] = linear.polynomial, linear.variable.s(scaled[over.hidden[-1]])
        return cls(polynomial.reordered((*over.shown, *over.hidden)), tuple(hidden), linear is not None)

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis shown, to the minima on the tensor grid of these."""
        self.polynomial.minimise([*values, *self.hidden], chi2, parabolas=self.parabolas)


class _MadeLinear(NamedTuple):
    """A polynomial in which one axis stands for the s of its variable, in which the residuals are linear."""

    polynomial: ChiSquaredPolynomial
    variable: LoneVariable


def _made_linear(polynomial: ChiSquaredPolynomial, axis: int) -> _MadeLinear | None:
    """Replace the variable of an axis by its s, if it has one and chi2 stays the same within what is promised."""
    residuals = quadratic_residuals(polynomial)
    variable = LoneVariable.of(residuals, axis)
    if variable is None:
        return None
    linear, square = residuals.b[:, axis], residuals.A[:, axis, axis]
    rest = np.abs(square) if variable.vertex is None else np.abs(linear + 2.0 * variable.vertex * square)
    rest = rest + 2.0 * np.abs(np.delete(residuals.A[:, axis, :], axis, axis=1)).sum(axis=1)
    # r changes by no more than the rest, and chi2 by 2 |r| |rest| + |rest|^2 <= |rest| (1 + chi2 + |rest|)
    if np.linalg.norm(rest) > _PROMISED:
        return None
    lowest, highest = variable.range(-1.0, 1.0)
    centre, half_width = polynomial.centre.copy(), polynomial.half_width.copy()
    centre[axis], half_width[axis] = 0.5 * (lowest + highest), 0.5 * (highest - lowest)
    monomials, columns = polynomial.monomials, polynomial.residuals.copy()
    columns[:, [e[axis] > 0 for e in monomials.exponents]] = 0.0
    columns[:, monomials.column_of_product(0)] += centre[axis] * variable.q
    columns[:, monomials.column_of_product(1 + axis)] = half_width[axis] * variable.q
    replaced = replace(polynomial, centre=centre, half_width=half_width, residuals=columns)
    return _MadeLinear(replaced, variable)


Scanner = Callable[[HiddenMinimum, tuple[Axis, ...], Tiling, Callable[[int], None]], Profiles]
"""Scans the grid of the shown axes in these tiles, telling the number of cells done."""


def scan_planes(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    planes: Collection[Pair],
    over: Pass,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    scan: Scanner | None = None,
) -> Profiles:
    """Scan the grid over axes by a pass; return these planes, the lines of the axes in them and the minimum.

    progress is called with the number of points done. `scan` does the pass: without it, `scan_grid` in this process.
    Raises what that does.
    """

    def in_memory(
        minimum: HiddenMinimum, shown: tuple[Axis, ...], tiling: Tiling, tell: Callable[[int], None]
    ) -> Profiles:
        return scan_grid(minimum, shown, NoSink(), tiling=tiling, threads=threads, progress=tell)

    tell = progress or (lambda _: None)
    shown, hidden_points = _shown(axes, over)
    minimum = HiddenMinimum.of(polynomial, axes, over)
    found = (scan or in_memory)(minimum, shown, _tiling(shown, hidden_points), lambda done: tell(done * hidden_points))
    place = dict(zip(over.shown, found.best_fit, strict=True))
    lowest = [replace(axis, values=np.array([place[i]])) if i in place else axis for i, axis in enumerate(axes)]
    there = scan_grid(polynomial, lowest, NoSink(), threads=threads)
    profiles = Profiles(min(found.minimum, there.minimum), there.best_fit, found.lines, found.planes)
    return only(profiles, [(axes[a].name, axes[b].name) for a, b in planes])


def estimated_seconds(polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], over: Pass, threads: int = 1) -> float:
    """Return about how long `scan_planes` takes, from one timed tile."""
    shown, hidden_points = _shown(axes, over)
    tiling = _tiling(shown, hidden_points)
    minimum, chi2 = HiddenMinimum.of(polynomial, axes, over), np.empty(tiling.tile_shape)
    values = [axis.values[:n] for axis, n in zip(shown, tiling.tile_shape, strict=True)]
    minimum.fill(values, chi2)  # the first time may compile
    began = time.perf_counter()
    minimum.fill(values, chi2)
    return (time.perf_counter() - began) * len(tiling) / min(threads, len(tiling))


def _shown(axes: Sequence[Axis], over: Pass) -> tuple[tuple[Axis, ...], int]:
    """Return the axes that a pass shows, and how many points of the grid lie behind each point of these."""
    return tuple(axes[axis] for axis in over.shown), prod(axes[axis].values.size for axis in over.hidden)


def _tiling(shown: Sequence[Axis], hidden_points: int) -> Tiling:
    """Cut the grid of the axes shown so that a tile takes as long as one of a grid that is not stored."""
    shape = tuple(axis.values.size for axis in shown)
    return Tiling.for_minima(shape, hidden_points)


def only(profiles: Profiles, planes: Collection[tuple[str, str]]) -> Profiles:
    """Return profiles with these planes alone, and the lines of the axes in them."""
    names = {name for pair in planes for name in pair}
    marginals = profiles.marginals
    return replace(
        profiles,
        marginals=None if marginals is None else marginals.only(names, planes),
        lines={name: line for name, line in profiles.lines.items() if name in names},
        planes={pair: plane for pair, plane in profiles.planes.items() if pair in planes},
    )
