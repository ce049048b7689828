"""What is written comes back, opens elsewhere, and survives what interrupts it."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import xarray as xr
from h5py._objects import phil

from scanengine.errors import InputError, RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import RunningMinima
from scanengine.store import GridWriter, ResponseArray, open_result
from scanengine.store.disk.blocks import Block, BlockWriter
from tests.store.results import (
    DEFINITION,
    SHAPE,
    TILE,
    axes_of,
    chi2_of,
    minima_of,
    profiles_of,
    write_result,
    writer_for,
)


def write_first_tile(writer: GridWriter) -> None:
    writer.keep(lambda: minima_of(np.zeros(SHAPE)))
    writer.write((0, 0, 0), writer.prepare(np.zeros(TILE)))


def write_and_keep(writer: GridWriter, start: tuple[int, ...], chi2: FloatArray) -> None:
    writer.write(start, writer.prepare(chi2))
    writer.keep(lambda: RunningMinima(np.zeros(0), np.zeros(0)))


def interrupt_after_a_tile(writer: GridWriter) -> None:
    write_first_tile(writer)
    raise KeyboardInterrupt


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_root_attributes_keep_the_contract(result: Path) -> None:
    chi2 = chi2_of(SHAPE)
    profiles = profiles_of(chi2, axes_of(SHAPE))
    with h5py.File(result) as file:
        assert file.attrs["format"] == "scanengine-grid"
        assert file.attrs["format_version"] == 3
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
        assert [dim[0].name for dim in file["profiles/chi2_eps_0__eps_2"].dims] == [
            "/profiles/eps_0",
            "/profiles/eps_2",
        ]
        assert file["profiles/chi2_eps_1"].dims[0][0].name == "/profiles/eps_1"


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
        assert dataset["chi2_eps_0__eps_1"].dims == ("eps_0", "eps_1")
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


def test_an_interrupt_keeps_the_tiles_that_were_written(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "out.h5")
    with pytest.raises(KeyboardInterrupt), writer:
        interrupt_after_a_tile(writer)
    assert (writer.kept, writer.tiles_written, writer.tiles) == (tmp_path / "out.partial.h5", 1, 9)
    assert list(tmp_path.iterdir()) == [writer.kept]
    with pytest.raises(InputError, match="is unfinished: its scan stopped after 1 of 9 tiles; the command"):
        open_result(tmp_path / "out.partial.h5")
    with h5py.File(tmp_path / "out.partial.h5") as file:
        assert file["done"][0, 0, 0] == 1
        assert (file["chi2"][:3, :2] == 0).all()
        assert (file["chi2"][3:] == -np.inf).all()


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_an_interrupt_before_anything_was_stored_leaves_nothing(tmp_path: Path, keep: str) -> None:
    writer = writer_for(tmp_path / "out.h5", keep=keep)
    with pytest.raises(KeyboardInterrupt), writer:
        raise KeyboardInterrupt
    assert writer.kept is None
    assert not list(tmp_path.iterdir())


def test_a_killed_run_loses_no_tile_that_its_mask_vouches_for(tmp_path: Path) -> None:
    script = (
        "import sys, os, numpy as np; import scanengine.store.writer as w; from scanengine.grid.profiles import Axis\n"
        "w.CHECKPOINT_SECONDS = 0\n"
        "from scanengine.grid.profiles import RunningMinima; from scanengine.store import GridPlan\n"
        "plan = GridPlan(axes=(Axis('x', np.arange(6.0)),), definition='', tile_shape=(2,))\n"
        "with w.GridWriter(sys.argv[1], plan) as writer:\n"
        "    writer.write((2,), writer.prepare(np.array([7.0, 8.0])))\n"
        "    writer.keep(lambda: RunningMinima(np.zeros(0), np.arange(6.0), 7.0, (2,)))\n"
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


def test_a_grid_with_missing_tiles_is_not_finished(tmp_path: Path) -> None:
    with writer_for(tmp_path / "out.h5") as writer:
        write_first_tile(writer)
        with pytest.raises(RunError, match="only 1 of 9 tiles were written"):
            writer.finish(profiles_of(chi2_of(SHAPE), axes_of(SHAPE)))
    assert not (tmp_path / "out.h5").exists()


def test_a_disk_that_fills_up_ends_the_run_with_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_for(tmp_path / "out.h5")
    tile_bytes = 8 * 3 * 2 * 4
    room = writer.plan.reserve_bytes + tile_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=room))
    with writer:
        write_first_tile(writer)
        room -= tile_bytes
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
        write_and_keep(writer, (0, 0, 0), noise)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
            writer.write((1, 0, 0), writer.prepare(noise))  # which is done by other threads
            with pytest.raises(RunError, match="could not be written: File too large"):
                writer.checkpoint()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert writer.kept == tmp_path / "out.partial.h5"
    with pytest.raises(InputError, match=f"stopped after {writer.tiles_written} of 8 tiles"):
        open_result(writer.kept)
    assert capfd.readouterr().err == ""


def test_no_thread_is_waited_for_while_hdf5_holds_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may collect h5py's garbage at any moment, for which it needs that lock."""
    write, free = BlockWriter.write, []

    def try_lock() -> None:
        free.append(phil.acquire(False))
        if free[-1]:
            phil.release()

    def watched(self: BlockWriter, start: int, block: Block) -> None:
        other = threading.Thread(target=try_lock)
        other.start()
        other.join()
        write(self, start, block)

    monkeypatch.setattr(BlockWriter, "write", watched)
    monkeypatch.setattr("scanengine.store.disk.committed.LARGE_BYTES", 1)
    with writer_for(tmp_path / "out.h5") as writer:
        write_first_tile(writer)
    assert free == [True]
