"""Nuisance parameters: what is not known of an experiment, how well it is, and which counts it changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment

FREE_WIDTH = 1e6
"""The width of a nuisance that is free: where x is 100, the background a hundred times its nominal one, this adds 1e-8
to chi2.
"""


@dataclass(frozen=True, eq=False)
class Shape:
    """Counts (bins,) of a background, or of the signal where `background` is nothing, at +1 and -1 standard deviation.

    Between and beyond them counts are linear on either side of the nominal ones. With `normalised` each is scaled to
    the sum of the nominal ones, so that the shape alone changes.
    """

    experiment: str
    background: str | None
    plus: FloatArray
    minus: FloatArray | None
    normalised: bool


@dataclass(frozen=True, eq=False)
class ResponseVariation:
    """An experiment with its response at +1 and -1 standard deviation; counts are linear on either side."""

    plus: Experiment
    minus: Experiment


@dataclass(frozen=True, eq=False)
class Nuisance:
    """A parameter x with the best value 0 and a standard deviation `width`, whose effects on counts add up.

    Below zero the standard deviation is `width_below`, where that is another one.

    It multiplies the signals of experiments, and backgrounds by (experiment, name), by 1 + x, and moves shapes and
    responses by x / width standard deviations. Where it is not correlated with another it adds x^2 / width^2 to chi2,
    or by a `pull` "log" 2 (x - ln(1 + x)) / width^2. A `free` one is not known but from the data: its width is
    `FREE_WIDTH`.
    """

    name: str
    width: float
    pull: Literal["gaussian", "log"] = "gaussian"
    signals: tuple[str, ...] = ()
    backgrounds: tuple[tuple[str, str], ...] = ()
    shapes: tuple[Shape, ...] = ()
    responses: tuple[ResponseVariation, ...] = ()
    width_below: float | None = None
    free: bool = False

    def width_on(self, side: str) -> float:
        """Return the standard deviation of x on the "plus" or the "minus" side of zero."""
        return self.width if side == "plus" or self.width_below is None else self.width_below

    @property
    def touches_signal(self) -> bool:
        """Whether any effect depends on the scanned parameters."""
        return bool(self.signals or self.responses or any(shape.background is None for shape in self.shapes))

    def only(self, experiments: Collection[str]) -> Nuisance | None:
        """Return the nuisance without its effects on other experiments than these; None if no effect is left."""
        left = replace(
            self,
            signals=tuple(name for name in self.signals if name in experiments),
            backgrounds=tuple(pair for pair in self.backgrounds if pair[0] in experiments),
            shapes=tuple(shape for shape in self.shapes if shape.experiment in experiments),
            responses=tuple(each for each in self.responses if each.plus.name in experiments),
        )
        return left if left.signals or left.backgrounds or left.shapes or left.responses else None

    @property
    def is_linear(self) -> bool:
        """Whether counts and the square root of its own chi2 are linear in it."""
        one_sided = all(shape.minus is None for shape in self.shapes) and not self.responses
        return self.pull == "gaussian" and one_sided and self.width_below is None


class Correlation(NamedTuple):
    """How what is known of two nuisances is correlated, in (-1, 1)."""

    first: str
    second: str
    value: float
