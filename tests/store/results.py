"""Small results to write and read back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.store import GridWriter

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
    return GridWriter(path, **{"axes": axes_of(shape), "definition": DEFINITION, "tile_shape": tile} | options)


def write_result(
    path: Path, shape: tuple[int, ...] = SHAPE, tile: tuple[int, ...] = TILE, **options: Any
) -> FloatArray:
    chi2 = chi2_of(shape)
    with writer_for(path, shape, tile, **options) as writer:
        if writer.has_grid:
            for start, where in tiles_of(shape, writer.chunk_shape):
                writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        assert writer.finish(profiles_of(chi2, axes_of(shape))) == path
    return chi2
