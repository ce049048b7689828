"""Every fault of a result file has its own sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from scanengine.errors import InputError
from scanengine.store import open_result, open_unfinished, partial_path, read_shard, shard_definition, verify
from tests.store.results import (
    DEFINITION,
    SHAPE,
    TILE,
    chi2_of,
    minima_of,
    plan_for,
    writer_for,
)


def flip_a_bit(path: Path, member: str) -> None:
    with h5py.File(path) as file:
        chunk = file[member].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(data)


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
    with pytest.raises(InputError, match=r"format version 7, .* knows versions up to 3; upgrade scanengine"):
        open_result(result)


@pytest.mark.parametrize("shard", [False, True])
def test_a_newer_unfinished_file_or_shard_is_refused_wherever_it_is_read(tmp_path: Path, shard: bool) -> None:
    path, plan = tmp_path / "part.h5", plan_for()
    with writer_for(path) as writer:
        writer.keep(lambda: minima_of(np.zeros(SHAPE)))
        writer.write((0, 0, 0), writer.prepare(np.zeros(TILE)))
        writer.checkpoint()
        shutil.copy(writer.partial, path)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 7
        if shard:
            file.attrs["shard"] = (1, 2)

    def going_on() -> None:
        shutil.copy(path, partial_path(tmp_path / "out.h5"))
        with writer_for(tmp_path / "out.h5"):
            pass

    reads: list[Callable[[], object]] = [partial(read, path) for read in (open_unfinished, open_result, verify)]
    reads += [partial(read_shard, path, plan), partial(shard_definition, path)] if shard else [going_on]
    for read in reads:
        with pytest.raises(InputError, match="knows versions up to 3; upgrade scanengine"):
            read()


@pytest.mark.parametrize("locking", [None, "best-effort", True, False])
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_file_that_this_process_has_open_is_read(result: Path, mode: str, locking: bool | str | None) -> None:
    before = open_result(result)
    with h5py.File(result, mode, locking=locking):
        stored = open_result(result)
        np.testing.assert_array_equal(stored.read_chi2(), before.read_chi2())
        assert stored.profiles.minimum == before.profiles.minimum
    with xr.open_dataset(result, engine="h5netcdf"):
        open_result(result)


def test_a_file_that_this_process_is_changing_is_not_called_damaged(result: Path) -> None:
    with h5py.File(result, "r+") as file:
        del file["profiles/chi2_eps_0"]
        with pytest.raises(InputError, match="is open for writing in this process, and half changed; close it there"):
            open_result(result)


def test_what_xarray_has_open_another_time_is_read_through(result: Path) -> None:
    """A reading of ours must not keep others of this process from the file."""
    held = open_result(result).read_chi2()
    with h5py.File(result) as file:
        np.testing.assert_array_equal(file["chi2"], held)


def test_an_unfinished_file_of_profiles(tmp_path: Path) -> None:
    with writer_for(tmp_path / "out.h5", keep="profiles") as writer:
        shutil.copy(writer.partial, tmp_path / "copy.h5")
    with pytest.raises(
        InputError, match="is unfinished: its scan stopped after 0 of 9 tiles; the command that started it resumes it"
    ):
        open_result(tmp_path / "copy.h5")


@pytest.mark.parametrize("member", ["eps_1", "profiles/chi2_eps_2", "profiles/chi2_eps_0__eps_2"])
def test_a_missing_member_is_named(result: Path, member: str) -> None:
    with h5py.File(result, "r+") as file:
        del file[member]
    with pytest.raises(InputError, match=f"is damaged: {member} is missing; run the scan again"):
        open_result(result)


@pytest.mark.parametrize("member", ["profiles/chi2_eps_2", "profiles/chi2_eps_0__eps_2", "chi2"])
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
        del file["profiles/chi2_eps_0"]
        file["profiles/chi2_eps_0"] = h5py.ExternalLink("other.h5", "/line")
    with pytest.raises(InputError, match="profiles/chi2_eps_0 is missing"):
        open_result(result)


def test_a_flipped_bit_in_the_grid_is_caught_on_reading_it(result: Path) -> None:
    flip_a_bit(result, "chi2")
    stored = open_result(result)
    with pytest.raises(InputError, match="is damaged: the checksum of chi2 does not match"):
        stored.read_chi2()
    np.testing.assert_array_equal(stored.read_chi2(slice(3, None)), chi2_of(SHAPE)[3:])


@pytest.mark.parametrize("member", ["eps_1", "profiles/chi2_eps_0", "profiles/chi2_eps_1__eps_2"])
def test_a_flipped_bit_in_an_axis_or_profile_is_caught_on_opening(result: Path, member: str) -> None:
    flip_a_bit(result, member)
    with pytest.raises(InputError, match=f"is damaged: the checksum of {member} does not match"):
        open_result(result)


def test_a_file_that_goes_away_after_opening_is_named(result: Path) -> None:
    stored = open_result(result)
    result.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        stored.read_chi2()


@pytest.mark.parametrize("member", ["profiles/chi2_eps_0", "profiles/chi2_eps_0__eps_2"])
def test_a_profile_that_holds_no_numbers_is_named(result: Path, member: str) -> None:
    with h5py.File(result, "r+") as file:
        file[member][0] = np.nan
    with pytest.raises(InputError, match=f"{member} contains values that are not numbers"):
        open_result(result)
