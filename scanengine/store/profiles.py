"""Profiles in a result file: read, and checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.marginals import Marginals, trapezoid
from scanengine.grid.profiles import Bounds, Profiles
from scanengine.grid.tiles import ProvenTiles
from scanengine.store import layout
from scanengine.store.disk import access
from scanengine.store.disk.access import Damage

SAME_CHI2 = 1e-9
"""chi2 comes about in two ways, for the grid and for its minima, which round differently."""

_PROFILES_WITH_AXES = 3
"""The format version from which on the group of profiles has its axes in it."""


def read_profiles(file: h5py.File, lengths: dict[str, int]) -> Profiles:
    """Return the profiles by the grid's points over axes of these lengths."""
    pairs = _pairs(file, tuple(lengths))
    kept = _kept_axes(pairs, lengths)
    at = partial(layout.profile_path, version=int(access.attribute(file, "format_version")))
    lines = {x: _read_chi2(access.dataset(file, at(x), (lengths[x],))) for x in kept}
    _check_own_axes(file, tuple(lengths))
    the_grid = len(lengths) == 2 and layout.CHI2 in file
    stored = {(x, y): access.dataset(file, at(x, y), (lengths[x], lengths[y]), view=the_grid) for x, y in pairs}
    planes = {
        pair: _read_chi2(plane) for pair, plane in stored.items() if not (the_grid and plane == file[layout.CHI2])
    }
    marginals = _read_marginals(file, pairs, lengths) if layout.MARGINALS in file else None
    return Profiles(*_minimum(file, len(lengths)), lines=lines, planes=planes, marginals=marginals)


def _read_marginals(file: h5py.File, pairs: Sequence[tuple[str, str]], lengths: Mapping[str, int]) -> Marginals:
    """Return the posterior densities of a file, no number of which is below zero; of two axes those of the lines."""

    def read(kind: str, *names: str) -> FloatArray:
        place = layout.density_path(kind, *names)
        values = access.read(access.dataset(file, place, tuple(lengths[name] for name in names)))
        if not (np.isfinite(values) & (values >= 0.0)).all():
            raise Damage(f"{place} contains values that are no densities")
        return np.asarray(values)

    kept = _kept_axes(pairs, lengths)
    lines, half_lines = ({name: read(kind, name) for name in kept} for kind in ("density", "half"))
    planes, half_planes = (
        {pair: read(kind, *pair) for pair in (pairs if len(lengths) > 2 else ())} for kind in ("density", "half")
    )
    _check_own_axes(file, kept, layout.MARGINALS)
    told = [access.numbers(access.group(file, layout.MARGINALS), name) for name in layout.OF_MARGINALS]
    if any(len(each) != 1 for each in told):
        raise Damage(f"{layout.MARGINALS} lacks one of its attributes {', '.join(layout.OF_MARGINALS)}")
    return Marginals(lines, planes, half_lines, half_planes, *(each[0] for each in told))


def _check_own_axes(file: h5py.File, names: Sequence[str], home: str = layout.PROFILES) -> None:
    """Raise `Damage` unless the axes beside the profiles, where other readers find them, are those of the grid."""
    if access.attribute(file, "format_version") < _PROFILES_WITH_AXES:
        return
    for name in names:
        called = layout.dimension(name)
        beside = access.increasing(file, f"{home}/{called}")
        if not np.array_equal(beside, access.increasing(file, called)):
            raise Damage(f"the axis {name} has other values in {home}")


def read_exact_profiles(file: h5py.File, names: Sequence[str]) -> tuple[tuple[Axis, ...], Profiles] | None:
    """Return the profiles that are minimised between the grid's points, with the axes they lie on, if there are any."""
    if layout.EXACT_PROFILES not in file:
        return None
    group = access.group(file, layout.EXACT_PROFILES)
    called = partial(layout.fine_axis, version=int(access.attribute(file, "format_version")))
    axes = tuple(access.axis(file, f"{layout.EXACT_PROFILES}/{called(name)}", name) for name in names)
    lengths = {axis.name: axis.values.size for axis in axes}
    pairs = _pairs(file, names)
    kept = _kept_axes(pairs, names)
    lines = {x: _read_chi2(access.dataset(file, layout.exact_path(x), (lengths[x],))) for x in kept}
    # of two axes the plane is there where it is finer than the grid
    stored = {
        (x, y): access.dataset(file, layout.exact_path(x, y), (lengths[x], lengths[y]))
        for x, y in pairs
        if len(names) > 2 or layout.exact_path(x, y) in file
    }
    planes = {pair: _read_chi2(plane) for pair, plane in stored.items()}
    doubtful, checked = (
        {pair: int(access.number(plane, counts)) for pair, plane in stored.items() if counts in plane.attrs}
        for counts in (layout.CELLS_IN_DOUBT, layout.CELLS_CHECKED)
    )
    minimum, best_fit = _minimum(group, len(names))
    bounds = _read_bounds(file, lines, planes, pairs) if layout.LOWEST_CHI2 in group.attrs else None
    found = Profiles(minimum, best_fit, lines, planes, doubtful=doubtful, checked=checked, bounds=bounds)
    return axes, replace(found, borders={pair: each for pair in pairs if (each := _read_borders(file, axes, pair))})


def _read_bounds(
    file: h5py.File,
    lines: Mapping[str, FloatArray],
    planes: Mapping[tuple[str, str], FloatArray],
    pairs: Sequence[tuple[str, str]],
) -> Bounds:
    """Return what is proven of exact profiles, of which no bound is above the profile."""

    def lower(chi2: FloatArray, *names: str) -> FloatArray:
        values = _read_chi2(access.dataset(file, layout.lower_path(*names), chi2.shape))
        if not (values <= chi2).all():
            raise Damage(f"{layout.lower_path(*names)} is above the profile that it is a lower bound of")
        return np.asarray(values)

    group = access.group(file, layout.EXACT_PROFILES)
    ends, levels = access.numbers(group, layout.LOWEST_CHI2), access.numbers(group, layout.PROVEN_LEVELS)
    if len(ends) != 2 or not ends[0] <= ends[1]:
        raise Damage(f"the attribute {layout.LOWEST_CHI2} is no interval")
    if not levels or not all(0.0 < level < 100.0 for level in levels):
        raise Damage(f"the attribute {layout.PROVEN_LEVELS} has a number that is no confidence level")
    return Bounds(
        (ends[0], ends[1]),
        levels,
        {name: lower(chi2, name) for name, chi2 in lines.items()},
        {pair: lower(chi2, *pair) for pair, chi2 in planes.items()},
        dict(_read_tiles(file, [*((name,) for name in lines), *pairs])),
    )


def _read_borders(file: h5py.File, axes: Sequence[Axis], pair: tuple[str, str]) -> tuple[Border, ...]:
    """Return the borders of a plane, which lie within its axes, none if there are none."""
    path = layout.border_path(pair)
    if path not in file:
        return ()
    group = access.group(file, path)
    levels, errors = access.numbers(group, layout.PROVEN_LEVELS), access.numbers(group, "error")
    points = [_column(file, f"{path}/{layout.dimension(name)}_at", "f8") for name in pair]
    ring, level = _column(file, f"{path}/ring", "u4"), _column(file, f"{path}/confidence_level", "f8")
    if len({ring.size, level.size, *(x.size for x in points)}) > 1 or len(levels) != len(errors):
        raise Damage(f"the members of {path} have different lengths")
    for name, x in zip(pair, points, strict=True):
        (axis,) = (each for each in axes if each.name == name)
        if not ((x >= axis.values[0]) & (x <= axis.values[-1])).all():
            raise Damage(f"a point of {path} lies outside of the axis {name}")
    places = np.column_stack(points)
    first = np.flatnonzero(np.diff(ring.astype(np.int64), prepend=-1))
    rings = [places[a:b] for a, b in pairwise([*first.tolist(), ring.size])]
    if not all(len(each) > 3 and np.array_equal(each[0], each[-1]) for each in rings):
        raise Damage(f"a ring of {path} is not closed")
    if not (set(level[first].tolist()) <= set(levels) and all(error >= 0.0 for error in errors)):
        raise Damage(f"the levels or errors of {path} are not those of its points")
    return tuple(
        Border(each, tuple(part for part, k in zip(rings, first, strict=True) if level[k] == each), error)
        for each, error in zip(levels, errors, strict=True)
    )


def _read_tiles(file: h5py.File, shown: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], ProvenTiles]]:
    """Yield the tiles of each of some lines and planes that has any; they cover it, each place once."""
    for names in shown:
        path = layout.tiles_path(names)
        if path not in file:
            continue
        group = access.group(file, path)
        depth = _column(file, f"{path}/depth", "u1").astype(np.int64)
        columns = {
            what: np.column_stack([_column(file, f"{path}/{layout.dimension(name)}_{what}", kind) for name in names])
            for what, kind in (("index", "u4"), ("start", "f8"), ("stop", "f8"))
        }
        lower, upper = (_column(file, f"{path}/{what}", "f8") for what in ("lower", "upper"))
        cut_short = bool(np.all(access.attribute(group, "cut_short") == 1))
        index = columns["index"].astype(np.int64)
        tiles = ProvenTiles(depth, index, columns["start"], columns["stop"], lower, upper, cut_short)
        if len({depth.size, *(len(part) for part in (index, tiles.start, tiles.stop, lower, upper))}) > 1:
            raise Damage(f"the members of {path} have different lengths")
        if not tiles.are_whole():
            raise Damage(f"the tiles of {path} do not cover it, each place once")
        if not (lower <= upper).all():
            raise Damage(f"a lower bound of {path} is above an upper one")
        yield names, tiles


def _column(file: h5py.File, path: str, kind: str) -> NDArray[Any]:
    found = access.dataset(file, path)
    if found.ndim != 1:
        raise Damage(f"{path} has {found.ndim} dimensions in place of one")
    return np.asarray(access.read(found, kind))


def _pairs(file: h5py.File, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the axes of the planes in a file: all, unless some were chosen."""
    every = layout.plane_names(names)
    if "planes" not in file.attrs:
        return every
    chosen = access.text_list(file, "planes")
    pairs = [pair for pair in every if layout.plane_name(*pair) in chosen]
    if not pairs or len(pairs) < len(chosen):
        raise Damage("the attribute planes is empty or names a plane that cannot be there")
    return pairs


def _kept_axes(pairs: Sequence[tuple[str, str]], names: Iterable[str]) -> list[str]:
    """Return the axes that have a line: those in a plane, or the only one."""
    every = list(names)
    return [name for name in every if len(every) == 1 or any(name in pair for pair in pairs)]


def _minimum(home: h5py.Group, n_axes: int) -> tuple[float, tuple[float, ...]]:
    best_fit = access.numbers(home, "best_fit")
    minimum = access.numbers(home, "minimum")
    if len(best_fit) != n_axes or len(minimum) != 1:
        raise Damage("minimum or best_fit has the wrong number of entries")
    return minimum[0], best_fit


def _read_chi2(dataset: h5py.Dataset) -> Any:
    """Return a profile, whose every value is a number; infinite where a Poisson likelihood vanishes."""
    values = access.read(dataset)
    if not (values > -np.inf).all():
        raise Damage(f"{dataset.name.lstrip('/')} contains values that are not numbers")
    return values


def check_agreement(profiles: Profiles, axes: Sequence[Axis]) -> None:
    """Raise `Damage` unless each profile reaches the minimum, and no more, and the best fit is a point of the grid."""
    minimum = profiles.minimum
    if profiles.marginals is not None:
        check_marginals(profiles.marginals, axes)
    for names, values in profiles.each():
        check_lowest(f"the profile of {' and '.join(names)}", float(values.min()), minimum)
    for axis, value in zip(axes, profiles.best_fit, strict=True):
        (at,) = np.nonzero(axis.values == value)
        if not at.size:
            raise Damage(f"the best fit has {axis.name} = {value:.9g}, which is not a point of its axis")
        if axis.name in profiles.lines:
            lowest = float(profiles.lines[axis.name][at[0]])
            check_lowest(f"the profile of {axis.name} at the best fit", lowest, minimum)


def check_marginals(marginals: Marginals, axes: Sequence[Axis]) -> None:
    """Raise `Damage` unless each density integrates to 1, and each line is the integral of the planes it lies in."""
    weights = {axis.name: trapezoid(axis.values) for axis in axes}
    for name, line in marginals.lines.items():
        if not abs(line @ weights[name] - 1.0) <= SAME_CHI2:
            raise Damage(f"the marginal of {name} integrates to {line @ weights[name]:.9g}, and not to 1")
    for (x, y), plane in marginals.planes.items():
        for name, found in ((x, plane @ weights[y]), (y, weights[x] @ plane)):
            line = marginals.lines[name]
            if not np.all(np.abs(found - line) <= SAME_CHI2 * line.max()):
                raise Damage(f"the marginal of {x} and {y} is not that of {name} where it is integrated over the other")


def check_lowest(what: str, lowest: float, minimum: float, rounding: float = 0.0) -> None:
    """Raise `Damage` if the lowest chi2 of something is not the minimum, up to rounding."""
    if not abs(lowest - minimum) <= SAME_CHI2 * (1.0 + abs(minimum)) + rounding * abs(minimum):
        raise Damage(f"the lowest chi2 of {what} is {lowest:.9g}, and the minimum {minimum:.9g}")
