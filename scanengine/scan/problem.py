"""What is evaluated, and by what: the responses and the likelihood of a definition, and the evaluator of its grid."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from scanengine.chi2.direct import DirectEvaluator
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.chi2.points import PointEvaluator
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.arguments import number
from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import Fit
from scanengine.inference.objective import Objective
from scanengine.inputs.aliases import canonical
from scanengine.inputs.parameters import PARAMETERS, parameters_of
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import KnownRecoils, arriving_state, responses
from scanengine.response.response import Response
from scanengine.scan.coordinates import on_axes
from scanengine.scan.outer import Inside, OuterEvaluator
from scanengine_kernels.direct import CrossSection


class Problem:
    """A definition ready to be evaluated; it knows no files, and nothing of how its grid is gone over."""

    def __init__(
        self, definition: Definition, cross_section: CrossSection | None = None, known: KnownRecoils | None = None
    ) -> None:
        self.definition = definition
        self.cross_section = cross_section
        self._known = known

    def __getstate__(self) -> dict[str, Any]:
        # what follows from these is worked out again where it arrives
        return {"definition": self.definition, "cross_section": self.cross_section, "_known": None}

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
        return Inside(self.definition, partial(Problem, cross_section=self.cross_section))

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
        return Likelihood.of(self.definition, self.responses, default_threads(), self._known)

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
            return OuterEvaluator(self.definition, self.inside, cost)
        if self.direct is not None:
            return self.direct
        if self.is_propagated:
            return PointEvaluator(self.definition.parameters, self.likelihood)
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
        return None if self.definition.outer or self.is_by_points else self.polynomial.squares

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
    def is_propagated(self) -> bool:
        """Whether couplings change the flavours in which neutrinos arrive, so that counts are no polynomials."""
        of_problem = [self.definition] if not self.definition.outer else [self.first_inside.definition]
        return any(
            arriving_state(each, experiment) is not None for each in of_problem for experiment in each.experiments
        )

    @property
    def is_by_points(self) -> bool:
        """Whether counts are no polynomials of the axes, or not evaluated as such."""
        return self.is_direct or self.is_propagated

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
        if self.is_direct and self.is_propagated:
            what = "a cross-section of your own" if self.cross_section is not None else 'physics.evaluation = "direct"'
            raise InputError(f"nsi_in_propagation is evaluated in a way of its own: it does not go with {what}")
        without = "nsi_in_propagation" if self.is_propagated else "a cross-section of your own"
        if profile != "grid" and self.is_by_points:
            raise InputError(f'output.profile = "{profile}" needs the polynomial: use "grid" with {without}')
        if self.definition.output.delta_chi2_max is not None and self.is_by_points:
            raise InputError(f"output.delta_chi2_max needs the polynomial: leave it out with {without}")
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
        """How far the root of chi2 may be rounded in double precision; of a given cross-section it is not known.

        Nor is it of flavours that couplings change.
        """
        if self.cross_section is not None or self.is_propagated:
            return 0.0
        if self.definition.outer:
            ends = product(*(axis.values[[0, -1]].tolist() for axis in self.definition.outer))
            return max(self.inside.at(values).rounding for values in ends)
        if not self.definition.axes:
            return 0.0  # a number, not a polynomial
        return self.likelihood.rounding(self.coordinates.axes, self.coordinates.parameters)

    def standard_model(self, axis: str) -> float:
        """Return where the Standard Model lies on an axis; zero where that means nothing.

        A number of the scan file stays as the file has it, or at the first of its values.
        """
        for outer in self.definition.outer:
            if outer.name == axis:
                return self.definition.written(axis, float(outer.values[0]))
        known = parameters_of(self.definition.physics)
        return known[axis].standard_model(self.definition.physics) if axis in known else 0.0

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


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
