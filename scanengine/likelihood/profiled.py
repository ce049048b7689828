"""The chi2 of experiments with data, backgrounds, statistics of their own and nuisances that they share.

For each set of parameters chi2 is minimised over the nuisances z, in standard deviations. Gaussian experiments and
nuisances that enter linearly make it a linear system; where these nuisances change nothing but backgrounds chi2 is a
polynomial of the parameters. Everything else is minimised by Newton's iteration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scanengine.chi2.evaluator import ScanEvaluator
from scanengine.chi2.nuisances import (
    LinearNuisancePolynomial,
    NuisancePolynomial,
    RowKinds,
    fewest_rows,
    minimised_over_constant,
)
from scanengine.chi2.poisson import PoissonPolynomial
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition, ParameterMap
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import FEW_COUNTS, Fit, NegativeBackground
from scanengine.inputs.nuisances import Nuisance
from scanengine.likelihood.constraints import Constraints, correlation_of, fitted, steps_of
from scanengine.likelihood.counts import CountPolynomials, ExpectedCounts, standard_model_counts, sum_over_flavours
from scanengine.likelihood.least_squares import Profiled, minimum_of_squares
from scanengine.likelihood.rows import Rows
from scanengine.likelihood.templates import Counts, Templates, build_templates, data_steps, varied_responses
from scanengine.response.integrals import KnownRecoils
from scanengine.response.response import Response

_ROUNDINGS = 1e-15
"""What the sum of a few terms is rounded by, relative to the largest."""

_LEAST_EXPECTED = 1e-10
"""Of what was seen in a bin: below it the logarithm of what is expected has fewer than six digits."""

_AT_ONCE = 1024
"""Points at which templates are held at once."""

_ZERO = 1e-5
"""A background this far below zero, beside its largest bin, is none: so far it is where it is kept from it."""


@dataclass(frozen=True, eq=False)
class Likelihood(ExpectedCounts):
    """chi2 of experiments that are added up, minimised over the nuisances that they share.

    `expected` (cells,) are the Standard Model's counts with backgrounds, `varied` the responses at +1 and -1 standard
    deviation of each nuisance that changes a response, `every_count` what counts are made of. The z of nuisances are in
    the templates' steps, of one standard deviation but for correlated ones. Without `has_data` the data are what is
    expected.
    """

    rows: Rows
    templates: Templates
    constraints: Constraints
    every_count: Counts
    varied: tuple[tuple[Response, ...], ...]
    nuisances: tuple[Nuisance, ...]
    has_data: bool

    @classmethod
    def of(
        cls,
        definition: Definition,
        responses: Sequence[Response],
        threads: int = 1,
        known: KnownRecoils | None = None,
    ) -> Likelihood:
        """Set up the likelihood of a definition from its responses, integrating those that nuisances vary.

        Of several definitions that differ in little, what is `known` is not laid out again.

        Bins in which nothing is expected and nothing seen are left out. Raises InputError if that leaves an experiment
        without any, or if something is seen where nothing can be.
        """
        every = Counts.everywhere(definition, responses, standard_model_counts(definition, responses))
        expected = every.signal + every.total_background
        data = every.data(expected)
        kept = np.flatnonzero((every.signal > 0.0) | every.has_background | (data != 0.0))
        counts = every.only(kept)
        for experiment in definition.experiments:
            if not np.any(counts.of(experiment.name)):
                raise InputError(f"experiments.{experiment.name}: no event is expected in any bin: lower the threshold")
        correlation = correlation_of(definition.nuisances, definition.correlations)
        templates = build_templates(
            definition.nuisances, counts, steps_of(correlation) * data_steps(definition.nuisances, counts)
        )
        return cls(
            tuple(responses),
            tuple(counts.cells),
            expected[kept],
            kept,
            Rows.of(definition, counts, data[kept]),
            templates,
            Constraints.of(definition.nuisances, correlation, counts, templates),
            counts,
            tuple(varied_responses(definition, responses, threads, known)),
            definition.nuisances,
            any(experiment.data is not None for experiment in definition.experiments),
        )

    @property
    def data(self) -> FloatArray:
        """The counts (cells,) that chi2 compares with."""
        return self.rows.data

    def rounding(self, axes: Sequence[Axis], parameters: ParameterMap) -> float:
        """Return how far the root of chi2 may be rounded in double precision somewhere on the axes."""
        return float(self.rounding_within(self.count_polynomials(axes, parameters), np.ones((1, len(axes))))[0])

    def rounding_within(self, counts: CountPolynomials, reach: FloatArray) -> FloatArray:
        """Return how far the root of chi2 may be rounded (...) where no scaled variable exceeds its reach (..., axes).

        Counts are sums of terms that may be much larger than they are, and the data are subtracted.
        """
        terms = counts.monomials.values(reach) @ np.abs(counts.coefficients).T
        largest = terms + self.data + np.abs(self.templates.constant[0])
        poisson = np.concatenate((self.rows.seen, self.rows.empty))
        errors = np.sqrt(np.maximum(self.data, self.expected)[poisson])
        deviations = [
            np.concatenate((each[poisson] / errors, self.rows.whitening.deviations(each[self.rows.gaussian])))
            for each in largest.reshape(-1, largest.shape[-1])
        ]
        found = np.array(deviations).reshape(*reach.shape[:-1], -1)
        scale = found.max(axis=-1, keepdims=True)
        return np.asarray(_ROUNDINGS * scale[..., 0] * np.linalg.norm(found / scale, axis=-1))

    def chi2(self, theta: FloatArray) -> FloatArray:
        """Return chi2 (...) at parameter vectors theta (..., parameters), from the counts themselves."""
        return self.profiled(theta).chi2

    def profiled(self, theta: FloatArray) -> Profiled:
        """Return chi2 (...) at parameter vectors theta (..., parameters), and the nuisances there."""
        return self._profiled(self._signals(theta))

    def templates_at(self, theta: FloatArray) -> FloatArray:
        """Return the templates (..., templates, cells) at parameter vectors theta (..., parameters)."""
        return self.templates.of_signals(self._signals(theta))

    def with_data(self, data: FloatArray) -> Likelihood:
        """Return the likelihood of other data (cells,), with the same uncertainties."""
        return replace(self, rows=self.rows.with_data(data))

    def _signals(self, theta: FloatArray) -> FloatArray:
        signals = [sum_over_flavours(each, theta) for each in (self.responses, *self.varied)]
        return np.stack(signals, axis=-2)[..., self._selected]

    def chi2_of_counts(self, counts: FloatArray) -> FloatArray:
        """Return chi2 (...) of counts (..., bins), in the order of the responses with unreachable bins still among
        them. Raises InputError if a nuisance varies a response.
        """
        if self.varied:
            raise InputError('a nuisance that varies a response needs physics.evaluation = "polynomial"')
        return self._profiled(counts[..., None, self._selected]).chi2

    def fit_at(self, theta: FloatArray, parameters: int) -> Fit:
        """Return the nuisances at theta (parameters,), and the degrees of freedom after so many are fitted.

        Without nuisances and data there is nothing to tell.
        """
        if not self.nuisances and not self.has_data:
            return Fit()
        (y,) = self.profiled(theta[None]).z
        z = y * self.templates.steps
        nuisances = tuple(fitted(nuisance, at) for nuisance, at in zip(self.nuisances, z.tolist(), strict=True))
        negative = tuple(self._negative_backgrounds(z))
        if not self.has_data:
            return Fit(nuisances, negative=negative)
        counts = self.templates.weights(y) @ self.templates_at(theta)
        few = np.sum(np.delete(counts, self.rows.gaussian) < FEW_COUNTS)
        free = int(self.constraints.free.sum())
        return Fit(nuisances, len(self.cells) - parameters - free, int(few), negative)

    def _negative_backgrounds(self, z: FloatArray) -> Iterator[NegativeBackground]:
        """Yield the backgrounds that are below zero, in bins where they are not nominally, at z standard deviations."""
        for experiment in self.every_count.experiments:
            for name in experiment.backgrounds:
                nominal = self.every_count.background(experiment.name, name)
                at = self.every_count.background_at(self.nuisances, z, experiment.name, name)
                negative = (nominal >= 0.0) & (at < -_ZERO * np.abs(nominal).max(initial=0.0))
                if np.any(negative):
                    counts = float(at.sum())
                    yield NegativeBackground(f"{experiment.name}.{name}", counts, int(negative.sum()))

    def _profiled(self, signals: FloatArray) -> Profiled:
        """Return chi2 of signals (..., 1 + varied, cells)."""
        flat = signals.reshape(-1, *signals.shape[-2:])
        chi2, z = np.empty(len(flat)), np.zeros((len(flat), len(self.nuisances)))
        for first in range(0, len(flat), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            excess = self.templates.of_signals(flat[part])
            excess[:, 0] -= self.data
            self.minimise(excess, chi2[part], z[part])
        shape = signals.shape[:-2]
        return Profiled(chi2.reshape(shape), z.reshape(*shape, len(self.nuisances)))

    def residuals(self, excess: FloatArray) -> FloatArray:
        """Return Gaussian residuals and constraints (..., templates, rows) of templates (..., templates, cells)."""
        return self.constraints.beside(self.rows.residuals(excess))

    def _kinds(self, below: FloatArray) -> RowKinds:
        """Return what the rows are: residuals of these weights below zero (residuals,), and the constraints."""
        above = np.concatenate((np.ones(below.size), self.constraints.above))
        return self.rows.kinds(above, np.concatenate((below, self.constraints.below)))

    def minimise(self, excess: FloatArray, chi2: FloatArray, z: FloatArray) -> None:
        """Set chi2 (points,), and z (points, nuisances) from where it is, for templates (points, templates, cells) with
        the data taken off the first.
        """
        if not self.nuisances:
            chi2[:] = self.rows.chi2(excess[:, 0])
            return
        residuals = self.residuals(excess)
        if self.is_linear:
            chi2[:], z[:] = minimum_of_squares(residuals / self._pull_roots[:, None])
            z /= self._pull_roots[1:]
            return
        from scanengine_kernels.nuisances.kinks import minimise_each
        from scanengine_kernels.nuisances.pulls import Nuisances

        kinds = self._kinds(self.rows.below)
        nuisances = Nuisances(self.templates.below, self.log_widths, self.pull_weights, np.zeros(len(self.nuisances)))
        minimise_each(kinds.for_kernel(), nuisances, self.rows.arranged(excess, residuals), z, chi2)

    @cached_property
    def log_widths(self) -> FloatArray:
        """The widths (nuisances,) of those with a logarithmic pull, and zero for the others."""
        return np.array([each.width if each.pull == "log" else 0.0 for each in self.nuisances])

    @cached_property
    def pull_weights(self) -> FloatArray:
        """What z^2 counts in chi2 (nuisances,): one, but for free nuisances so little that they are as good as free."""
        free = self.constraints.free
        return np.where(free, self.templates.steps**2, 1.0)

    @cached_property
    def _pull_roots(self) -> FloatArray:
        """What templates (1 + nuisances,) are divided by for nuisances of which each adds its square to chi2."""
        return np.asarray(np.sqrt(np.append(1.0, self.pull_weights)))

    @cached_property
    def is_linear(self) -> bool:
        """Whether chi2 at given parameters is a sum of squares that are linear in the nuisances."""
        squares = self.rows.are_squares and self.constraints.are_squares
        return squares and not np.any(self.log_widths) and not np.any(self.templates.two_sided)

    @property
    def has_squares(self) -> bool:
        """Whether chi2 is a sum of squares of quadratics: its nuisances, if any, change backgrounds alone."""
        return self.is_linear and not np.any(self.templates.depend_on_signals)

    def excess_polynomials(self, axes: Sequence[Axis], parameters: ParameterMap) -> CountPolynomials:
        """Return the templates as quadratics in the scanned axes, with the data taken off the first: coefficients
        (templates, monomials, cells).
        """
        signals = [
            replace(self, responses=each).count_polynomials(axes, parameters) for each in (self.responses, *self.varied)
        ]
        coefficients = np.stack([each.coefficients.T for each in signals], axis=-2)
        excess = np.moveaxis(self.templates.of_polynomials(coefficients), -2, 0)
        self._check_expected(np.abs(excess[0]).sum(axis=0))
        excess[0, 0] -= self.data
        return signals[0]._replace(coefficients=np.ascontiguousarray(excess))

    def _check_expected(self, most: FloatArray) -> None:
        """Raise InputError if counts (cells,) that are nowhere higher are nothing beside what was seen.

        Counts are reckoned relative to the data, and drown in these.
        """
        for i in self.rows.seen.tolist():
            if most[i] < _LEAST_EXPECTED * self.data[i]:
                cell = self.cells[i]
                low, high = cell.bin.energy
                raise InputError(
                    f"experiments.{cell.experiment}: {self.data[i]:g} counts were observed in the bin from {low:g} to "
                    f"{high:g}, where at most {most[i]:.2g} are expected at any value of the axes: their likelihood is "
                    "lost in rounding. Add a background, use wider bins, or choose units in which more is expected"
                )

    def polynomial(self, axes: Sequence[Axis], parameters: ParameterMap) -> ScanEvaluator:
        """Compile chi2 to what is evaluated fastest in the scanned axes, ties and fixed values folded in."""
        centre, half_width, monomials, excess = self.excess_polynomials(axes, parameters)
        variables = centre, half_width, monomials
        if not self.nuisances and self.rows.gaussian.size == 0:
            excess[0, 0] += self.data
            return PoissonPolynomial.of(*variables, excess[0].T, self.data)
        residuals = np.moveaxis(self.rows.residuals(excess), -1, -2)
        if self.is_linear:
            residuals = self.constraints.beside_polynomials(residuals)
            residuals = residuals / self._pull_roots[:, None, None]
            varying = self.templates.depend_on_signals
            left = minimised_over_constant(residuals, ~varying)
            if len(left) > 1:
                roots = self._pull_roots[np.append(True, varying)][:, None, None]
                return LinearNuisancePolynomial(*variables, fewest_rows(left * roots) / roots)
            rows = left[0]
            return ChiSquaredPolynomial(
                *variables, rows if rows.shape[0] <= rows.shape[1] else np.asarray(np.linalg.qr(rows, mode="r"))
            )
        squares = self.rows.below == 1.0
        reduced = fewest_rows(residuals[:, squares])
        below = np.concatenate((np.ones(reduced.shape[1]), self.rows.below[~squares]))
        together = np.concatenate((reduced, residuals[:, ~squares]), axis=1)
        together = np.moveaxis(self.constraints.beside_polynomials(together), -1, -2)
        rows = np.moveaxis(self.rows.arranged(excess, together), -1, -2)
        return NuisancePolynomial(
            *variables,
            np.ascontiguousarray(rows),
            self._kinds(below),
            self.templates.below,
            self.log_widths,
            self.pull_weights,
        )
