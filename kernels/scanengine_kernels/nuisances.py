"""chi2 minimised over nuisance parameters at every point: a safeguarded Newton iteration, eight bins at a time.

Each row (a bin, or a residual of several) has a value mu = T_0 + sum_k z_k T_k, with templates T that are quadratics of
the scanned variables and z in standard deviations; for some nuisances T_k is another one below z_k = 0 than above.
Three kinds of rows follow one another, each filled up to whole blocks by rows of zeros without weight:

- seen: mu = N / n - 1 of a Poisson count N with data n > 0, chi2 = 2 n (mu - ln(1 + mu)) (Baker and Cousins 1984);
- empty: mu = N of a Poisson count without data, chi2 = 2 N, which rises steeply again below N = 0;
- Gaussian: mu a residual in standard deviations, chi2 = mu^2 times a weight that may differ with the sign of mu.

Within an orthant of the nuisances with two templates chi2 is convex. On the boundary to another it has a kink, where
the iteration stops a variable and looks at both sides.
"""

from __future__ import annotations

from math import inf, log1p, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._log import where_positive, x_minus_log1p
from scanengine_kernels._simd import LANES, fma, load, lowest, minimum, splat, store, total
from scanengine_kernels.polynomial import first_changed, fix_variable_of_all

CONVERGED = 1e-9
"""The last step is shorter than this, in standard deviations: what is left is about its square."""

SHORT = 1e-2
"""After a step shorter than this, in standard deviations, the second derivatives are not formed anew."""

MOST_STEPS = 200
_MOST_HALVINGS = 60
_SUFFICIENT = 1e-4
_ROUNDING = 1e-13
_NO_GAIN = 1e-10
"""What the last of too many steps may promise, relative to 1 + chi2, for the minimum to be reached but for rounding."""

_EPSILON = 2.0**-52

_BEYOND = 1e-3
_SHRINKING = 0.25
"""By this factor steps become shorter with second derivatives that still do."""

EMPTY_WALL = 1e-5
"""A count without data falls this far below zero before chi2 rises by one: the minimum is right to its square."""


class Rows(NamedTuple):
    """How many rows of each kind there are, in multiples of 8, and what weighs them.

    `weights` (seen,) are 2 n, `empty_weights` (empty,) are 2; `above` and `below` (Gaussian,) weigh mu^2 for mu > 0 and
    mu <= 0. Rows that fill a block have weight zero.
    """

    seen: int
    empty: int
    gaussian: int
    weights: NDArray[np.float64]
    empty_weights: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


class Nuisances(NamedTuple):
    """Nuisance parameters (K,): `below` is the template (of those after T_0, from 1 on) for z_k < 0, that for z_k > 0
    being 1 + k; `measured` (K,) is where the pulls vanish, zero but for pseudo-experiments.

    A pull is pull_weights (z - measured)^2 where `log_widths` is zero. Where it is w, x = w z and c = 1 + w measured it
    is 2 (1 + x - c - c ln((1 + x) / c)) / w^2, as of a Poisson count c / w^2 with the expectation (1 + x) / w^2; of
    c = 1 that is 2 (x - ln(1 + x)) / w^2.
    """

    below: NDArray[np.int64]
    log_widths: NDArray[np.float64]
    pull_weights: NDArray[np.float64]
    measured: NDArray[np.float64]


class Room(NamedTuple):
    """Memory to work in: per row the first and second derivatives and their products, per nuisance the rest."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    product: NDArray[np.float64]
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]
    step: NDArray[np.float64]
    trial: NDArray[np.float64]
    start: NDArray[np.float64]
    other: NDArray[np.float64]
    template: NDArray[np.int64]
    free: NDArray[np.bool_]


@jit
def new_room(rows: int, nuisances: int) -> Room:
    """Return room for so many rows and nuisances."""
    return Room(
        np.empty(rows),
        np.empty(rows),
        np.empty(rows),
        np.empty(nuisances),
        np.empty((nuisances, nuisances)),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances),
        np.empty(nuisances, dtype=np.int64),
        np.empty(nuisances, dtype=np.bool_),
    )


@jit_inline
def chi2_of_rows(
    rows: Rows, templates: NDArray[np.float64], chosen: NDArray[np.int64], z: NDArray[np.float64], room: Room
) -> float:
    """Return chi2 of the rows at z, and set the first and second derivatives by each row's mu.

    templates (1 + K or more, rows); chosen (K,) of them belong to the nuisances. Infinite where a count with data is
    zero or below; then the derivatives are not set.
    """
    number = templates.shape[1]
    chi2 = splat(0.0)
    least = splat(1.0)
    for r in range(0, rows.seen, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = load(rows.weights, r)
        ratio = mu + 1.0
        least = minimum(ratio, least)
        chi2 = fma(weight, x_minus_log1p(mu, ratio), chi2)
        inverse = 1.0 / ratio
        store(room.first, r, weight * (mu * inverse))
        store(room.second, r, weight * (inverse * inverse))
    if not lowest(where_positive(least, least, -1.0)) > 0.0:
        return inf
    end = rows.seen + rows.empty
    for r in range(rows.seen, end, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = load(rows.empty_weights, r - rows.seen)
        beyond = minimum(mu, 0.0) * (1.0 / EMPTY_WALL)
        wall = where_positive(0.0 - mu, weight * (1.0 / EMPTY_WALL**2), 0.0)
        chi2 = fma(weight, fma(0.5 * beyond, beyond, mu), chi2)
        store(room.first, r, fma(wall, mu, weight))
        store(room.second, r, wall)
    for r in range(end, end + rows.gaussian, LANES):
        mu = load(templates, r)
        for k in range(z.size):
            mu = fma(z[k], load(templates, chosen[k] * number + r), mu)
        weight = where_positive(mu, load(rows.above, r - end), load(rows.below, r - end))
        weighted = weight * mu
        chi2 = fma(weighted, mu, chi2)
        store(room.first, r, weighted + weighted)
        store(room.second, r, weight + weight)
    return total(chi2)


@jit_inline
def chi2_of_pulls(nuisances: Nuisances, z: NDArray[np.float64]) -> float:
    """Return what the nuisances themselves add to chi2; infinite where 1 + x <= 0 of a logarithmic pull."""
    chi2 = 0.0
    for k in range(z.size):
        width, away = nuisances.log_widths[k], z[k] - nuisances.measured[k]
        if width == 0.0:
            chi2 += nuisances.pull_weights[k] * (away * away)
            continue
        if width * z[k] <= -1.0:
            return inf
        centre = 1.0 + width * nuisances.measured[k]
        u = width * away / centre
        if abs(u) < 1e-3:  # the series: u - ln(1 + u) cancels, and z is of order one where the width is small
            term = u * u * (0.5 + u * (-1.0 / 3.0 + u * (0.25 + u * (-0.2 + u * (1.0 / 6.0 - u / 7.0)))))
        else:
            term = u - log1p(u)
        chi2 += 2.0 * centre * term / (width * width)
    return chi2


@jit_inline
def slope_of_pull(nuisances: Nuisances, k: int, z: float) -> float:
    """Return the derivative of the pull of nuisance k at z."""
    return 2.0 * nuisances.pull_weights[k] * (z - nuisances.measured[k]) / (1.0 + nuisances.log_widths[k] * z)


@jit_inline
def half_curvature_of_pull(nuisances: Nuisances, k: int, z: float) -> float:
    """Return half the second derivative of the pull of nuisance k at z."""
    width = nuisances.log_widths[k]
    stretched = 1.0 + width * z
    return nuisances.pull_weights[k] * (1.0 + width * nuisances.measured[k]) / (stretched * stretched)


@jit_inline
def derivative(templates: NDArray[np.float64], template: int, weights: NDArray[np.float64]) -> float:
    """Return sum_r weights_r T_r of one template."""
    number = templates.shape[1]
    # two sums at once: a single one is waited for longer than it is worked on
    even, odd = splat(0.0), splat(0.0)
    for r in range(0, number - LANES, 2 * LANES):
        even = fma(load(weights, r), load(templates, template * number + r), even)
        odd = fma(load(weights, r + LANES), load(templates, template * number + r + LANES), odd)
    if number // LANES % 2:
        last = number - LANES
        even = fma(load(weights, last), load(templates, template * number + last), even)
    return total(even + odd)


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
def factorise_free(room: Room) -> None:
    """Replace the second derivatives H by L and D of H = L D L^T, those of nuisances that are not free by ones."""
    L, free = room.hessian, room.free
    for i in range(room.gradient.size):
        for j in range(i):
            value = L[i, j] if free[i] and free[j] else 0.0
            for m in range(j):
                value -= L[i, m] * L[j, m] * L[m, m]
            L[i, j] = value / L[j, j]
        value = L[i, i] if free[i] else 1.0
        for m in range(i):
            value -= L[i, m] * L[i, m] * L[m, m]
        L[i, i] = value


@jit_inline
def solve_free(room: Room) -> None:
    """Set the step to -H^-1 g over the free nuisances and to zero for the others, of the factorised H."""
    L, step = room.hessian, room.step
    K = step.size
    for i in range(K):
        value = -room.gradient[i] if room.free[i] else 0.0
        for m in range(i):
            value -= L[i, m] * step[m]
        step[i] = value
    for i in range(K - 1, -1, -1):
        value = step[i] / L[i, i]
        for m in range(i + 1, K):
            value -= L[m, i] * step[m]
        step[i] = value


@jit_inline
def set_step(nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room) -> None:
    """Set Newton's step; a nuisance at its kink that would leave it to the side it does not follow stays there."""
    while True:
        set_hessian(nuisances, templates, z, room)
        factorise_free(room)
        solve_free(room)
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
    rows: Rows, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
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
            solve_free(room)
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
            if value <= best + _SUFFICIENT * share * slope + _ROUNDING * (1.0 + abs(best)):
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


@jit
def cannot_be_lower_beyond(
    rows: Rows,
    nuisances: Nuisances,
    templates: NDArray[np.float64],
    k: int,
    z: NDArray[np.float64],
    chi2: float,
    room: Room,
) -> bool:
    """Whether chi2 beyond the kink of nuisance k is nowhere below that of a minimum z on this side of it.

    Sets room.start to a point on the kink, about where chi2 is least there. Beyond, chi2 is convex, by the pulls at
    least as z^2 is, and so bounded by its value and slope at this point. (Logarithmic pulls flatten as they rise; here
    they are taken for half as steep as at the point.)
    """
    K = z.size
    for m in range(K):
        room.free[m] = z[m] != 0.0 or nuisances.below[m] == 1 + m
        room.gradient[m] = -1.0 if m == k else 0.0
    solve_free(room)
    for m in range(K):
        start = z[m] - z[k] * room.step[m] / room.step[k]
        crossed = nuisances.below[m] != 1 + m and start * z[m] <= 0.0
        room.start[m] = 0.0 if m == k or crossed else start
    choose_templates(nuisances, z, room)
    room.template[k] = nuisances.below[k] if z[k] > 0.0 else 1 + k
    bound = chi2_of_pulls(nuisances, room.start)
    if bound < inf:
        bound += chi2_of_rows(rows, templates, room.template, room.start, room)
    if not bound < inf:
        return False
    for m in range(K):
        slope = derivative(templates, room.template[m], room.first) + slope_of_pull(nuisances, m, room.start[m])
        # into the other side, and away from the kinks of others, it can only fall along the slope
        if m == k and slope * z[k] < 0.0:
            continue
        steepness = half_curvature_of_pull(nuisances, m, room.start[m])
        if nuisances.log_widths[m] != 0.0:
            steepness *= 0.5
        bound -= 0.25 * slope * slope / steepness
    return bound >= chi2 - _ROUNDING * (1.0 + abs(chi2))


@jit
def set_start_beyond_several(
    rows: Rows, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> bool:
    """Set room.other to a point beyond several kinks at once, and return whether chi2 asks for it.

    It does where, with all nuisances that have a kink at theirs, chi2 falls to the sides that z is not on for two of
    them or more: no single one of these may be lower beyond its own kink.
    """
    kinks = 0
    for k in range(z.size):
        has_kink = nuisances.below[k] != 1 + k and z[k] != 0.0
        kinks += 1 if has_kink else 0
        room.start[k] = 0.0 if has_kink else z[k]
        room.other[k] = z[k]
    if kinks < 2:
        return False
    if not chi2_of_rows(rows, templates, room.template, room.start, room) < inf:
        return False
    found = 0
    for k in range(z.size):
        if nuisances.below[k] == 1 + k or z[k] == 0.0:
            continue
        beyond = nuisances.below[k] if z[k] > 0.0 else 1 + k
        slope = derivative(templates, beyond, room.first) + slope_of_pull(nuisances, k, 0.0)
        if slope * z[k] > 0.0:
            room.other[k] = -_BEYOND if z[k] > 0.0 else _BEYOND
            found += 1
    return found > 1


@jit
def minimise_everywhere(
    rows: Rows, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> float:
    """Move z (K,) from where it is to a minimum, and on as long as one is lower beyond a kink; return that chi2."""
    chi2 = minimise(rows, nuisances, templates, z, room)
    if np.isnan(chi2):
        z[:] = 0.0
        chi2 = minimise(rows, nuisances, templates, z, room)
    k = 0
    while k <= z.size:
        if k == z.size:
            wanted = chi2 < inf and set_start_beyond_several(rows, nuisances, templates, z, room)
        else:
            beyond_known = nuisances.below[k] == 1 + k or z[k] == 0.0 or not chi2 < inf
            wanted = not beyond_known and not cannot_be_lower_beyond(rows, nuisances, templates, k, z, chi2, room)
            if wanted:
                room.other[:] = room.start
                room.other[k] = -_BEYOND if z[k] > 0.0 else _BEYOND
        if wanted:
            other = minimise(rows, nuisances, templates, room.other, room)
            if other < chi2 - _ROUNDING * (1.0 + abs(chi2)):
                chi2 = other
                z[:] = room.other
                k = 0
                continue
            if k + 1 < z.size:  # its second derivatives are wanted again
                minimise(rows, nuisances, templates, z, room)
        k += 1
    return chi2


@jit
def minimise_each(
    rows: Rows,
    nuisances: Nuisances,
    templates: NDArray[np.float64],
    z: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Set chi2 (points,) and z (points, K), which holds the starts, for templates (points, 1 + K or more, rows)."""
    room = new_room(templates.shape[2], z.shape[1])
    for p in range(chi2.size):
        chi2[p] = minimise_everywhere(rows, nuisances, templates[p], z[p], room)


@jit
def fill_profiled(
    quadratics: NDArray[np.float64],
    rows: Rows,
    nuisances: Nuisances,
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) on the tensor grid of values (axes, longest): values[a, :shape[a]] of variable a.

    quadratics (monomials of degree two, templates times rows) have starts and groups as in `polynomial`. Every point is
    begun from the minima of the two before it on its line, every line from the one before.
    """
    n = shape.size
    K = nuisances.below.size
    number = rows.seen + rows.empty + rows.gaussian
    columns = quadratics.shape[1] // max(number, 1)
    templates = np.empty((columns, number))
    room = new_room(number, K)
    levels = np.empty((n, *quadratics.shape))
    levels[0] = quadratics
    level, size = levels[n - 1], columns * number
    index = np.full(n - 1, -1, dtype=np.int64)
    line_start, before, z, start = np.zeros(K), np.zeros(K), np.zeros(K), np.zeros(K)
    x = values[n - 1]
    for line in range(chi2.shape[0]):
        for axis in range(first_changed(line, shape, index), n - 1):
            fix_variable_of_all(levels[axis], starts[axis], groups[axis], values[axis, index[axis]], levels[axis + 1])
        for point in range(shape[n - 1]):
            t = x[point]
            for q in range(0, size, LANES):
                value = fma(t, fma(t, load(level, 2 * size + q), load(level, size + q)), load(level, q))
                store(templates, q, value)
            if point == 0:
                start[:] = line_start
            elif point == 1:
                start[:] = z
            else:
                ratio = (t - x[point - 1]) / (x[point - 1] - x[point - 2])
                for k in range(K):
                    start[k] = z[k] + ratio * (z[k] - before[k])
            before[:] = z
            z[:] = start
            chi2[line, point] = minimise_everywhere(rows, nuisances, templates, z, room)
            if point == 0:
                line_start[:] = z
