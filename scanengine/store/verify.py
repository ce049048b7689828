"""Reading every number of a file against its checksum, and its profiles against the grid that is read anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles
from scanengine.store import layout
from scanengine.store.disk import access, opening
from scanengine.store.disk.access import Damage
from scanengine.store.disk.opening import opened
from scanengine.store.layout import READING_ERRORS
from scanengine.store.paths import format_bytes
from scanengine.store.profiles import SAME_CHI2, check_lowest
from scanengine.store.reader import StoredResult, require_format, result_in
from scanengine.store.unfinished import read_done

Look = Callable[[tuple[int, ...], FloatArray], None]
"""Called with the grid as it is read, part by part: the index of the first point, and absolute chi2."""


def verify(
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    look_at: Callable[[StoredResult], Look] | None = None,
) -> tuple[str, StoredResult | None]:
    """Read all of a file; return in a few words what was found sound, and the result, unless it is a part of one.

    HDF5 checks each chunk against its checksum; no number of the grid may be missing, and its minima over all but one
    or two axes are the profiles. progress is called with the numbers read and their total; what `look_at` gives for a
    result is called with each part of its grid. Raises `InputError` if anything has changed or is missing.
    """
    tell = progress or (lambda _done, _total: None)
    sound = f"every number matches its checksum ({format_bytes(_size(path))})"
    with opened(path) as file:
        require_format(path, file)
        if layout.DONE in file:
            done = read_done(file)
            _read_all(file, tell, lambda _start, _values: None)
            part = "" if layout.SHARD in file.attrs else f"unfinished, {np.count_nonzero(done)} of {done.size} tiles: "
            return part + sound, None
        stored = result_in(file, path)
        minima = _Minima(stored.axes)
        look = look_at(stored) if look_at else None

        def see(start: tuple[int, ...], values: FloatArray) -> None:
            minima.lower(start, values)
            if look:
                look(start, values)

        _read_all(file, tell, see)
        if not stored.has_grid:
            return f"{sound}, and minimum and profiles agree", stored
        minima.check(stored.profiles, stored.relative_rounding)
        return f"{sound}, and minimum, lines and planes are those of the grid", stored


class _Minima:
    """The minima of a grid over all but one or two of its axes, from its parts."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        sizes = [axis.values.size for axis in axes]
        self.names = [axis.name for axis in axes]
        kept: list[tuple[int, ...]] = [(i,) for i in range(len(sizes))]
        kept += combinations(range(len(sizes)), 2) if len(sizes) > 2 else []
        self.found = {each: np.full([sizes[i] for i in each], np.inf) for each in kept}

    def lower(self, start: tuple[int, ...], values: FloatArray) -> None:
        """Take in a part of the grid."""
        for kept, found in self.found.items():
            lowest = values.min(axis=tuple(i for i in range(values.ndim) if i not in kept))
            where = tuple(slice(start[i], start[i] + values.shape[i]) for i in kept)
            np.minimum(found[where], lowest, out=found[where])

    def check(self, profiles: Profiles, rounding: float) -> None:
        """Raise `Damage` unless the profiles are these minima, up to the rounding of the grid."""
        check_lowest("the grid", float(self.found[0,].min()), profiles.minimum, rounding)
        for kept, found in self.found.items():
            names = tuple(self.names[i] for i in kept)
            stored = profiles.over(names)
            if stored is None:  # not among the chosen planes
                continue
            right = stored == found
            finite = np.isfinite(stored) & np.isfinite(found)
            allowed = SAME_CHI2 + (SAME_CHI2 + rounding) * np.abs(found[finite])
            right[finite] = np.abs(stored[finite] - found[finite]) <= allowed
            if not right.all():
                at = tuple(int(i) for i in np.argwhere(~right)[0])
                what = layout.profile_path(*names)
                raise Damage(
                    f"{what} is {stored[at]:.9g} at {list(at)}, and the lowest of the grid there {found[at]:.9g}"
                )


def _size(path: Path) -> int:
    opening.check_signature(path)
    return path.stat().st_size


def _read_all(file: h5py.File, progress: Callable[[int, int], None], look: Look) -> None:
    """Read all datasets, and show the parts of the grid."""
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, member: found.append(member) if isinstance(member, h5py.Dataset) else None)
    for dataset in found:
        is_grid = dataset.name == f"/{layout.CHI2}"
        access.check_own(dataset, view=is_grid)
        if not is_grid and dataset.shape is not None:
            access.check_size(dataset)
    total, done = sum(dataset.size or 0 for dataset in found), 0
    for dataset in found:
        if dataset.chunks is not None:
            access.stored_chunks(dataset)
        for where in _parts(dataset, file):
            try:
                values = np.asarray(dataset[where])
            except READING_ERRORS as error:
                raise access.unreadable(_place(dataset, where), error) from error
            done += values.size
            progress(done, total)
            if dataset.name == f"/{layout.CHI2}":
                if access.missing(values, dataset).any():
                    raise Damage(f"{_place(dataset, where)} was never written")
                look(tuple(part.start for part in where) or (0,) * values.ndim, _whole(values))


def _whole(values: NDArray[Any]) -> FloatArray:
    """Return a part of the grid as it is compared: what is no number is a lie."""
    if np.isnan(values).any():
        raise Damage(f"{layout.CHI2} contains values that are not numbers")
    return values.astype(np.float64, copy=False)


def _parts(dataset: h5py.Dataset, file: h5py.File) -> Iterator[tuple[slice, ...]]:
    """The chunks of a dataset, or all of it where it has none; of an unfinished grid those that it holds."""
    if dataset.is_virtual:
        yield from ((slice(i, i + 1),) for i in range(dataset.shape[0]))
        return
    if dataset.chunks is None or dataset.shape is None:
        yield ()
        return
    counts = tuple(-(-n // chunk) for n, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    done = read_done(file, counts) if dataset.name == f"/{layout.CHI2}" and layout.DONE in file else None
    for tile in product(*map(range, counts)):
        if done is None or done[tile]:
            yield tuple(slice(i * chunk, (i + 1) * chunk) for i, chunk in zip(tile, dataset.chunks, strict=True))


def _place(dataset: h5py.Dataset, where: tuple[slice, ...]) -> str:
    name = str(dataset.name).lstrip("/")
    return f"{name}[{', '.join(f'{part.start}:{part.stop}' for part in where)}]" if where else name
