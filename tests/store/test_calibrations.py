"""The file of a calibration: what is written is read back, xarray opens it, and what is wrong with it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from scanengine.errors import InputError
from scanengine.grid.axes import Axis
from scanengine.grid.calibration import Calibration
from scanengine.store import is_calibration, open_calibration, write_calibration


def calibration(*sizes: int) -> Calibration:
    random = np.random.default_rng(1)
    axes = tuple(Axis(name, np.arange(1.0, 1.0 + n), "1e-10 mu_B", name) for name, n in zip("xy", sizes, strict=False))
    shape = tuple(axis.values.size for axis in axes)
    delta, critical, errors = random.random(shape), random.random((2, *shape)), random.random((2, *shape))
    given = (axes, delta, (0.68, 0.9), critical, errors, 10**6, 2**70, "title = 'a'\n", ("fixed.mu_nu=1",))
    return Calibration(*given, random.random(shape), random.random(shape))


def summed() -> Calibration:
    """What all outcomes gave, with intervals searched between the points."""
    intervals = (((1.5, 2.5),), ((None, 1.25), (3.0, None)))
    return replace(calibration(5), pseudo_experiments=0, exact_intervals=intervals)


def test_intervals_of_all_outcomes_are_read_back(tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", summed())
    found = open_calibration(tmp_path / "c.h5")
    assert found.is_exact
    assert found.intervals(0.68) == [(1.5, 2.5)]
    assert found.intervals(0.9) == [(None, 1.25), (3.0, None)]
    with xarray.open_dataset(tmp_path / "c.h5", engine="h5netcdf") as data:
        assert data["interval"].dims == ("cl", "piece", "side")


def test_files_of_the_first_version_are_read(tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", replace(calibration(5), p_values=None, at_open_ends=None))
    with h5py.File(tmp_path / "c.h5") as file:
        assert file.attrs["format_version"] == 1
        assert "p_value" not in file
    found = open_calibration(tmp_path / "c.h5")
    assert found.p_values is None
    assert not found.cut_short(0.9).any()


@pytest.mark.parametrize("name", ["interval", "piece"])
def test_intervals_that_are_missing_are_named(name: str, tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", summed())
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        del file[name]
    with pytest.raises(InputError, match=rf"c\.h5 is damaged: .*{name} is missing"):
        open_calibration(tmp_path / "c.h5")


@pytest.mark.parametrize("sizes", [(5,), (3, 4)])
def test_what_is_written_is_read_back(sizes: tuple[int, ...], tmp_path: Path) -> None:
    wrote = calibration(*sizes)
    assert write_calibration(tmp_path / "c.h5", wrote) == tmp_path / "c.h5"
    assert is_calibration(tmp_path / "c.h5")
    found = open_calibration(tmp_path / "c.h5")
    for name in ("delta_chi2", "critical", "errors", "p_values", "at_open_ends"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wrote, name))
    for name in ("levels", "pseudo_experiments", "seed", "definition", "overrides"):
        assert getattr(found, name) == getattr(wrote, name)
    assert [(axis.name, axis.units) for axis in found.axes] == [(axis.name, axis.units) for axis in wrote.axes]


def test_xarray_opens_it(tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", calibration(3, 4))
    with xarray.open_dataset(tmp_path / "c.h5", engine="h5netcdf") as data:
        assert data["critical_delta_chi2"].dims == ("cl", "x", "y")
        assert data["delta_chi2"].dims == ("x", "y")
        assert data["cl"].values.tolist() == [0.68, 0.9]
        assert data["x"].attrs["units"] == "1e-10 mu_B"
        assert data.attrs["seed"] == str(2**70)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c.h5").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"c\.h5 exists: pass --overwrite to replace it"):
        write_calibration(tmp_path / "c.h5", calibration(5))
    assert (tmp_path / "c.h5").read_text(encoding="utf-8") == "mine"
    write_calibration(tmp_path / "c.h5", calibration(5), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.h5"]


def test_other_files_are_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1.0
    assert not is_calibration(tmp_path / "other.h5")
    assert not is_calibration(tmp_path / "none.h5")
    with pytest.raises(InputError, match=r"other\.h5 is not a calibration; `scanengine calibrate -o .*` makes one"):
        open_calibration(tmp_path / "other.h5")


@pytest.mark.parametrize(
    "name", ["delta_chi2", "critical_delta_chi2", "critical_error", "p_value", "at_open_ends", "cl", "x"]
)
def test_a_member_that_is_missing_or_of_another_shape_is_named(name: str, tmp_path: Path) -> None:
    for damage, expected in (("missing", f"{name} is missing"), ("shape", name)):
        write_calibration(tmp_path / "c.h5", calibration(5), overwrite=True)
        with h5py.File(tmp_path / "c.h5", "r+") as file:
            del file[name]
            if damage == "shape":
                file[name] = np.zeros((2, 2))
        with pytest.raises(InputError, match=rf"c\.h5 is damaged: .*{expected}"):
            open_calibration(tmp_path / "c.h5")


def test_flipped_bits_are_found(tmp_path: Path) -> None:
    wrote = calibration(50)
    write_calibration(tmp_path / "c.h5", wrote)
    content = bytearray((tmp_path / "c.h5").read_bytes())
    at = content.index(wrote.delta_chi2.tobytes())
    content[at + 100] ^= 1
    (tmp_path / "c.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"c\.h5 is damaged: the checksum of delta_chi2 does not match"):
        open_calibration(tmp_path / "c.h5")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("format_version", 0, "format_version is 0 and not a whole number from 1 up"),
        ("pseudo_experiments", "many", "pseudo_experiments is many and not a whole number"),
        ("axes", ["x", "x"], "axes does not name one axis or two"),
        ("axes", "x", "axes of / is not a list of texts"),
        ("seed", 5, "seed of / is not text"),
        ("definition", np.zeros(3_000_000, dtype="i1"), "definition of / is too large"),
    ],
)
def test_an_attribute_that_cannot_be_is_named(name: str, value: object, expected: str, tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", calibration(5))
    with h5py.File(tmp_path / "c.h5", "r+", track_order=True) as file:
        file.attrs[name] = value
    with pytest.raises(InputError, match=rf"c\.h5 is damaged: .*{expected}"):
        open_calibration(tmp_path / "c.h5")


@pytest.mark.parametrize("name", ["x", "cl", "delta_chi2"])
def test_no_size_is_believed(name: str, tmp_path: Path) -> None:
    write_calibration(tmp_path / "c.h5", calibration(5))
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        del file[name]
        file.create_dataset(name, shape=(10**10,), dtype="f8")
    with pytest.raises(InputError, match=rf"c\.h5 is damaged: {name}"):
        open_calibration(tmp_path / "c.h5")


def test_levels_and_values_that_cannot_be_are_named(tmp_path: Path) -> None:
    for name, value in (("cl", 1.5), ("delta_chi2", np.nan), ("critical_delta_chi2", np.nan)):
        write_calibration(tmp_path / "c.h5", calibration(5), overwrite=True)
        with h5py.File(tmp_path / "c.h5", "r+") as file:
            file[name][-1] = value
        with pytest.raises(InputError, match=rf"c\.h5 is damaged: {name}"):
            open_calibration(tmp_path / "c.h5")


def test_an_unfinished_scan_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c.partial.h5").write_text("a day's work", encoding="utf-8")
    write_calibration(tmp_path / "c.h5", calibration(5))
    assert (tmp_path / "c.partial.h5").read_text(encoding="utf-8") == "a day's work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.h5", "c.partial.h5"]


def test_an_axis_cannot_have_the_name_of_a_member(tmp_path: Path) -> None:
    found = calibration(2)
    clash = Calibration((Axis("cl", found.axes[0].values),), *list(vars(found).values())[1:])
    with pytest.raises(InputError, match="axis 'cl': the file of a calibration uses this name for something else"):
        write_calibration(tmp_path / "c.h5", clash)
