"""Reading a result file: the small members at once and checked, the grid lazily, every fault in one sentence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from scanengine.definition.identity import leaves
from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.store import layout
from scanengine.store.disk import access, opening
from scanengine.store.disk.access import Damage
from scanengine.store.disk.opening import opened
from scanengine.store.grid import Selection, check_grid, read_chi2, relative_rounding
from scanengine.store.profiles import check_agreement, read_exact_profiles, read_profiles
from scanengine.store.unfinished import read_done

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

_MAX_AXES = 32
"""HDF5 knows no more dimensions."""


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
        return read_chi2(self.path, self.shape, selection)


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
        check_grid(file, shape)
    profiles = read_profiles(file, dict(zip(names, shape, strict=True)))
    check_agreement(profiles, axes)
    return StoredResult(
        path=path,
        axes=axes,
        profiles=profiles,
        exact_profiles=read_exact_profiles(file, names),
        definition=definition,
        overrides=access.text_list(file, "definition_overrides"),
        attributes={n: _plain(access.attribute(file, n)) for n in file.attrs if n not in _OWN_ATTRIBUTES},
        dtype=file[layout.CHI2].dtype if has_grid else None,
        relative_rounding=relative_rounding(file) if has_grid else 0.0,
        response_names=_response_names(file),
    )


def require_format(path: Path, file: h5py.File) -> None:
    """Raise InputError unless a file is one of scanengine's, whole or not, of a version that is known."""
    if "format" not in file.attrs or access.attribute(file, "format") != layout.FORMAT:
        raise InputError(
            f"{path} is an HDF5 file, but not a result of scanengine (its attribute format is not {layout.FORMAT!r})"
        )
    opening.require_known_version(path, file)


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


def _response_names(file: h5py.File) -> tuple[str, ...]:
    members = {name: access.member(file, f"{layout.RESPONSES}/{name}") for name in access.group(file, layout.RESPONSES)}
    return tuple(n for n, member in members.items() if isinstance(member, h5py.Dataset) and not access.is_scale(member))


def _plain(value: Any) -> Any:
    """Turn what h5py gives for an attribute into plain Python: text, number or tuple of them."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(plain) if isinstance(plain, list) else plain
