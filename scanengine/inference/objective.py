"""chi2 minimised over nuisances as a function on the box of the axes, with its derivatives, and searches in it.

Each axis runs from 0 to 1, so that neither units nor linear ties change how a search goes. chi2 minimised over
nuisances has the gradient that it has with these held where they are, which is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.chi2.minima import global_minima
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.likelihood.profiled import Likelihood

_NO_CURVATURE = 1e-13
_LEAST_DAMPING, _MOST_DAMPING = 1e-9, 1e3
FORBIDDEN = 1e30
"""chi2 where counts that were seen are not expected."""
_STEP = 1e-5
_NEWTON_STEPS = 50
_RIDGE = 1e-6
"""Below minus this share of the largest, a curvature is that of a ridge."""

_CONVERGED, _SETTLED = 1e-15, 1e-10
"""Of 1 + chi2: steps of Newton's that gain less are the last, to a minimum and to about where it is."""

_PULL = 1e-4
_ASIDE = 0.03
_MOST_RIDGES = 3
_NUMBERS = 1_000_000


class Reached(NamedTuple):
    """chi2 and the place u (axes,) in the box where a search has ended."""

    chi2: float
    u: FloatArray


@dataclass(frozen=True, eq=False)
class Objective:
    """chi2 minimised over nuisances and its derivatives, at u in [0, 1]^axes.

    `polynomials` are the templates (templates, monomials, cells) with the data taken off the first, in scaled variables
    t = (x - centre) / half_width, of which `lower` and `length` are the box.
    """

    likelihood: Likelihood
    centre: FloatArray
    half_width: FloatArray
    lower: FloatArray
    length: FloatArray
    monomials: Monomials
    polynomials: FloatArray

    @classmethod
    def of(cls, likelihood: Likelihood, definition: Definition) -> Objective:
        """Compile the templates of a definition's axes."""
        centre, half_width, monomials, excess = likelihood.excess_polynomials(definition.axes, definition.parameters)
        ends = np.array([axis.values[[0, -1]] for axis in definition.axes])
        lower, upper = ((ends.T - centre) / half_width).copy()
        return cls(likelihood, centre, half_width, lower, upper - lower, monomials, excess)

    def place(self, u: FloatArray) -> FloatArray:
        """Return the values (..., axes) of the axes at u (..., axes)."""
        return np.asarray(self.centre + self.half_width * (self.lower + self.length * u))

    def u(self, places: FloatArray) -> FloatArray:
        """Return where in the box values (..., axes) of the axes are, those outside at its ends."""
        return np.asarray(np.clip(self.at(places), 0.0, 1.0))

    def at(self, places: FloatArray) -> FloatArray:
        """Return u (..., axes) of values of the axes, below 0 or above 1 for those outside the box."""
        t = (places - self.centre) / self.half_width
        return np.asarray((t - self.lower) / self.length)

    @property
    def lengths(self) -> FloatArray:
        """The lengths (axes,) of the axes, in their own units."""
        return np.asarray(self.half_width * self.length)

    @cached_property
    def _derivatives(self) -> tuple[FloatArray, NDArray[np.intp]]:
        """Of the derivatives by each variable, the factors (axes, monomials) and which monomials they belong to."""
        exponents = np.array(self.monomials.exponents).T
        columns = np.zeros(exponents.shape, dtype=np.intp)
        for variable, monomial in np.argwhere(exponents).tolist():
            lowered = exponents[:, monomial].copy()
            lowered[variable] -= 1
            columns[variable, monomial] = self.monomials.column[tuple(lowered.tolist())]
        return exponents.astype(np.float64), columns

    def __call__(self, u: FloatArray) -> tuple[float, FloatArray]:
        """Return chi2 and its gradient (axes,) at u (axes,)."""
        chi2, gradient = self.with_gradient(u[None])
        return float(chi2[0]), gradient[0]

    def with_gradient(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return chi2 (points,) and its gradient (points, axes) at u (points, axes)."""
        values = self.monomials.values(self.lower + self.length * u)
        templates = self._templates(values)
        chi2, z = np.empty(len(u)), np.zeros((len(u), len(self.likelihood.nuisances)))
        self.likelihood.minimise(templates, chi2, z)
        factors, columns = self._derivatives
        gradient = np.zeros(u.shape)
        for i in np.flatnonzero(np.isfinite(chi2)).tolist():
            weights = self.likelihood.templates.weights(z[i])
            slopes = self.likelihood.rows.slopes(weights @ templates[i])
            by_monomial = weights @ (self.polynomials @ slopes)
            gradient[i] = self.length * ((factors * values[i][columns]) @ by_monomial)
        # out of bounds, where counts that were seen are not expected, a search only has to turn back
        return np.where(np.isfinite(chi2), chi2, FORBIDDEN), gradient

    def chi2(self, u: FloatArray) -> FloatArray:
        """Return chi2 (points,) at u (points, axes)."""
        chi2, z = np.empty(len(u)), np.zeros((len(u), len(self.likelihood.nuisances)))
        templates, _, cells = self.polynomials.shape
        at_once = max(1, _NUMBERS // (templates * cells))
        for first in range(0, len(u), at_once):
            part = slice(first, first + at_once)
            values = self.monomials.values(self.lower + self.length * u[part])
            self.likelihood.minimise(self._templates(values), chi2[part], z[part])
        return np.asarray(np.where(np.isfinite(chi2), chi2, FORBIDDEN))

    def _templates(self, values: FloatArray) -> FloatArray:
        """Return the templates (points, templates, cells) where the monomials are values (points, monomials)."""
        return np.ascontiguousarray(np.tensordot(values, self.polynomials, (1, 1)))

    def hessian(self, u: FloatArray) -> FloatArray:
        """Return the second derivatives (axes, axes), from differences of the gradient."""
        steps = _STEP * np.eye(u.size)
        _, gradients = self.with_gradient(np.concatenate((u + steps, u - steps)))
        H = (gradients[: u.size] - gradients[u.size :]) / (2.0 * _STEP)
        return np.asarray(0.5 * (H + H.T))

    def near_polynomial(self, place: FloatArray) -> ChiSquaredPolynomial:
        """Return a chi2 of squares that is near this one: of counts as good as Gaussian, with the effect that the
        nuisances have at a place (axes,), and the same zeros.
        """
        rows = self.likelihood.rows
        poisson = [self.polynomials[..., rows.seen] / np.sqrt(rows.data[rows.seen]), self.polynomials[..., rows.empty]]
        pulls = self.likelihood.constraints.pulls
        correlations = np.zeros((*self.polynomials.shape[:2], pulls.shape[1]))
        correlations[:, 0] = pulls
        residuals = np.concatenate((*poisson, rows.residuals(self.polynomials), correlations), axis=-1)
        at_place = self.monomials.values((place - self.centre) / self.half_width)
        effects = np.einsum("m,kmr->rk", at_place, residuals[1 : 1 + len(self.likelihood.nuisances)])
        effects = effects / np.sqrt(self.likelihood.pull_weights)
        # the inverse root of their covariance 1 + effects effects^T
        directions, sizes, _ = np.linalg.svd(effects, full_matrices=False)
        shrink = 1.0 - 1.0 / np.sqrt(1.0 + sizes**2)
        left = residuals[0] - (residuals[0] @ directions * shrink) @ directions.T
        reduced = np.linalg.qr(left.T, mode="r") if left.shape[1] > left.shape[0] else left.T
        return ChiSquaredPolynomial(self.centre, self.half_width, self.monomials, np.ascontiguousarray(reduced))

    def guesses(self, axes: Sequence[Axis], known: FloatArray) -> FloatArray:
        """Return places (places, axes) on the axes where a chi2 near this one has minima, from known ones (n, axes)."""
        return global_minima(self.near_polynomial(known[0]), axes, known).places

    def search(self, start: FloatArray) -> Reached:
        """Return about where a start (axes,) leads to by damped steps of Newton's; `polish` goes on from there."""
        return self._newton(Reached(self(start)[0], start), converged=_SETTLED)

    def polish(self, reached: Reached) -> Reached:
        """Return the minimum after damped steps of Newton's, also where chi2 rises with the fourth power.

        From a ridge, where no step leads away, the search begins anew on either side.
        """
        for _ in range(_MOST_RIDGES):
            reached = self._newton(reached)
            down = self._down(reached.u)
            if down is None:
                break
            sides = [self.search(np.clip(reached.u + sign * _ASIDE * down, 0.0, 1.0)) for sign in (1.0, -1.0)]
            lower = min(sides, key=lambda each: each.chi2)
            if not lower.chi2 < reached.chi2:
                break
            reached = lower
        return reached

    def free(self, u: FloatArray, gradient: FloatArray) -> NDArray[np.bool_]:
        """Return which variables (axes,) are not held at an end of their axis by a gradient (axes,)."""
        return np.asarray(~(((u <= 0.0) & (gradient > 0.0)) | ((u >= 1.0) & (gradient < 0.0))))

    def stiffness(self, u: FloatArray) -> float:
        """Return the least curvature at u in the directions that no end of an axis holds; infinite if there is none."""
        free = self.free(u, self(u)[1])
        sizes = np.linalg.eigvalsh(self.hessian(u)[np.ix_(free, free)])
        return float(sizes.min(initial=np.inf))

    def _down(self, u: FloatArray) -> FloatArray | None:
        """Return a direction (axes,) in which chi2 curves down from u."""
        free = self.free(u, self(u)[1])
        sizes, directions = np.linalg.eigh(self.hessian(u)[np.ix_(free, free)])
        if not sizes.size or sizes[0] >= -_RIDGE * np.abs(sizes).max() - _RIDGE:
            return None
        down = np.zeros(u.size)
        down[free] = directions[:, 0]
        return down

    def lowest_near(self, u: FloatArray, enough: float) -> Reached:
        """Return the bottom of the valley that u is in, next to it, or the first place where chi2 is low enough.

        That is where chi2 has a minimum if it is a little higher the farther from u.
        """
        return self._newton(Reached(self(u)[0], u), _PULL, converged=_SETTLED, enough=enough)

    def _newton(
        self, reached: Reached, pull: float = 0.0, converged: float = _CONVERGED, enough: float = -np.inf
    ) -> Reached:
        """Return the minimum of chi2 plus pull times the square of the distance from where it begins.

        The last step is the first that gains less than converged, a share of 1 + chi2, or that is low enough.
        """
        begin = u = reached.u
        value, gradient = self(u)
        damping = 0.0
        for _ in range(_NEWTON_STEPS):
            free = self.free(u, gradient)
            H = self.hessian(u) + 2.0 * pull * np.eye(u.size)
            sizes, directions = np.linalg.eigh(H[np.ix_(free, free)])
            largest = np.abs(sizes).max(initial=0.0)
            along = directions.T @ gradient[free]
            lowered = False
            while not lowered and damping < _MOST_DAMPING:
                damped = np.abs(sizes) + (damping + _NO_CURVATURE) * largest
                step = np.zeros(u.size)
                step[free] = -directions @ np.divide(along, damped, out=np.zeros(along.size), where=damped > 0.0)
                trial = np.clip(u + step, 0.0, 1.0)
                there, slope = self(trial)
                off = trial - begin
                there += pull * float(off @ off)
                lowered = there < value
                damping = 0.1 * damping if lowered else max(10.0 * damping, _LEAST_DAMPING)
            if not lowered:
                break
            gain = value - there
            u, value, gradient = trial, there, slope + 2.0 * pull * off
            if value <= enough or gain < converged * (1.0 + value):
                break
        off = u - begin
        return Reached(value - pull * float(off @ off) if pull else value, u)
