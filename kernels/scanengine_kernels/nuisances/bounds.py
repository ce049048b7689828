"""Proven lower bounds, over boxes, of chi2 minimised over nuisances: of counts, residuals and pulls of any kind.

Row r adds f_r(mu_r) to chi2, which is convex in mu_r(t, z) = T_0r(t) + sum_k z_k T_kr(t). For any number lambda_r a
tangent lies below it, f_r(mu) >= lambda_r mu - f*_r(lambda_r), with the conjugate f* in closed form. With
h_k(t) = sum_r lambda_r T_kr(t), which are quadratics in t,

    chi2(t, z) >= h_0(t) - sum_r f*_r(lambda_r) + sum_k (h_k(t) z_k + pull_k(z_k)),

and the least over each z_k is a concave function q_k(h_k) in closed form. With its slope z^_k at the middle of the box,

    chi2(t) >= [h_0 + sum_k z^_k (h_k - h_k(middle))](t) - sum_r f*_r + sum_k [q_k(h_k) - z^_k (h_k - h_k(middle))].

The first bracket is one quadratic, bounded over the box as it is; the others are concave in h_k, and so least at the
ends of the range of h_k. What is lost is of second order in the width of the box. A nuisance that follows another
template below zero has the lower of two such functions.

Any lambda gives a bound. The first is the slope of chi2 by mu at the middle of the box, with the nuisances that
minimise it: there the bound is chi2 itself. Others are those at the points where the bound is lowest, and means of
them.
"""

from __future__ import annotations

from math import inf, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._log import x_minus_log1p
from scanengine_kernels._simd import LANES, absolute, fma, load, splat, store, total
from scanengine_kernels.nuisances.kinks import minimise_everywhere
from scanengine_kernels.nuisances.newton import choose_templates
from scanengine_kernels.nuisances.pulls import Nuisances
from scanengine_kernels.nuisances.room import Room, new_room
from scanengine_kernels.nuisances.rows import EMPTY_WALL, RowWeights, chi2_of_rows, derivative

ABOVE, REACHED, OPEN = 0, 1, 2
"""Of a box: chi2 is above the cutoff everywhere; somewhere it is not; neither is known."""

_DIRECTIONS = 4
_MOST_SIDES = 32
_MIXES = (0.25, 0.5, 0.75)
_UNIT = 1.2e-16


class Templates(NamedTuple):
    """Templates as polynomials: `coefficients` (templates, monomials, rows), the first of these the constant, of which
    template k has so many as `used` (templates,) says, one or all; a monomial is the product of the variables `first`
    and `second` (monomials,), -1 for none. `sizes` (templates, rows) are the sums of the coefficients' sizes.
    """

    coefficients: NDArray[np.float64]
    used: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    sizes: NDArray[np.float64]


class Dual(NamedTuple):
    """A choice of `slopes` (rows,), and the `quadratics` (templates, monomials) that it makes of the templates."""

    slopes: NDArray[np.float64]
    quadratics: NDArray[np.float64]


class Box(NamedTuple):
    """The middle of a box and half its widths, both (n,)."""

    middle: NDArray[np.float64]
    width: NDArray[np.float64]


@jit_inline
def monomials_at(templates: Templates, t: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Set values (monomials,) at t."""
    for m in range(values.size):
        values[m] = 1.0
        if templates.first[m] >= 0:
            values[m] *= t[templates.first[m]]
        if templates.second[m] >= 0:
            values[m] *= t[templates.second[m]]


@jit
def templates_at(templates: Templates, values: NDArray[np.float64], at: NDArray[np.float64]) -> None:
    """Set at (templates, rows) to the templates where the monomials have these values."""
    number, monomials, rows = templates.coefficients.shape
    for k in range(number):
        for r in range(0, rows, LANES):
            mu = load(templates.coefficients, k * monomials * rows + r)
            for m in range(1, templates.used[k]):
                mu = fma(values[m], load(templates.coefficients, (k * monomials + m) * rows + r), mu)
            store(at, k * rows + r, mu)


@jit
def set_quadratics(templates: Templates, dual: Dual) -> None:
    """Set the quadratics of a choice of slopes."""
    number, monomials, rows = templates.coefficients.shape
    flat = templates.coefficients.reshape(number * monomials, rows)
    for k in range(number):
        for m in range(monomials):
            dual.quadratics[k, m] = derivative(flat, k * monomials + m, dual.slopes) if m < templates.used[k] else 0.0


@jit
def minus_conjugates(rows: RowWeights, slopes: NDArray[np.float64]) -> tuple[float, float]:
    """Return the sum of -f*_r over all rows, and how far it may be rounded; -inf where a slope has no tangent."""
    found, size = splat(0.0), splat(0.0)
    for r in range(0, rows.seen, LANES):
        weight, slope = load(rows.weights, r), load(slopes, r)
        share = slope / (weight + 1e-300)
        y = 0.0 - share
        term = weight * x_minus_log1p(y, 1.0 + y)
        found = found - term
        size = fma(absolute(slope), absolute(share) / (1.0 - share), absolute(term)) + size
    value, rounding = total(found), total(size)
    end = rows.seen + rows.empty
    for r in range(rows.seen, end):
        weight = rows.empty_weights[r - rows.seen]
        if weight > 0.0:
            if slopes[r] > weight:
                return -inf, 0.0
            term = 0.5 * (slopes[r] - weight) ** 2 * EMPTY_WALL**2 / weight
            value -= term
            rounding += term
    for r in range(end, end + rows.gaussian):
        weight = rows.above[r - end] if slopes[r] > 0.0 else rows.below[r - end]
        if slopes[r] == 0.0:
            continue
        if weight == 0.0:
            return -inf, 0.0
        term = 0.25 * slopes[r] ** 2 / weight
        value -= term
        rounding += term
    return value, (2e3 + slopes.size) * _UNIT * rounding


@jit_inline
def least_of_pull(nuisances: Nuisances, k: int, h: float, side: int) -> tuple[float, float]:
    """Return the least of h z + pull_k(z), and the z of it: over all z, or those above (side 1) or below zero (-1)."""
    if side * h > 0.0 or h == 0.0:
        return 0.0, 0.0
    weight, width = nuisances.pull_weights[k], nuisances.log_widths[k]
    if width == 0.0:
        return -0.25 * h * h / weight, -0.5 * h / weight
    share = -0.5 * h * width / weight
    if share >= 1.0:
        return -inf, inf
    return 2.0 * weight * (share + log1p(-share)) / (width * width), share / ((1.0 - share) * width)


@jit
def expand(
    templates: Templates, q: NDArray[np.float64], box: Box, slope: NDArray[np.float64], bend: NDArray[np.float64]
) -> float:
    """Set slope (n,) and bend (n, n), its lower triangle, of a quadratic q (monomials,) about the middle; return q
    there.
    """
    n = slope.size
    slope[:] = 0.0
    bend[:] = 0.0
    value = q[0]
    for m in range(1, q.size):
        i, j = templates.first[m], templates.second[m]
        if j < 0:
            slope[i] += q[m]
            value += q[m] * box.middle[i]
        else:
            bend[max(i, j), min(i, j)] += q[m]
            slope[i] += q[m] * box.middle[j]
            slope[j] += q[m] * box.middle[i]
            value += q[m] * box.middle[i] * box.middle[j]
    for i in range(n):
        for j in range(i + 1, n):
            bend[i, j] = bend[j, i]
    return value


@jit
def range_of(
    slope: NDArray[np.float64], bend: NDArray[np.float64], width: NDArray[np.float64], place: NDArray[np.float64]
) -> tuple[float, float]:
    """Return numbers between which slope . x + x . bend . x / 2 + ... lies for |x_i| <= width_i, off its value at zero.

    bend has the coefficient of x_i x_j at [i, j], i >= j. Sets place (n,) near where the lower one is reached.
    """
    lowest, highest = 0.0, 0.0
    for i in range(slope.size):
        w, b, a = width[i], slope[i], bend[i, i]
        down, up = -w if b > 0.0 else w, w if b > 0.0 else -w
        if 2.0 * a * w > abs(b):
            down = -0.5 * b / a
        if -2.0 * a * w > abs(b):
            up = -0.5 * b / a
        lowest += down * (b + a * down)
        highest += up * (b + a * up)
        place[i] = down
        for j in range(i):
            cross = abs(bend[i, j]) * w * width[j]
            lowest -= cross
            highest += cross
    return lowest, highest


class Quadratic(NamedTuple):
    """A quadratic about the middle of a box: slopes (n,) and bends (n, n)."""

    slope: NDArray[np.float64]
    bend: NDArray[np.float64]


@jit
def bound_over_box(
    templates: Templates,
    rows: RowWeights,
    nuisances: Nuisances,
    sides: NDArray[np.int64],
    dual: Dual,
    at: NDArray[np.float64],
    box: Box,
    whole: Quadratic,
    one: Quadratic,
    place: NDArray[np.float64],
) -> tuple[float, int]:
    """Return a number that chi2 is nowhere below in the box, rounding included, with the nuisances on these sides of
    zero (K,), 0 for both; and the nuisance that lowers it most by its other template, than that which it follows where
    the slopes were taken, `at` (K,); -1 if none does.

    Sets place (n,), from the middle, to where this bound is lowest. whole and one are room.
    """
    value, margin = minus_conjugates(rows, dual.slopes)
    if value == -inf:
        return -inf, -1
    number, n = templates.used.size, box.middle.size
    unit = 4.0 * (dual.slopes.size + 4 * templates.first.size + n * n + 50) * _UNIT
    sizes = np.empty(number)
    for k in range(number):
        size = splat(0.0)
        for r in range(0, dual.slopes.size, LANES):
            size = fma(absolute(load(dual.slopes, r)), load(templates.sizes, k * dual.slopes.size + r), size)
        sizes[k] = total(size)
    value += expand(templates, dual.quadratics[0], box, whole.slope, whole.bend)
    margin += unit * sizes[0]
    worst, most = -1, 0.0
    for k in range(sides.size):
        above, below, side = 1 + k, nuisances.below[k], sides[k]
        other_least, chosen = inf, below if side < 0 else above
        if below != above and side == 0:
            h_above = expand(templates, dual.quadratics[above], box, one.slope, one.bend)
            h_below = expand(templates, dual.quadratics[below], box, one.slope, one.bend)
            q_above, _ = least_of_pull(nuisances, k, h_above, 1)
            q_below, _ = least_of_pull(nuisances, k, h_below, -1)
            side = 1 if q_above < q_below else -1
            chosen, other = (above, below) if side > 0 else (below, above)
            h = expand(templates, dual.quadratics[other], box, one.slope, one.bend)
            low, high = range_of(one.slope, one.bend, box.width, place)
            error = unit * sizes[other]
            q_low, _ = least_of_pull(nuisances, k, h + low - error, -side)
            q_high, _ = least_of_pull(nuisances, k, h + high + error, -side)
            other_least = min(q_low, q_high)
        h = expand(templates, dual.quadratics[chosen], box, one.slope, one.bend)
        q, z = least_of_pull(nuisances, k, h, side)
        if q == -inf:
            return -inf, -1
        low, high = range_of(one.slope, one.bend, box.width, place)
        error = unit * sizes[chosen]
        low, high = low - error, high + error
        q_low, _ = least_of_pull(nuisances, k, h + low, side)
        q_high, _ = least_of_pull(nuisances, k, h + high, side)
        least = min(q_low - z * low, q_high - z * high)
        if other_least < inf:
            least = min(least, other_least - max(z * low, z * high))
            wanted = q_above if at[k] > 0.0 else q_below if at[k] < 0.0 else 0.0
            if wanted - least > most and (
                at[k] == 0.0 or side * at[k] < 0.0 or least < min(q_low - z * low, q_high - z * high)
            ):
                worst, most = k, wanted - least
        value += least
        margin += unit * (abs(z) * sizes[chosen] + abs(least) + abs(z) * (abs(low) + abs(high)))
        for i in range(n):
            whole.slope[i] += z * one.slope[i]
            for j in range(n):
                whole.bend[i, j] += z * one.bend[i, j]
    low, _ = range_of(whole.slope, whole.bend, box.width, place)
    return value + low - 4.0 * (margin + unit * (abs(value) + abs(low))), worst


class Work(NamedTuple):
    """Room for the bounds of boxes: the templates at a point, monomials, and choices of slopes."""

    at: NDArray[np.float64]
    monomials: NDArray[np.float64]
    best: Dual
    new: Dual
    mixed: Dual
    whole: Quadratic
    one: Quadratic
    place: NDArray[np.float64]
    new_place: NDArray[np.float64]
    point: NDArray[np.float64]
    below: NDArray[np.int64]


@jit
def work_for(templates: Templates, n: int, nuisances: int) -> Work:
    """Return room for boxes of n variables, and so many nuisances."""
    number, monomials, rows = templates.coefficients.shape
    return Work(
        np.empty((number, rows)),
        np.empty(monomials),
        Dual(np.empty(rows), np.empty((number, monomials))),
        Dual(np.empty(rows), np.empty((number, monomials))),
        Dual(np.empty(rows), np.empty((number, monomials))),
        Quadratic(np.empty(n), np.empty((n, n))),
        Quadratic(np.empty(n), np.empty((n, n))),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(nuisances, dtype=np.int64),
    )


@jit
def chi2_at(
    templates: Templates,
    rows: RowWeights,
    nuisances: Nuisances,
    sides: NDArray[np.int64],
    t: NDArray[np.float64],
    z: NDArray[np.float64],
    work: Work,
    room: Room,
    slopes: NDArray[np.float64],
) -> float:
    """Return chi2 at t, z (K,) being a start and then its minimum there; set the slopes (rows,) by each row's mu.

    A nuisance that is to be on one side of zero has the template of that side everywhere, and may be on the other.
    """
    monomials_at(templates, t, work.monomials)
    templates_at(templates, work.monomials, work.at)
    work.below[:] = nuisances.below
    for k in range(z.size):
        if sides[k] != 0:
            work.below[k] = 1 + k
        if sides[k] < 0:
            work.at[1 + k] = work.at[nuisances.below[k]]
    here = Nuisances(work.below, nuisances.log_widths, nuisances.pull_weights, nuisances.measured)
    chi2 = minimise_everywhere(rows, here, work.at, z, room)
    if not chi2 < inf:
        z[:] = 0.0
        return chi2
    for k in range(z.size):
        room.template[k] = 1 + k
    choose_templates(here, z, room)
    chi2_of_rows(rows, work.at, room.template, z, room)
    slopes[:] = room.first
    if z.size == 0:  # what is expected where nothing is seen does not become less than nothing
        for r in range(rows.empty):
            slopes[rows.seen + r] = rows.empty_weights[r]
    return chi2


@jit
def decide_on_sides(
    templates: Templates,
    rows: RowWeights,
    nuisances: Nuisances,
    sides: NDArray[np.int64],
    box: Box,
    cutoff: float,
    z: NDArray[np.float64],
    work: Work,
    room: Room,
) -> tuple[int, int]:
    """Return what is known of chi2 in a box with the nuisances on these sides of zero, as `decide_box` does; and which
    nuisance should be on one side alone to know more, -1 for none.

    z (K,) is where the search over nuisances begins, and then that of the middle.
    """
    chi2 = chi2_at(templates, rows, nuisances, sides, box.middle, z, work, room, work.best.slopes)
    if chi2 <= cutoff:
        return REACHED, -1
    if not chi2 < inf:
        return OPEN, -1
    set_quadratics(templates, work.best)
    bound, worst = bound_over_box(
        templates, rows, nuisances, sides, work.best, z, box, work.whole, work.one, work.place
    )
    at = z.copy()
    for _ in range(_DIRECTIONS):
        if bound > cutoff:
            return ABOVE, -1
        if bound == -inf or worst >= 0:
            return OPEN, worst
        work.point[:] = box.middle + work.place
        chi2 = chi2_at(templates, rows, nuisances, sides, work.point, at, work, room, work.new.slopes)
        if chi2 <= cutoff:
            return REACHED, -1
        if not chi2 < inf:
            return OPEN, -1
        set_quadratics(templates, work.new)
        before = bound
        share = 0.0
        for step in range(len(_MIXES) + 1):
            s = 1.0 if step == 0 else _MIXES[step - 1]
            work.mixed.slopes[:] = work.best.slopes + s * (work.new.slopes - work.best.slopes)
            work.mixed.quadratics[:] = work.best.quadratics + s * (work.new.quadratics - work.best.quadratics)
            found, of_found = bound_over_box(
                templates, rows, nuisances, sides, work.mixed, at, box, work.whole, work.one, work.new_place
            )
            if found > cutoff:  # with these slopes as they are, and not with means of quadratics that are rounded
                set_quadratics(templates, work.mixed)
                found, of_found = bound_over_box(
                    templates, rows, nuisances, sides, work.mixed, at, box, work.whole, work.one, work.new_place
                )
                if found > cutoff:
                    return ABOVE, -1
            if found > bound:
                bound, share, worst = found, s, of_found
                work.place[:] = work.new_place
        if share == 0.0 or bound - before < 0.02 * (cutoff - before):
            break
        work.best.slopes[:] = work.best.slopes + share * (work.new.slopes - work.best.slopes)
        set_quadratics(templates, work.best)
    return OPEN, worst


@jit
def decide_box(
    templates: Templates,
    rows: RowWeights,
    nuisances: Nuisances,
    box: Box,
    cutoff: float,
    z: NDArray[np.float64],
    work: Work,
    room: Room,
) -> int:
    """Return what is known of chi2 in a box: `ABOVE` the cutoff, `REACHED` by it, or `OPEN`.

    z (K,) is where the search over nuisances begins, and then that of the middle. Nuisances that have another template
    below zero than above are looked at on either side, one after the other, where that is needed.
    """
    sides, stack = np.zeros(z.size, dtype=np.int64), np.zeros((_MOST_SIDES + 2, z.size), dtype=np.int64)
    found, worst = decide_on_sides(templates, rows, nuisances, sides, box, cutoff, z, work, room)
    if found != OPEN or worst < 0:
        return found
    height, looked_at, start = 0, 0, z.copy()
    while True:
        for side in (-1, 1):
            stack[height] = sides
            stack[height, worst] = side
            height += 1
        found = ABOVE
        while height > 0 and found == ABOVE:
            height -= 1
            looked_at += 1
            sides[:] = stack[height]
            start[:] = z
            found, worst = decide_on_sides(templates, rows, nuisances, sides, box, cutoff, start, work, room)
        if found == ABOVE:
            return ABOVE
        if worst < 0 or looked_at >= _MOST_SIDES or height + 2 > stack.shape[0]:
            return OPEN


@jit
def curvature(
    templates: Templates,
    nuisances: Nuisances,
    box: Box,
    z: NDArray[np.float64],
    room: Room,
    along: NDArray[np.float64],
) -> None:
    """Set along (n,) to about how much chi2 bends from the middle of a box to its sides, with these nuisances."""
    number, monomials, rows = templates.coefficients.shape
    n = along.size
    along[:] = 0.0
    slopes = np.empty((n, LANES))
    for r in range(0, rows, LANES):
        slopes[:] = 0.0
        for k in range(number):
            weight = 1.0 if k == 0 else 0.0
            for i in range(z.size):
                if (1 + i if z[i] > 0.0 else nuisances.below[i]) == k:
                    weight += z[i]
            if weight == 0.0:
                continue
            for m in range(1, templates.used[k]):
                i, j = templates.first[m], templates.second[m]
                first = (k * monomials + m) * rows + r
                c = load(templates.coefficients, first)
                if j < 0:
                    store(slopes, i * LANES, fma(weight, c, load(slopes, i * LANES)))
                else:
                    store(slopes, i * LANES, fma(weight * box.middle[j], c, load(slopes, i * LANES)))
                    store(slopes, j * LANES, fma(weight * box.middle[i], c, load(slopes, j * LANES)))
        second = load(room.second, r)
        for i in range(n):
            s = load(slopes, i * LANES)
            along[i] += total(second * (s * s))
    for i in range(n):
        along[i] *= box.width[i] * box.width[i]


@jit
def decide_boxes(
    templates: Templates,
    rows: RowWeights,
    nuisances: Nuisances,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    cutoff: float,
    z: NDArray[np.float64],
    found: NDArray[np.int64],
    along: NDArray[np.float64],
) -> None:
    """Set found (boxes,) to what is known of boxes from lower to upper (boxes, n), within [-1, 1].

    z (boxes, K) are starts, and then the nuisances at the middles; along (boxes, n) how much chi2 bends in each box.
    """
    boxes, n = lower.shape
    size = templates.coefficients.shape[2]
    work, room = work_for(templates, n, z.shape[1]), new_room(size, z.shape[1])
    middle, width = np.empty(n), np.empty(n)
    box = Box(middle, width)
    for b in range(boxes):
        for i in range(n):
            middle[i] = 0.5 * (lower[b, i] + upper[b, i])
            width[i] = 0.5 * (upper[b, i] - lower[b, i]) + 4.0 * _UNIT
        found[b] = decide_box(templates, rows, nuisances, box, cutoff, z[b], work, room)
        if found[b] != ABOVE:
            curvature(templates, nuisances, box, z[b], room, along[b])
