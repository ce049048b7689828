"""chi2 compiled to polynomials in the scanned parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.evaluator import Cost, LowestPlane, ScanEvaluator, SumsOfTile
from scanengine.chi2.monomials import Monomials, packed, scaled
from scanengine.grid.axes import FloatArray
from scanengine_kernels.grids import LANES, NO_TERMS, Grid
from scanengine_kernels.small import SMALL_SQUARES, fill_squares

if TYPE_CHECKING:
    from typing import Self

    from scanengine_kernels.grids import PlaneMinima
    from scanengine_kernels.quartic.squares import Squares

_FEWEST_VARIABLES = 3


@dataclass(frozen=True, eq=False)
class ChiSquaredPolynomial(ScanEvaluator):
    """chi2 = sum_k r_k(t)^2 with quadratic residuals, in variables t = (x - centre) / half_width in [-1, 1].

    `residuals` (k, monomials of degree two). Along the last axis it is evaluated as the one quartic that the squares
    add up to, save on lines where that could round by more than 1e-10 (1 + chi2). Without `compiled` NumPy adds up the
    squares themselves: on a small grid, before Numba would be imported.
    """

    centre: FloatArray
    half_width: FloatArray
    monomials: Monomials
    residuals: FloatArray
    compiled: bool = True
    cost = Cost.POLYNOMIALS

    @property
    def squares(self) -> ChiSquaredPolynomial:
        """Return itself."""
        return self

    def for_grid(self, points: int) -> Self:
        """Return the same chi2, compiled if a grid of so many points is worth the compiler's time."""
        return replace(self, compiled=points * len(self.residuals) > SMALL_SQUARES)

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray, *, past_caches: bool = False) -> int:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis.

        chi2 may be of single precision, to which it is rounded at the end. `past_caches` is for grids that the caches
        would not hold, and of which nothing is read soon. Returns on how many lines along the last axis the squares
        themselves were evaluated. Raises ValueError if chi2 is not contiguous, or has another shape.
        """
        require_shape(chi2, values)
        if not self.compiled:
            fill_squares(self.residuals, self.monomials.starts, self.monomials.groups, self.scaled(values), chi2)
            return chi2[..., 0].size
        from scanengine_kernels.quartic.grid import fill_quartic

        return fill_quartic(self._squares, self._packed(values), past_caches, chi2.reshape(-1, copy=False))

    def reduce(
        self,
        values: Sequence[FloatArray],
        start: tuple[int, ...],
        minima: PlaneMinima,
        chi2: FloatArray | None = None,
        *,
        past_caches: bool = False,
        sums: SumsOfTile | None = None,
    ) -> LowestPlane:
        """Lower minima to chi2 on the tensor grid of these values of each of three or more axes; `fill` chi2 if given,
        or set the tables of `sums`.

        The grid's first point has the index `start` in the grid that minima belong to. The minima may be below zero, by
        rounding, where chi2 is zero. Raises ValueError if the grids do not fit.
        """
        require_inside(minima, values, start)
        if chi2 is not None:
            require_shape(chi2, values)
        from scanengine_kernels.quartic.profiles import reduce_quartic
        from scanengine_kernels.quartic.tiles import reduce_and_fill_quartic

        grid = self._packed(values)
        exponent = NO_TERMS
        if sums is not None:
            from scanengine_kernels.quartic.marginals import reduce_and_sum_quartic

            lowest, plane, exponent = reduce_and_sum_quartic(self._squares, grid, minima, *sums)
        elif chi2 is None:
            lowest, plane = reduce_quartic(self._squares, grid, np.array(start), minima)
        else:
            flat = chi2.reshape(-1, copy=False)
            lowest, plane = reduce_and_fill_quartic(self._squares, grid, np.array(start), minima, past_caches, flat)
        return LowestPlane(lowest, tuple(int(i) for i in np.unravel_index(plane, grid.shape[:-2])), exponent)

    def minimise(self, values: Sequence[FloatArray], chi2: FloatArray, *, parabolas: bool = False) -> None:
        """Set chi2, C-contiguous with one dimension for each of the first axes, to its minima over the other ones.

        values are those of all axes, three or more, of which the last is hidden; `parabolas` says that the residuals
        are linear in its variable. Raises ValueError if chi2 has another shape.
        """
        require_shape(chi2, values[: chi2.ndim])
        from scanengine_kernels.quartic.minima import minimise_quartic

        minimise_quartic(self._squares, self._packed(values), chi2.ndim, parabolas, chi2.reshape(-1, copy=False))

    def reordered(self, order: Sequence[int]) -> ChiSquaredPolynomial:
        """Return the same chi2 with the axis order[i] of this one as its axis i."""
        chosen = list(order)
        of_monomial = {tuple(e[axis] for axis in chosen): c for c, e in enumerate(self.monomials.exponents)}
        columns = [of_monomial[e] for e in self.monomials.exponents]
        return replace(
            self,
            centre=self.centre[chosen],
            half_width=self.half_width[chosen],
            residuals=np.ascontiguousarray(self.residuals[:, columns]),
        )

    def scaled(self, values: Sequence[FloatArray]) -> list[FloatArray]:
        """Return values of each axis as those of the variables t."""
        return scaled(values, self.centre, self.half_width)

    def to_scaled(self, places: FloatArray) -> FloatArray:
        """Return places (..., axes) as values of the variables t."""
        return np.asarray((places - self.centre) / self.half_width)

    def from_scaled(self, t: FloatArray) -> FloatArray:
        """Return values of the variables (..., axes) as places on the axes."""
        return np.asarray(self.centre + self.half_width * t)

    def _packed(self, values: Sequence[FloatArray]) -> Grid:
        """Return a grid of the variables as the kernels take it."""
        return packed([np.zeros(1)] * (_FEWEST_VARIABLES - len(values)) + self.scaled(values))

    @cached_property
    def _squares(self) -> Squares:
        """The residuals as the kernels take them: in three variables or more, the first of which may not matter."""
        from scanengine_kernels.quartic.squares import Squares

        n = len(self.monomials.exponents[0])
        missing = (0,) * (_FEWEST_VARIABLES - n)
        monomials = Monomials.of(n + len(missing), 2)
        columns = [monomials.column[missing + e] for e in self.monomials.exponents]
        residuals = np.zeros((len(monomials.exponents), len(self.residuals)))
        residuals[columns] = self.residuals.T
        return Squares(monomials.polynomials(residuals), *(_products(variables) for variables in (3, 2, 1)))


def require_shape(chi2: NDArray[np.floating], values: Sequence[FloatArray]) -> None:
    """Raise ValueError unless chi2 has the shape of the tensor grid of these values: kernels write what they are told
    to.
    """
    wanted = tuple(v.size for v in values)
    if chi2.shape != wanted:
        raise ValueError(f"chi2 has the shape {chi2.shape}, the grid has {wanted}")


def require_inside(minima: PlaneMinima, values: Sequence[FloatArray], start: tuple[int, ...]) -> None:
    """Raise ValueError unless the tensor grid of these values lies in that of the minima from `start` on, and all
    planes in memory.
    """
    shape = minima.grid_shape.tolist()
    ends = [first + v.size for first, v in zip(start, values, strict=True)]
    inside = all(0 <= first < end <= n for first, end, n in zip(start, ends, shape, strict=True))
    last = max(int(minima.offsets[a, b]) + n * m for (a, n), (b, m) in combinations(enumerate(shape), 2))
    if not inside or last + LANES - 1 > minima.values.size:
        raise ValueError(f"a tile from {start} to {ends} is not one of the grid {tuple(shape)}")


@cache
def _products(n: int) -> NDArray[np.int64]:
    """Return to which quartic monomial of n variables the product of two quadratic ones belongs."""
    quadratic, quartic = Monomials.of(n, 2).exponents, Monomials.of(n, 4)
    return np.array([[quartic.column[tuple(np.add(a, b).tolist())] for b in quadratic] for a in quadratic])
