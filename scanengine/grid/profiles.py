"""chi2 reduced to lines and planes, and the fit at its minimum: what a scan hands to files, regions and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.marginals import Marginals, RunningSums
from scanengine.grid.tiles import ProvenTiles

NEAR_MINIMUM = 50.0
"""Delta chi2 up to which rounding is known better than anywhere on the axes: five standard deviations of ten
parameters.
"""

_SAME_LEVEL = 1e-12
"""Confidence levels are written as fractions, and in per cent."""

PROMISED_RELATIVE = 1e-10
"""chi2 on a grid is right to this, relative to 1 + chi2, whatever evaluates it."""


@dataclass(frozen=True, eq=False)
class GridErrors:
    """What a line by the grid's own minima misses of chi2, at some of its cells.

    `points` are those of all axes of the grid; `rows` (cells, 3 + axes) have the Delta chi2 from which on a cell
    matters to an interval, that of the cell, by how much it is off, and the curvature of chi2 along each axis per
    squared step.
    `exact` says whether chi2 can be minimised between the points.
    """

    points: Mapping[str, int]
    rows: FloatArray
    exact: bool


@dataclass(frozen=True)
class ReducedGrid:
    """Absolute chi2 over one or two axes, the other axes minimised over or held at a value.

    `chi2` has one dimension per entry of `axes`, in their order. `minimum` is the global minimum of the whole scan,
    from which Delta chi2 is counted. `profiled` names the hidden axes that were minimised over, `fixed` those held at a
    value. Above `delta_chi2_max` chi2 was not looked for and is infinite. `rounding` is how far the root of chi2 is
    rounded by double precision, and `rounding_near` where Delta chi2 is below `NEAR_MINIMUM`; `relative_rounding` how
    far chi2 is, relative to itself, by the way it was kept.
    `errors` are those of the grid's own minima, where they are known. Of proven profiles there are `bounds`, and the
    `tiles` of these axes, in this order; of exact ones the `borders` that were traced.
    """

    axes: tuple[Axis, ...]
    chi2: FloatArray
    minimum: float
    profiled: tuple[str, ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()
    delta_chi2_max: float = math.inf
    rounding: float = 0.0
    relative_rounding: float = 0.0
    errors: GridErrors | None = None
    rounding_near: float | None = None
    bounds: Bounds | None = None
    tiles: ProvenTiles | None = None
    borders: tuple[Border, ...] = ()

    def rounding_error(self, delta_chi2: float) -> float:
        """The rounding error of chi2 this far above the minimum, and so of Delta chi2."""
        chi2 = abs(self.minimum) + delta_chi2
        near = self.rounding_near is not None and delta_chi2 <= NEAR_MINIMUM
        rounding = self.rounding_near if near and self.rounding_near is not None else self.rounding
        of_residuals = (2.0 * math.sqrt(chi2) + rounding) * rounding
        return of_residuals + (PROMISED_RELATIVE + self.relative_rounding) * chi2

    @property
    def delta_chi2(self) -> FloatArray:
        """chi2 above the global minimum, same shape as `chi2`."""
        return self.chi2 - self.minimum


@dataclass(frozen=True, eq=False)
class Bounds:
    """What is proven of exact profiles: chi2 is nowhere below these `lines` and `planes`, nor above the profiles.

    The lowest chi2 within the axes lies in `minimum`. Cells were decided at `confidence_levels`, in per cent, and so
    were `tiles`, by the names of one axis or two, with bounds of the profile between its points as well.
    """

    minimum: tuple[float, float]
    confidence_levels: tuple[float, ...]
    lines: Mapping[str, FloatArray]
    planes: Mapping[tuple[str, str], FloatArray]
    tiles: Mapping[tuple[str, ...], ProvenTiles] = field(default_factory=dict)

    def were_decided_at(self, cl: float) -> bool:
        """Whether a confidence level, a fraction, is one of those that cells and tiles were decided at."""
        return any(abs(0.01 * each - cl) < _SAME_LEVEL for each in self.confidence_levels)

    def tiles_over(self, names: tuple[str, ...]) -> ProvenTiles | None:
        """Return the tiles of one axis or two, in the order of the names; None if there are none."""
        if names in self.tiles:
            return self.tiles[names]
        turned = self.tiles.get(names[::-1])
        return None if turned is None else turned.turned

    def over(self, names: tuple[str, ...]) -> FloatArray | None:
        """Return the lower bounds of the profile over one or two axes, in their order; None if there is none."""
        return self.lines.get(names[0]) if len(names) == 1 else self.planes.get((names[0], names[1]))


@dataclass(frozen=True)
class Profiles:
    """The result of every scan: the global minimum, its position, and the 1-D and 2-D profiles of chi2.

    `lines[x]` has shape (n_x,) and `planes[x, y]` shape (n_x, n_y), x before y in the order of the axes; both are
    absolute chi2, minimised over all other axes. `checked` says for planes that were searched how many cells were
    searched once more at the end, from random places, and `doubtful` in how many chi2 was still found lower, which was
    then taken; planes without any are left out. That none is doubtful is no proof that none is too high; `bounds` are
    one, where there are any. `marginals` are the posterior densities, where they were asked for. `borders` of regions
    were traced on planes of exact profiles.
    """

    minimum: float
    best_fit: tuple[float, ...]
    lines: dict[str, FloatArray]
    planes: dict[tuple[str, str], FloatArray]
    doubtful: dict[tuple[str, str], int] = field(default_factory=dict)
    checked: dict[tuple[str, str], int] = field(default_factory=dict)
    bounds: Bounds | None = None
    marginals: Marginals | None = None
    borders: Mapping[tuple[str, str], tuple[Border, ...]] = field(default_factory=dict)

    def each(self) -> Iterator[tuple[tuple[str, ...], FloatArray]]:
        """Yield every line and every plane, with the names of its axes."""
        yield from (((name,), line) for name, line in self.lines.items())
        yield from self.planes.items()

    def over(self, names: tuple[str, ...]) -> FloatArray | None:
        """Return the line or the plane over these axes, None if it was not kept."""
        return self.lines.get(names[0]) if len(names) == 1 else self.planes.get((names[0], names[1]))


@dataclass(eq=False)
class RunningMinima:
    """Profiles in the making: minima over some of a scan's tiles, whatever their order and however often one is added.

    `planes` and `lines` are flat arrays of minima, infinite where nothing was seen; `best` is the lowest chi2 and
    `best_index` the first grid point that has it. `sums` are there where marginals are wanted, and have each tile once.
    """

    planes: FloatArray
    lines: FloatArray
    best: float = math.inf
    best_index: tuple[int, ...] = ()
    sums: RunningSums | None = None

    def lower(self, other: RunningMinima) -> None:
        """Add what other tiles, or without sums some of the same, have found."""
        np.minimum(self.planes, other.planes, out=self.planes)
        np.minimum(self.lines, other.lines, out=self.lines)
        self.lower_best(other.best, other.best_index)
        if self.sums is not None and other.sums is not None:
            self.sums.add(other.sums)

    def vouch_for(self, tiles: int) -> bool:
        """Return whether sums, if there are any, are over so many tiles: after an interrupt one may be missing."""
        return self.sums is None or self.sums.tiles == tiles

    def lower_best(self, best: float, best_index: tuple[int, ...]) -> None:
        """Add the lowest chi2 of other tiles; of equals the first grid point is kept."""
        if math.isfinite(best) and (not self.best_index or (best, best_index) < (self.best, self.best_index)):
            self.best, self.best_index = best, best_index


FEW_COUNTS = 5.0


class FittedNuisance(NamedTuple):
    """A nuisance parameter at the minimum: its value x, and its pull, x in standard deviations.

    Of a logarithmic pull that is the square root of what it adds to chi2, with the sign of x; a free nuisance, of which
    nothing but the data are known, has none, and 0 stands in its place.
    """

    name: str
    value: float
    pull: float
    free: bool = False


class NegativeBackground(NamedTuple):
    """A background that is below zero at the minimum: as "experiment.name", its counts in all, and in how many bins."""

    name: str
    counts: float
    bins: int


@dataclass(frozen=True)
class Fit:
    """The fit at the global minimum: the nuisances there, and the degrees of freedom.

    `dof` are the numbers compared with data less the parameters fitted; None if all data are expectations. In
    `few_counts` bins a Poisson count below `FEW_COUNTS` is expected: with these chi2 has only about the distribution
    of so many degrees of freedom, and its probability is no more than a guide.
    `negative` are the backgrounds that the nuisances take below zero.
    """

    nuisances: tuple[FittedNuisance, ...] = ()
    dof: int | None = None
    few_counts: int = 0
    negative: tuple[NegativeBackground, ...] = ()
