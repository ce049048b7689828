"""Each group of a result opens in xarray with the coordinates that its numbers lie on, and all of them as one tree."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from scanengine import api
from tests.api.test_scan import THREE
from tests.scan_files import SMALL

ENGINES = [
    "h5netcdf",
    pytest.param(
        "netcdf4",
        marks=pytest.mark.skipif(importlib.util.find_spec("netCDF4") is None, reason="netCDF4 is not installed"),
    ),
]


@pytest.fixture(scope="module", params=["grid", "profiles"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result over three axes with exact profiles, with its grid and without."""
    found = tmp_path_factory.mktemp("xarray") / "out.h5"
    scan_file = found.with_name("three.toml")
    scan_file.write_text(SMALL[: SMALL.index("[axes]")] + "[axes]\n" + THREE)
    api.load(scan_file, [f'output={{ keep = "{request.param}", profile = "exact" }}']).run(found)
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("group", ["profiles", "profiles_exact"])
def test_profiles_have_the_values_of_their_axes(path: Path, group: str, engine: str) -> None:
    ending = "_fine" if group == "profiles_exact" else ""
    result = api.open_result(path)
    with xr.open_dataset(path, group=group, engine=engine) as found, h5py.File(path) as file:
        assert set(found.coords) == {f"{axis.name}{ending}" for axis in result.axes}
        for axis in result.axes:
            line = found[f"chi2_{axis.name}"]
            assert line.dims == (f"{axis.name}{ending}",)
            np.testing.assert_array_equal(line, file[f"{group}/chi2_{axis.name}"])
            if not ending:
                np.testing.assert_array_equal(found[axis.name], axis.values)
            assert found[f"{axis.name}{ending}"].attrs["units"] == axis.units
        assert "chi2" not in "".join(map(str, found.coords))
        for x, y in result.planes:
            assert found[f"chi2_{x}__{y}"].dims == (f"{x}{ending}", f"{y}{ending}")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_value_is_found_by_its_parameters(path: Path, engine: str) -> None:
    result = api.open_result(path)
    x, y = result.planes[0]
    with xr.open_dataset(path, group="profiles_exact", engine=engine) as found:
        plane = found[f"chi2_{x}__{y}"]
        profile = result.profile(x, y)
        i, j = np.unravel_index(int(profile.chi2.argmin()), profile.chi2.shape)
        there = {f"{a.name}_fine": a.values[k] for a, k in zip(profile.axes, (i, j), strict=True)}
        assert float(plane.sel(there)) == profile.chi2[i, j]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_whole_file_is_a_tree(path: Path, engine: str) -> None:
    with xr.open_datatree(path, engine=engine) as tree:
        assert {"profiles", "profiles_exact", "responses"} == set(tree.children)
        for axis in api.open_result(path).axes:
            np.testing.assert_array_equal(tree[f"profiles/{axis.name}"], axis.values)
            assert tree[f"profiles_exact/chi2_{axis.name}"].dims == (f"{axis.name}_fine",)
