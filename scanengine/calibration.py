"""Confidence intervals and regions that cover as often as they say, by pseudo-experiments at every point of a grid.

Delta chi2 at the true value follows no chi2 distribution where a parameter ends, where chi2 has several minima, or
where counts are few. G. J. Feldman and R. D. Cousins, Phys. Rev. D 57, 3873 (1998), take its quantile from
pseudo-experiments. With nuisances these are made at their best fit to the data at each point, and what is known of them
is scattered as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil, prod, sqrt

import numpy as np

from scanengine.calibrated import Calibration
from scanengine.combined import CombinedLikelihood
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grids import FloatArray
from scanengine.pseudo_experiments import PseudoExperiments

MAX_AXES = 2
MOST_PSEUDO_EXPERIMENTS = 100_000_000
"""Delta chi2 of all that are made at a point is held at once."""
_AHEAD = 4
"""Chunks of work per thread that wait."""


def calibrate(
    likelihood: CombinedLikelihood,
    definition: Definition,
    levels: Sequence[float],
    pseudo_experiments: int,
    seed: int,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Return critical values of Delta chi2 at each point of a definition's one axis or two.

    Minima are those of the grid's points, of the data as of the pseudo-experiments: its steps should be small beside
    the intervals. progress is called with the pseudo-experiments done and their number. Raises InputError for more
    axes, and where no pseudo-experiments can be made.
    """
    if not 1 <= len(definition.axes) <= MAX_AXES:
        raise InputError(
            f"a calibration needs one axis or two, and the others fixed: found {len(definition.axes) or 'none'}"
        )
    shape = tuple(axis.values.size for axis in definition.axes)
    grid = np.stack(np.meshgrid(*(axis.values for axis in definition.axes), indexing="ij"), axis=-1)
    made = PseudoExperiments(likelihood, definition.parameters.values(grid.reshape(-1, len(shape))))
    sizes = [made.at_once] * (pseudo_experiments // made.at_once)
    sizes += [pseudo_experiments % made.at_once] if pseudo_experiments % made.at_once else []
    critical, errors = np.empty((2, len(levels), prod(shape)))

    def chunk(place: int, part: int) -> FloatArray:
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place, part)))
        return made.delta_chi2(place, sizes[part], random)

    drawn: list[FloatArray] = []
    jobs = ((place, part) for place in range(made.places) for part in range(len(sizes)))
    done = 0
    for place, found in _in_order(chunk, jobs, threads):
        drawn.append(found)
        done += found.size
        if len(drawn) == len(sizes):
            critical[:, place], errors[:, place] = _quantiles(np.concatenate(drawn), levels)
            drawn = []
        if progress is not None:
            progress(done, made.places * pseudo_experiments)
    return Calibration(
        tuple(definition.axes),
        (made.observed - made.observed.min()).reshape(shape),
        tuple(levels),
        critical.reshape(-1, *shape),
        errors.reshape(-1, *shape),
        pseudo_experiments,
        seed,
        definition.text,
        tuple(definition.overrides),
    )


def _in_order(
    work: Callable[[int, int], FloatArray], jobs: Iterator[tuple[int, int]], threads: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the place and the result of each job in their order, a few of them ahead; what waits is dropped on errors
    and interrupts.
    """
    waiting: list[tuple[int, Future[FloatArray]]] = []
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
    """Return the quantiles of Delta chi2 (number,), and half of what lies between those one standard deviation off."""
    n = drawn.size
    places = []
    for level in levels:
        middle, off = ceil(level * (n - 1)), ceil(sqrt(n * level * (1.0 - level)))
        places += [middle, max(middle - off, 0), min(middle + off, n - 1)]
    ordered = np.partition(drawn, sorted(set(places)))[places].reshape(-1, 3)
    return ordered[:, 0].tolist(), (0.5 * (ordered[:, 2] - ordered[:, 1])).tolist()
