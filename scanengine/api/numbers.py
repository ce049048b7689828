"""The numbers of a finished scan: chi2 over one or two of its axes, minimised over the others or at values of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from scanengine.api.densities import marginal
from scanengine.api.origin import InFile, InMemory, Selection
from scanengine.api.slices import lowest, named, nearest
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.marginals import Marginal
from scanengine.grid.profiles import GridErrors, Profiles, ReducedGrid
from scanengine.inputs.aliases import canonical

if TYPE_CHECKING:
    from scanengine.inference.proven_regions import ProvenRegion

DEFAULT_LEVELS = (0.6827, 0.90, 0.95)

DRAWN_POINTS = 2000
"""More points along an axis than this, no figure shows."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a scan has found on its `axes`: the grid's own profiles, exact ones with their axes where there are any, and
    in `origin` chi2 itself where it was kept.

    Above `delta_chi2_max` the grid's own profiles are infinite. `rounding` and `rounding_near` are those of
    `ReducedGrid`, `grid_rounding` its relative one for chi2 from a stored grid; `grid_errors` by axis and
    `exact_possible` are those of `GridErrors`.
    """

    axes: tuple[Axis, ...]
    of_grid: Profiles
    exact: tuple[tuple[Axis, ...], Profiles] | None
    origin: InMemory | InFile
    delta_chi2_max: float = math.inf
    rounding: float = 0.0
    rounding_near: float | None = None
    grid_rounding: float = 0.0
    grid_errors: Mapping[str, FloatArray] = field(default_factory=dict)
    exact_possible: bool = False

    @property
    def best(self) -> Profiles:
        """The exact profiles, or the grid's own where there are no exact ones."""
        return self.exact[1] if self.exact else self.of_grid

    @property
    def best_axes(self) -> tuple[Axis, ...]:
        """The axes that the best profiles lie on."""
        return self.exact[0] if self.exact else self.axes

    @property
    def planes(self) -> tuple[tuple[str, str], ...]:
        """The pairs of axes whose plane is there, in the axes' order; that of a scan with two axes is its grid."""
        pairs = combinations((axis.name for axis in self.axes), 2)
        return tuple(pair for pair in pairs if len(self.axes) == 2 or pair in self.best.planes)

    @property
    def shown(self) -> tuple[str, ...]:
        """The axes whose profile is there, in order."""
        return tuple(axis.name for axis in self.axes if axis.name in self.best.lines)

    def profile(self, names: tuple[str, ...], *, thin: bool = False) -> ReducedGrid:
        """Return chi2 over one or two axes, minimised over all others, as `Result.profile` says."""
        names = one_or_two(names)
        axes = [named(name, self.best_axes) for name in names]
        hidden = tuple(axis.name for axis in self.axes if axis.name not in names)
        self._require_kept(names)
        highest = math.inf if self.exact else self.delta_chi2_max
        if len(axes) == 1:
            line, errors = self.best.lines[names[0]], self._errors(names[0])
            return self._reduced(
                (axes[0],), line, profiled=hidden, delta_chi2_max=highest, errors=errors, **self._more(names)
            )
        ordered = sorted(axes, key=self.best_axes.index)
        pair = ordered[0].name, ordered[1].name
        of_grid = pair not in self.best.planes
        if not of_grid:
            chi2 = self.best.planes[pair]
        else:  # the plane of a scan with two axes is its grid, whatever its profiles are
            steps = [-(-axis.values.size // DRAWN_POINTS) if thin else 1 for axis in self.axes]
            ordered = [replace(axis, values=axis.values[::step]) for axis, step in zip(self.axes, steps, strict=True)]
            selection = tuple(slice(None, None, step) for step in steps)
            highest = self.delta_chi2_max
            kept = self.of_grid.planes.get(pair)
            chi2 = self.read(selection) if kept is None else kept[selection]
        if pair != names:
            ordered, chi2 = ordered[::-1], chi2.T
        return self._reduced(
            tuple(ordered), chi2, of_grid=of_grid, profiled=hidden, delta_chi2_max=highest, **self._more(names)
        )

    def _more(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return what is proven of a profile, and the borders that were traced on it, for `_reduced`."""
        bounds = self.best.bounds
        known: dict[str, Any] = {} if bounds is None else {"bounds": bounds, "tiles": bounds.tiles_over(names)}
        borders = self.best.borders
        if len(names) == 2 and (names[0], names[1]) in borders:
            known["borders"] = borders[names[0], names[1]]
        elif len(names) == 2 and (names[1], names[0]) in borders:
            known["borders"] = tuple(border.turned for border in borders[names[1], names[0]])
        return known

    def slice(self, names: tuple[str, ...], at: Mapping[str, float]) -> ReducedGrid:
        """Return chi2 over one or two axes at the grid values of others nearest to `at`, as `Result.slice` says."""
        shown = one_or_two(names)
        index = nearest(self.axes, shown, at)
        hidden = tuple(axis.name for axis in self.axes if axis.name not in shown and axis.name not in index)
        return self._reduced(
            tuple(named(name, self.axes) for name in shown),
            lowest(self.axes, self.read, shown, index),
            of_grid=True,
            profiled=hidden,
            fixed=tuple((name, float(named(name, self.axes).values[i])) for name, i in index.items()),
        )

    def marginal(self, names: tuple[str, ...]) -> Marginal:
        """Return the posterior density over one axis or two. Raises InputError unless it was kept."""
        self._require_kept(names := one_or_two(names))
        return marginal(self.axes, self.of_grid.marginals, names, self._read_plane)

    def _read_plane(self) -> FloatArray:
        """Return chi2 of a scan with two axes."""
        kept = self.of_grid.planes.get(self.planes[0])
        return self.read((slice(None), slice(None))) if kept is None else kept

    def lower_bound(self, names: tuple[str, ...]) -> FloatArray:
        """Return a proven lower bound of `profile(names)`. Raises InputError where nothing is proven."""
        bounds, names = self.best.bounds, one_or_two(names)
        self._require_kept(names)
        if bounds is None:
            raise InputError('nothing is proven of these profiles: a scan with output.profile = "proven" would do')
        lower = bounds.over(names)
        if lower is None and len(names) == 2 and (turned := bounds.over(names[::-1])) is not None:
            lower = turned.T
        if lower is None:
            raise InputError("the plane of a scan with two axes is its grid, in which nothing is minimised")
        return lower

    def proven_region(self, names: tuple[str, ...], cl: float) -> ProvenRegion:
        """Return what tiles prove of a region, as `Result.proven_region` says."""
        from scanengine.inference.proven_regions import proven_region

        bounds, names = self.best.bounds, one_or_two(names)
        self._require_kept(names)
        if bounds is None:
            raise InputError('nothing is proven of this region: a scan with output.profile = "proven" would do')
        tiles = bounds.tiles_over(names)
        if tiles is None:
            raise InputError(
                "no region is proven where a number of the scan file is an axis: between its values nothing bounds chi2"
            )
        if not bounds.were_decided_at(cl):
            raise InputError(
                f"regions were decided at {', '.join(f'{each:g}' for each in bounds.confidence_levels)}% C.L.: found "
                f"{100.0 * cl:g}%, which would do among output.confidence_levels"
            )
        return proven_region(names, cl, tiles, bounds.minimum)

    def read(self, selection: Selection) -> FloatArray:
        """Return a part of chi2 itself. Raises InputError if it was not kept."""
        if not self.origin.has_grid:
            raise InputError('only the profiles of this scan were kept: run it with keep = "grid" for chi2 itself')
        return self.origin.chi2(selection)

    def _errors(self, name: str) -> GridErrors | None:
        """Return what the grid's own line over an axis misses, where it is the best there is."""
        if self.exact or name not in self.grid_errors:
            return None
        points = {axis.name: axis.values.size for axis in self.axes}
        return GridErrors(points, self.grid_errors[name], self.exact_possible)

    def _reduced(self, axes: tuple[Axis, ...], chi2: FloatArray, *, of_grid: bool = False, **more: Any) -> ReducedGrid:
        """Return chi2 over axes as what limits and figures take, `of_grid` if it was rounded as a stored grid is."""
        known = ReducedGrid(
            axes,
            chi2,
            self.best.minimum,
            rounding=self.rounding,
            rounding_near=self.rounding_near,
            relative_rounding=self.grid_rounding if of_grid else 0.0,
        )
        return replace(known, **more)

    def _require_kept(self, names: tuple[str, ...]) -> None:
        """Raise InputError for the profile of one axis or two that the scan was not to keep."""
        if (len(names) == 1 and names[0] in self.shown) or any(set(names) == set(pair) for pair in self.planes):
            return
        kept = ", ".join(self.shown if len(names) == 1 else (" and ".join(pair) for pair in self.planes))
        raise InputError(
            f"the profile of {' and '.join(names)} was not kept, only {'those' if ',' in kept else 'that'} of {kept}: "
            "run the scan with it among output.planes, or without that key"
        )


def one_or_two(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of axes in their first spelling. Raises InputError unless they are one or two different ones."""
    names = tuple(map(canonical, names))
    if len(names) not in (1, 2) or len(set(names)) < len(names):
        raise InputError(f"one axis or two different ones can be shown: found {', '.join(names) or 'none'}")
    return names


def two(names: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of two axes, those that are shown without names. Raises InputError for another number."""
    chosen = names or shown
    if len(chosen) != 2:
        raise InputError(f"a region needs two axes: name two of {', '.join(shown)}")
    return chosen
