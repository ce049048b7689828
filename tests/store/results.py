"""Small results to write and read back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import Profiles, RunningMinima
from scanengine.store import Encoding, GridPlan, GridWriter

DEFINITION = 'title = "Zwei Ziele, ν"\r\n[axes]\n'
SHAPE = (7, 5, 4)
TILE = (3, 2, 4)


def axes_of(shape: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(
        Axis(f"eps_{i}", np.linspace(-1, 1, n), "1e-10 mu_B", f"coupling {i}", rf"\epsilon_{i}")
        for i, n in enumerate(shape)
    )


def chi2_of(shape: tuple[int, ...]) -> FloatArray:
    return np.asarray(100 * np.random.default_rng(3).normal(size=shape) ** 2)


def profiles_of(chi2: FloatArray, axes: tuple[Axis, ...]) -> Profiles:
    dims = range(chi2.ndim)

    def onto(*kept: int) -> FloatArray:
        return np.asarray(chi2.min(axis=tuple(i for i in dims if i not in kept)))

    best = np.unravel_index(chi2.argmin(), chi2.shape)
    return Profiles(
        minimum=float(chi2.min()),
        best_fit=tuple(float(axis.values[i]) for axis, i in zip(axes, best, strict=True)),
        lines={axes[i].name: onto(i) for i in dims},
        planes={(axes[i].name, axes[j].name): onto(i, j) for i, j in itertools.combinations(dims, 2)},
    )


def tiles_of(shape: tuple[int, ...], tile: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    for start in itertools.product(*(range(0, n, c) for n, c in zip(shape, tile, strict=True))):
        yield start, tuple(slice(s, s + c) for s, c in zip(start, tile, strict=True))


def writer_for(path: Path, shape: tuple[int, ...] = SHAPE, tile: tuple[int, ...] = TILE, **options: Any) -> GridWriter:
    how = {name: options.pop(name) for name in ("overwrite", "fresh") if name in options}
    if "precision" in options:
        options["encoding"] = Encoding(np.dtype(options.pop("precision")).newbyteorder("<"))
    return GridWriter(path, plan_for(shape, tile, **options), **how)


def plan_for(shape: tuple[int, ...] = SHAPE, tile: tuple[int, ...] = TILE, **options: Any) -> GridPlan:
    return GridPlan(**{"axes": axes_of(shape), "definition": DEFINITION, "tile_shape": tile} | options)


def minima_of(chi2: FloatArray) -> RunningMinima:
    """The running minima after the whole grid, planes one after another."""
    profiles = profiles_of(chi2, axes_of(chi2.shape))
    planes = np.concatenate([plane.ravel() for plane in profiles.planes.values()] or [np.zeros(0)])
    best = tuple(int(i) for i in np.unravel_index(chi2.argmin(), chi2.shape))
    return RunningMinima(planes, np.concatenate(list(profiles.lines.values())), profiles.minimum, best)


def write_result(
    path: Path, shape: tuple[int, ...] = SHAPE, tile: tuple[int, ...] = TILE, **options: Any
) -> FloatArray:
    chi2 = chi2_of(shape)
    with writer_for(path, shape, tile, **options) as writer:
        writer.keep(lambda: minima_of(chi2))
        for start, where in tiles_of(shape, writer.plan.chunk_shape):
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        assert writer.finish(profiles_of(chi2, axes_of(shape))) == path
    return chi2
