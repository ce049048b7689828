"""What is evaluated, and how: the responses and likelihood of a definition, the evaluator and the tiles of its grid."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scanengine.chi2.direct import TILE_POINTS as DIRECT_TILE_POINTS
from scanengine.chi2.direct import DirectEvaluator
from scanengine.chi2.minima import standard_model
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial
from scanengine.chi2.poisson import PoissonPolynomial
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.driver import chosen_planes as planes
from scanengine.driver.exact_profiles import exact_profiles
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.driver.skipping import compact_tiling, cut_above, relevant_tiles
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Fit, Profiles
from scanengine.grid.tiling import Tiling
from scanengine.inference.coarseness import grid_errors
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import Response, responses
from scanengine_kernels.direct import CrossSection
from scanengine_kernels.small import SMALL_SQUARES

if TYPE_CHECKING:
    from scanengine.scan.how import HowToRun

_NEWTON_TILE_POINTS = 1 << 13
"""Points of a tile where nuisances are minimised over by Newton's iteration: some tens of milliseconds."""

_MOST_BOUNDED_TILES = 1 << 31
"""The bounds of this many tiles take hours."""


class Problem:
    """A definition ready to be evaluated on its grid; it knows no files, and nothing of what becomes of the numbers."""

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.definition = definition
        self.cross_section = cross_section

    def __getstate__(self) -> dict[str, Any]:
        # what follows from these is worked out again where it arrives
        return {"definition": self.definition, "cross_section": self.cross_section}

    @cached_property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return responses(self.definition, threads=default_threads())

    @cached_property
    def likelihood(self) -> Likelihood:
        """The likelihood as a function of all parameters."""
        return Likelihood.of(self.definition, self.responses, default_threads())

    @cached_property
    def evaluator(
        self,
    ) -> DirectEvaluator | ChiSquaredPolynomial | PoissonPolynomial | LinearNuisancePolynomial | NuisancePolynomial:
        """What computes chi2 on the grid."""
        if self.is_direct:
            return DirectEvaluator(self.definition, self.likelihood, self.cross_section)
        polynomial = self.likelihood.polynomial(self.definition.axes, self.definition.parameters)
        if isinstance(polynomial, ChiSquaredPolynomial):
            return replace(polynomial, compiled=prod(self.shape) * len(polynomial.residuals) > SMALL_SQUARES)
        return polynomial

    @property
    def compiled(self) -> bool:
        """Whether the grid is worth a compiler: a small one is done before Numba would be imported."""
        evaluator = self.evaluator
        return not isinstance(evaluator, ChiSquaredPolynomial) or evaluator.compiled

    @property
    def is_direct(self) -> bool:
        """Whether every grid point takes a double integral of its own."""
        return self.cross_section is not None or self.definition.physics.evaluation == "direct"

    def check(self) -> Definition:
        """Return the definition. Raises InputError if it has no axes, or asks for what its chi2 does not allow."""
        if not self.definition.axes:
            place = self.definition.path or "this scan"
            raise InputError(f"{place}: axes: no axes, name at least one parameter with min, max and points")
        if self.definition.output.profile == "exact" and self.is_direct:
            raise InputError(
                'output.profile = "exact" needs the polynomial: use "grid" with a cross-section of your own'
            )
        if self.definition.output.delta_chi2_max is not None and self.is_direct:
            raise InputError(
                "output.delta_chi2_max needs the polynomial: leave it out with a cross-section of your own"
            )
        return self.definition

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
        return self.likelihood.rounding(self.definition.axes, self.definition.parameters)

    def fit_at(self, theta: FloatArray) -> Fit:
        """Return the nuisances at all physical parameters, and the degrees of freedom if that is the best fit."""
        return self.likelihood.fit_at(theta, len(self.shape))

    def fit_of(self, profiles: Profiles, exact: tuple[tuple[Axis, ...], Profiles] | None) -> Fit:
        """What is told of the global minimum beside its place."""
        best_fit = (exact[1] if exact else profiles).best_fit
        return self.fit_at(self.definition.parameters.values(np.array(best_fit, dtype=np.float64)))

    @property
    def chosen_planes(self) -> list[tuple[int, int]]:
        """The planes of the result, by the numbers of their axes."""
        names = [axis.name for axis in self.definition.axes]
        chosen = self.definition.output.planes
        return [(a, b) for a, b in combinations(range(len(names)), 2) if not chosen or (names[a], names[b]) in chosen]

    @cached_property
    def one_pass(self) -> planes.Pass | None:
        """The pass that finds only the chosen planes; None where all planes are found at once."""
        output, polynomial = self.definition.output, self.evaluator
        if not output.planes or output.delta_chi2_max is not None or not self.compiled or len(self.shape) < 3:
            return None
        if not isinstance(polynomial, ChiSquaredPolynomial):
            return None
        return planes.pass_for(polynomial, self.shape, self.chosen_planes)

    @cached_property
    def tiles(self) -> Tiling:
        """The tiles that a run to a file visits: all, or those that can hold a point within `delta_chi2_max`."""
        output, axes = self.definition.output, self.definition.axes
        if output.delta_chi2_max is not None:
            assert isinstance(self.evaluator, ChiSquaredPolynomial)  # `check` has seen to it
            tiling = compact_tiling(self.evaluator, axes)
            if tiling.number > _MOST_BOUNDED_TILES:
                raise InputError(too_large(self.shape))
            return relevant_tiles(output.delta_chi2_max, self.evaluator, axes, tiling)
        if self.is_direct:
            return Tiling.of(self.shape, DIRECT_TILE_POINTS)
        if isinstance(self.evaluator, NuisancePolynomial):
            return Tiling.of(self.shape, _NEWTON_TILE_POINTS)
        from_registers = isinstance(self.evaluator, ChiSquaredPolynomial) and self.compiled and len(axes) > 2
        return Tiling.for_minima(self.shape) if output.keep == "profiles" and from_registers else Tiling.of(self.shape)

    def visit(self, sink: Sink[Any], how: HowToRun, *, keep_planes: bool = True) -> Profiles:
        """Scan all tiles that the sink does not have, and return the profiles of the whole grid."""
        polynomial = isinstance(self.evaluator, ChiSquaredPolynomial)
        free = polynomial and isinstance(sink, ArraySink | NoSink) and self.definition.output.delta_chi2_max is None
        profiles = scan_grid(
            self.evaluator,
            self.definition.axes,
            sink,
            tiling=None if free else self.tiles,  # those of a file are its chunks
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
        assert isinstance(self.evaluator, ChiSquaredPolynomial)  # which alone has one
        assert self.one_pass is not None
        return planes.scan_planes(
            self.evaluator,
            self.definition.axes,
            self.chosen_planes,
            self.one_pass,
            threads=how.threads,
            progress=how.progress,
            scan=scan,
        )

    def exact(self, profiles: Profiles, threads: int) -> tuple[tuple[Axis, ...], Profiles] | None:
        """The profiles minimised between grid points with the axes they lie on, where the definition asks for them."""
        if self.definition.output.profile == "grid":
            return None
        assert isinstance(self.evaluator, ChiSquaredPolynomial)  # `check` has seen to it
        axes = self.definition.axes
        # data may be the Standard Model's own expectation, or nearly: a start costs little
        starts = [standard_model(self.definition).tolist()]
        return exact_profiles(self.evaluator, axes, profiles, threads, starts)

    @property
    def exact_possible(self) -> bool:
        """Whether profiles can be minimised between the grid's points."""
        return isinstance(self.evaluator, ChiSquaredPolynomial)

    def grid_errors(self, profiles: Profiles) -> dict[str, FloatArray]:
        """What the grid's own minima miss on each line, where there are no better ones."""
        if self.definition.output.profile != "grid":
            return {}
        fast = isinstance(self.evaluator, ChiSquaredPolynomial | PoissonPolynomial)
        most = math.inf if fast else prod(self.shape) / (4 * len(self.shape))
        return grid_errors(self.evaluator, self.definition.axes, profiles, most)

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
