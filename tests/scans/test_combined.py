"""The combination of all independent data, where the releases lie in one folder that SCANENGINE_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import scanengine

pytestmark = pytest.mark.jit_only

RELEASES = ("csi2021", "lar2020", "xenonnt")
ALONE = ("coherent/csi2021", "coherent/lar2020", "coherent/ge2024", "reactor/conus-plus")


@pytest.mark.slow
def test_without_what_they_share_experiments_add_up() -> None:
    folder = Path(os.environ.get("SCANENGINE_DATA", ""))
    if not all((folder / name).is_dir() for name in RELEASES):
        pytest.skip("SCANENGINE_DATA names no folder with csi2021, lar2020 and xenonnt in it")
    widths = {
        "flux": 1e-7,
        "flux_B8": 1e-7,
        "CsI2021-signal": 0.12,
        "LAr2020-signal": 17 / 128,
        "Ge2024-signal": 0.1026,
    }
    together = scanengine.load(
        "combined/weak-mixing-angle", {f"nuisances.{name}.width": width for name, width in widths.items()}
    )
    alone = [scanengine.load(name) for name in ALONE]
    xenon = scanengine.load("solar/xenonnt-8b", {"axes": {}})
    for angle in (0.2, 0.23857):
        parts = [scan.chi2(sin2_theta_w=angle) for scan in alone]
        parts.append(xenon.at({"fixed.sin2_theta_w": angle}).chi2())
        assert together.chi2(sin2_theta_w=angle) == pytest.approx(sum(parts), rel=1e-9)
