"""The minimum of chi2 over nuisances within an orthant, or at its boundary: a safeguarded Newton iteration."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, absolute, fma, load, splat, total
from scanengine_kernels.cholesky import solve
from scanengine_kernels.nuisances.factor import set_newton_step, slope_along
from scanengine_kernels.nuisances.pulls import Nuisances, chi2_of_pulls, slope_of_pull
from scanengine_kernels.nuisances.room import Room
from scanengine_kernels.nuisances.rows import RowWeights, chi2_of_rows, derivative, derivatives_of_four
from scanengine_kernels.nuisances.start import set_gaussian_start

CONVERGED = 1e-9
"""The last step is shorter than this, in standard deviations, and promises chi2 to fall by no more of 1 + chi2: what is
left is about the square of the one, and the power 3/2 of the other.
"""

SHORT = 1e-2
"""After a step shorter than this, in standard deviations, the second derivatives are not formed anew."""

MOST_STEPS = 200
_MOST_HALVINGS = 60
_SUFFICIENT = 1e-4
ROUNDING = 1e-13
_NO_GAIN = 1e-10
"""What a step may promise, relative to 1 + chi2, for the minimum to be reached but for rounding."""

_FAR = 1e6
"""Above it Newton's steps are far too long, and chi2 is halved a few times at most by each."""

_FEW_STEPS, _MANY_STEPS = 8, 40
"""After so many steps the next ones may be of rounding alone, and after so many none is taken where counts are."""

_MOST_IDLE = 4
"""Steps in a row that gain nothing: where a count or a logarithmic pull ends, the next number may be beyond it."""

_EPSILON = 2.0**-52
_SHRINKING = 0.25
"""By this factor steps become shorter with second derivatives that still do."""


@jit_inline
def set_gradient(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set the gradient, and where a nuisance with two templates is at zero, decide which it follows or whether it stays
    there.
    """
    last, chosen = z.size - 1, room.template
    for k in range(0, z.size, 4):
        b, c, d = min(k + 1, last), min(k + 2, last), min(k + 3, last)
        found = derivatives_of_four(templates, chosen[k], chosen[b], chosen[c], chosen[d], room.first)
        for i in range(min(4, z.size - k)):
            room.gradient[k + i] = found[i]
    for k in range(z.size):
        pull = slope_of_pull(nuisances, k, z[k])
        room.free[k] = True
        if nuisances.below[k] == 1 + k or z[k] != 0.0:
            room.gradient[k] += pull
            continue
        above = derivative(templates, 1 + k, room.first) + pull
        below = derivative(templates, nuisances.below[k], room.first) + pull
        room.free[k] = above < 0.0 or below > 0.0
        follows_above = -above >= below
        room.template[k] = 1 + k if follows_above else nuisances.below[k]
        room.gradient[k] = above if follows_above else below


@jit_inline
def set_step(
    nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> tuple[float, bool]:
    """Set Newton's step; a nuisance at its kink that would leave it to the side it does not follow stays there.

    Returns the slope of chi2 along it, and whether its factor is good for other steps.
    """
    while True:
        slope, is_usual = set_newton_step(nuisances, templates, z, room)
        settled = True
        for k in range(z.size):
            if room.free[k] and z[k] == 0.0 and nuisances.below[k] != 1 + k:
                side = 1.0 if room.template[k] == 1 + k else -1.0
                if side * room.step[k] < 0.0:
                    room.free[k] = False
                    settled = False
        if settled:
            return slope, is_usual


@jit_inline
def share_to_kink(nuisances: Nuisances, z: NDArray[np.float64], step: NDArray[np.float64]) -> tuple[float, int]:
    """Return which share of the step leads to the first kink, and whose it is: 1 and -1 if there is none."""
    share, first = 1.0, -1
    for k in range(z.size):
        if nuisances.below[k] != 1 + k and z[k] != 0.0 and z[k] * (z[k] + share * step[k]) < 0.0:
            share, first = -z[k] / step[k], k
    return share, first


@jit_inline
def choose_templates(nuisances: Nuisances, z: NDArray[np.float64], room: Room) -> None:
    """Choose the templates of the orthant that z lies in; at a kink the one last followed."""
    for k in range(z.size):
        if z[k] > 0.0:
            room.template[k] = 1 + k
        elif z[k] < 0.0:
            room.template[k] = nuisances.below[k]


@jit
def rounding(templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> float:
    """Return how far chi2 at z, of which the derivatives are known, may be rounded.

    Effects that are large beside what is left of them are rounded visibly, and chi2 with its slope: steps do not become
    short then, but gain nothing. So is a count near zero, of which chi2 rises steeply.
    """
    number = templates.shape[1]
    found = splat(0.0)
    for r in range(0, number, LANES):
        size = 1.0 + absolute(load(templates, r))
        for k in range(z.size):
            size = fma(abs(z[k]), absolute(load(templates, room.template[k] * number + r)), size)
        error = _EPSILON * size
        found = fma(fma(load(room.second, r), error, absolute(load(room.first, r))), error, found)
    return total(found)


@jit
def counts_are_lost(rows: RowWeights, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> bool:
    """Whether a count or residual at z is rounded by as much as its error: of effects of 1e15 of these."""
    number, poisson = templates.shape[1], rows.seen + rows.empty
    for r in range(number):
        size = abs(templates[0, r])
        for k in range(z.size):
            size += abs(z[k] * templates[room.template[k], r])
        if r < rows.seen:
            size *= sqrt(0.5 * rows.weights[r])
        elif r >= poisson and rows.above[r - poisson] == 0.0:
            size = 0.0
        if _EPSILON * size > 1.0:
            return True
    return False


@jit
def begun_nearer(
    rows: RowWeights,
    nuisances: Nuisances,
    templates: NDArray[np.float64],
    z: NDArray[np.float64],
    chi2: float,
    room: Room,
) -> float:
    """Move z (K,), where chi2 is this, to a better start if there is one; return chi2 there, with its derivatives."""
    set_gaussian_start(rows, nuisances, templates, room)
    room.start[:] = z
    z[:] = room.trial
    for k in range(z.size):
        room.template[k] = 1 + k
    choose_templates(nuisances, z, room)
    found = chi2_of_pulls(nuisances, z)
    if found < inf:
        found += chi2_of_rows(rows, templates, room.template, z, room)
    if found < chi2:
        return found
    z[:] = room.start
    choose_templates(nuisances, z, room)
    return chi2_of_rows(rows, templates, room.template, z, room) + chi2_of_pulls(nuisances, z)


@jit
def minimise(
    rows: RowWeights, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> float:
    """Move z (K,) from where it is, or from zero if chi2 is infinite there, to a minimum; return that chi2.

    templates (1 + K or more, rows). Where counts are lost in their own rounding it is what some steps lead to. It is
    NaN if the steps neither become short nor stop to gain, which convexity excludes.
    """
    K = z.size
    for k in range(K):
        room.template[k] = 1 + k
    choose_templates(nuisances, z, room)
    best = chi2_of_rows(rows, templates, room.template, z, room) + chi2_of_pulls(nuisances, z)
    if K == 0:
        return best
    if not best < inf:
        z[:] = 0.0
        best = chi2_of_rows(rows, templates, room.template, z, room) + chi2_of_pulls(nuisances, z)
        if not best < inf:
            return best
    if best > _FAR:
        best = begun_nearer(rows, nuisances, templates, z, best, room)
    is_usual, factorised, earlier, slope, idle = True, False, inf, -inf, 0
    for steps in range(MOST_STEPS):
        set_gradient(nuisances, templates, z, room)
        if factorised:
            solve(room.hessian, room.gradient, 1.0, room.free, room.step)
            slope = slope_along(room)
        else:
            slope, is_usual = set_step(nuisances, templates, z, room)
        longest = 0.0
        for k in range(K):
            longest = max(longest, abs(room.step[k]))
        if longest < CONVERGED and -slope <= CONVERGED * (1.0 + abs(best)):
            for k in range(K):
                z[k] += room.step[k]
            return best + 0.5 * slope
        rounded = rounding(templates, z, room) if steps >= _FEW_STEPS else 0.0
        if idle == _MOST_IDLE or (steps >= _FEW_STEPS and -slope <= rounded + _NO_GAIN * (1.0 + abs(best))):
            return best
        if steps == _MANY_STEPS and counts_are_lost(rows, templates, z, room):
            return best
        share, at_kink = share_to_kink(nuisances, z, room.step)
        accepted = False
        for _ in range(_MOST_HALVINGS):
            for k in range(K):
                room.trial[k] = z[k] + share * room.step[k]
            if at_kink >= 0:
                room.trial[at_kink] = 0.0
            value = chi2_of_pulls(nuisances, room.trial)
            if value < inf:
                value += chi2_of_rows(rows, templates, room.template, room.trial, room)
            if value <= best + _SUFFICIENT * share * slope + ROUNDING * (1.0 + abs(best)):
                accepted = True
                break
            share, at_kink = 0.5 * share, -1
        if not accepted and factorised:
            factorised = False
            continue
        if not accepted:  # of a direction in which chi2 falls: what is left of it is rounding, as of a count near zero
            return best
        z[:] = room.trial
        idle = idle + 1 if best - value <= rounded + ROUNDING * (1.0 + abs(best)) else 0
        best = value
        choose_templates(nuisances, z, room)
        # after a step this short the second derivatives are the same to about its length, but where a count is as small
        factorised = is_usual and longest < SHORT and share == 1.0 and longest < _SHRINKING * earlier
        earlier = longest
        for k in range(K):
            factorised = factorised and room.free[k] and (z[k] != 0.0 or nuisances.below[k] == 1 + k)
    return np.nan
