"""Reading every number of a file against its checksum, and what must agree against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from scanengine.store import access, layout
from scanengine.store.access import Damage, opened
from scanengine.store.layout import READING_ERRORS
from scanengine.store.paths import format_bytes
from scanengine.store.reader import check_lowest, open_result, read_done


def verify(path: Path, progress: Callable[[int, int], None] | None = None) -> str:
    """Read all of a result, a shard or an unfinished file, and say in a few words what was found sound.

    HDF5 checks each chunk against its checksum; no number of the grid may be missing, and none lie below the minimum,
    which each profile has, too. progress is called with the numbers read and their total. Raises `InputError` if
    anything has changed or is missing.
    """
    tell = progress or (lambda _done, _total: None)
    sound = f"every number is as it was written ({format_bytes(_size(path))})"
    with opened(path) as file:
        if layout.DONE in file:
            access.require_known_version(path, file)
            done = read_done(file)
            _read_all(file, tell)
            part = "" if layout.SHARD in file.attrs else f"unfinished, {np.count_nonzero(done)} of {done.size} tiles: "
            return part + sound
    stored = open_result(path)
    with opened(path) as file:
        lowest = _read_all(file, tell)
        if lowest is not None:
            rounding = float(access.attribute(file[layout.CHI2], "relative_rounding_error"))
            check_lowest("the grid", lowest, stored.profiles.minimum, rounding)
    return f"{sound}, and minimum and profiles agree"


def _size(path: Path) -> int:
    access.check_signature(path)
    return path.stat().st_size


def _read_all(file: h5py.File, progress: Callable[[int, int], None]) -> float | None:
    """Read all datasets and return the lowest chi2 of the grid, if there is one."""
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, member: found.append(member) if isinstance(member, h5py.Dataset) else None)
    for dataset in found:
        is_grid = dataset.name == f"/{layout.CHI2}"
        access.check_own(dataset, view=is_grid)
        if not is_grid and dataset.shape is not None:
            access.check_size(dataset)
    total, done, lowest = sum(dataset.size or 0 for dataset in found), 0, None
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
                lowest = float(np.fmin(np.fmin.reduce(values, axis=None), np.inf if lowest is None else lowest))
    return lowest


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
