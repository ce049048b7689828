"""The result file: what is written comes back, opens elsewhere, and every fault of a file has its own sentence."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import resource
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.errors import InputError, RunError
from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.store import GridWriter, ResponseArray, check_output, format_bytes, open_result, partial_path
from scanengine.store.chunks import deflate_planes, encode_chunk, fletcher32

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


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "out.h5"
    write_result(path)
    return path


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


def test_planes_become_one_zlib_stream_that_stores_noise_and_compresses_the_rest() -> None:
    planes = np.zeros((4, 50_000), dtype=np.uint8)
    planes[1:3] = np.random.default_rng(0).integers(0, 256, size=(2, 50_000), dtype=np.uint8)
    stream = deflate_planes(planes)
    assert zlib.decompress(stream) == planes.tobytes()
    assert 100_000 < len(stream) < 102_000


def test_a_chunk_has_the_filters_in_the_order_in_which_they_are_applied(result: Path) -> None:
    with h5py.File(result) as file:
        plist = file["chi2"].id.get_create_plist()
        filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        assert filters == [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
        assert 1 <= file["chi2"].compression_opts <= 4
        assert file["chi2"].chunks == TILE


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
    assert len(encode_chunk(chi2, chi2.shape, "<f8")) < 0.9 * chi2.nbytes
    assert len(encode_chunk(np.zeros_like(chi2), chi2.shape, "<f8")) < 0.01 * chi2.nbytes


def test_root_attributes_keep_the_contract(result: Path) -> None:
    chi2 = chi2_of(SHAPE)
    profiles = profiles_of(chi2, axes_of(SHAPE))
    with h5py.File(result) as file:
        assert file.attrs["format"] == "scanengine-grid"
        assert file.attrs["format_version"] == 1
        assert file.attrs["definition"] == DEFINITION
        assert file.attrs["definition_sha256"] == hashlib.sha256(DEFINITION.encode()).hexdigest()
        assert file.attrs["definition_overrides"].shape == (0,)
        assert file.attrs["created"].endswith("+00:00")
        assert {"scanengine_version", "units", "conventions"} <= set(file.attrs)
        for target in (file, file["chi2"]):
            assert target.attrs["minimum"] == profiles.minimum
            assert tuple(target.attrs["best_fit"]) == profiles.best_fit
        assert list(file) == ["eps_0", "eps_1", "eps_2", "chi2", "profiles", "responses"]
        assert file["eps_1"].is_scale
        assert [dim[0].name for dim in file["profiles/eps_0__eps_2"].dims] == ["/eps_0", "/eps_2"]
        assert file["profiles/eps_1"].dims[0][0].name == "/eps_1"


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "out.hdf5"
    chi2 = write_result(
        path,
        definition=DEFINITION * 5000,
        overrides=["fixed.mu_nu=10", 'title="ν"'],
        attributes={"title": "Zwei", "events": 2765.5, "large": True},
        responses={"Ne": ResponseArray(np.ones((2, 3)), ("channel", "term")), "n_sm": ResponseArray(np.array(2.0))},
    )
    stored = open_result(path)
    assert stored.definition == DEFINITION * 5000
    assert stored.overrides == ("fixed.mu_nu=10", 'title="ν"')
    assert (stored.shape, stored.dtype, stored.has_grid, stored.path) == (SHAPE, np.dtype("f8"), True, path)
    assert stored.response_names == ("Ne", "n_sm")
    assert stored.attributes["title"] == "Zwei"
    assert stored.attributes["events"] == 2765.5
    assert stored.attributes["large"] == 1
    for axis, expected in zip(stored.axes, axes_of(SHAPE), strict=True):
        np.testing.assert_array_equal(axis.values, expected.values)
        assert (axis.name, axis.units, axis.long_name) == (expected.name, expected.units, expected.long_name)
        assert axis.symbol == expected.symbol
    expected_profiles = profiles_of(chi2, axes_of(SHAPE))
    assert (stored.profiles.minimum, stored.profiles.best_fit) == (
        expected_profiles.minimum,
        expected_profiles.best_fit,
    )
    np.testing.assert_equal(stored.profiles.lines, expected_profiles.lines)
    np.testing.assert_equal(stored.profiles.planes, expected_profiles.planes)


def test_a_hyperslab_is_read_by_itself(result: Path) -> None:
    chi2, stored = chi2_of(SHAPE), open_result(result)
    np.testing.assert_array_equal(stored.read_chi2((slice(1, 6, 2), 3)), chi2[1:6:2, 3])
    np.testing.assert_array_equal(stored.read_chi2((..., 0)), chi2[..., 0])
    assert stored.read_chi2((2, 3, 1)) == chi2[2, 3, 1]
    with pytest.raises(IndexError):
        stored.read_chi2(99)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_xarray_opens_the_grid_with_named_coordinates_and_units(tmp_path: Path, precision: str) -> None:
    chi2 = write_result(tmp_path / "out.h5", precision=precision, overrides=["fixed.mu_nu=10"])
    with xr.open_dataset(tmp_path / "out.h5", engine="h5netcdf") as dataset:
        assert dataset["chi2"].dims == ("eps_0", "eps_1", "eps_2")
        np.testing.assert_array_equal(dataset["chi2"].values, chi2.astype(precision))
        np.testing.assert_array_equal(dataset["eps_1"].values, np.linspace(-1, 1, 5))
        assert dataset["eps_1"].attrs["units"] == "1e-10 mu_B"
        assert dataset["eps_1"].attrs["long_name"] == "coupling 1"
        assert dataset["chi2"].attrs["units"] == "1"
        assert dataset.attrs["definition"] == DEFINITION


def test_xarray_opens_a_file_of_profiles_and_the_groups(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    write_result(path, keep="profiles", responses={"Ne": ResponseArray(np.ones((2, 3)), ("channel", "term"))})
    with xr.open_dataset(path) as dataset:
        assert list(dataset.coords) == ["eps_0", "eps_1", "eps_2"]
        assert not dataset.data_vars
    with xr.open_dataset(path, group="profiles") as dataset:
        assert dataset["eps_0__eps_1"].dims == ("eps_0", "eps_1")
    with xr.open_dataset(path, group="responses") as dataset:
        assert dataset["Ne"].dims == ("channel", "term")


def test_a_file_of_profiles_has_no_grid_to_read(tmp_path: Path) -> None:
    chi2 = write_result(tmp_path / "out.h5", keep="profiles")
    stored = open_result(tmp_path / "out.h5")
    assert (stored.has_grid, stored.dtype, stored.shape) == (False, None, SHAPE)
    assert stored.profiles.minimum == chi2.min()
    with pytest.raises(InputError, match='has no grid: it was made with keep = "profiles"'):
        stored.read_chi2()


@pytest.mark.parametrize("name", ["chi2", "done", "profiles", "a__b", "a/b", "", "_a"])
def test_axis_names_that_the_file_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="give the axis another one"):
        writer_for(tmp_path / "out.h5", (2,), (2,), axes=[Axis(name, np.array([0.0, 1.0]))])
    assert not list(tmp_path.iterdir())


def test_responses_that_disagree_about_a_dimension_leave_nothing_behind(tmp_path: Path) -> None:
    responses = {"a": ResponseArray(np.ones(2), ("term",)), "b": ResponseArray(np.ones(3), ("term",))}
    with (
        pytest.raises(ValueError, match="dimension of another length"),
        writer_for(tmp_path / "o.h5", responses=responses),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_an_existing_result_stays_without_overwrite(result: Path) -> None:
    before = result.read_bytes()
    with pytest.raises(InputError, match=r"out\.h5 exists: pass --overwrite to replace it, or -o to write elsewhere"):
        writer_for(result)
    assert result.read_bytes() == before


def test_overwrite_keeps_the_old_result_until_the_new_one_is_whole(result: Path) -> None:
    before = result.read_bytes()
    with writer_for(result, overwrite=True) as writer:
        assert result.read_bytes() == before
        assert writer.partial.exists()
    assert result.read_bytes() == before
    write_result(result, (3, 3), (2, 2), overwrite=True)
    assert open_result(result).shape == (3, 3)
    assert list(result.parent.iterdir()) == [result]


def test_a_leftover_of_an_unfinished_run_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    partial_path(path).write_bytes(b"junk")
    with pytest.raises(InputError, match=r"out\.partial\.h5 is left from an unfinished run: pass --overwrite"):
        check_output(path, 0)
    write_result(path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_another_process_writes_is_neither_replaced_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    script = "import h5py, sys; f = h5py.File(sys.argv[1], 'w'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(partial_path(path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(InputError, match=r"out\.partial\.h5 is being written by another run"):
            check_output(path, 0, overwrite=True)
        partial = partial_path(path)
        partial.write_bytes(b"\x89HDF\r\n\x1a\n")
        with pytest.raises(InputError, match="is being written by a running scan"):
            open_result(partial)
        process.communicate("")


def test_a_result_that_appears_during_the_run_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with writer_for(path, keep="profiles") as writer:
        path.write_text("mine")
        with pytest.raises(RunError, match="appeared during the run"):
            writer.finish(profiles_of(chi2_of(SHAPE), axes_of(SHAPE)))
    assert path.read_text() == "mine"
    assert writer.kept == partial_path(path)
    assert open_result(partial_path(path)).shape == SHAPE


@pytest.mark.parametrize("name", ["out.txt", "out", "out.nc", "out.partial.h5", ".h5"])
def test_the_name_of_a_result_ends_in_h5_or_hdf5(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends in \.h5 or \.hdf5"):
        check_output(tmp_path / name, 0)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no directory .*nowhere; create it, or write elsewhere"):
        check_output(tmp_path / "nowhere" / "out.h5", 0)


def test_a_directory_of_that_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "out.h5").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        check_output(tmp_path / "out.h5", 0, overwrite=True)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written; write elsewhere"):
        check_output(tmp_path / "out.h5", 0)


def test_a_directory_that_turns_out_read_only_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match="cannot be written: Read-only file system"), writer_for(tmp_path / "out.h5"):
        pass


def test_a_grid_larger_than_the_free_disk_is_refused_with_both_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=79_500_000_000))
    with pytest.raises(InputError, match=r"takes 1\.23 TB, but only 79\.5 GB are free"):
        check_output(tmp_path / "out.h5", 1_234_000_000_000)
    with pytest.raises(InputError, match=r"takes 8\.00 EB"):
        writer_for(tmp_path / "out.h5", (10_000,) * 4 + (100,), (1, 1, 1, 1, 100))
    assert not list(tmp_path.iterdir())


def test_room_taken_by_the_leftover_counts_as_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    partial_path(tmp_path / "out.h5").write_bytes(bytes(500))
    check_output(tmp_path / "out.h5", 1500, overwrite=True)
    with pytest.raises(InputError, match=r"takes 1\.50 kB, but only 1\.50 kB"):
        check_output(tmp_path / "out.h5", 1501, overwrite=True)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.00 kB"), (999_600, "1.00 MB"), (123_456_789, "123 MB")],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert format_bytes(size) == text


def write_first_tile(writer: GridWriter) -> None:
    writer.write((0, 0, 0), writer.prepare(np.zeros(TILE)))


def interrupt_after_a_tile(writer: GridWriter) -> None:
    write_first_tile(writer)
    raise KeyboardInterrupt


def test_an_interrupt_keeps_the_tiles_that_were_written(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "out.h5")
    with pytest.raises(KeyboardInterrupt), writer:
        interrupt_after_a_tile(writer)
    assert (writer.kept, writer.tiles_written, writer.tiles) == (tmp_path / "out.partial.h5", 1, 9)
    assert list(tmp_path.iterdir()) == [writer.kept]
    with pytest.raises(InputError, match="is unfinished: its scan stopped after 1 of 9 tiles; run the scan again"):
        open_result(tmp_path / "out.partial.h5")
    with h5py.File(tmp_path / "out.partial.h5") as file:
        assert file["done"][0, 0, 0] == 1
        assert (file["chi2"][:3, :2] == 0).all()
        assert np.isnan(file["chi2"][3:]).all()


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_an_interrupt_before_anything_was_stored_leaves_nothing(tmp_path: Path, keep: str) -> None:
    writer = writer_for(tmp_path / "out.h5", keep=keep)
    with pytest.raises(KeyboardInterrupt), writer:
        raise KeyboardInterrupt
    assert writer.kept is None
    assert not list(tmp_path.iterdir())


def test_a_killed_run_loses_no_tile_that_its_mask_vouches_for(tmp_path: Path) -> None:
    script = (
        "import sys, os, numpy as np; import scanengine.store.writer as w; from scanengine.grids import Axis\n"
        "w.CHECKPOINT_SECONDS = 0\n"
        "with w.GridWriter(sys.argv[1], axes=[Axis('x', np.arange(6.0))], definition='', tile_shape=(2,)) as writer:\n"
        "    writer.write((2,), writer.prepare(np.array([7.0, 8.0])))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    code = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out.h5")], check=False, env=environment()
    ).returncode
    assert code == -9
    with h5py.File(tmp_path / "out.partial.h5") as file:
        assert file["done"][...].tolist() == [0, 1, 0]
        assert file["chi2"][2:4].tolist() == [7.0, 8.0]
    with pytest.raises(InputError, match="stopped after 1 of 3 tiles"):
        open_result(tmp_path / "out.partial.h5")
    with pytest.raises(InputError, match=r"no such file; .*out\.partial\.h5 is there: its scan has not finished"):
        open_result(tmp_path / "out.h5")


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_a_grid_with_missing_tiles_is_not_finished(tmp_path: Path) -> None:
    with writer_for(tmp_path / "out.h5") as writer:
        write_first_tile(writer)
        with pytest.raises(RunError, match="only 1 of 9 tiles were written"):
            writer.finish(profiles_of(chi2_of(SHAPE), axes_of(SHAPE)))
    assert not (tmp_path / "out.h5").exists()


def test_a_disk_that_fills_up_ends_the_run_with_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_for(tmp_path / "out.h5")
    with writer:
        write_first_tile(writer)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
        with pytest.raises(RunError, match=r"out\.partial\.h5 could not be written: the disk is full"):
            writer.write((3, 0, 0), writer.prepare(np.zeros(TILE)))
    with pytest.raises(InputError, match="stopped after 1 of 9 tiles"):
        open_result(tmp_path / "out.partial.h5")


def test_a_failed_write_is_a_run_error_and_leaves_hdf5_in_peace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scanengine.store.writer.CHECKPOINT_SECONDS", 0.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = writer_for(tmp_path / "out.h5", (8, 1000, 100), (1, 1000, 100))
    noise = np.random.default_rng(0).normal(size=(1, 1000, 100))
    with writer:
        writer.write((0, 0, 0), writer.prepare(noise))
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
            with pytest.raises(RunError, match="could not be written: File too large"):
                writer.write((1, 0, 0), writer.prepare(noise))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert writer.kept == tmp_path / "out.partial.h5"
    with pytest.raises(InputError, match=f"stopped after {writer.tiles_written} of 8 tiles"):
        open_result(writer.kept)
    assert capfd.readouterr().err == ""


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"out\.h5: there is no such file"):
        open_result(tmp_path / "out.h5")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        open_result(tmp_path)


def test_a_text_file_named_h5(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("title = 'a scan'\n")
    with pytest.raises(InputError, match=r"is not a result of scanengine \(not an HDF5 file\)"):
        open_result(path)


def test_a_foreign_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(3)
    with pytest.raises(InputError, match="is an HDF5 file, but not a result of scanengine"):
        open_result(path)


@pytest.mark.parametrize("fraction", [0.0, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_file(result: Path, fraction: float) -> None:
    data = result.read_bytes()
    result.write_bytes(data[: int(fraction * len(data))])
    with pytest.raises(InputError, match="truncated"):
        open_result(result)


def test_a_newer_format_version(result: Path) -> None:
    with h5py.File(result, "r+") as file:
        file.attrs["format_version"] = 7
    with pytest.raises(InputError, match=r"format version 7, .* knows versions up to 1; upgrade scanengine"):
        open_result(result)


def test_an_unfinished_file_of_profiles(tmp_path: Path) -> None:
    with writer_for(tmp_path / "out.h5", keep="profiles") as writer:
        shutil.copy(writer.partial, tmp_path / "copy.h5")
    with pytest.raises(InputError, match="is unfinished: its scan stopped before the end"):
        open_result(tmp_path / "copy.h5")


@pytest.mark.parametrize("member", ["eps_1", "profiles/eps_2", "profiles/eps_0__eps_2"])
def test_a_missing_member_is_named(result: Path, member: str) -> None:
    with h5py.File(result, "r+") as file:
        del file[member]
    with pytest.raises(InputError, match=f"is damaged: {member} is missing; run the scan again"):
        open_result(result)


@pytest.mark.parametrize("member", ["profiles/eps_2", "profiles/eps_0__eps_2", "chi2"])
def test_a_member_of_the_wrong_shape_is_named(result: Path, member: str) -> None:
    with h5py.File(result, "r+") as file:
        del file[member]
        file[member] = np.zeros((2, 2))
    with pytest.raises(InputError, match=rf"{member} has the shape \(2, 2\) in place of"):
        open_result(result)


@pytest.mark.parametrize("attribute", ["axes", "best_fit", "definition", "definition_overrides", "format_version"])
def test_a_missing_or_mistaken_attribute_is_named(result: Path, attribute: str) -> None:
    with h5py.File(result, "r+") as file:
        file.attrs[attribute] = 1.5
    with pytest.raises(InputError, match=f"is damaged: .*{attribute}"):
        open_result(result)
    with h5py.File(result, "r+") as file:
        del file.attrs[attribute]
    with pytest.raises(InputError, match=f"the attribute {attribute} of / is missing"):
        open_result(result)


def test_an_altered_definition_is_noticed(result: Path) -> None:
    with h5py.File(result, "r+") as file:
        file.attrs["definition"] = DEFINITION + "#"
    with pytest.raises(InputError, match="the scan definition does not match its sha256"):
        open_result(result)


def test_a_grid_that_lacks_a_chunk_is_noticed(result: Path) -> None:
    with h5py.File(result, "r+") as file:
        del file["chi2"]
        file.create_dataset("chi2", shape=SHAPE, chunks=TILE, dtype="f8")[:3] = 0.0
    with pytest.raises(InputError, match="chi2 has 3 of its 9 chunks"):
        open_result(result)


def test_an_axis_larger_than_the_file_takes_no_memory(result: Path) -> None:
    with h5py.File(result, "r+") as file:
        del file["eps_0"]
        file.create_dataset("eps_0", shape=(10**13,), chunks=(10**6,), dtype="f8")
    with pytest.raises(InputError, match="eps_0 claims to be larger than the file"):
        open_result(result)


def test_a_link_to_another_file_is_not_followed(result: Path) -> None:
    with h5py.File(result.with_name("other.h5"), "w") as other, h5py.File(result, "r+") as file:
        other["line"] = np.zeros(7)
        del file["profiles/eps_0"]
        file["profiles/eps_0"] = h5py.ExternalLink("other.h5", "/line")
    with pytest.raises(InputError, match="profiles/eps_0 is missing"):
        open_result(result)


def flip_a_bit(path: Path, member: str) -> None:
    with h5py.File(path) as file:
        chunk = file[member].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(data)


def test_a_flipped_bit_in_the_grid_is_caught_on_reading_it(result: Path) -> None:
    flip_a_bit(result, "chi2")
    stored = open_result(result)
    with pytest.raises(InputError, match="is damaged: the checksum of chi2 does not match"):
        stored.read_chi2()
    np.testing.assert_array_equal(stored.read_chi2(slice(3, None)), chi2_of(SHAPE)[3:])


@pytest.mark.parametrize("member", ["eps_1", "profiles/eps_0", "profiles/eps_1__eps_2"])
def test_a_flipped_bit_in_an_axis_or_profile_is_caught_on_opening(result: Path, member: str) -> None:
    flip_a_bit(result, member)
    with pytest.raises(InputError, match=f"is damaged: the checksum of {member} does not match"):
        open_result(result)


def test_a_file_that_goes_away_after_opening_is_named(result: Path) -> None:
    stored = open_result(result)
    result.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        stored.read_chi2()
