"""The minimum of chi2 over nuisances within an orthant, or at its boundary: a safeguarded Newton iteration."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, load, store
from scanengine_kernels.cholesky import factorise, solve
from scanengine_kernels.nuisances.pulls import Nuisances, chi2_of_pulls, half_curvature_of_pull, slope_of_pull
from scanengine_kernels.nuisances.room import Room
from scanengine_kernels.nuisances.rows import RowWeights, chi2_of_rows, derivative

CONVERGED = 1e-9
"""The last step is shorter than this, in standard deviations: what is left is about its square."""

SHORT = 1e-2
"""After a step shorter than this, in standard deviations, the second derivatives are not formed anew."""

MOST_STEPS = 200
_MOST_HALVINGS = 60
_SUFFICIENT = 1e-4
ROUNDING = 1e-13
_NO_GAIN = 1e-10
"""What the last of too many steps may promise, relative to 1 + chi2, for the minimum to be reached but for rounding."""

_EPSILON = 2.0**-52
_SHRINKING = 0.25
"""By this factor steps become shorter with second derivatives that still do."""


@jit_inline
def set_gradient(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set the gradient, and where a nuisance with two templates is at zero, decide which it follows or whether it stays
    there.
    """
    for k in range(z.size):
        pull = slope_of_pull(nuisances, k, z[k])
        room.free[k] = True
        if nuisances.below[k] == 1 + k or z[k] != 0.0:
            room.gradient[k] = derivative(templates, room.template[k], room.first) + pull
            continue
        above = derivative(templates, 1 + k, room.first) + pull
        below = derivative(templates, nuisances.below[k], room.first) + pull
        room.free[k] = above < 0.0 or below > 0.0
        follows_above = -above >= below
        room.template[k] = 1 + k if follows_above else nuisances.below[k]
        room.gradient[k] = above if follows_above else below


@jit_inline
def set_hessian(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set the lower triangle of the second derivatives."""
    number = templates.shape[1]
    for k in range(z.size):
        for r in range(0, number, LANES):
            store(room.product, r, load(room.second, r) * load(templates, room.template[k] * number + r))
        for m in range(k + 1):
            room.hessian[k, m] = derivative(templates, room.template[m], room.product)
        room.hessian[k, k] += 2.0 * half_curvature_of_pull(nuisances, k, z[k])


@jit_inline
def set_step(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set Newton's step; a nuisance at its kink that would leave it to the side it does not follow stays there."""
    while True:
        set_hessian(nuisances, templates, z, room)
        factorise(room.hessian, room.free, 0.0, 0.0, room.hessian)
        solve(room.hessian, room.gradient, 1.0, room.free, room.step)
        settled = True
        for k in range(z.size):
            if room.free[k] and z[k] == 0.0 and nuisances.below[k] != 1 + k:
                side = 1.0 if room.template[k] == 1 + k else -1.0
                if side * room.step[k] < 0.0:
                    room.free[k] = False
                    settled = False
        if settled:
            return


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
def minimise(
    rows: RowWeights, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> float:
    """Move z (K,) from where it is, or from zero if chi2 is infinite there, to a minimum; return that chi2.

    templates (1 + K or more, rows). The result is NaN if the steps neither become short nor stop to gain, which
    convexity excludes.
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
    factorised, earlier, slope = False, inf, -inf
    for _ in range(MOST_STEPS):
        set_gradient(nuisances, templates, z, room)
        if factorised:
            solve(room.hessian, room.gradient, 1.0, room.free, room.step)
        else:
            set_step(nuisances, templates, z, room)
        slope, longest = 0.0, 0.0
        for k in range(K):
            slope += room.gradient[k] * room.step[k]
            longest = max(longest, abs(room.step[k]))
        if longest < CONVERGED:
            for k in range(K):
                z[k] += room.step[k]
            return best + 0.5 * slope
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
        best = value
        choose_templates(nuisances, z, room)
        # after a step this short the second derivatives are the same to about its length, but where a count is as small
        factorised = longest < SHORT and share == 1.0 and longest < _SHRINKING * earlier
        earlier = longest
        for k in range(K):
            factorised = factorised and room.free[k] and (z[k] != 0.0 or nuisances.below[k] == 1 + k)
    # near a count of zero chi2 and its slope are rounded so much that steps do not become short, but gain nothing
    rounded = _NO_GAIN * (1.0 + abs(best))
    for r in range(rows.seen):
        rounded += _EPSILON * sqrt(rows.weights[r] * room.second[r])  # 2 n / N, by which chi2 changes with N / n
    return best if -slope <= rounded else np.nan
