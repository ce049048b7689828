"""Scans over numbers of the scan file: at each of their values the other axes are scanned as ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from scanengine.chi2.evaluator import Cost, ScanEvaluator
from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.tiling import SomeTiles, Tiling
from scanengine.response.integrals import KnownRecoils

if TYPE_CHECKING:
    from scanengine.scan.problem import Problem

_MOST_KEPT = 1 << 13
"""So many problems at outer values are kept, by what fills their grids."""


class ProblemOf(Protocol):
    """What makes the problem of a definition without outer axes, from responses of which recoils are known."""

    def __call__(self, definition: Definition, *, known: KnownRecoils) -> Problem:
        """Return it."""


class Inside:
    """The problems at values of the outer axes, which share what does not depend on these."""

    def __init__(self, definition: Definition, problem_of: ProblemOf) -> None:
        self._definition = definition
        self._problem_of = problem_of
        self._names = [axis.name for axis in definition.outer]
        self._problems: dict[tuple[float, ...], Problem] = {}
        self._known: KnownRecoils = {}
        self._lock = threading.RLock()

    def at(self, values: Sequence[float]) -> Problem:
        """Return the problem of the other axes at values of the outer ones, in their order."""
        key = tuple(map(float, values))
        with self._lock:
            problem = self._problems.get(key)
            if problem is None:
                definition = self._definition.inside(dict(zip(self._names, key, strict=True)))
                problem = self._problem_of(definition, known=self._known)
                while len(self._problems) >= _MOST_KEPT:
                    self._problems.pop(next(iter(self._problems)))
                self._problems[key] = problem
            return problem

    def __getstate__(self) -> dict[str, object]:
        # the problems are made again where it arrives
        return {"definition": self._definition, "problem_of": self._problem_of}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def everywhere(self) -> Iterator[Problem]:
        """Yield the problem at every point of the outer axes, in C order."""
        for values in product(*(axis.values.tolist() for axis in self._definition.outer)):
            yield self.at(values)

    def evaluator_at(self, values: Sequence[float]) -> ScanEvaluator:
        """Return what fills the grid of the other axes; of what it was made with only this is kept."""
        problem = self.at(values)
        with self._lock:
            evaluator = problem.evaluator
            problem.forget()
        return evaluator


class OuterEvaluator(ScanEvaluator):
    """chi2 of a scan with outer axes, whose other axes are filled at each of their values."""

    squares = None

    def __init__(self, definition: Definition, inside: Inside, cost: Cost) -> None:
        self._inside = inside
        self._outer = [i for i, axis in enumerate(definition.axes) if axis.is_outer]
        self._inner = [i for i in range(len(definition.axes)) if i not in self._outer]
        self._cost = cost

    @property
    def cost(self) -> Cost:
        """What a grid point takes, once the outer axes have their values."""
        return self._cost

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        others = [values[i] for i in self._inner]
        for places in product(*(range(values[i].size) for i in self._outer)):
            at = [float(values[i][k]) for i, k in zip(self._outer, places, strict=True)]
            index: list[int | slice] = [slice(None)] * len(values)
            for i, k in zip(self._outer, places, strict=True):
                index[i] = k
            if not others:
                chi2[tuple(index)] = self._inside.at(at).chi2(np.empty(0))
                continue
            part = chi2[tuple(index)]
            evaluator = self._inside.evaluator_at(at)
            if part.flags.c_contiguous and part.dtype == np.float64:
                evaluator.fill(others, part)
            else:
                filled = np.empty(part.shape)
                evaluator.fill(others, filled)
                part[...] = filled


def tiles_together(inside: Sequence[SomeTiles], axes: Sequence[Axis]) -> SomeTiles:
    """Return the tiles of a grid, one point wide along its outer axes, from those of the other axes at each outer point
    in C order.
    """
    inner = iter(inside[0].tile_shape)
    shape = tuple(axis.values.size for axis in axes)
    tiling = Tiling(shape, tuple(1 if axis.is_outer else next(inner) for axis in axes))
    outer_places = product(*(range(axis.values.size) for axis in axes if axis.is_outer))
    numbers = []
    for places, tiles in zip(outer_places, inside, strict=True):
        others = iter(np.unravel_index(tiles.numbers, tiles.counts))
        at = iter(places)
        index = tuple(np.full(tiles.numbers.size, next(at)) if axis.is_outer else next(others) for axis in axes)
        numbers.append(np.ravel_multi_index(index, tiling.counts))
    return tiling.some(np.concatenate(numbers))
