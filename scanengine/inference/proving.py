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

_ROUNDED = 1e-9
"""Of scaled variables: a minimum on the face of a box lies in it."""

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
    t = np.clip(polynomial.to_scaled(places), lower, upper)
    starts = variables.from_scaled(t)
    found = proven.enclose(np.empty((1, 0)), starts[:1], tolerance=_TOLERANCE, most_boxes=most_boxes)
    least, most = float(found.lower[0]), float(found.upper[0])
    cover = proven.cover(starts, most + delta_chi2, largest=_LARGEST, smallest=_SMALLEST, most_boxes=most_boxes)
    pieces = _pieces(cover.lower, cover.upper)
    boxes, holds, undecided = list[dict[str, tuple[float, float]]](), list[tuple[int, ...]](), 0
    missed = list[FloatArray]()
    if most < float(proven.chi2_at(starts[:1])[0]) - _NEW * (1.0 + most):
        missed.append(variables.to_scaled(np.empty((1, 0)), found.where)[0])
    for piece in pieces:
        lowest = piece[np.argmin(cover.chi2[piece])]
        _, images = variables.mirror_images(
            variables.to_scaled(np.empty((1, 0)), np.clip(cover.point[lowest], *proven.box)[None])
        )
        is_low = cover.chi2[lowest] <= most + delta_chi2
        low, high = cover.lower[piece].min(axis=0), cover.upper[piece].max(axis=0)
        for ends_of_box in variables.ends_of(low, high):
            start, end = ends_of_box.T
            inside = np.all((start - _ROUNDED <= t) & (t <= end + _ROUNDED), axis=1)
            boxes.append(_on_axes(polynomial, axes, ends_of_box))
            holds.append(tuple(np.flatnonzero(inside).tolist()))
            if inside.any():
                continue
            here = images[np.all((start - _ROUNDED <= images) & (images <= end + _ROUNDED), axis=1)]
            if is_low and len(here):
                missed.append(here[0])
            else:
                undecided += 1
    on_axes = polynomial.from_scaled(np.array(missed).reshape(-1, len(axes)))
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
    polynomial: ChiSquaredPolynomial, axes: Sequence[Axis], scaled: FloatArray
) -> dict[str, tuple[float, float]]:
    """Return the ends along each axis of a box of scaled variables (axes, 2)."""
    ends = polynomial.from_scaled(scaled.T).T
    return {
        axis.name: (max(a, float(axis.values[0])), min(b, float(axis.values[-1])))
        for axis, (a, b) in zip(axes, ends.tolist(), strict=True)
    }
