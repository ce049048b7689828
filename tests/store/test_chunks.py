"""Chunks: what the threads encode is what every HDF5 decodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.store import open_result
from scanengine.store.encoding.chunks import Encoder, Encoding, fletcher32
from tests.store.results import (
    TILE,
    axes_of,
    profiles_of,
    tiles_of,
    write_result,
    writer_for,
)


def naive_fletcher32(data: bytes) -> int:
    """H5_checksum_fletcher32 word by word, with its blocks of 360 words."""
    first = second = 0
    words = [data[i] << 8 | data[i + 1] for i in range(0, len(data) - 1, 2)]
    for block in (words[i : i + 360] for i in range(0, len(words), 360)):
        for word in block:
            first += word
            second += first
        first = (first & 0xFFFF) + (first >> 16)
        second = (second & 0xFFFF) + (second >> 16)
    if len(data) % 2:
        first += data[-1] << 8
        second += first
        first = (first & 0xFFFF) + (first >> 16)
        second = (second & 0xFFFF) + (second >> 16)
    first = (first & 0xFFFF) + (first >> 16)
    second = (second & 0xFFFF) + (second >> 16)
    return second << 16 | first


@given(st.binary(max_size=2000))
def test_fletcher32_is_that_of_hdf5(data: bytes) -> None:
    assert fletcher32(data) == naive_fletcher32(data)


@pytest.mark.parametrize("size", [8191, 8192, 8193, 100_003])
@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x01\xfe\x37"])
def test_fletcher32_over_several_rows_of_words(size: int, fill: bytes) -> None:
    data = (fill * size)[:size]
    assert fletcher32(data) == naive_fletcher32(data)


def test_a_chunk_has_the_filters_in_the_order_in_which_they_are_applied(result: Path) -> None:
    with h5py.File(result) as file:
        plist = file["chi2"].id.get_create_plist()
        filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        assert filters == [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
        assert 1 <= file["chi2"].compression_opts <= 4
        assert file["chi2"].chunks == TILE


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    tile=st.lists(st.integers(1, 8), min_size=6, max_size=6),
    precision=st.sampled_from(["float64", "float32"]),
)
def test_any_grid_comes_back_through_h5py(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], tile: list[int], precision: str
) -> None:
    path = tmp_path_factory.mktemp("grid") / "out.h5"
    chi2 = write_result(path, tuple(shape), tuple(tile[: len(shape)]), precision=precision)
    with h5py.File(path) as file:
        assert file["chi2"].dtype == precision
        np.testing.assert_array_equal(file["chi2"][...], chi2.astype(precision))
    np.testing.assert_array_equal(open_result(path).read_chi2(), chi2.astype(precision))


def test_tiles_of_several_megabytes_from_threads_in_any_order(tmp_path: Path) -> None:
    shape, tile = (90, 120, 130), (40, 120, 130)
    x, y, z = (np.linspace(-1, 1, n) for n in shape)
    chi2 = (3 * x[:, None, None] + y[:, None] ** 2 - z) ** 4
    tiles = list(tiles_of(shape, tile))[::-1]
    with writer_for(tmp_path / "out.h5", shape, tile) as writer, ThreadPoolExecutor(3) as pool:
        prepared = pool.map(lambda where: writer.prepare(np.ascontiguousarray(chi2[where])), [w for _, w in tiles])
        for (start, _), chunk in zip(tiles, prepared, strict=True):
            writer.write(start, chunk)
        writer.finish(profiles_of(chi2, axes_of(shape)))
    np.testing.assert_array_equal(open_result(tmp_path / "out.h5").read_chi2(), chi2)


def test_compression_shrinks_a_smooth_grid() -> None:
    chi2 = (np.linspace(-1, 1, 300)[:, None] + np.linspace(-1, 1, 400)) ** 4
    assert len(Encoding().encode(chi2, chi2.shape)) < 0.9 * chi2.nbytes
    assert len(Encoding().encode(np.zeros_like(chi2), chi2.shape)) < 0.01 * chi2.nbytes


def test_a_tile_at_the_edge_has_nothing_of_the_one_before() -> None:
    chi2 = np.random.default_rng(1).normal(size=(4, 6)) ** 2
    encoder = Encoder(Encoding(), (4, 6))
    memory = encoder.room()
    encoder.encode(chi2, memory)
    assert bytes(encoder.encode(chi2[:3, :5], memory)) == Encoding().encode(chi2[:3, :5], (4, 6))


@pytest.mark.parametrize("compression", ["deflate", "none"])
@pytest.mark.parametrize("relative_error", [None, 1e-6])
@pytest.mark.parametrize("precision", ["<f8", "<f4"])
def test_compiled_and_not_the_bytes_are_the_same(
    compression: Literal["deflate", "none"], relative_error: float | None, precision: str
) -> None:
    chi2 = np.random.default_rng(1).normal(size=(30, 40)) ** 2
    encoding = Encoding(np.dtype(precision), compression, relative_error)
    for part in (chi2, chi2[:29, :31]):
        compiled = Encoder(encoding, chi2.shape, compiled=True)
        assert bytes(compiled.encode(part, compiled.room())) == encoding.encode(part, chi2.shape)
