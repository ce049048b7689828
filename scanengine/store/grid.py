"""The grid in a result file: checked, and read piece by piece."""

from __future__ import annotations

from pathlib import Path
from types import EllipsisType

import h5py
import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.store import layout
from scanengine.store.disk import access
from scanengine.store.disk.access import Damage
from scanengine.store.disk.opening import opened

Selection = int | slice | EllipsisType | tuple[int | slice | EllipsisType, ...]


def read_chi2(path: Path, shape: tuple[int, ...], selection: Selection) -> FloatArray:
    """Return a part of the grid of this shape in a file, as `StoredResult.read_chi2` does."""
    with opened(path) as file:
        dataset = access.dataset(file, layout.CHI2, shape, view=True)
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


def check_grid(file: h5py.File, shape: tuple[int, ...]) -> None:
    """Raise `Damage` unless the grid is whole, by what the file tells of its chunks or its shards."""
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


def relative_rounding(file: h5py.File) -> float:
    """Return how far the stored chi2 was rounded, relative to itself."""
    dataset = file[layout.CHI2]
    if "relative_rounding_error" not in dataset.attrs:  # 0.1.0 rounded to the stored precision and no more
        return float(0.5 * np.finfo(dataset.dtype).eps)
    rounding, *more = access.numbers(dataset, "relative_rounding_error")
    if more or not 0.0 <= rounding < 1.0:
        raise Damage("the relative_rounding_error of its grid is no number between 0 and 1")
    return rounding
