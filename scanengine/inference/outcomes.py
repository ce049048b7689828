"""Every outcome of a few Poisson counts, with its probability: what pseudo-experiments only estimate is summed exactly.

Delta chi2 of counts takes separate values, each with a probability of its own. The critical value of a level is where
their sum, in rising order of Delta chi2, reaches the level, as G. J. Feldman and R. D. Cousins, Phys. Rev. D 57, 3873
(1998), section IV, add up counts by their ratio of likelihoods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import FloatArray
from scanengine.grid.calibration import tied_with

MOST_OUTCOMES = 1_000_000
"""The largest number of outcomes that are summed; beyond it pseudo-experiments are made."""

_MOST_COUNTS = 6
_NEGLIGIBLE = 1e-14
"""Outcomes less probable than this at every point are left out, on either side of each count."""

_SAME = 1e-12
"""Expected counts in the same proportion at all points, to this relative precision, act through their sum alone."""

ROUNDING = 1e-12
"""Probabilities reach a level within this relative precision."""

_LEAST_COUNT = 1e-300
_FEW = 50.0
_LEAST_MEAN = 1e-3
_AT_ONCE = 250_000


@dataclass(frozen=True, eq=False)
class Sums:
    """What the outcomes at one point add up to: the critical values of Delta chi2 (levels,), the probability of one as
    high as the data's, and that of a best fit at one of the chosen places.
    """

    critical: FloatArray
    p_value: float
    chosen: float


@dataclass(frozen=True, eq=False)
class Outcomes:
    """All outcomes of Poisson counts that are expected at the points of a grid, and the least chi2 of each there.

    `groups` (cells,) says which counts act through their sum, -1 being those that no parameter changes. The outcomes
    are the numbers from `first` (groups,) up, `sizes` (groups,) of them. chi2 is that of their counts but for what is
    the same at all points: 2 sum (N - n ln(N / `scales`)).
    """

    groups: NDArray[np.intp]
    first: NDArray[np.int64]
    sizes: tuple[int, ...]
    scales: FloatArray
    minima: FloatArray
    is_chosen: NDArray[np.bool_]
    seen: FloatArray
    least_seen: float

    @classmethod
    def of(cls, counts: FloatArray, data: FloatArray, chosen: NDArray[np.bool_]) -> Outcomes | None:
        """Return the outcomes of what is expected (points, cells) and the data (cells,), or None if they are too many.

        The points are those among which chi2 is least, and some of them are chosen (points,).
        """
        groups = _groups(counts)
        if groups is None:
            return None
        means, seen = _sums(counts, groups), _sums(data, groups)
        ranges = [_range(float(mean.min()), float(mean.max())) for mean in means.T]
        sizes = tuple(last + 1 - first for first, last in ranges)
        if prod(sizes) > MOST_OUTCOMES:
            return None
        first = np.array([low for low, _ in ranges], dtype=np.int64)
        scales = np.maximum(means.max(axis=0, initial=0.0), _LEAST_COUNT)
        constants, logarithms = 2.0 * means.sum(axis=1), 2.0 * _logarithms(means, scales).T
        minima, is_chosen = np.empty(prod(sizes)), np.empty(prod(sizes), dtype=np.bool_)
        step = max(1, _AT_ONCE // len(means))
        for begin in range(0, minima.size, step):
            outcomes = np.arange(begin, min(begin + step, minima.size))
            chi2 = np.tile(constants, (outcomes.size, 1))
            for group, n in enumerate(np.unravel_index(outcomes, sizes) if sizes else ()):
                # no product of matrices, whose threads cost more than they bring
                chi2 -= (n + float(first[group]))[:, None] * logarithms[group]
            best = np.argmin(chi2, axis=1)
            minima[outcomes], is_chosen[outcomes] = chi2[np.arange(outcomes.size), best], chosen[best]
        least_seen = float(np.min(constants - seen @ logarithms))
        return cls(groups, first, sizes, scales, minima.reshape(sizes), is_chosen.reshape(sizes), seen, least_seen)

    def sums(self, counts: FloatArray, levels: Sequence[float]) -> Sums:
        """Return what the outcomes add up to where so much is expected (cells,)."""
        delta, probability, here, own = self._at(counts)
        as_high = delta >= own - tied_with(own)
        order = np.argsort(delta)
        delta, share = delta[order], np.cumsum(probability[order])
        reached = np.searchsorted(share, np.array(levels) * (1.0 - ROUNDING))
        # summed from this side, since a small probability would be lost in the rounding of its complement
        p_value = float(probability[as_high].sum())
        at_chosen = float(probability[self.is_chosen[here].ravel()].sum())
        return Sums(delta[np.minimum(reached, delta.size - 1)], min(p_value, 1.0), at_chosen)

    def probability_below(self, counts: FloatArray) -> float:
        """Return the probability of a Delta chi2 lower than the data's where so much is expected (cells,)."""
        delta, probability, _, own = self._at(counts)
        return float(probability[delta < own - tied_with(own)].sum())

    def _at(self, counts: FloatArray) -> tuple[FloatArray, FloatArray, tuple[slice, ...], FloatArray]:
        """Return Delta chi2 and probabilities (outcomes,) of those that matter where so much is expected (cells,),
        which of all they are, and Delta chi2 () of the data.
        """
        mean = _sums(counts, self.groups)
        logarithms = _logarithms(mean, self.scales)
        probability: FloatArray = np.ones(())
        chi2: FloatArray = np.full((), 2.0 * mean.sum())
        here = []
        for group, value in enumerate(mean.tolist()):
            low, high = _range(value, value)
            first, size = int(self.first[group]), self.sizes[group]
            begin, end = min(max(low - first, 0), size - 1), min(high - first, size - 1) + 1
            n = np.arange(begin, end, dtype=np.float64) + first
            probability = probability[..., None] * _probabilities(n, value)
            chi2 = chi2[..., None] - 2.0 * n * logarithms[group]
            here.append(slice(begin, end))
        chosen = tuple(here)
        delta = np.maximum(chi2 - self.minima[chosen], 0.0).ravel()
        own = np.asarray(2.0 * (mean.sum() - self.seen @ logarithms) - self.least_seen)
        return delta, probability.ravel(), chosen, np.maximum(own, 0.0)


def _groups(counts: FloatArray) -> NDArray[np.intp] | None:
    """Return the group of each count (cells,), -1 for those that are the same everywhere; None for too many."""
    largest = np.maximum(counts.max(axis=0), _LEAST_COUNT)
    shapes = counts / largest
    found = np.full(counts.shape[1], -1, dtype=np.intp)
    known: list[FloatArray] = []
    for cell in range(counts.shape[1]):
        shape = shapes[:, cell]
        if np.all(counts[:, cell] <= 0.0) or np.all(np.abs(shape - 1.0) <= _SAME):
            continue
        for group, other in enumerate(known):
            if np.all(np.abs(shape - other) <= _SAME * other):
                found[cell] = group
                break
        else:
            if len(known) == _MOST_COUNTS:
                return None
            found[cell] = len(known)
            known.append(shape)
    return found


def _sums(values: FloatArray, groups: NDArray[np.intp]) -> FloatArray:
    """Return the sums (..., groups) of what belongs to each group of values (..., cells)."""
    number = int(groups.max(initial=-1)) + 1
    sums = np.zeros((*values.shape[:-1], number))
    for group in range(number):
        sums[..., group] = values[..., groups == group].sum(axis=-1)
    return sums


def _logarithms(means: FloatArray, scales: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(means, _LEAST_COUNT) / scales))


def _range(low: float, high: float) -> tuple[int, int]:
    """Return the least and the largest count that are to be thought of with means from low to high."""
    from scipy.special import pdtrik  # takes longer to import than a small scan to run

    least = int(pdtrik(_NEGLIGIBLE, low)) if low > _FEW else 0
    return least, int(pdtrik(1.0 - _NEGLIGIBLE, max(high, _LEAST_MEAN))) + 1


def _probabilities(n: FloatArray, mean: float) -> FloatArray:
    """Return the Poisson probabilities of counts (counts,), to some 1e-16 of the count."""
    from scipy.special import gammaln, xlogy

    return np.asarray(np.exp(xlogy(n, mean) - mean - gammaln(n + 1.0)))
