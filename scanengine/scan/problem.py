"""What is evaluated, and how: the responses and likelihood of a definition, the evaluator and the tiles of its grid."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scanengine.chi2.direct import DirectEvaluator
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.driver import chosen_planes as planes
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink, Sink
from scanengine.driver.skipping import compact_tiling, cut_above, relevant_tiles_of_each
from scanengine.errors import InputError
from scanengine.grid.arguments import number
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Fit, Profiles
from scanengine.grid.tiling import Tiling
from scanengine.inference.caveats import LEAST_ROUNDING
from scanengine.inference.objective import Objective
from scanengine.inputs.aliases import canonical
from scanengine.inputs.parameters import PARAMETERS
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import KnownRecoils, Response, responses
from scanengine.scan.coordinates import on_axes, profiles_on_axes
from scanengine.scan.outer import Inside, OuterEvaluator, tiles_together
from scanengine.scan.rounding import rounding_near_minimum
from scanengine_kernels.direct import CrossSection

if TYPE_CHECKING:
    from scanengine.scan.how import HowToRun

_TILE_POINTS = {Cost.ITERATION: 1 << 13, Cost.INTEGRALS: 1 << 10}
"""Points of a tile where each takes long: some tens of milliseconds of Newton's iteration, seconds of integrals."""

_MOST_BOUNDED_TILES = 1 << 31
"""The bounds of this many tiles take hours."""


class Problem:
    """A definition ready to be evaluated on its grid; it knows no files, and nothing of what becomes of the numbers."""

    def __init__(
        self, definition: Definition, cross_section: CrossSection | None = None, known: KnownRecoils | None = None
    ) -> None:
        self.definition = definition
        self.cross_section = cross_section
        self._known = {} if known is None else known

    def __getstate__(self) -> dict[str, Any]:
        # what follows from these is worked out again where it arrives
        return {"definition": self.definition, "cross_section": self.cross_section, "_known": {}}

    def forget(self) -> None:
        """Leave what the evaluator was made with to be worked out again if it is needed."""
        for name in ("responses", "likelihood", "objective"):
            self.__dict__.pop(name, None)

    @cached_property
    def coordinates(self) -> Definition:
        """The definition with axes in which counts are polynomials: squares of couplings in their place."""
        return self.definition.in_coordinates

    @cached_property
    def inside(self) -> Inside:
        """The problems at values of the outer axes."""
        return Inside(self.definition, self.cross_section)

    @property
    def first_inside(self) -> Problem:
        """The problem at the first values of all outer axes."""
        return self.inside.at([float(axis.values[0]) for axis in self.definition.outer])

    def split(self, point: FloatArray) -> tuple[Problem, FloatArray]:
        """Return the problem at the outer values of a point (axes,), and the point on its axes."""
        outer = np.array([axis.is_outer for axis in self.definition.axes], dtype=np.bool_)
        if not np.any(outer):
            return self, point
        return self.inside.at(point[outer].tolist()), point[~outer]

    @cached_property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return responses(self.definition, default_threads(), self._known)

    @cached_property
    def likelihood(self) -> Likelihood:
        """The likelihood as a function of all parameters."""
        return Likelihood.of(self.definition, self.responses, default_threads())

    @cached_property
    def direct(self) -> DirectEvaluator | None:
        """What computes chi2 from integrals at every point, where that is asked for or a cross-section is given."""
        return DirectEvaluator(self.definition, self.likelihood, self.cross_section) if self.is_direct else None

    @cached_property
    def evaluator(self) -> ScanEvaluator:
        """What computes chi2 on the grid."""
        if self.definition.outer:
            first = self.first_inside
            cost = first.evaluator.cost if first.definition.axes else Cost.INTEGRALS
            return OuterEvaluator(self.definition, self.inside, self.cross_section, cost)
        if self.direct is not None:
            return self.direct
        return on_axes(self.polynomial, self.definition.parameters.squared)

    @cached_property
    def polynomial(self) -> ScanEvaluator:
        """What computes chi2 on the grid of the axes' coordinates."""
        polynomial = self.likelihood.polynomial(self.coordinates.axes, self.coordinates.parameters)
        return polynomial.for_grid(prod(self.shape))

    @cached_property
    def objective(self) -> Objective:
        """chi2 at single points of the axes' coordinates, with its gradient."""
        return Objective.of(self.likelihood, self.coordinates)

    @property
    def squares(self) -> ChiSquaredPolynomial | None:
        """chi2 as a sum of squares of quadratic functions of the axes' coordinates, if it is one."""
        return None if self.definition.outer or self.is_direct else self.polynomial.squares

    def squares_for(self, what: str) -> ChiSquaredPolynomial:
        """Return chi2 as a sum of squares. Raises InputError if it is none, naming what of the scan file needs it."""
        if self.squares is None:
            raise InputError(f"{what} needs a Gaussian chi2 whose nuisances, if any, change backgrounds alone")
        return self.squares

    @property
    def compiled(self) -> bool:
        """Whether the grid is worth a compiler: a small one is done before Numba would be imported."""
        return self.evaluator.compiled

    @property
    def is_direct(self) -> bool:
        """Whether every grid point takes a double integral of its own."""
        return self.cross_section is not None or self.definition.physics.evaluation == "direct"

    def check(self) -> Definition:
        """Return the definition. Raises InputError if it has no axes, or asks for what its chi2 does not allow."""
        if not self.definition.axes:
            place = self.definition.path or "this scan"
            raise InputError(f"{place}: axes: no axes, name at least one parameter with min, max and points")
        profile = self.definition.output.profile
        if profile != "grid" and self.is_direct:
            raise InputError(
                f'output.profile = "{profile}" needs the polynomial: use "grid" with a cross-section of your own'
            )
        if self.definition.output.delta_chi2_max is not None and self.is_direct:
            raise InputError(
                "output.delta_chi2_max needs the polynomial: leave it out with a cross-section of your own"
            )
        return self.definition

    def only(self, experiments: Sequence[str], channels: Sequence[str]) -> Problem:
        """Return the same with some experiments and channels alone, and what is integrated of them already."""
        part = Problem(self.definition.only(experiments, channels), self.cross_section)
        if "responses" in self.__dict__:
            kept = {(e.name, channel) for e in part.definition.experiments for channel in e.channels}
            part.responses = tuple(r for r in self.responses if (r.experiment, r.channel) in kept)
        return part

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(axis.values.size for axis in self.definition.axes)

    @property
    def statistic(self) -> str:
        """The statistic of all experiments, or "mixed"."""
        kinds = {self.definition.statistic_of(experiment.name).kind for experiment in self.definition.experiments}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    @cached_property
    def rounding(self) -> float:
        """How far the root of chi2 may be rounded in double precision; of a given cross-section it is not known."""
        if self.cross_section is not None:
            return 0.0
        if self.definition.outer:
            ends = product(*(axis.values[[0, -1]].tolist() for axis in self.definition.outer))
            return max(self.inside.at(values).rounding for values in ends)
        if not self.definition.axes:
            return 0.0  # a number, not a polynomial
        return self.likelihood.rounding(self.coordinates.axes, self.coordinates.parameters)

    def rounding_near(self, axes: Sequence[Axis], profiles: Profiles) -> float | None:
        """How far the root of chi2 may be rounded near the minimum of profiles on these axes; None where that is little
        anywhere.
        """
        if (2.0 * math.sqrt(abs(profiles.minimum) + 1.0) + self.rounding) * self.rounding <= LEAST_ROUNDING:
            return None
        return rounding_near_minimum(self, axes, profiles)

    def standard_model(self, axis: str) -> float:
        """Return where the Standard Model lies on an axis; zero where that means nothing.

        A number of the scan file stays as the file has it, or at the first of its values.
        """
        for outer in self.definition.outer:
            if outer.name == axis:
                return self.definition.written(axis, float(outer.values[0]))
        return self.definition.physics.sin2_theta_w if axis == "sin2_theta_w" else 0.0

    @property
    def standard_model_on_axes(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        axes = self.definition.axes
        return {axis.name: self.standard_model(axis.name) for axis in axes if axis.name in PARAMETERS}

    def point(self, axis_values: Mapping[str, float]) -> FloatArray:
        """Return a point (axes,); axes not named stay at the Standard Model. Raises InputError for other names."""
        axis_values = {canonical(name): value for name, value in axis_values.items()}
        unknown = set(axis_values) - {axis.name for axis in self.definition.axes}
        if unknown:
            raise InputError(f"{min(unknown)!r} is not an axis of this scan")
        values = {name: number(value, name) for name, value in axis_values.items()}
        at = [values.get(axis.name, self.standard_model(axis.name)) for axis in self.definition.axes]
        return np.array(at, dtype=np.float64)

    def theta(self, **axis_values: float) -> FloatArray:
        """Return all physical parameters at these values of the axes; axes not named stay at the Standard Model."""
        problem, point = self.split(self.point(axis_values))
        return problem.definition.parameters.values(point)

    def chi2(self, point: FloatArray) -> float:
        """Return chi2 at a point (axes,), from the counts themselves."""
        if self.definition.outer:
            problem, inner = self.split(point)
            return problem.chi2(inner)
        if self.direct is not None:
            return self.direct.chi2(point)
        return float(self.likelihood.chi2(self.definition.parameters.values(point)))

    def fit_at(self, point: FloatArray) -> Fit:
        """Return the nuisances at a point (axes,), and the degrees of freedom if that is the best fit."""
        problem, inner = self.split(point)
        return problem.likelihood.fit_at(problem.definition.parameters.values(inner), len(self.shape))

    @property
    def chosen_planes(self) -> list[tuple[int, int]]:
        """The planes of the result, by the numbers of their axes."""
        names = [axis.name for axis in self.definition.axes]
        chosen = self.definition.output.planes
        return [(a, b) for a, b in combinations(range(len(names)), 2) if not chosen or (names[a], names[b]) in chosen]

    @cached_property
    def one_pass(self) -> planes.Pass | None:
        """The pass that finds only the chosen planes; None where all planes are found at once."""
        output = self.definition.output
        if not output.planes or output.delta_chi2_max is not None or len(self.shape) < 3:
            return None
        if self.squares is None or not self.compiled:
            return None
        return planes.pass_for(self.squares, self.shape, self.chosen_planes)

    @cached_property
    def tiles(self) -> Tiling:
        """The tiles that a run to a file visits: all, or those that can hold a point within `delta_chi2_max`."""
        output, axes = self.definition.output, self.coordinates.axes
        if output.delta_chi2_max is not None and not all(axis.is_outer for axis in axes):
            return self._relevant_tiles(output.delta_chi2_max)
        if (points := _TILE_POINTS.get(self.evaluator.cost)) is not None:
            return Tiling.of(self.shape, points)
        from_registers = self.squares is not None and self.compiled and len(axes) > 2
        return Tiling.for_minima(self.shape) if output.keep == "profiles" and from_registers else Tiling.of(self.shape)

    def _relevant_tiles(self, delta_chi2_max: float) -> Tiling:
        inner = list(self.inside.everywhere()) if self.definition.outer else [self]
        parts = [(each.squares_for("output.delta_chi2_max"), each.coordinates.axes) for each in inner]
        tiling = compact_tiling(*parts[0])
        if tiling.number * len(parts) > _MOST_BOUNDED_TILES:
            raise InputError(too_large(self.shape))
        found = relevant_tiles_of_each(delta_chi2_max, parts, tiling)
        return tiles_together(found, self.definition.axes) if self.definition.outer else found[0]

    def visit(
        self, sink: Sink[Any], how: HowToRun, *, keep_planes: bool = True, tiles_are_chunks: bool = True
    ) -> Profiles:
        """Scan all tiles that the sink does not have, and return the profiles of the whole grid.

        Tiles that are not the chunks of a file may be those that are quickest.
        """
        free = self.squares is not None and not tiles_are_chunks and self.definition.output.delta_chi2_max is None
        profiles = scan_grid(
            self.evaluator,
            self.definition.axes,
            sink,
            tiling=None if free else self.tiles,
            threads=how.threads,
            progress=how.progress,
            keep_planes=keep_planes,
            compiled=self.compiled,
        )
        output = self.definition.output
        profiles = planes.only(profiles, output.planes) if output.planes else profiles
        return profiles if output.delta_chi2_max is None else cut_above(output.delta_chi2_max, profiles)

    def visit_planes(self, how: HowToRun, scan: planes.Scanner | None = None) -> Profiles:
        """Find the chosen planes alone, by a pass that `scan` does, or this process."""
        assert self.one_pass is not None
        found = planes.scan_planes(
            self.squares_for("a pass"),
            self.coordinates.axes,
            self.chosen_planes,
            self.one_pass,
            threads=how.threads,
            progress=how.progress,
            scan=scan,
        )
        return profiles_on_axes(self.definition.parameters, found)

    def grid_profiles(self, threads: int) -> Profiles:
        """Return the profiles of the whole grid, by its points, without keeping it."""
        return scan_grid(self.evaluator, self.definition.axes, NoSink(), threads=threads, compiled=self.compiled)

    @property
    def planes_held(self) -> list[tuple[int, int]]:
        """The planes that are in memory while the grid is scanned."""
        shown = self.one_pass.shown if self.one_pass else range(len(self.shape))
        return list(combinations(shown, 2))

    def planes_bytes(self, pairs: Sequence[tuple[int, int]]) -> int:
        """Return the size of all lines and these planes, beside the grid."""
        shape = self.shape
        if len(shape) == 2 and self.definition.output.keep == "grid":
            return 0
        return 8 * (sum(shape[a] * shape[b] for a, b in pairs) + sum(shape))


def too_large(shape: Sequence[int]) -> str:
    """Say that a grid has too many points."""
    return f"a grid of {prod(shape):.3g} points is too large to evaluate: use fewer points or fewer axes"


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
