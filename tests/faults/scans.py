"""Scans for the tests of faults: small, of many tiles, with two axes or four, and what their files must be like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from scanengine.store.disk.committed import as_changed
from tests.scan_files import NEON_TEXT, SOURCE_TEXT, TWO_AXES_TEXT

HEAD = f'title = "Faults"\n{SOURCE_TEXT}{NEON_TEXT}[axes]\n'
FOUR = """\
eps_ee_uV = { min = -1.2, max = 0.8, points = 8 }
eps_ee_dV = { min = -0.8, max = 1.4, points = 9 }
eps_mm_uV = { min = -0.3, max = 0.2, points = 7 }
mu_nu = { min = 0, max = 20, points = 11 }
"""
AXES = {"2": TWO_AXES_TEXT, "4": FOUR}
NAMES = {"2": ("eps_ee_uV", "eps_ee_dV"), "4": ("eps_ee_uV", "eps_ee_dV", "eps_mm_uV", "mu_nu")}


def write_scan(folder: Path, axes: str = "2", keep: str = "grid", **output: str) -> Path:
    path = folder / "scan.toml"
    more = "".join(f"{name} = {value}\n" for name, value in output.items())
    path.write_text(f'{HEAD}{AXES[axes]}[output]\nkeep = "{keep}"\n{more}')
    return path


def contents(path: Path) -> dict[str, Any]:
    """Every dataset of a file, and what it says of the minimum."""
    found: dict[str, Any] = {}

    def note(name: str, member: h5py.HLObject) -> None:
        if isinstance(member, h5py.Dataset):
            found[name] = member[()]
        for attribute in ("minimum", "best_fit"):
            if attribute in member.attrs:
                found[f"{name}@{attribute}"] = member.attrs[attribute]

    with h5py.File(path) as file:
        note("/", file)
        file.visititems(note)
    return found


def assert_same(path: Path, whole: Path) -> None:
    """Assert that two results hold the same, bit by bit."""
    found, wanted = contents(path), contents(whole)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert np.array_equal(found[name], values, equal_nan=True), name


def assert_honest(partial: Path, whole: Path) -> int:
    """Assert that each tile of which an unfinished file says that it is there is that of the whole; return how many."""
    with h5py.File(as_changed(partial) or partial) as file, h5py.File(whole) as result:
        if "done" not in file:
            return 1
        done = file["done"][()]
        if "chi2" in file:
            chunk = file["chi2"].chunks
            for tile in np.argwhere(done):
                where = tuple(slice(i * n, (i + 1) * n) for i, n in zip(tile, chunk, strict=True))
                np.testing.assert_array_equal(file["chi2"][where], result["chi2"][where])
        return int(done.sum())
