"""Efficiencies in a reconstructed quantity: between `breaks` they are smooth, for the quadratures to stop at."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, pi
from typing import Protocol

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray


class Acceptance(Protocol):
    """The fraction of events accepted, as a function of a reconstructed quantity."""

    @property
    def breaks(self) -> FloatArray:
        """Where the function has a step or a kink, or bends fast: between two of them it is smooth."""
        ...

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the accepted fraction at x, of any shape."""
        ...


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """Points joined by straight lines, constant beyond the first and the last, zero below a threshold.

    Raises InputError if the points do not increase or leave [0, 1].
    """

    x: FloatArray
    values: FloatArray
    threshold: float = -inf

    def __post_init__(self) -> None:
        if self.x.size == 0 or self.x.size != self.values.size or not np.all(np.diff(self.x) > 0.0):
            raise InputError("an efficiency curve needs as many efficiencies as increasing points, at least one")
        if not np.all((self.values >= 0.0) & (self.values <= 1.0)):
            worst = self.values[np.argmax(np.abs(self.values - 0.5))]
            raise InputError(f"an efficiency must lie in [0, 1]: found {worst:g}")

    @property
    def breaks(self) -> FloatArray:
        """The points and the threshold."""
        return np.append(self.x if self.x.size > 1 else [], self.threshold)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the efficiency at x."""
        return np.where(x >= self.threshold, np.interp(x, self.x, self.values), 0.0)


def constant(value: float) -> PiecewiseLinear:
    """Return the same efficiency everywhere."""
    return PiecewiseLinear(np.zeros(1), np.array([value]))


@dataclass(frozen=True, eq=False)
class Logistic:
    """height / (1 + exp(-steepness (x - midpoint))) + offset, zero where that is negative or below the threshold.

    Raises InputError if it exceeds 1 or is nowhere positive.
    """

    height: float
    steepness: float
    midpoint: float
    offset: float = 0.0
    threshold: float = -inf

    def __post_init__(self) -> None:
        highest = max(self.height, 0.0) + self.offset
        if not 0.0 < highest <= 1.0:
            raise InputError(f"a logistic efficiency must rise to a value in (0, 1]: found {highest:g}")

    @property
    def breaks(self) -> FloatArray:
        """The threshold, where it becomes zero, and a ladder around the midpoint: it has poles pi / steepness off."""
        ladder = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0]
        steps = np.array([-step for step in ladder[:0:-1]] + ladder) * pi / abs(self.steepness)
        zero = -inf
        if self.offset < 0.0 < self.height + self.offset:
            zero = self.midpoint - log(-self.height / self.offset - 1.0) / self.steepness
        return np.concatenate((self.midpoint + steps, [zero, self.threshold]))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the efficiency at x."""
        with np.errstate(over="ignore"):
            value = self.height / (1.0 + np.exp(-self.steepness * (x - self.midpoint))) + self.offset
        return np.where(x >= self.threshold, np.maximum(value, 0.0), 0.0)


@dataclass(frozen=True, eq=False)
class ExponentialDecay:
    """1 before `start`, exp(-rate (x - start)) after it."""

    start: float
    rate: float

    @property
    def breaks(self) -> FloatArray:
        """The start, and a ladder of times after it, the last when nothing is left."""
        ladder = 2.0 ** np.arange(11.0) / self.rate if self.rate > 0.0 else np.zeros(0)
        return self.start + np.append(ladder, 0.0)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the efficiency at x."""
        return np.asarray(np.exp(-self.rate * np.maximum(x - self.start, 0.0)))
