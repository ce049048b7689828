"""Delta chi2 of many pseudo-experiments: of chi2 at the place where they are made, and its least at all places.

The expected counts are templates of the parameters alone, so that they are given once, and only data change. Where all
is Gaussian and linear chi2 less that of the nuisances' best is a short sum; otherwise every pseudo-experiment arranges
the templates anew as rows of counts with data and without (see `nuisances`), and chi2 is minimised.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, whole_blocks
from scanengine_kernels.nuisances.kinks import minimise_everywhere
from scanengine_kernels.nuisances.pulls import Nuisances
from scanengine_kernels.nuisances.room import new_room
from scanengine_kernels.nuisances.rows import RowWeights


class Expected(NamedTuple):
    """What is expected at a number of places: templates of counts (places, templates, counts), and of the residuals
    without data (places, templates, residuals), whose squares weigh `above` (residuals,) above zero, `below` below it.
    """

    counts: NDArray[np.float64]
    residuals: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@jit
def rows_of(data: NDArray[np.float64], expected: Expected) -> RowWeights:
    """Return the rows of counts with these data (counts,) and of the residuals, filled up to whole blocks."""
    seen = 0
    for b in range(data.size):
        if data[b] > 0.0:
            seen += 1
    padded, empty = whole_blocks(seen), whole_blocks(data.size - seen)
    gaussian = whole_blocks(expected.below.size)
    weights, empty_weights = np.zeros(padded), np.zeros(empty)
    above, below = np.zeros(gaussian), np.zeros(gaussian)
    s = 0
    for b in range(data.size):
        if data[b] > 0.0:
            weights[s] = 2.0 * data[b]
            s += 1
    empty_weights[: data.size - seen] = 2.0
    above[: expected.above.size] = expected.above
    below[: expected.below.size] = expected.below
    return RowWeights(padded, empty, gaussian, weights, empty_weights, above, below)


@jit
def arrange(
    data: NDArray[np.float64],
    measured: NDArray[np.float64],
    expected: Expected,
    place: int,
    rows: RowWeights,
    templates: NDArray[np.float64],
) -> None:
    """Set templates (templates, rows) to those of one place with these data (counts,) and measured residuals."""
    for c in range(templates.shape[0]):
        s, e = 0, rows.seen
        for b in range(data.size):
            count = expected.counts[place, c, b]
            if data[b] > 0.0:
                templates[c, s] = count / data[b] - (1.0 if c == 0 else 0.0)
                s += 1
            else:
                templates[c, e] = count
                e += 1
        templates[c, s : rows.seen] = 0.0
        templates[c, e : rows.seen + rows.empty] = 0.0
        first = rows.seen + rows.empty
        for r in range(measured.size):
            templates[c, first + r] = expected.residuals[place, c, r] - (measured[r] if c == 0 else 0.0)
        templates[c, first + measured.size :] = 0.0


@jit_inline
def place_of_least(chi2: NDArray[np.float64]) -> int:
    """Return where chi2 (places,) is least, the first place of equals."""
    best = 0
    for j in range(1, chi2.size):
        if chi2[j] < chi2[best]:
            best = j
    return best


@jit
def delta_by_minimising(
    data: NDArray[np.float64],
    residuals: NDArray[np.float64],
    measured: NDArray[np.float64],
    expected: Expected,
    below: NDArray[np.int64],
    log_widths: NDArray[np.float64],
    pull_weights: NDArray[np.float64],
    place: int,
    delta: NDArray[np.float64],
    best: NDArray[np.int64],
) -> None:
    """Set Delta chi2 and the place of the best fit (pseudo-experiments,) for data (pseudo-experiments, counts),
    residuals of the data (pseudo-experiments, residuals) and measured nuisances (pseudo-experiments, nuisances).

    `below`, `log_widths` and `pull_weights` (nuisances,) are those of `Nuisances`. The first place is begun where the
    nuisances were measured, every other from the minimum of the one before.
    """
    K = below.size
    columns = expected.counts.shape[1]
    z, chi2 = np.zeros(K), np.empty(expected.counts.shape[0])
    most = whole_blocks(data.shape[1]) + LANES + whole_blocks(residuals.shape[1])
    memory = np.empty(columns * most)
    for p in range(delta.size):
        rows = rows_of(data[p], expected)
        number = rows.seen + rows.empty + rows.gaussian
        templates = memory[: columns * number].reshape((columns, number))
        room = new_room(number, K)
        nuisances = Nuisances(below, log_widths, pull_weights, measured[p])
        z[:] = measured[p]
        for j in range(chi2.size):
            arrange(data[p], residuals[p], expected, j, rows, templates)
            chi2[j] = minimise_everywhere(rows, nuisances, templates, z, room)
        best[p] = place_of_least(chi2)
        delta[p] = chi2[place] - chi2[best[p]]


@jit
def delta_of_squares(
    data: NDArray[np.float64],
    constant: NDArray[np.float64],
    linear: NDArray[np.float64],
    offsets: NDArray[np.float64],
    taken: NDArray[np.float64],
    place: int,
    delta: NDArray[np.float64],
    best: NDArray[np.int64],
) -> None:
    """Set Delta chi2 and the place of the best fit (pseudo-experiments,) for data d (pseudo-experiments, numbers).

    At place j chi2 is

        constant_j - 2 sum_r linear_rj d_r - sum_k (offsets_kj - sum_r taken_krj d_r)^2

    with constant (places,), linear (numbers, places), offsets (nuisances, places), taken (nuisances, numbers, places).
    """
    places = constant.size
    chi2, share = np.empty(places), np.empty(places)
    for p in range(delta.size):
        chi2[:] = constant
        for r in range(data.shape[1]):
            d = 2.0 * data[p, r]
            for j in range(places):
                chi2[j] -= d * linear[r, j]
        for k in range(offsets.shape[0]):
            share[:] = offsets[k]
            for r in range(data.shape[1]):
                d = data[p, r]
                for j in range(places):
                    share[j] -= d * taken[k, r, j]
            for j in range(places):
                chi2[j] -= share[j] * share[j]
        best[p] = place_of_least(chi2)
        delta[p] = chi2[place] - chi2[best[p]]
