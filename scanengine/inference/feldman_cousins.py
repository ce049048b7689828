"""Confidence intervals and regions that cover as often as they say, from what data are expected at every point.

Delta chi2 at the true value follows no chi2 distribution where a parameter ends, where chi2 has several minima, or
where counts are few. G. J. Feldman and R. D. Cousins, Phys. Rev. D 57, 3873 (1998), take its quantile from
the probabilities of all data. One or a few Poisson counts without nuisances are summed (see `outcomes`); otherwise
pseudo-experiments are made. With nuisances these are made at their best fit to the data at each point, and what is
known of them is scattered as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.calibration import Calibration, Span, tied_with
from scanengine.inference.expectations import Expectations
from scanengine.inference.outcomes import ROUNDING, Outcomes
from scanengine.inference.pseudo_experiments import Found, PseudoExperiments

MAX_AXES = 2
MOST_PSEUDO_EXPERIMENTS = 100_000_000
"""Delta chi2 of all that are made at a point is held at once."""
_AHEAD = 4
"""Chunks of work per thread that wait."""

_BISECTIONS = 25
_PARTS = 16
_FEW_OUTCOMES = 10_000
"""Of more no single one is probable enough to be searched for between the points."""

_NEAR = 0.1
_SYMMETRIC = 1e-9
_NEGLIGIBLE_CHI2 = 0.01
_LEAST_COUNT = 1e-300


def calibrate(
    expectations: Expectations,
    axes: Sequence[Axis],
    levels: Sequence[float],
    pseudo_experiments: int,
    seed: int,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Return critical values of Delta chi2 at each point of one axis or two.

    Minima are those of the grid's points, of the data as of the pseudo-experiments: its steps should be small beside
    the intervals. progress is called with the pseudo-experiments done and their number. Raises InputError for more
    axes, and where no pseudo-experiments can be made.
    """
    if not 1 <= len(axes) <= MAX_AXES:
        raise InputError(too_many(len(axes)))
    shape = tuple(axis.values.size for axis in axes)
    mesh = np.stack(np.meshgrid(*(axis.values for axis in axes), indexing="ij"), axis=-1)
    grid = mesh.reshape(-1, len(shape))
    made = PseudoExperiments(expectations, grid)
    delta = made.observed - made.observed.min()
    open_ends = _open_ends(expectations, axes, grid)
    outcomes = made.outcomes(open_ends)
    if outcomes is None:
        points = _sampled(made, delta, open_ends, levels, pseudo_experiments, seed, threads, progress)
    else:
        points, pseudo_experiments = _summed(made, outcomes, levels), 0
    found = Calibration(
        tuple(axes),
        delta.reshape(shape),
        tuple(levels),
        points.critical.reshape(-1, *shape),
        points.errors.reshape(-1, *shape),
        pseudo_experiments,
        seed,
        p_values=points.p_values.reshape(shape),
        at_open_ends=points.at_open_ends.reshape(shape),
    )
    if outcomes is None or len(shape) > 1:
        return found

    @cache
    def probability_below(value: float) -> float:
        return outcomes.probability_below(expectations.templates(np.array([[value]]))[0, 0, made.poisson])

    def is_allowed(value: float, level: float) -> bool:
        return probability_below(value) < level * (1.0 - ROUNDING)

    parts = _PARTS if outcomes.minima.size <= _FEW_OUTCOMES else 1
    exact = tuple(_intervals(found, level, partial(is_allowed, level=level), parts) for level in levels)
    return replace(found, exact_intervals=exact)


def too_many(axes: int) -> str:
    """Say that a calibration takes one axis or two."""
    return f"a calibration needs one axis or two, and the others fixed: found {axes or 'none'}"


class _Points(NamedTuple):
    """Of all points of a grid: critical values and errors (levels, points), p-values of the data and the share of best
    fits at open ends (points,), as in `Calibration`.
    """

    critical: FloatArray
    errors: FloatArray
    p_values: FloatArray
    at_open_ends: FloatArray

    @classmethod
    def unknown(cls, levels: int, points: int) -> _Points:
        return cls(np.empty((levels, points)), np.zeros((levels, points)), np.empty(points), np.empty(points))


def _open_ends(expectations: Expectations, axes: Sequence[Axis], grid: FloatArray) -> NDArray[np.bool_]:
    """Return which points (points,) of a grid (points, axes) are at an end of an axis that a parameter could go beyond.

    It could not where nothing but its square enters, as at a magnetic moment of zero: the expected counts beyond the
    end repeat those before it. A number of the scan file always could.
    """
    found = np.zeros(len(grid), dtype=np.bool_)
    for k, axis in enumerate(axes):
        for end in (axis.values[0], axis.values[-1]):
            here = grid[:, k] == end
            if axis.is_outer:
                found |= here
                continue
            # an axis with equal ratios ends a little above zero
            beyond_zero = axis.values[0] > 0.0 and end == axis.values[0]
            bounds = (end, 0.0) if beyond_zero else (end,)
            if not any(_ends_at(expectations, grid, here, k, bound) for bound in bounds):
                found |= here
    return found


def _ends_at(expectations: Expectations, grid: FloatArray, here: NDArray[np.bool_], k: int, bound: float) -> bool:
    """Return whether an axis has nothing beyond a bound, and as good as nothing between it and the points `here`."""
    mirrored, at_bound = grid.copy(), grid[here]
    mirrored[:, k] = 2.0 * bound - grid[:, k]
    at_bound[:, k] = bound
    every, other, least = (expectations.templates(each) for each in (grid, mirrored, at_bound))
    if not np.all(np.abs(other - every) <= _SYMMETRIC * np.abs(every).max(axis=0)):
        return False
    counts = every[here][:, 0]
    missing = (counts - least[:, 0]) ** 2 / np.maximum(counts, _LEAST_COUNT)
    return bool(np.all(missing.sum(axis=1) < _NEGLIGIBLE_CHI2))


def _summed(made: PseudoExperiments, outcomes: Outcomes, levels: Sequence[float]) -> _Points:
    """Return what the probabilities of all outcomes add up to."""
    points = _Points.unknown(len(levels), made.places)
    for place, counts in enumerate(made.true_counts):
        sums = outcomes.sums(counts, levels)
        points.critical[:, place] = sums.critical
        points.p_values[place], points.at_open_ends[place] = sums.p_value, sums.chosen
    return points


def _intervals(found: Calibration, level: float, is_allowed: Callable[[float], bool], parts: int) -> tuple[Span, ...]:
    """Return the allowed intervals of one axis; their ends, searched by bisection, are the first that are excluded.

    Critical values jump from outcome to outcome, so that a value may be allowed between two points that are not. Cells
    near the ends are searched in so many parts. Intervals less than a grid step apart are joined, as Feldman and
    Cousins do (section IV.B).
    """
    (axis,) = found.axes
    assert found.p_values is not None
    at_points = found.excess(level) <= 0.0
    near = found.p_values >= _NEAR * (1.0 - level)
    searched = (near[1:] | near[:-1]) & ~(at_points[1:] & at_points[:-1])
    x, inside = [float(axis.values[0])], [bool(at_points[0])]
    for i in range(searched.size):
        if searched[i]:
            between = np.linspace(axis.values[i], axis.values[i + 1], parts + 1)[1:-1].tolist()
            x += between
            inside += [is_allowed(value) for value in between]
        x.append(float(axis.values[i + 1]))
        inside.append(bool(at_points[i + 1]))
    spans: list[Span] = []
    low: float | None = None
    for i in range(1, len(x)):
        if inside[i] == inside[i - 1]:
            continue
        good, bad = (x[i], x[i - 1]) if inside[i] else (x[i - 1], x[i])
        for _ in range(_BISECTIONS):
            middle = 0.5 * (good + bad)
            good, bad = (middle, bad) if is_allowed(middle) else (good, middle)
        if not inside[i]:
            spans.append((low, bad))
            continue
        step = axis.values[min(int(np.searchsorted(axis.values, bad, "right")), axis.values.size - 1)]
        step -= axis.values[max(int(np.searchsorted(axis.values, bad, "right")) - 1, 0)]
        last = spans[-1][1] if spans else None
        low = spans.pop()[0] if last is not None and bad - last < step else bad
    return (*spans, (low, None)) if inside[-1] else tuple(spans)


def _sampled(
    made: PseudoExperiments,
    observed: FloatArray,
    open_ends: NDArray[np.bool_],
    levels: Sequence[float],
    pseudo_experiments: int,
    seed: int,
    threads: int,
    progress: Callable[[int, int], None] | None,
) -> _Points:
    """Return what pseudo-experiments at each place have, with Delta chi2 of the data (places,)."""
    sizes = [made.at_once] * (pseudo_experiments // made.at_once)
    sizes += [pseudo_experiments % made.at_once] if pseudo_experiments % made.at_once else []
    points = _Points.unknown(len(levels), made.places)

    def chunk(place: int, part: int) -> Found:
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place, part)))
        return made.made(place, sizes[part], random)

    drawn: list[Found] = []
    jobs = ((place, part) for place in range(made.places) for part in range(len(sizes)))
    done = 0
    for place, found in _in_order(chunk, jobs, threads):
        drawn.append(found)
        done += found.best.size
        if len(drawn) == len(sizes):
            delta = np.concatenate([each.delta_chi2 for each in drawn])
            points.critical[:, place], points.errors[:, place] = _quantiles(delta, levels)
            points.p_values[place] = np.mean(delta >= observed[place] - tied_with(observed[place]))
            points.at_open_ends[place] = sum(int(open_ends[each.best].sum()) for each in drawn) / delta.size
            drawn = []
        if progress is not None:
            progress(done, made.places * pseudo_experiments)
    return points


def _in_order(
    work: Callable[[int, int], Found], jobs: Iterator[tuple[int, int]], threads: int
) -> Iterator[tuple[int, Found]]:
    """Yield the place and the result of each job in their order, a few of them ahead; what waits is dropped on errors
    and interrupts.
    """
    waiting: list[tuple[int, Future[Found]]] = []
    pool = ThreadPoolExecutor(threads)
    try:
        for job in jobs:
            waiting.append((job[0], pool.submit(work, *job)))
            if len(waiting) >= _AHEAD * threads:
                place, future = waiting.pop(0)
                yield place, future.result()
        for place, future in waiting:
            yield place, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _quantiles(drawn: FloatArray, levels: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the quantiles of Delta chi2 (number,), the least values that so large a share does not exceed, and errors.

    The error is half of what lies between the values one standard deviation off, or the largest step there: where
    Delta chi2 takes separate values, the quantile is known to a whole one.
    """
    n = drawn.size
    ordered = np.sort(drawn)
    quantiles, errors = [], []
    for level in levels:
        middle, off = ceil(n * level * (1.0 - ROUNDING)) - 1, ceil(sqrt(n * level * (1.0 - level)))
        near = ordered[max(middle - off, 0) : middle + off + 1]
        quantiles.append(float(ordered[middle]))
        errors.append(max(0.5 * float(near[-1] - near[0]), float(np.max(np.diff(near), initial=0.0))))
    return quantiles, errors
