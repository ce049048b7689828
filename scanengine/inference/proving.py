"""Whether a list of minima is all there is: chi2 bounded from below everywhere within the axes, by branch and bound.

It is done for a chi2 that is a sum of squared quadratic residuals. Of any other, minima are found and nothing is
proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.enclosures import ProvenMinima
from scanengine.chi2.residuals import HiddenVariables, quadratic_residuals
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.grid.axes import Axis, FloatArray

PROVEN_DELTA_CHI2 = 0.01
"""What no data tell apart is one minimum: below this height none is overlooked."""

_TOLERANCE = 1e-6
_MOST_BOXES = 60_000
"""About a tenth of a second."""

_LARGEST, _SMALLEST = 1.0 / 8.0, 1.0 / 4096.0
"""Of an axis: boxes about minima are cut to the first; where no low point is known, to the second."""

_NEW = 1e-6
"""A minimum that is lower by so much of 1 + chi2 is another one."""


@dataclass(frozen=True)
class Proof:
    """What is proven of chi2 within the axes.

    The lowest chi2 lies between `lower` and `upper`. Outside of `boxes`, each the ends of all axes, chi2 is everywhere
    more than `delta_chi2` above `upper`; `holds` says which minima of the list each box holds. `missed` are low places
    (places, axes) that lie below all of the list, or in a box without one. Of `undecided` boxes, which hold no low
    place, nothing is known: chi2 may be as low there. Inside a box that holds a minimum of the list, others may lie.
    """

    lower: float
    upper: float
    delta_chi2: float
    boxes: tuple[dict[str, tuple[float, float]], ...]
    holds: tuple[tuple[int, ...], ...]
    undecided: int
    missed: FloatArray

    @property
    def is_whole(self) -> bool:
        """Whether every place within delta_chi2 of the lowest is proven to lie in a box with a minimum of the list."""
        return self.undecided == 0 and len(self.missed) == 0 and self.upper - self.lower <= self.delta_chi2


def prove(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    places: FloatArray,
    delta_chi2: float = PROVEN_DELTA_CHI2,
    most_boxes: int = _MOST_BOXES,
) -> Proof:
    """Return what is proven of minima at places (minima, axes), the lowest first.

    Branch and bound looks at most_boxes at most; what is not decided then is said.
    """
    ends = np.array(polynomial.scaled([axis.values[[0, -1]] for axis in axes]))
    lower, upper = ends.T.copy()
    variables = HiddenVariables(quadratic_residuals(polynomial), lower, upper, ())
    proven = ProvenMinima(variables, lower, upper)
    t = np.clip((places - polynomial.centre) / polynomial.half_width, lower, upper)
    starts = variables.from_scaled(t)
    found = proven.enclose(np.empty((1, 0)), starts[:1], tolerance=_TOLERANCE, most_boxes=most_boxes)
    least, most = float(found.lower[0]), float(found.upper[0])
    cover = proven.cover(starts, most + delta_chi2, largest=_LARGEST, smallest=_SMALLEST, most_boxes=most_boxes)
    pieces = _pieces(cover.lower, cover.upper)
    boxes, holds, missed, undecided = [], [], [], 0
    if most < float(proven.chi2_at(starts[:1])[0]) - _NEW * (1.0 + most):
        missed.append(found.where[0])
    for piece in pieces:
        low, high = cover.lower[piece], cover.upper[piece]
        inside = np.all((low[:, None] <= starts) & (starts <= high[:, None]), axis=2).any(axis=0)
        boxes.append(_on_axes(polynomial, axes, variables, low.min(axis=0), high.max(axis=0)))
        holds.append(tuple(np.flatnonzero(inside).tolist()))
        if not inside.any():
            lowest = piece[np.argmin(cover.chi2[piece])]
            if cover.chi2[lowest] <= most + delta_chi2:
                missed.append(cover.point[lowest])
            else:
                undecided += 1
    empty = np.empty((0, len(axes)))
    scaled = variables.to_scaled(np.empty((len(missed), 0)), np.array(missed)) if missed else empty
    on_axes = polynomial.centre + polynomial.half_width * scaled
    return Proof(least, most, delta_chi2, tuple(boxes), tuple(holds), undecided, on_axes)


def _pieces(lower: FloatArray, upper: FloatArray) -> list[NDArray[np.intp]]:
    """Return which of some closed boxes lower, upper (boxes, n) are connected, touching ones included."""
    left = np.ones(len(lower), dtype=np.bool_)
    pieces = []
    while left.any():
        piece = [int(np.argmax(left))]
        left[piece[0]] = False
        for each in piece:
            near = np.flatnonzero(left & np.all((lower <= upper[each]) & (lower[each] <= upper), axis=1))
            left[near] = False
            piece.extend(near.tolist())
        pieces.append(np.array(piece, dtype=np.intp))
    return pieces


def _on_axes(
    polynomial: ChiSquaredPolynomial,
    axes: Sequence[Axis],
    variables: HiddenVariables,
    low: FloatArray,
    high: FloatArray,
) -> dict[str, tuple[float, float]]:
    """Return the ends along each axis of a box of hidden variables."""
    t = variables.ends_of(low, high)
    ends = polynomial.centre[:, None] + polynomial.half_width[:, None] * t
    on_axis = [(max(a, float(axis.values[0])), min(b, float(axis.values[-1]))) for axis, (a, b) in
               zip(axes, ends.tolist(), strict=True)]  # fmt: skip
    return dict(zip((axis.name for axis in axes), on_axis, strict=True))
