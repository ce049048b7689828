"""The minimum of chi2 over all orthants of nuisances that have another template below zero than above."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels.cholesky import solve
from scanengine_kernels.nuisances.newton import ROUNDING, choose_templates, minimise
from scanengine_kernels.nuisances.pulls import Nuisances, chi2_of_pulls, half_curvature_of_pull, slope_of_pull
from scanengine_kernels.nuisances.room import Room, new_room
from scanengine_kernels.nuisances.rows import RowWeights, chi2_of_rows, derivative

_BEYOND = 1e-3


@jit
def cannot_be_lower_beyond(
    rows: RowWeights,
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
    solve(room.hessian, room.gradient, 1.0, room.free, room.step)
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
    return bound >= chi2 - ROUNDING * (1.0 + abs(chi2))


@jit
def set_known_beyond(
    nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], chi2: float, room: Room
) -> bool:
    """Set room.known (K,): whether chi2 beyond the kink of a nuisance is nowhere below that of a minimum z, or there is
    no kink; return whether all are.

    The tangents to the rows at the minimum lie below chi2 everywhere, and with the pulls they have their least value
    where each nuisance has it by itself: on the side of z that is z itself, on the other it follows from the slope of
    the rows along the other template. Where none is lower on its other side, chi2 is not on any sides of several. Of
    logarithmic pulls it is not told.
    """
    allowed, all_known = ROUNDING * (1.0 + abs(chi2)), True
    for k in range(z.size):
        room.known[k] = nuisances.below[k] == 1 + k or z[k] == 0.0
        if not room.known[k] and nuisances.log_widths[k] == 0.0 and nuisances.measured[k] == 0.0:
            weight = nuisances.pull_weights[k]
            here = derivative(templates, room.template[k], room.first) + 2.0 * weight * z[k]
            slope = derivative(templates, nuisances.below[k] if z[k] > 0.0 else 1 + k, room.first)
            falls = slope * z[k] > 0.0  # towards the other side
            is_minimum = abs(here) <= 1e-6 * (1.0 + abs(z[k]))
            room.known[k] = is_minimum and (
                not falls or 0.25 * slope * slope / weight <= weight * z[k] * z[k] + allowed
            )
        all_known = all_known and room.known[k]
    return all_known


@jit_inline
def any_unknown(room: Room, first: int) -> bool:
    """Return whether it is not known of a nuisance, from one on, that nothing is lower beyond its kink."""
    return not np.all(room.known[first:])


@jit
def set_start_beyond_several(
    rows: RowWeights, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
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
    rows: RowWeights, nuisances: Nuisances, templates: NDArray[np.float64], z: NDArray[np.float64], room: Room
) -> float:
    """Move z (K,) from where it is to a minimum, and on as long as one is lower beyond a kink; return that chi2."""
    chi2 = minimise(rows, nuisances, templates, z, room)
    if np.isnan(chi2):
        z[:] = 0.0
        chi2 = minimise(rows, nuisances, templates, z, room)
    if chi2 < inf and set_known_beyond(nuisances, templates, z, chi2, room):
        return chi2
    k = 0
    while k <= z.size:
        if k == z.size:
            wanted = chi2 < inf and set_start_beyond_several(rows, nuisances, templates, z, room)
        else:
            beyond_known = not chi2 < inf or room.known[k]
            wanted = not beyond_known and not cannot_be_lower_beyond(rows, nuisances, templates, k, z, chi2, room)
            if wanted:
                room.other[:] = room.start
                room.other[k] = -_BEYOND if z[k] > 0.0 else _BEYOND
        if wanted:
            other = minimise(rows, nuisances, templates, room.other, room)
            if other < chi2 - ROUNDING * (1.0 + abs(chi2)):
                chi2 = other
                z[:] = room.other
                if set_known_beyond(nuisances, templates, z, chi2, room):
                    return chi2
                k = 0
                continue
            if any_unknown(room, k + 1):  # its second derivatives are wanted again
                minimise(rows, nuisances, templates, z, room)
        k += 1
    return chi2


@jit
def minimise_each(
    rows: RowWeights,
    nuisances: Nuisances,
    templates: NDArray[np.float64],
    z: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Set chi2 (points,) and z (points, K), which holds the starts, for templates (points, 1 + K or more, rows)."""
    room = new_room(templates.shape[2], z.shape[1])
    for p in range(chi2.size):
        chi2[p] = minimise_everywhere(rows, nuisances, templates[p], z[p], room)
