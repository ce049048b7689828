"""chi2 minimised over nuisance parameters, compiled to templates that are quadratic in the scanned parameters.

Template 0 of a row (a count or a residual) is its value at the nominal nuisances, template k its change per standard
deviation of nuisance k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.bounded import Bounded
from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.chi2.monomials import Monomials, packed, scaled, whole_blocks
from scanengine.chi2.squares import require_shape
from scanengine.grid.axes import FloatArray
from scanengine_kernels.grids import Polynomials

if TYPE_CHECKING:
    from scanengine_kernels.nuisances import rows as kernels

_NEGLIGIBLE = 1e-12
"""Rows this small beside the largest, in columns of equal lengths, are left out: they enter chi2 squared."""


def fewest_rows(templates: FloatArray) -> FloatArray:
    """Return templates (templates, fewer rows, monomials) whose rows have the same products with each other, summed.

    So many are left as there are independent columns, whatever the number of bins. Each column keeps its own digits:
    of a coupling's high powers some are so large that others would be nothing beside them.
    """
    columns, rows, monomials = templates.shape
    side_by_side = templates.transpose(1, 0, 2).reshape(rows, columns * monomials)
    lengths = np.linalg.norm(side_by_side, axis=0)
    lengths[lengths == 0.0] = 1.0
    _, sizes, directions = np.linalg.svd(side_by_side / lengths, full_matrices=False)
    kept = sizes > _NEGLIGIBLE * sizes.max(initial=0.0)
    reduced = sizes[kept, None] * directions[kept] * lengths
    return np.ascontiguousarray(reduced.reshape(-1, columns, monomials).transpose(1, 0, 2))


def minimised_over_constant(templates: FloatArray, constant: NDArray[np.bool_]) -> FloatArray:
    """Return templates (templates left, rows, monomials) of a chi2 that is minimised over some nuisances already.

    constant (nuisances,) says which: those that change the rows by the same whatever the scanned parameters. The rows
    are independent residuals of unit variance, and get the covariance that these nuisances give them taken out.
    """
    left = templates[np.concatenate(([True], ~constant))]
    if not np.any(constant):
        return left
    # the first monomial is the constant one; along each direction that these nuisances change, by s, the root of the
    # inverse of 1 + s^2 is taken, and nothing is changed across
    directions, s, _ = np.linalg.svd(templates[1:, :, 0][constant].T, full_matrices=False)
    shrunk = (1.0 - 1.0 / np.hypot(1.0, s))[:, None] * (directions.T @ left)
    return np.ascontiguousarray(left - directions @ shrunk)


@dataclass(frozen=True, eq=False)
class LinearNuisancePolynomial(ScanEvaluator):
    """chi2 = min_z sum_r (T_0r + sum_k z_k T_kr)^2 + sum_k z_k^2, for t = (x - centre) / half_width in [-1, 1].

    `templates` (1 + nuisances, rows, monomials of degree two). The minimum is the solution of a small linear system at
    every point.
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    templates: FloatArray
    cost = Cost.LINEAR_SYSTEM

    @cached_property
    def bounded(self) -> Bounded:
        """chi2 over boxes."""
        columns, rows, _ = self.templates.shape
        number = np.arange(1, columns)
        templates = np.pad(self.templates, ((0, 0), (0, whole_blocks(rows) - rows), (0, 0)))
        kinds = RowKinds(np.zeros(0), 0, np.ones(rows), np.ones(rows))
        none, ones = np.zeros(columns - 1), np.ones(columns - 1)
        return Bounded(
            NuisancePolynomial(self.centre, self.half_width, self.monomials, templates, kinds, number, none, ones)
        )

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis.

        Raises ValueError if chi2 has another shape.
        """
        require_shape(chi2, values)
        from scanengine_kernels.linear_nuisances import fill_linear

        grid = packed(scaled(values, self.centre, self.half_width))
        columns, rows, _ = self.templates.shape
        fill_linear(self._quadratics, rows, columns - 1, grid, chi2.reshape(-1, chi2.shape[-1]))

    @cached_property
    def _quadratics(self) -> Polynomials:
        return self.monomials.polynomials(self.templates.reshape(-1, self.templates.shape[2]).T)


def side_by_side(seen: FloatArray, empty: FloatArray, residuals: FloatArray) -> FloatArray:
    """Return what belongs to the three kinds of rows (..., rows) in turn, each filled up to whole blocks."""
    parts = (seen, empty, residuals)
    blocks = [whole_blocks(part.shape[-1]) for part in parts]
    together, first = np.zeros((*seen.shape[:-1], sum(blocks))), 0
    for part, size in zip(parts, blocks, strict=True):
        together[..., first : first + part.shape[-1]] = part
        first += size
    return together


@dataclass(frozen=True, eq=False)
class RowKinds:
    """What the rows are, in the order of the kernel: counts with data, counts without, and residuals.

    `data` (seen,), `empty` their number, `above` and `below` (residuals,) the weights of squares by their sign.
    """

    data: FloatArray
    empty: int
    above: FloatArray
    below: FloatArray

    def for_kernel(self) -> kernels.RowWeights:
        """Return the kinds and weights as the kernel takes them."""
        from scanengine_kernels.nuisances.rows import RowWeights

        none = np.zeros(0)
        weights = side_by_side(2.0 * self.data, none, none)
        empty_weights = side_by_side(none, np.full(self.empty, 2.0), none)
        above, below = (side_by_side(none, none, weight) for weight in (self.above, self.below))
        return RowWeights(weights.size, empty_weights.size, above.size, weights, empty_weights, above, below)


@dataclass(frozen=True, eq=False)
class NuisancePolynomial(ScanEvaluator):
    """chi2 of rows of several kinds, minimised by Newton's iteration at every point over nuisances that enter anyhow.

    `templates` (templates, rows, monomials of degree two) in variables t = (x - centre) / half_width in [-1, 1]; rows,
    `below`, `log_widths` and `pull_weights` (nuisances,) are as the kernel takes them.
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    templates: FloatArray
    kinds: RowKinds
    below: NDArray[np.int64]
    log_widths: FloatArray
    pull_weights: FloatArray
    cost = Cost.ITERATION

    @cached_property
    def bounded(self) -> Bounded:
        """chi2 over boxes."""
        return Bounded(self)

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis.

        Raises ValueError if chi2 has another shape.
        """
        require_shape(chi2, values)
        from scanengine_kernels.nuisances.grid import fill_profiled
        from scanengine_kernels.nuisances.pulls import Nuisances

        fill_profiled(
            self._quadratics,
            self._varying,
            self._constant,
            self.kinds.for_kernel(),
            Nuisances(self.below, self.log_widths, self.pull_weights, np.zeros(self.below.size)),
            packed(scaled(values, self.centre, self.half_width)),
            chi2.reshape(-1, chi2.shape[-1]),
        )

    @cached_property
    def _varying(self) -> NDArray[np.int64]:
        """The numbers of the templates that depend on the variables."""
        others = np.delete(self.templates, self.monomials.column_of_product(0), axis=2)
        return np.flatnonzero(np.any(others != 0.0, axis=(1, 2)))

    @cached_property
    def _constant(self) -> FloatArray:
        """The templates (templates, rows) where they do not depend on the variables."""
        return np.ascontiguousarray(self.templates[:, :, self.monomials.column_of_product(0)])

    @cached_property
    def _quadratics(self) -> Polynomials:
        varying = self.templates[self._varying]
        return self.monomials.polynomials(varying.reshape(-1, self.templates.shape[2]).T)
