"""Files that older versions of scanengine wrote are read as they were: profiles/X, profiles/X__Y, no fine axes."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine import api
from scanengine.store import open_result

OLDER = Path(__file__).parent / "older"


def unpacked(name: str, folder: Path) -> Path:
    """A result of Ne and Xe with a handful of points: 5 x 4 x 3, one plane of these, or exact profiles of 5 x 4."""
    path = folder / f"{name}.h5"
    path.write_bytes(gzip.decompress((OLDER / f"{path.name}.gz").read_bytes()))
    with h5py.File(path) as file:
        assert f"version-{file.attrs['format_version']}" in name
    return path


def test_version_1_has_lines_and_planes(tmp_path: Path) -> None:
    path = unpacked("version-1", tmp_path)
    stored = open_result(path)
    with h5py.File(path) as file:
        chi2 = file["chi2"][()]
    np.testing.assert_array_equal(stored.profiles.lines["mu_nu"], chi2.min(axis=(0, 1)))
    np.testing.assert_array_equal(stored.profiles.planes["eps_ee_uV", "mu_nu"], chi2.min(axis=1))


def test_version_1_has_exact_profiles(tmp_path: Path) -> None:
    path = unpacked("version-1-exact", tmp_path)
    stored = open_result(path)
    assert stored.exact_profiles is not None
    axes, profiles = stored.exact_profiles
    with h5py.File(path) as file:
        np.testing.assert_array_equal(profiles.lines["eps_ee_uV"], file["profiles_exact/chi2_eps_ee_uV"])
        np.testing.assert_array_equal(axes[0].values, file["profiles_exact/eps_ee_uV"])


def test_version_2_has_a_chosen_plane(tmp_path: Path) -> None:
    stored = open_result(unpacked("version-2", tmp_path))
    assert set(stored.profiles.planes) == {("eps_ee_uV", "mu_nu")}
    assert stored.profiles.planes["eps_ee_uV", "mu_nu"].min() == stored.profiles.minimum


@pytest.mark.parametrize("name", ["version-1", "version-1-exact", "version-2"])
def test_limits_come_from_older_files(tmp_path: Path, name: str) -> None:
    result = api.open_result(unpacked(name, tmp_path))
    assert "eps_ee_uV" in {limit.axis for limit in result.limits(cl=0.9)}
