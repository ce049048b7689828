"""Arrays of numbers in HDF5 files, of any number of dimensions, as collaborations release histograms."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from scanengine.definition.reading.folders import Folders
from scanengine.definition.reading.sentences import quoted
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

LARGEST = 10_000_000
"""Numbers in an array: more are no histogram."""


def read_array(files: Folders, name: str, dataset: str) -> FloatArray:
    """Return the numbers of a dataset of an HDF5 file.

    Raises InputError if the file cannot be found or read, or the dataset is not there or not made of finite numbers.
    """
    import h5py

    path = files.find(name)
    if not path.is_file():
        raise InputError(f"there is no file {path}: a path is relative to the scan file's directory")
    try:
        with h5py.File(path, "r") as file:
            found = file.get(dataset)
            if not isinstance(found, h5py.Dataset):
                raise InputError(f"{path}: there is no dataset {quoted(dataset)}")
            if found.dtype.kind not in "fiu" or not 0 < found.size <= LARGEST:
                raise InputError(f"{path}: {quoted(dataset)} is not an array of up to {LARGEST} numbers")
            values = np.asarray(found[...], dtype=np.float64)
    except OSError:
        raise InputError(f"{path} cannot be read as HDF5") from None
    if not np.all(np.isfinite(values)):
        raise InputError(f"{path}: {quoted(dataset)} has numbers that are not finite")
    return values


def energies_of(files: Folders, pattern: str) -> list[tuple[float, str]]:
    """Return the names that match a pattern with one *, with the number that stands there, in rising order.

    Raises InputError if there is not one * in the file's name, no file, or no number.
    """
    path = PurePosixPath(pattern)
    before, star, after = path.name.partition("*")
    if not star or "*" in after or "*" in str(path.parent):
        raise InputError(f"found {quoted(pattern)}, it must have one * in the file's name, where the recoil energy is")
    found = []
    for name in files.names_in(str(path.parent)):
        if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after):
            number = name[len(before) : len(name) - len(after)]
            try:
                found.append((float(number), str(path.parent / name)))
            except ValueError:
                raise InputError(f"{name}: found {quoted(number)}, it must be a recoil energy in keV") from None
    if not found:
        raise InputError(f"there is no file {pattern}")
    return sorted(found)
