"""chi2 on axes of couplings, of which the counts know the squares: polynomials are in these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from scanengine.chi2.evaluator import Cost, LowestPlane, ReducingEvaluator, ScanEvaluator, SumsOfTile
from scanengine.definition import Definition, ParameterMap
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles

if TYPE_CHECKING:
    from scanengine_kernels.grids import PlaneMinima


class OnSquares(ScanEvaluator):
    """chi2 on axes of which an evaluator takes the squares, where `squared` (axes,) says so."""

    squares = None

    def __init__(self, evaluator: ScanEvaluator, squared: Sequence[bool]) -> None:
        self._evaluator = evaluator
        self._squared = tuple(squared)

    @property
    def cost(self) -> Cost:
        """What a grid point takes."""
        return self._evaluator.cost

    @property
    def compiled(self) -> bool:
        """Whether compiled kernels fill a grid."""
        return self._evaluator.compiled

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        """Set chi2, C-contiguous with one dimension per axis, on the tensor grid of these values of each axis."""
        self._evaluator.fill(self._coordinates(values), chi2)

    def _coordinates(self, values: Sequence[FloatArray]) -> list[FloatArray]:
        return [v * v if squared else v for v, squared in zip(values, self._squared, strict=True)]


class ReducingOnSquares(OnSquares):
    """The same of an evaluator that finds minima over planes as it computes chi2."""

    def __init__(self, evaluator: ScanEvaluator, reducing: ReducingEvaluator, squared: Sequence[bool]) -> None:
        super().__init__(evaluator, squared)
        self._reducing = reducing

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray, *, past_caches: bool = False) -> None:
        """Do as an `Evaluator`; with `past_caches` for memory from which nothing is read soon."""
        self._reducing.fill(self._coordinates(values), chi2, past_caches=past_caches)

    def reduce(
        self,
        values: Sequence[FloatArray],
        start: tuple[int, ...],
        minima: PlaneMinima,
        chi2: FloatArray | None = None,
        *,
        past_caches: bool = False,
        sums: SumsOfTile | None = None,
    ) -> LowestPlane:
        """Lower minima to chi2 on the tensor grid of these values, whose first point has the index start."""
        coordinates = self._coordinates(values)
        return self._reducing.reduce(coordinates, start, minima, chi2, past_caches=past_caches, sums=sums)


def on_axes(evaluator: ScanEvaluator, squared: Sequence[bool]) -> ScanEvaluator:
    """Return an evaluator in coordinates as one on the axes themselves."""
    if not any(squared):
        return evaluator
    if isinstance(evaluator, ReducingEvaluator):
        return ReducingOnSquares(evaluator, evaluator, squared)
    return OnSquares(evaluator, squared)


def profiles_in_coordinates(parameters: ParameterMap, profiles: Profiles) -> Profiles:
    """Return profiles on axes as those in coordinates."""
    return replace(profiles, best_fit=tuple(parameters.coordinates(profiles.best_fit).tolist()))


def profiles_on_axes(definition: Definition, profiles: Profiles) -> Profiles:
    """Return profiles in coordinates as those on the axes of a definition."""
    parameters, bounds = definition.parameters, profiles.bounds
    best_fit = tuple(parameters.from_coordinates(np.array(profiles.best_fit)).tolist())
    if bounds is not None and any(parameters.squared):
        tiles = {
            of: replace(each, start=_on_axes(definition, of, each.start), stop=_on_axes(definition, of, each.stop))
            for of, each in bounds.tiles.items()
        }
        bounds = replace(bounds, tiles=tiles)
    borders = {
        of: tuple(replace(each, rings=tuple(_on_axes(definition, of, ring) for ring in each.rings)) for each in traced)
        for of, traced in profiles.borders.items()
    }
    return replace(profiles, best_fit=best_fit, bounds=bounds, borders=borders)


def _on_axes(definition: Definition, of: tuple[str, ...], places: FloatArray) -> FloatArray:
    """Return places (..., axes) in coordinates as those on axes of these names, whose ends stay what they are."""
    squared = dict(zip(definition.parameters.axes, definition.parameters.squared, strict=True))
    own = {axis.name: axis.values for axis in definition.axes}
    columns = []
    for name, x in zip(of, places.T, strict=True):
        first, last = own[name][[0, -1]]
        root = np.clip(np.sqrt(np.maximum(x, 0.0)), first, last) if squared[name] else x
        if squared[name]:
            root = np.where(x == first * first, first, np.where(x == last * last, last, root))
        columns.append(root)
    return np.column_stack(columns)


def axes_from_coordinates(definition: Definition, axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Return axes in coordinates, those of a definition or with points between theirs, as the axes themselves."""
    if not any(definition.parameters.squared):
        return tuple(axes)
    found = []
    for axis, own, squared in zip(axes, definition.axes, definition.parameters.squared, strict=True):
        values = np.sqrt(axis.values) if squared else axis.values
        step = (axis.values.size - 1) // (own.values.size - 1)
        if squared and step * (own.values.size - 1) + 1 == axis.values.size:
            values[::step] = own.values  # the root of a square may be rounded
        found.append(replace(axis, values=values))
    return tuple(found)
