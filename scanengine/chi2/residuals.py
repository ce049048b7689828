"""The residuals of chi2 as quadratic forms of the scanned variables, arranged for a minimum over some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import FloatArray
from scanengine_kernels.closed_form import LinearPart
from scanengine_kernels.minimise import Box, Residuals

_MOST_LINEAR = 3
"""Faces of a box are 3^n: more linear variables than this are searched."""

_ROUNDING = 64 * 2.0**-52
"""What whitening and the orthogonal reduction leave of a coefficient that is zero, relative to its column."""

_LARGEST_CONDITION = 1e10


def quadratic_residuals(polynomial: ChiSquaredPolynomial) -> Residuals:
    """Return the residuals of a polynomial as forms of its scaled variables t."""
    n = polynomial.centre.size
    monomials, residuals = polynomial.monomials, polynomial.residuals
    c = residuals[:, monomials.column_of_product(0)]
    b = np.column_stack([residuals[:, monomials.column_of_product(1 + i)] for i in range(n)])
    A = np.empty((residuals.shape[0], n, n))
    for i, j in product(range(n), repeat=2):
        A[:, i, j] = residuals[:, monomials.column_of_product(1 + i, 1 + j)] * (1.0 if i == j else 0.5)
    return Residuals(np.ascontiguousarray(c), b, A)


@dataclass(frozen=True, eq=False)
class LoneVariable:
    """A variable t that enters every residual k as q_k s alone, where s = t^2 - 2 vertex t, or t if there is no vertex.

    So do a magnetic moment and a flavour-changing coupling, whose squares alone are counted.
    """

    q: FloatArray
    vertex: float | None

    @classmethod
    def of(cls, residuals: Residuals, i: int) -> LoneVariable | None:
        """Return how variable i enters the residuals, if it enters like this."""
        linear, square = residuals.b[:, i], residuals.A[:, i, i]
        others = np.delete(residuals.A[:, i, :], i, axis=1)
        size = np.linalg.norm(linear) + np.linalg.norm(square)
        if np.linalg.norm(others) > _ROUNDING * size:
            return None
        if np.linalg.norm(square) <= _ROUNDING * size:
            return cls(linear, None)
        slope = float(linear @ square / (square @ square))
        if np.linalg.norm(linear - slope * square) > _ROUNDING * size:
            return None
        return cls(square, -0.5 * slope)

    def dropped(self, residuals: Residuals, i: int, far: FloatArray) -> float:
        """Return the norm of what variable i adds to the residuals beside q s, at most, where |t| <= far (n,)."""
        across = np.linalg.norm(residuals.A[:, i, :], axis=0)
        linear, square = residuals.b[:, i], residuals.A[:, i, i]
        rest = 2.0 * float(np.delete(across * far, i).sum() * far[i])
        if self.vertex is None:
            return rest + float(across[i] * far[i] ** 2)
        slope = -2.0 * self.vertex
        off = np.linalg.norm(linear - slope * square)
        rounded = 4.0 * 2.0**-53 * (np.linalg.norm(linear) + abs(slope) * np.linalg.norm(square))
        return rest + float(off + rounded) * float(far[i])

    def widened(self, lower: float, upper: float) -> float:
        """Return how far the ends of the range of s may be rounded."""
        far = max(abs(lower), abs(upper))
        return 0.0 if self.vertex is None else 6.0 * 2.0**-53 * far * (far + 2.0 * abs(self.vertex))

    def s(self, t: FloatArray) -> FloatArray:
        """Return s at t."""
        return t if self.vertex is None else t * (t - 2.0 * self.vertex)

    def t(self, s: FloatArray, lower: float, upper: float) -> FloatArray:
        """Return the t in [lower, upper] that belongs to s, the upper one of two."""
        if self.vertex is None:
            return s
        root = np.sqrt(np.maximum(s + self.vertex**2, 0.0))
        found = [np.clip(self.vertex + sign * root, lower, upper) for sign in (1.0, -1.0)]
        clipped = [np.abs(self.s(t) - s) for t in found]
        return np.where(clipped[0] <= clipped[1], *found)

    def sides(self, low: float, high: float, lower: float, upper: float) -> list[tuple[float, float]]:
        """Return ends in [lower, upper] between which all t lie whose s is in [low, high]: a pair, or mirrored two."""
        if self.vertex is None:
            return [(max(low, lower), min(high, upper))]
        far = float(np.sqrt(max(high + self.vertex**2, 0.0)))
        near = float(np.sqrt(max(low + self.vertex**2, 0.0)))
        # a side that does not reach into the axis has none
        left = self.vertex - near >= lower, max(self.vertex - far, lower), min(self.vertex - near, upper)
        right = self.vertex + near <= upper, max(self.vertex + near, lower), min(self.vertex + far, upper)
        sides = [(a, b) for there, a, b in (left, right) if there and a <= b]
        if len(sides) == 2 and sides[0][1] >= sides[1][0]:
            sides = [(sides[0][0], sides[1][1])]
        return sides or [(lower, upper)]

    def range(self, lower: float, upper: float) -> tuple[float, float]:
        """Return the lowest and the highest s for t in [lower, upper]."""
        turns = self.vertex is not None and lower < self.vertex < upper
        s = self.s(np.array([lower, upper, self.vertex] if turns else [lower, upper]))
        return float(s.min()), float(s.max())


class HiddenVariables:
    """The residuals rearranged for a minimum over hidden variables: shown ones first, then the hidden in an order.

    First come those to be searched (`searched` of them), then one along which chi2 is a quartic, then the linear ones.
    Lone variables are replaced by their s. `box` bounds the hidden variables as they now are. Where there are two, and
    both are linear, `pair` is how they enter. The residuals differ from the given ones by no more than `dropped` in
    norm, anywhere in the box, even where the ends of each variable are moved outwards by `widened` (hidden,), which
    holds the rounding of s.
    """

    def __init__(self, residuals: Residuals, lower: FloatArray, upper: FloatArray, shown: Sequence[int]) -> None:
        self.shown = list(shown)
        hidden = [i for i in range(lower.size) if i not in shown]
        lone = {i: found for i in hidden if (found := LoneVariable.of(residuals, i)) is not None}
        bent = sorted((i for i in hidden if i not in lone), key=lambda i: float(np.sum(residuals.A[:, i, i] ** 2)))
        alone = list(lone)
        # all but one of these are searched: the quartic takes the variable that bends the residuals most
        along = bent[-1:] or alone[-1:]
        linear = [i for i in alone if i not in along][:_MOST_LINEAR]
        searched = [i for i in (*bent, *alone) if i not in along and i not in linear]
        self.searched = len(searched)
        self.order = [*searched, *along, *linear]
        self._lone = lone
        self._ends = {i: (float(lower[i]), float(upper[i])) for i in hidden}

        b, A = residuals.b.copy(), residuals.A.copy()
        for i, variable in lone.items():
            b[:, i] = variable.q
            A[:, i, :] = A[:, :, i] = 0.0
        every = [*self.shown, *self.order]
        self.residuals = Residuals(residuals.c, b[:, every], np.ascontiguousarray(A[:, every][:, :, every]))
        ends = [lone[i].range(*self._ends[i]) if i in lone else self._ends[i] for i in self.order]
        far = np.maximum(np.abs(lower), np.abs(upper))
        self.widened = np.array([lone[i].widened(*self._ends[i]) if i in lone else 0.0 for i in self.order])
        moved = [
            2.0 * w * float(np.linalg.norm(lone[i].q))
            for i, w in zip(self.order, self.widened, strict=True)
            if i in lone
        ]
        self.dropped = 1.01 * (sum(variable.dropped(residuals, i, far) for i, variable in lone.items()) + sum(moved))
        self.box = Box(*np.array(ends).reshape(-1, 2).T.copy())
        first = len(every) - len(linear)
        self.linear = _linear_part(self.residuals.b[:, first:], Box(*(end[self.searched + 1 :] for end in self.box)))
        self.pair = _linear_part(self.residuals.b[:, -2:], self.box) if len(alone) == len(hidden) == 2 else None

    def from_scaled(self, t: FloatArray) -> FloatArray:
        """Return the hidden variables (cells, hidden) as they are searched, from all scaled ones (cells, n)."""
        columns = [self._lone[i].s(t[:, i]) if i in self._lone else t[:, i] for i in self.order]
        return np.column_stack([np.empty((t.shape[0], 0)), *columns])

    def to_scaled(self, points: FloatArray, where: FloatArray) -> FloatArray:
        """Return all scaled variables (cells, n) from those shown (cells, shown) and those searched (cells, hidden)."""
        t = np.empty((points.shape[0], len(self.shown) + len(self.order)))
        t[:, self.shown] = points
        for i, column in zip(self.order, where.T, strict=True):
            t[:, i] = self._lone[i].t(column, *self._ends[i]) if i in self._lone else column
        return t

    def ends_of(self, low: FloatArray, high: FloatArray) -> list[FloatArray]:
        """Return the ends (n, 2) of all scaled variables in a box from low to high (hidden,) of those searched.

        Mirror images that are apart are boxes of their own.
        """
        n = len(self.shown) + len(self.order)
        sides: list[list[tuple[float, float]]] = [[(0.0, 0.0)] for _ in range(n)]
        for i, a, b in zip(self.order, low.tolist(), high.tolist(), strict=True):
            sides[i] = self._lone[i].sides(a, b, *self._ends[i]) if i in self._lone else [(a, b)]
        return [np.array(ends) for ends in product(*sides)]

    def mirror_images(self, t: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
        """Return the images (images, n) of scaled variables t (cells, n) that have the same chi2 and lie within the
        ends, themselves among them, and of which cell each is (images,).
        """
        cells = np.arange(len(t))
        for i, variable in self._lone.items():
            if variable.vertex is not None:
                lower, upper = self._ends[i]
                mirrored = 2.0 * variable.vertex - t[:, i]
                off = np.maximum(lower - mirrored, mirrored - upper)
                inside = np.flatnonzero(off <= _ROUNDING * (upper - lower))
                images = t[inside].copy()
                images[:, i] = np.clip(mirrored[inside], lower, upper)
                cells, t = np.concatenate((cells, cells[inside])), np.concatenate((t, images))
        return cells, t


def _linear_part(Q: FloatArray, box: Box) -> LinearPart:
    j = Q.shape[1]
    inverses, usable = np.zeros((2**j, j, j)), np.zeros(2**j, dtype=np.bool_)
    sizes = np.linalg.norm(Q, axis=0)
    for free in range(2**j):
        chosen = [i for i in range(j) if free >> i & 1]
        if any(sizes[i] == 0.0 for i in chosen):
            continue
        scaled = Q[:, chosen] / sizes[chosen]
        gram = scaled.T @ scaled
        usable[free] = not chosen or np.linalg.cond(gram) < _LARGEST_CONDITION
        if usable[free] and chosen:
            inverses[np.ix_([free], chosen, chosen)] = np.linalg.inv(gram) / np.outer(sizes[chosen], sizes[chosen])
    return LinearPart(np.ascontiguousarray(Q), box.lower.copy(), box.upper.copy(), inverses, usable)
