"""Laying out the members of a result file: axes as dimension scales, chi2, profiles, responses and their attributes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.marginals import Marginals
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiles import ProvenTiles
from scanengine.store import layout
from scanengine.store.layout import AttributeValue, ResponseArray
from scanengine.store.plan import GridPlan, identity_of


def write_header(root: h5py.File, plan: GridPlan) -> None:
    """Write what is known before the first tile: whose scan it is, the axes, the empty grid and the responses."""
    own: dict[str, AttributeValue] = {
        "format": layout.FORMAT,
        "format_version": layout.FORMAT_VERSION,
        "scanengine_version": package_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "definition": plan.definition,
        "definition_sha256": hashlib.sha256(plan.definition.encode()).hexdigest(),
        "definition_overrides": plan.overrides,
        layout.IDENTITY: json.dumps(identity_of(plan)),
        "axes": [axis.name for axis in plan.axes],
    }
    if plan.planes:
        own["planes"] = [layout.plane_name(*pair) for pair in plan.planes]
    set_attributes(root, {"units": layout.UNITS, "conventions": layout.CONVENTIONS, **plan.attributes, **own})
    write_axes(root, plan.axes)
    if plan.has_grid:
        _create_chi2(root, plan)
    create_checked(root, layout.DONE, np.zeros(plan.counts, dtype=np.uint8))
    root.create_group(layout.PROFILES, track_order=True)
    write_responses(root.create_group(layout.RESPONSES, track_order=True), plan.responses)


def write_axes(home: h5py.Group, axes: Sequence[Axis], named: Callable[[str], str] = layout.dimension) -> None:
    """Write each axis as a dimension scale, under the name that `named` makes of its own."""
    for axis in axes:
        scale = _create_floats(home, named(axis.name), axis.values)
        scale.make_scale(named(axis.name))
        long_name = axis.long_name or axis.name
        set_attributes(scale, {"units": axis.units, "long_name": long_name, "symbol": axis.symbol})
        set_attributes(scale, {"even": axis.even})
        if any(map(math.isfinite, axis.bounds)):
            set_attributes(scale, {"bounds": axis.bounds})


def _create_chi2(root: h5py.File, plan: GridPlan) -> None:
    """Create the empty grid, or one that is a view of other files; and what no chi2 can be where nothing is written."""
    if plan.sources:
        dataset = root.create_virtual_dataset(layout.CHI2, _view(plan), fillvalue=layout.MISSING)
    else:
        dataset = root.create_dataset(
            layout.CHI2,
            shape=plan.shape,
            dtype=plan.encoding.dtype,
            chunks=plan.chunk_shape,
            fillvalue=layout.MISSING,
            track_order=True,
            **plan.encoding.filters,
        )
    _describe(root, dataset, [layout.dimension(axis.name) for axis in plan.axes], "chi2")
    set_attributes(dataset, {"relative_rounding_error": plan.encoding.rounding})


def _view(plan: GridPlan) -> h5py.VirtualLayout:
    """Return where each tile of the grid lies in other files."""
    view = h5py.VirtualLayout(plan.shape, plan.encoding.dtype)
    for path, done in plan.sources.items():
        source = h5py.VirtualSource(path, layout.CHI2, plan.shape, plan.encoding.dtype)
        for tile in np.argwhere(done):
            where = tuple(slice(int(i) * n, (int(i) + 1) * n) for i, n in zip(tile, plan.chunk_shape, strict=True))
            where = tuple(slice(part.start, min(part.stop, n)) for part, n in zip(where, plan.shape, strict=True))
            view[where] = source[where]
    return view


def write_exact_profiles(root: h5py.File, axes: Sequence[Axis], profiles: Profiles) -> None:
    """Write profiles that were minimised continuously, with the finer axes they lie on and their own minimum."""
    group = root.create_group(layout.EXACT_PROFILES, track_order=True)
    write_axes(group, axes, layout.fine_axis)
    for names, values in profiles.each():
        dataset = _create_floats(root, layout.exact_path(*names), values)
        fine = [layout.fine_axis(name) for name in names]
        _describe(group, dataset, fine, "chi2 minimised continuously over all other axes")
        for attribute, counts in ((layout.CELLS_IN_DOUBT, profiles.doubtful), (layout.CELLS_CHECKED, profiles.checked)):
            if len(names) == 2 and (cells := counts.get((names[0], names[1]))):
                set_attributes(dataset, {attribute: float(cells)})
    if profiles.bounds is not None:
        for found in (profiles.bounds.lines, profiles.bounds.planes):
            for key, values in found.items():
                names = (key,) if isinstance(key, str) else key
                dataset = _create_floats(root, layout.lower_path(*names), values)
                _describe(group, dataset, [layout.fine_axis(name) for name in names], "proven lower bound of chi2")
        levels = list(profiles.bounds.confidence_levels)
        set_attributes(group, {layout.LOWEST_CHI2: profiles.bounds.minimum, layout.PROVEN_LEVELS: levels})
        for of, tiles in profiles.bounds.tiles.items():
            _write_tiles(root.create_group(layout.tiles_path(of), track_order=True), of, tiles)
    for pair, borders in profiles.borders.items():
        _write_borders(root.create_group(layout.border_path(pair), track_order=True), pair, borders)
    write_best_fit(group, profiles)


def _write_borders(group: h5py.Group, names: tuple[str, str], borders: Sequence[Border]) -> None:
    """Write the borders of regions on a plane, one after another, point by point."""
    rings = [(border.confidence_level, ring) for border in borders for ring in border.rings]
    points = np.concatenate([np.empty((0, 2)), *(ring for _, ring in rings)])
    sizes = [len(ring) for _, ring in rings]
    _create_dimension(group, "point", len(points))
    arrays: dict[str, tuple[NDArray[Any], str]] = {
        f"{layout.dimension(name)}_at": (points[:, i].astype("<f8"), f"{name} at a point of a border")
        for i, name in enumerate(names)
    }
    arrays["ring"] = np.repeat(np.arange(len(rings), dtype="<u4"), sizes), "number of the closed ring"
    levels = np.repeat(np.array([level for level, _ in rings], dtype="<f8"), sizes)
    arrays["confidence_level"] = levels, "confidence level in per cent, for two parameters"
    for name, (values, long_name) in arrays.items():
        _describe(group, create_checked(group, name, values), ["point"], long_name)
    found = [border.confidence_level for border in borders]
    set_attributes(group, {layout.PROVEN_LEVELS: found, "error": [border.error for border in borders]})


def _write_tiles(group: h5py.Group, names: Sequence[str], tiles: ProvenTiles) -> None:
    """Write tiles of one axis or two: their ends, how they came about, and the bounds on each."""
    _create_dimension(group, "tile", tiles.depth.size)
    arrays: dict[str, tuple[NDArray[Any], str]] = {"depth": (tiles.depth.astype("u1"), "halvings of the axes")}
    for i, name in enumerate(map(layout.dimension, names)):
        arrays[f"{name}_index"] = tiles.index[:, i].astype("<u4"), f"number of the tile along {name}"
        arrays[f"{name}_start"] = tiles.start[:, i].astype("<f8"), f"lower end along {name}"
        arrays[f"{name}_stop"] = tiles.stop[:, i].astype("<f8"), f"upper end along {name}"
    arrays["lower"] = tiles.lower.astype("<f8"), "proven lower bound of chi2 everywhere on the tile"
    arrays["upper"] = tiles.upper.astype("<f8"), "proven upper bound of chi2 everywhere on the tile"
    for name, (values, long_name) in arrays.items():
        dataset = create_checked(group, name, values)
        _describe(group, dataset, ["tile"], long_name)
    set_attributes(group, {"cut_short": tiles.cut_short})


def write_profiles(root: h5py.File, axes: Sequence[Axis], profiles: Profiles) -> None:
    """Write every profiled line and plane of a scan, and its axes once more beside them, where netCDF looks for them.

    The plane of a scan with two axes is its grid: where `profiles` leaves it out, it is linked to the grid.
    """
    group = root[layout.PROFILES]
    write_axes(group, axes)
    for names, values in profiles.each():
        dataset = _create_floats(root, layout.profile_path(*names), values)
        _describe(group, dataset, [layout.dimension(name) for name in names], "chi2 minimised over all other axes")
    if len(axes) == 2 and not profiles.planes:
        root[layout.profile_path(*(axis.name for axis in axes))] = root[layout.CHI2]
    if profiles.marginals is not None:
        _write_marginals(root, axes, profiles.marginals)
    if root.attrs["format_version"] != layout.FORMAT_VERSION:  # an older scanengine began this file
        set_attributes(root, {"format_version": layout.FORMAT_VERSION, "conventions": layout.CONVENTIONS})


def _write_marginals(root: h5py.File, axes: Sequence[Axis], marginals: Marginals) -> None:
    """Write posterior densities with their axes beside them."""
    group = root.create_group(layout.MARGINALS, track_order=True)
    write_axes(group, axes)
    kinds = {
        "density": (marginals.lines, marginals.planes, "posterior density, integrated over all other axes"),
        "half": (marginals.half_lines, marginals.half_planes, "the same with every second point of these"),
    }
    for kind, (lines, planes, long_name) in kinds.items():
        found = {(name,): line for name, line in lines.items()} | dict(planes.items())
        for names, values in found.items():
            dataset = _create_floats(root, layout.density_path(kind, *names), values)
            _describe(group, dataset, [layout.dimension(name) for name in names], long_name)
            units = [axis.units for axis in axes if axis.name in names and axis.units != "1"]
            set_attributes(dataset, {"units": " ".join(f"({each})^-1" for each in units) or "1"})
    told = {name: getattr(marginals, name) for name in layout.OF_MARGINALS}
    set_attributes(group, {"conventions": layout.PRIOR, **told})


def write_best_fit(target: h5py.HLObject, profiles: Profiles) -> None:
    """Write the global minimum and where it lies."""
    set_attributes(target, {"best_fit": profiles.best_fit, "minimum": profiles.minimum})


def write_responses(group: h5py.Group, responses: Mapping[str, ResponseArray]) -> None:
    """Write arrays with their attributes and named dimensions.

    Raises ValueError if two arrays disagree about a dimension, or one has the name of another's dimension.
    """
    for name, array in responses.items():
        values = np.asarray(array.values, dtype="<f8")
        dims = array.dims or tuple(f"{name}_{i}" for i in range(values.ndim))
        dataset = _create_floats(group, name, values)
        set_attributes(dataset, array.attributes)
        for i, (dim, n) in enumerate(zip(dims, values.shape, strict=True)):
            if dim not in group:
                _create_dimension(group, dim, n)
            if not group[dim].is_scale or group[dim].shape != (n,):
                raise ValueError(
                    f"response {name!r}: {dim!r} is another array, or a dimension of another length than {n}"
                )
            dataset.dims[i].attach_scale(group[dim])


def _create_dimension(group: h5py.Group, name: str, n: int) -> None:
    """Create a dimension without coordinate values, under the name by which netCDF knows one."""
    mark = f"This is a netCDF dimension but not a netCDF variable.{n:10d}"
    group.create_dataset(name, shape=(n,), dtype=">f4").make_scale(mark)


def _create_floats(group: h5py.Group, name: str, values: FloatArray) -> h5py.Dataset:
    return create_checked(group, name, np.asarray(values, dtype="<f8"))


def create_checked(group: h5py.Group, name: str, values: NDArray[Any]) -> h5py.Dataset:
    """Create a dataset whose numbers have a checksum; single ones and none at all have no place for it."""
    return group.create_dataset(name, data=values, fletcher32=values.size > 0 and values.ndim > 0, track_order=True)


def _describe(home: h5py.Group, dataset: h5py.Dataset, names: Sequence[str], long_name: str) -> None:
    for dimension, name in zip(dataset.dims, names, strict=True):
        dimension.attach_scale(home[name])
    set_attributes(dataset, {"units": "1", "long_name": long_name})


def set_attributes(target: h5py.HLObject, attributes: Mapping[str, AttributeValue]) -> None:
    """Write attributes as every reader of HDF5 and netCDF takes them."""
    for name, value in attributes.items():
        if isinstance(value, str):
            target.attrs[name] = value
        elif isinstance(value, bool):
            target.attrs[name] = int(value)  # netCDF4 drops bool attributes
        elif isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
            target.attrs.create(name, np.array(value, dtype=object), dtype=h5py.string_dtype())
        else:
            target.attrs[name] = np.asarray(value)


def package_version() -> str:
    """Return the version of the package that writes."""
    try:
        return version("scanengine")
    except PackageNotFoundError:
        return "unknown"
