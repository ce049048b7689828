"""What a scan asks of chi2: to be filled on tensor grids, and where it can, minimised without being stored."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from scanengine.grid.axes import FloatArray
from scanengine_kernels.grids import NO_TERMS, Tables, TilePlace, Weights

if TYPE_CHECKING:
    from typing import Self

    from scanengine.chi2.bounded import Bounded
    from scanengine.chi2.squares import ChiSquaredPolynomial
    from scanengine_kernels.grids import PlaneMinima


class Evaluator(Protocol):
    """Computes chi2 on tensor grids; called from several threads at once."""

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> object:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""


class Cost(IntEnum):
    """What a grid point takes, in order."""

    POLYNOMIALS = 1
    """One polynomial, or one for each bin and a logarithm."""

    LINEAR_SYSTEM = 2
    """A linear system, of as many equations as there are nuisances."""

    ITERATION = 3
    """Newton's iteration over the nuisances."""

    INTEGRALS = 4
    """A double integral for every nucleus, flavour and bin."""


class ScanEvaluator(Evaluator, Protocol):
    """An evaluator that a scan can be given to: what points cost, and what it can do beside filling a grid."""

    @property
    def cost(self) -> Cost:
        """What a grid point takes."""

    @property
    def compiled(self) -> bool:
        """Whether compiled kernels fill a grid; NumPy does that of a small one, before Numba would be imported."""
        return True

    @property
    def squares(self) -> ChiSquaredPolynomial | None:
        """chi2 as a sum of squares of quadratic functions, if it is one.

        Then it can be minimised over hidden axes as it is computed, minimised between the grid's points, and bounded
        on whole tiles.
        """
        return None

    @property
    def bounded(self) -> Bounded | None:
        """chi2 as it is bounded over boxes, where it is one of counts and residuals with nuisances or without."""
        return None

    def for_grid(self, points: int) -> Self:  # noqa: ARG002  (for those to which it matters)
        """Return the same evaluator, arranged for a grid of so many points."""
        return self


@runtime_checkable
class ReducingEvaluator(Protocol):
    """Computes chi2, and its minima over planes of three or more axes without reading it again."""

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray, *, past_caches: bool = False) -> object:
        """Do as an `Evaluator`; with `past_caches` for memory from which nothing is read soon."""

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
        """Lower minima to chi2 on the tensor grid of these values, whose first point has the index start.

        And `fill` chi2 with it, or set the tables of `sums`, if one of these is given.
        """


class LowestPlane(NamedTuple):
    """The lowest chi2 on a grid, and the first plane of the last two axes that has it, by its index over the others;
    and the exponent of sums, where they were wanted.
    """

    chi2: float
    plane: tuple[int, ...]
    exponent: int = NO_TERMS


class SumsOfTile(NamedTuple):
    """What sums of exp(-chi2 / 2) over a tile take, and the tables that they are set in: see `marginals.sum_tile`."""

    place: TilePlace
    weights: Weights
    reference: float
    tables: Tables
