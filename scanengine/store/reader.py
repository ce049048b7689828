"""Reading a result file: the small members at once and checked, the grid lazily, every fault in one sentence."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

import h5py
import numpy as np

from scanengine.errors import InputError
from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.store import layout
from scanengine.store.committed import is_locked
from scanengine.store.layout import READING_ERRORS
from scanengine.store.paths import partial_path

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
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

Selection = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]


class _Damage(Exception):
    """What is missing or wrong in a file, as the end of a sentence."""


@dataclass(frozen=True)
class StoredResult:
    """A finished result: everything but the grid, which `read_chi2` reads piece by piece.

    `exact_profiles` are those with the hidden axes minimised continuously, with the finer axes they lie on, where there
    are any. Of two axes the plane is left out of both where it is the grid itself. `shape` is that of the grid,
    stored or not; `dtype` is the precision of the stored chi2, None where there is none. `attributes` are those of the
    file that have no field of their own here.
    """

    path: Path
    axes: tuple[Axis, ...]
    profiles: Profiles
    exact_profiles: tuple[tuple[Axis, ...], Profiles] | None
    definition: str
    overrides: tuple[str, ...]
    attributes: dict[str, str | float | tuple[str | float, ...]]
    dtype: np.dtype[Any] | None
    response_names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis.values) for axis in self.axes)

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
            _check_grid(file, self.shape)
            dataset = file[layout.CHI2].astype(np.float64)
            try:
                return np.asarray(dataset[selection], dtype=np.float64)
            except (OSError, RuntimeError) as error:
                raise unreadable(layout.CHI2, error) from error


def open_result(path: str | Path) -> StoredResult:
    """Read and check a result file, its grid excepted.

    Raises `InputError` for a file that is missing, foreign, unfinished, of a newer version, truncated or damaged.
    """
    path = Path(path)
    with opened(path) as file:
        _check_kind(path, file)
        names = _text_list(file, "axes")
        try:
            layout.check_axis_names(names)
        except InputError as error:
            raise _Damage(str(error)) from None
        if not names or len(set(names)) < len(names):
            raise _Damage("the attribute axes is empty or names an axis twice")
        axes = tuple(_read_axis(file, name, name) for name in names)
        shape = tuple(len(axis.values) for axis in axes)
        definition = _text(file, "definition")
        if hashlib.sha256(definition.encode(errors="surrogateescape")).hexdigest() != _text(file, "definition_sha256"):
            raise _Damage("the scan definition does not match its sha256")
        has_grid = layout.CHI2 in file
        if has_grid:
            _check_grid(file, shape)
        return StoredResult(
            path=path,
            axes=axes,
            profiles=_read_profiles(file, dict(zip(names, shape, strict=True))),
            exact_profiles=_read_exact_profiles(file, names),
            definition=definition,
            overrides=_text_list(file, "definition_overrides"),
            attributes={name: _plain(_attribute(file, name)) for name in file.attrs if name not in _OWN_ATTRIBUTES},
            dtype=file[layout.CHI2].dtype if has_grid else None,
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
    running = path.is_file() and is_locked(path)
    with opened(path, while_written=running) as file:
        if "format" not in file.attrs or _attribute(file, "format") != layout.FORMAT or layout.DONE not in file:
            return None
        done = _read(_dataset(file, layout.DONE), "u1")
        return Unfinished(
            title=_text(file, "title") if "title" in file.attrs else "",
            axes=tuple(_read_axis(file, name, name) for name in _text_list(file, "axes")),
            done=int(np.count_nonzero(done)),
            tiles=done.size,
            created=_text(file, "created"),
            running=running,
            shard=pair(file, layout.SHARD) if layout.SHARD in file.attrs else None,
        )


def pair(file: h5py.File, name: str) -> tuple[int, int]:
    """Return an attribute of two whole numbers."""
    first, second = np.asarray(_attribute(file, name)).tolist()
    return int(first), int(second)


@contextmanager
def opened(path: Path, *, while_written: bool = False) -> Iterator[h5py.File]:
    """Open an HDF5 file to read, perhaps while another process writes it; whatever is wrong becomes an `InputError`."""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(HDF5_SIGNATURE))
    except FileNotFoundError:
        partial = partial_path(path)
        hint = f"{partial} is there: its scan has not finished" if partial.exists() else "`scanengine run` makes one"
        raise InputError(f"{path}: there is no such file; {hint}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if head != HDF5_SIGNATURE:
        if HDF5_SIGNATURE.startswith(head):
            raise InputError(f"{path} is empty or truncated ({len(head)} bytes); run the scan again")
        raise InputError(f"{path} is not a result of scanengine (not an HDF5 file); `scanengine run` makes one")
    try:
        file = h5py.File(path, "r", locking=not while_written)
    except BlockingIOError:
        raise InputError(f"{path} is being written by a running scan; wait until it has finished") from None
    except (OSError, RuntimeError) as error:
        truncated = "truncated file" in str(error)
        what = "is truncated" if truncated else "is damaged (HDF5 cannot open it)"
        raise InputError(f"{path} {what}; run the scan again, or copy the file again") from error
    try:
        with file:
            yield file
    except (_Damage, OSError, RuntimeError, KeyError) as error:
        what = str(error) if isinstance(error, _Damage) else "HDF5 cannot read part of it"
        raise InputError(f"{path} is damaged: {what}; run the scan again, or copy the file again") from error


def _check_kind(path: Path, file: h5py.File) -> None:
    if "format" not in file.attrs or _attribute(file, "format") != layout.FORMAT:
        raise InputError(
            f"{path} is an HDF5 file, but not a result of scanengine (its attribute format is not {layout.FORMAT!r})"
        )
    format_version = _attribute(file, "format_version")
    if not isinstance(format_version, np.integer) or format_version < 1:
        raise _Damage(f"its format_version is {format_version} and not a whole number from 1 up")
    if format_version > layout.FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {format_version}, and this scanengine knows versions up to "
            f"{layout.FORMAT_VERSION}; upgrade scanengine to read it"
        )
    if layout.SHARD in file.attrs:
        raise InputError(f"{path} is a shard, a part of a result: `scanengine merge` makes one of all of them")
    if layout.DONE in file:
        done = _read(_dataset(file, layout.DONE), "u1")
        raise InputError(
            f"{path} is unfinished: its scan stopped after {np.count_nonzero(done)} of {done.size} tiles; "
            "the command that began it goes on from there"
        )
    if "minimum" not in file.attrs:
        raise InputError(f"{path} is unfinished: the command that began it goes on from there")


def _check_grid(file: h5py.File, shape: tuple[int, ...]) -> None:
    dataset = _dataset(file, layout.CHI2, shape)
    if dataset.is_virtual:
        _check_sources(file, dataset)
        return
    if dataset.dtype.kind != "f" or dataset.chunks is None:
        raise _Damage(f"{layout.CHI2} is not a chunked dataset of floating-point numbers")
    expected = math.prod(-(-n // c) for n, c in zip(shape, dataset.chunks, strict=True))
    try:
        found = dataset.id.get_num_chunks()
    except READING_ERRORS as error:
        raise unreadable(layout.CHI2, error) from error
    if found != expected:
        raise _Damage(f"{layout.CHI2} has {found} of its {expected} chunks")


def _check_sources(file: h5py.File, dataset: h5py.Dataset) -> None:
    """Check that the shards of a virtual grid are there: HDF5 itself would read NaN in the place of one that is not."""
    folder = Path(file.filename).resolve().parent
    for name in sorted({source.file_name for source in dataset.virtual_sources()}):
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise _Damage(f"its grid lies in {name}, outside its folder")
        if not path.exists():
            raise _Damage(f"its grid is a view of shards, and {name} is not beside it")
        with opened(path) as shard:
            if layout.SHARD not in shard.attrs or shard.attrs.get(layout.IDENTITY) != file.attrs.get(layout.IDENTITY):
                raise _Damage(f"its grid is a view of shards, and {name} is not of the same scan")


def _read_axis(file: h5py.File, path: str, name: str) -> Axis:
    dataset = _dataset(file, path)
    if dataset.ndim != 1:
        raise _Damage(f"the axis {name} has {dataset.ndim} dimensions in place of one")
    values = _read(dataset)
    if not (values.size and np.isfinite(values).all() and (np.diff(values) > 0).all()):
        raise _Damage(f"the values of the axis {name} do not increase")
    return Axis(name, values, *(_text(dataset, attribute) for attribute in ("units", "long_name", "symbol")))


def _read_profiles(file: h5py.File, lengths: dict[str, int]) -> Profiles:
    pairs = _pairs(file, tuple(lengths))
    kept = _kept_axes(pairs, lengths)
    lines = {x: _read_chi2(_dataset(file, layout.line_path(x), (lengths[x],))) for x in kept}
    stored = {(x, y): _dataset(file, layout.plane_path(x, y), (lengths[x], lengths[y])) for x, y in pairs}
    the_grid = len(lengths) == 2 and layout.CHI2 in file
    planes = {
        pair: _read_chi2(plane) for pair, plane in stored.items() if not (the_grid and plane == file[layout.CHI2])
    }
    return Profiles(*_minimum(file, len(lengths)), lines=lines, planes=planes)


def _read_exact_profiles(file: h5py.File, names: Sequence[str]) -> tuple[tuple[Axis, ...], Profiles] | None:
    if layout.EXACT_PROFILES not in file:
        return None
    group = file[layout.EXACT_PROFILES]
    axes = tuple(_read_axis(file, f"{layout.EXACT_PROFILES}/{name}", name) for name in names)
    lengths = {axis.name: axis.values.size for axis in axes}
    pairs = _pairs(file, names)
    kept = _kept_axes(pairs, names)
    lines = {x: _read_chi2(_dataset(file, layout.exact_path(x), (lengths[x],))) for x in kept}
    planes = {
        (x, y): _read_chi2(_dataset(file, layout.exact_path(x, y), (lengths[x], lengths[y])))
        for x, y in (pairs if len(names) > 2 else [])
    }
    return axes, Profiles(*_minimum(group, len(names)), lines=lines, planes=planes)


def _pairs(file: h5py.File, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the axes of the planes in a file: all, unless some were chosen."""
    every = layout.plane_names(names)
    if "planes" not in file.attrs:
        return every
    chosen = _text_list(file, "planes")
    pairs = [pair for pair in every if layout.plane_name(*pair) in chosen]
    if not pairs or len(pairs) < len(chosen):
        raise _Damage("the attribute planes is empty or names a plane that cannot be there")
    return pairs


def _kept_axes(pairs: Sequence[tuple[str, str]], names: Iterable[str]) -> list[str]:
    """Return the axes that have a line: those in a plane, or the only one."""
    every = list(names)
    return [name for name in every if len(every) == 1 or any(name in pair for pair in pairs)]


def _minimum(home: h5py.Group, n_axes: int) -> tuple[float, tuple[float, ...]]:
    best_fit = _numbers(home, "best_fit")
    minimum = _numbers(home, "minimum")
    if len(best_fit) != n_axes or len(minimum) != 1:
        raise _Damage("minimum or best_fit has the wrong number of entries")
    return minimum[0], best_fit


def _response_names(file: h5py.File) -> tuple[str, ...]:
    try:
        members = file[layout.RESPONSES].items()
        return tuple(name for name, member in members if isinstance(member, h5py.Dataset) and not member.is_scale)
    except READING_ERRORS as error:
        raise unreadable(layout.RESPONSES, error) from error


def _dataset(file: h5py.File, name: str, shape: tuple[int, ...] | None = None) -> h5py.Dataset:
    """Return a dataset of this very file, of the given shape."""
    try:
        link = file.get(name, getlink=True)
        found = file[name] if isinstance(link, h5py.HardLink) else None
    except READING_ERRORS as error:
        raise unreadable(name, error) from error
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise _Damage(f"{name} is missing")
    if shape is not None and found.shape != shape:
        raise _Damage(f"{name} has the shape {found.shape} in place of {shape}")
    return found


def _read(dataset: h5py.Dataset, dtype: str = "f8") -> Any:
    """Return a small dataset whole; such members are stored uncompressed, so none can be larger than its file."""
    name = dataset.name.lstrip("/")
    if dataset.dtype != np.dtype(dtype):
        raise _Damage(f"{name} is of type {dataset.dtype} in place of {np.dtype(dtype)}")
    if dataset.nbytes > Path(dataset.file.filename).stat().st_size:
        raise _Damage(f"{name} claims to be larger than the file")
    try:
        return dataset[()]
    except (OSError, RuntimeError) as error:
        raise unreadable(name, error) from error


def _read_chi2(dataset: h5py.Dataset) -> Any:
    """Return a profile, whose every value is a number; infinite where a Poisson likelihood vanishes."""
    values = _read(dataset)
    if not (values > -np.inf).all():
        raise _Damage(f"{dataset.name.lstrip('/')} holds values that are no numbers")
    return values


def _attribute(target: h5py.HLObject, name: str) -> Any:
    try:
        return target.attrs[name]
    except KeyError:
        raise _Damage(f"the attribute {name} of {target.name} is missing") from None
    except READING_ERRORS as error:
        raise unreadable(f"the attribute {name} of {target.name}", error) from error


def _text(target: h5py.HLObject, name: str) -> str:
    value = _attribute(target, name)
    if not isinstance(value, str):
        raise _Damage(f"the attribute {name} of {target.name} is not text")
    return value


def _text_list(target: h5py.HLObject, name: str) -> tuple[str, ...]:
    values = np.asarray(_attribute(target, name))
    if values.ndim != 1 or not all(isinstance(value, str) for value in values):
        raise _Damage(f"the attribute {name} of {target.name} is not a list of texts")
    return tuple(values)


def _numbers(target: h5py.HLObject, name: str) -> tuple[float, ...]:
    values = np.atleast_1d(_attribute(target, name))
    if values.ndim != 1 or values.dtype.kind != "f":
        raise _Damage(f"the attribute {name} of {target.name} is not a number or list of numbers")
    return tuple(values.tolist())


def _plain(value: Any) -> Any:
    """Turn what h5py gives for an attribute into plain Python: text, number or tuple of them."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(plain) if isinstance(plain, list) else plain


def unreadable(name: str, error: BaseException) -> _Damage:
    """Return what to raise where HDF5 could not read something."""
    if "filter returned failure" in str(error):  # the checksum is the first filter on the way back
        return _Damage(f"the checksum of {name} does not match, so that its numbers have changed on the disk")
    return _Damage(f"{name} cannot be read")
