"""Reading every number of a file against its checksum, and what must agree against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from scanengine.errors import InputError
from scanengine.store import layout
from scanengine.store.paths import format_bytes
from scanengine.store.reader import open_result, opened, unreadable

_SAME_CHI2 = 1e-9
"""chi2 comes about in two ways, for the grid and for its minima, which round differently."""


def verify(path: Path, progress: Callable[[int, int], None] | None = None) -> str:
    """Read all of a result or shard, and say in a few words what was found sound.

    HDF5 checks each chunk against its checksum; no number of the grid may be missing, and none lie below the minimum,
    which each profile has, too. progress is called with the numbers read and their total. Raises `InputError` if
    anything has changed or is missing.
    """
    with opened(path) as file:
        is_shard = layout.SHARD in file.attrs
        lowest = _read_all(path, file, progress or (lambda _done, _total: None))
        rounding = float(file[layout.CHI2].attrs["relative_rounding_error"]) if layout.CHI2 in file else 0.0
    if is_shard:
        return f"every number is as it was written ({format_bytes(path.stat().st_size)})"
    stored = open_result(path)
    minimum = stored.profiles.minimum
    tolerance = _SAME_CHI2 * (1.0 + abs(minimum)) + rounding * abs(minimum)
    found = {f"the profile of {name}": line.min() for name, line in stored.profiles.lines.items()}
    found |= {f"the profile of {' and '.join(pair)}": plane.min() for pair, plane in stored.profiles.planes.items()}
    if lowest is not None:
        found["the grid"] = lowest
    for what, value in found.items():
        if not abs(value - minimum) <= tolerance:
            raise InputError(
                f"{path} is damaged: the lowest chi2 of {what} is {value:.9g}, and the minimum {minimum:.9g}; "
                "run the scan again, or copy the file again"
            )
    return f"every number is as it was written ({format_bytes(path.stat().st_size)}), and minimum and profiles agree"


def _read_all(path: Path, file: h5py.File, progress: Callable[[int, int], None]) -> float | None:
    """Read all datasets and return the lowest chi2 of the grid, if there is one."""
    datasets: list[h5py.Dataset] = []
    file.visititems(lambda _, member: datasets.append(member) if isinstance(member, h5py.Dataset) else None)
    total, done, lowest = sum(dataset.size or 0 for dataset in datasets), 0, None
    for dataset in datasets:
        for where in _parts(dataset, file):
            try:
                values = np.asarray(dataset[where])
            except (OSError, RuntimeError) as error:
                raise unreadable(_place(dataset, where), error) from error
            done += values.size
            progress(done, total)
            if dataset.name == f"/{layout.CHI2}":
                if np.isnan(values).any():
                    raise InputError(
                        f"{path} is damaged: {_place(dataset, where)} was never written; run the scan again"
                    )
                lowest = min(float(values.min()), np.inf if lowest is None else lowest)
    return lowest


def _parts(dataset: h5py.Dataset, file: h5py.File) -> Iterator[tuple[slice, ...]]:
    """The chunks of a dataset, or all of it where it has none; of a shard's grid those that it holds."""
    if dataset.is_virtual:
        yield from ((slice(i, i + 1),) for i in range(dataset.shape[0]))
        return
    if dataset.chunks is None or dataset.shape is None:
        yield ()
        return
    counts = [-(-n // chunk) for n, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    of_shard = dataset.name == f"/{layout.CHI2}" and layout.DONE in file
    done = file[layout.DONE][()] if of_shard else None
    for tile in product(*map(range, counts)):
        if done is None or done[tile]:
            yield tuple(slice(i * chunk, (i + 1) * chunk) for i, chunk in zip(tile, dataset.chunks, strict=True))


def _place(dataset: h5py.Dataset, where: tuple[slice, ...]) -> str:
    name = str(dataset.name).lstrip("/")
    return f"{name}[{', '.join(f'{part.start}:{part.stop}' for part in where)}]" if where else name
