"""Reading a result file: the small members at once and checked, the grid lazily, every fault in one sentence."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from types import EllipsisType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.definition.identity import leaves
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Bounds, Profiles
from scanengine.store import layout
from scanengine.store.disk import access
from scanengine.store.disk.access import Damage, opened
from scanengine.store.disk.committed import is_locked

_OWN_ATTRIBUTES = (
    "axes",
    "best_fit",
    "definition",
    "definition_overrides",
    "definition_sha256",
    layout.IDENTITY,
    "minimum",
    "planes",
)

SAME_CHI2 = 1e-9
"""chi2 comes about in two ways, for the grid and for its minima, which round differently."""

_PROFILES_WITH_AXES = 3
"""The format version from which on the group of profiles has its axes in it."""

_MAX_AXES = 32
"""HDF5 knows no more dimensions."""

_TRIES, _PAUSE_SECONDS = 10, 0.1
"""A file that is being written is between two states for a moment now and then."""

Selection = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]


@dataclass(frozen=True)
class StoredResult:
    """A finished result: everything but the grid, which `read_chi2` reads piece by piece.

    `exact_profiles` are those with the hidden axes minimised continuously, with the finer axes they lie on, where there
    are any. Of two axes the plane is left out of both where it is the grid itself. `shape` is that of the grid,
    stored or not; `dtype` is the precision of the stored chi2, None where there is none, and `relative_rounding` how
    far it was rounded, relative to itself. `attributes` are those of the file that have no field of their own here.
    """

    path: Path
    axes: tuple[Axis, ...]
    profiles: Profiles
    exact_profiles: tuple[tuple[Axis, ...], Profiles] | None
    definition: str
    overrides: tuple[str, ...]
    attributes: dict[str, str | float | tuple[str | float, ...]]
    dtype: np.dtype[Any] | None
    relative_rounding: float
    response_names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def digest(self) -> str:
        """A checksum of everything but the grid, with the time when the file was made: another run gives another."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("path", "dtype")}
        words = [f"{place}: {value}" for place, value in leaves("", told | {"dtype": str(self.dtype)})]
        return hashlib.sha256("\n".join(words).encode(errors="surrogateescape")).hexdigest()

    @property
    def has_grid(self) -> bool:
        """Whether the file holds chi2 at every point of the grid."""
        return self.dtype is not None

    def read_chi2(self, selection: Selection = ...) -> FloatArray:
        """Return absolute chi2, float64, on a hyperslab: integers and slices with positive steps, as h5py takes them.

        Raises `InputError` if the file keeps profiles only, has gone or changed, or fails its checksum.
        """
        if not self.has_grid:
            raise InputError(
                f'{self.path} has no grid: it was made with keep = "profiles"; run the scan with keep = "grid"'
            )
        with opened(self.path) as file:
            dataset = access.dataset(file, layout.CHI2, self.shape, view=True)
            if dataset.is_virtual:
                _check_sources(file, dataset)
            try:
                values = np.asarray(dataset.astype(np.float64)[selection], dtype=np.float64)
            except (OSError, RuntimeError) as error:
                raise access.unreadable(layout.CHI2, error) from error
            except (LookupError, TypeError, ValueError) as error:  # this selection is not one
                wrong = error
            else:
                if access.missing(values, dataset).any():
                    lacking = "is in none of the shards that it is a view of" if dataset.is_virtual else "is not found"
                    raise Damage(f"a part of its grid {lacking}")
                return values
        raise wrong


def open_result(path: str | Path, *, just_written: bool = False) -> StoredResult:
    """Read and check a result file, its grid excepted. What was `just_written` need not be searched for traps.

    Raises `InputError` for a file that is missing, foreign, unfinished, of a newer version, truncated or damaged.
    """
    path = Path(path)
    with opened(path, just_written=just_written) as file:
        return result_in(file, path)


def result_in(file: h5py.File, path: Path) -> StoredResult:
    """Read and check an open result file, as `open_result` does."""
    _check_kind(path, file)
    names = access.text_list(file, "axes")
    try:
        layout.check_axis_names(names)
    except InputError as error:
        raise Damage(str(error)) from None
    if not 0 < len(names) <= _MAX_AXES or len(set(names)) < len(names):
        raise Damage("the attribute axes is empty, too long or names an axis twice")
    axes = tuple(access.axis(file, layout.dimension(name), name) for name in names)
    shape = tuple(len(axis.values) for axis in axes)
    definition = access.text(file, "definition")
    digest = hashlib.sha256(definition.encode(errors="surrogateescape")).hexdigest()
    if digest != access.text(file, "definition_sha256"):
        raise Damage("the scan definition does not match its sha256")
    has_grid = layout.CHI2 in file
    if has_grid:
        _check_grid(file, shape)
    profiles = _read_profiles(file, dict(zip(names, shape, strict=True)))
    _check_agreement(profiles, axes)
    return StoredResult(
        path=path,
        axes=axes,
        profiles=profiles,
        exact_profiles=_read_exact_profiles(file, names),
        definition=definition,
        overrides=access.text_list(file, "definition_overrides"),
        attributes={n: _plain(access.attribute(file, n)) for n in file.attrs if n not in _OWN_ATTRIBUTES},
        dtype=file[layout.CHI2].dtype if has_grid else None,
        relative_rounding=_relative_rounding(file) if has_grid else 0.0,
        response_names=_response_names(file),
    )


@dataclass(frozen=True)
class Unfinished:
    """A scan on its way, or a part of one: how many of its tiles are in the file, and of how many grid points.

    `running` says that a run is writing it at this moment: then its last checkpoint is told of. A finished shard is one
    of `of`.
    """

    title: str
    axes: tuple[Axis, ...]
    done: int
    tiles: int
    created: str
    running: bool
    shard: tuple[int, int] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis.values) for axis in self.axes)


def open_unfinished(path: str | Path) -> Unfinished | None:
    """Read how far a scan has come from its partial file, or what part of one a shard is; None for a whole result.

    Raises `InputError` as `open_result` does.
    """
    path = Path(path)
    for _ in range(_TRIES):
        access.check_signature(path)
        running = is_locked(path)
        try:
            return _read_unfinished(path, running=running)
        except InputError as error:
            if not running:
                raise
            failed = error
            time.sleep(_PAUSE_SECONDS)
    raise failed


def _read_unfinished(path: Path, *, running: bool) -> Unfinished | None:
    with opened(path, while_written=running) as file:
        if "format" not in file.attrs or access.attribute(file, "format") != layout.FORMAT or layout.DONE not in file:
            return None
        access.require_known_version(path, file)
        done = read_done(file)
        return Unfinished(
            title=access.text(file, "title") if "title" in file.attrs else "",
            axes=tuple(access.axis(file, layout.dimension(name), name) for name in access.text_list(file, "axes")),
            done=int(np.count_nonzero(done)),
            tiles=done.size,
            created=access.text(file, "created"),
            running=running,
            shard=access.pair(file, layout.SHARD) if layout.SHARD in file.attrs else None,
        )


def read_done(file: h5py.File, counts: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """Return which tiles (counts) an unfinished file or a shard holds, by its own account."""
    done = np.asarray(access.read(access.dataset(file, layout.DONE, counts), "u1"))
    if not done.size or done.max() > 1:
        raise Damage(f"{layout.DONE} is not a mask of tiles")
    return done


def require_format(path: Path, file: h5py.File) -> None:
    """Raise InputError unless a file is one of scanengine's, whole or not, of a version that is known."""
    if "format" not in file.attrs or access.attribute(file, "format") != layout.FORMAT:
        raise InputError(
            f"{path} is an HDF5 file, but not a result of scanengine (its attribute format is not {layout.FORMAT!r})"
        )
    access.require_known_version(path, file)


def _check_kind(path: Path, file: h5py.File) -> None:
    require_format(path, file)
    if layout.SHARD in file.attrs:
        raise InputError(f"{path} is a shard, a part of a result: `scanengine merge` makes one of all of them")
    if layout.DONE in file:
        done = read_done(file)
        raise InputError(
            f"{path} is unfinished: its scan stopped after {np.count_nonzero(done)} of {done.size} tiles; "
            "the command that started it resumes it"
        )
    if "minimum" not in file.attrs:
        raise InputError(f"{path} is unfinished: the command that started it resumes it")


def _relative_rounding(file: h5py.File) -> float:
    dataset = file[layout.CHI2]
    if "relative_rounding_error" not in dataset.attrs:  # 0.1.0 rounded to the stored precision and no more
        return float(0.5 * np.finfo(dataset.dtype).eps)
    rounding, *more = access.numbers(dataset, "relative_rounding_error")
    if more or not 0.0 <= rounding < 1.0:
        raise Damage("the relative_rounding_error of its grid is no number between 0 and 1")
    return rounding


def _check_grid(file: h5py.File, shape: tuple[int, ...]) -> None:
    dataset = access.dataset(file, layout.CHI2, shape, view=True)
    if dataset.dtype.kind != "f" or (dataset.chunks is None and not dataset.is_virtual):
        raise Damage(f"{layout.CHI2} is not a chunked dataset of floating-point numbers")
    if dataset.is_virtual:
        _check_sources(file, dataset)
        return
    stored = access.stored_chunks(dataset)
    if stored.min() != 1 or stored.max() != 1:
        raise Damage(f"{layout.CHI2} has {int((stored == 1).sum())} of its {stored.size} chunks")


def _check_sources(file: h5py.File, dataset: h5py.Dataset) -> None:
    """Check that the shards of a virtual grid are there: HDF5 itself would read NaN in the place of one that is not."""
    folder = Path(file.filename).resolve().parent
    for name, member in sorted({(source.file_name, source.dset_name) for source in dataset.virtual_sources()}):
        path = (folder / name).resolve()
        if "%" in name or not path.is_relative_to(folder):  # HDF5 takes % for the number of a block
            raise Damage(f"its grid lies in {name}, outside its folder")
        if not path.exists():
            raise Damage(f"its grid is a view of shards, and {name} is not beside it")
        with opened(path) as shard:
            ours = access.attribute(file, layout.IDENTITY)
            if layout.SHARD not in shard.attrs or access.attribute(shard, layout.IDENTITY) != ours:
                raise Damage(f"its grid is a view of shards, and {name} is not of the same scan")
            if member != layout.CHI2:
                raise Damage(f"its grid is a view of {member} in {name}, which is no grid")
            access.dataset(shard, layout.CHI2, dataset.shape)


def _check_agreement(profiles: Profiles, axes: Sequence[Axis]) -> None:
    """Raise `Damage` unless each profile reaches the minimum, and no more, and the best fit is a point of the grid."""
    minimum = profiles.minimum
    for names, values in profiles.each():
        check_lowest(f"the profile of {' and '.join(names)}", float(values.min()), minimum)
    for axis, value in zip(axes, profiles.best_fit, strict=True):
        (at,) = np.nonzero(axis.values == value)
        if not at.size:
            raise Damage(f"the best fit has {axis.name} = {value:.9g}, which is not a point of its axis")
        if axis.name in profiles.lines:
            lowest = float(profiles.lines[axis.name][at[0]])
            check_lowest(f"the profile of {axis.name} at the best fit", lowest, minimum)


def check_lowest(what: str, lowest: float, minimum: float, rounding: float = 0.0) -> None:
    """Raise `Damage` if the lowest chi2 of something is not the minimum, up to rounding."""
    if not abs(lowest - minimum) <= SAME_CHI2 * (1.0 + abs(minimum)) + rounding * abs(minimum):
        raise Damage(f"the lowest chi2 of {what} is {lowest:.9g}, and the minimum {minimum:.9g}")


def _read_profiles(file: h5py.File, lengths: dict[str, int]) -> Profiles:
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
    return Profiles(*_minimum(file, len(lengths)), lines=lines, planes=planes)


def _check_own_axes(file: h5py.File, names: Sequence[str]) -> None:
    """Raise `Damage` unless the axes beside the profiles, where other readers find them, are those of the grid."""
    if access.attribute(file, "format_version") < _PROFILES_WITH_AXES:
        return
    for name in names:
        called = layout.dimension(name)
        beside = access.increasing(file, f"{layout.PROFILES}/{called}")
        if not np.array_equal(beside, access.increasing(file, called)):
            raise Damage(f"the axis {name} has other values beside the profiles")


def _read_exact_profiles(file: h5py.File, names: Sequence[str]) -> tuple[tuple[Axis, ...], Profiles] | None:
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
    bounds = _read_bounds(file, lines, planes) if layout.LOWEST_CHI2 in group.attrs else None
    return axes, Profiles(minimum, best_fit, lines, planes, doubtful=doubtful, checked=checked, bounds=bounds)


def _read_bounds(
    file: h5py.File, lines: Mapping[str, FloatArray], planes: Mapping[tuple[str, str], FloatArray]
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
    )


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


def _response_names(file: h5py.File) -> tuple[str, ...]:
    members = {name: access.member(file, f"{layout.RESPONSES}/{name}") for name in access.group(file, layout.RESPONSES)}
    return tuple(n for n, member in members.items() if isinstance(member, h5py.Dataset) and not access.is_scale(member))


def _read_chi2(dataset: h5py.Dataset) -> Any:
    """Return a profile, whose every value is a number; infinite where a Poisson likelihood vanishes."""
    values = access.read(dataset)
    if not (values > -np.inf).all():
        raise Damage(f"{dataset.name.lstrip('/')} contains values that are not numbers")
    return values


def _plain(value: Any) -> Any:
    """Turn what h5py gives for an attribute into plain Python: text, number or tuple of them."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(plain) if isinstance(plain, list) else plain
