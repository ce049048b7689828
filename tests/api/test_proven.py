"""Proven profiles from the scan file to the file, the command line and verification."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import scanengine
from scanengine.definition import parse
from tests.command_line import Printed
from tests.definition.example import edited, faults_of
from tests.inference.test_proving import SCAN

pytestmark = [pytest.mark.jit_only, pytest.mark.slow]  # compiles the largest kernel

PROVEN = (
    SCAN.replace("mu_nu = { min = 0.0, max = 50.0, points = 5 }", "mu_nu = { min = 0.0, max = 50.0, points = 5 }\n"
                 "eps_ee_dV = { min = -0.5, max = 0.5, points = 5 }")
    + '\n[output]\nkeep = "profiles"\nprofile = "proven"\nconfidence_levels = [90]\n'
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("proven")
    (home / "scan.toml").write_text(PROVEN, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def path(folder: Path) -> Path:
    output = folder / "scan.h5"
    scanengine.load(folder / "scan.toml").run(output)
    return output


def test_the_file_keeps_the_bounds(path: Path) -> None:
    result = scanengine.open_result(path)
    assert result.status == "proven"
    for names in (("eps_ee_uV", "mu_nu"), ("mu_nu", "eps_ee_uV"), ("mu_nu",)):
        lower, chi2 = result.lower_bound(*names), result.profile(*names).chi2
        assert lower.shape == chi2.shape
        assert np.all(lower <= chi2)
    decided = result.decided(0.9)
    assert len(decided) == 6
    assert all(each.undecided == 0 and each.below > 0 for each in decided)
    in_memory = scanengine.load(path.with_suffix(".toml")).run()
    assert np.array_equal(in_memory.lower_bound("mu_nu"), result.lower_bound("mu_nu"))
    assert any("lower bound" in each for each in scanengine.verify(path).unchecked)


def test_a_bound_above_its_profile_is_damage(path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(path.read_bytes())
    with h5py.File(damaged, "r+") as file:
        lower = file["profiles_exact/lower_mu_nu"]
        lower[...] = np.asarray(lower) + 1e6
    with pytest.raises(scanengine.InputError, match="lower bound"):
        scanengine.open_result(damaged)


def test_tiles_are_in_the_file_and_say_what_is_proven(path: Path) -> None:
    result = scanengine.open_result(path)
    found = result.proven_regions(0.9)
    assert {each.axes for each in found} >= {("mu_nu",), ("eps_ee_uV", "mu_nu")}
    region = result.proven_region("eps_ee_uV", "mu_nu")
    low, high = region.area
    assert 0.0 < low < result.region("eps_ee_uV", "mu_nu").area < high
    turned = result.proven_region("mu_nu", "eps_ee_uV")
    assert turned.area == pytest.approx(region.area)
    assert np.array_equal(turned.tiles.start, region.tiles.start[:, ::-1])
    in_memory = scanengine.load(path.with_suffix(".toml")).run().proven_region("eps_ee_uV", "mu_nu")
    assert np.array_equal(in_memory.status, region.status)
    ((below, above),) = result.proven_region("mu_nu").ends
    (interval,) = next(each for each in result.limits(0.9) if each.axis == "mu_nu")
    assert below == (0.0, 0.0)
    assert above[0] == pytest.approx(interval.hi, rel=1e-3)
    assert above[1] - above[0] < 1e-5
    with pytest.raises(scanengine.InputError, match=r"output\.confidence_levels"):
        result.proven_region("mu_nu", cl=0.95)
    import xarray

    tiles = xarray.open_dataset(path, group="profiles_exact/tiles_eps_ee_uV__mu_nu")
    assert dict(tiles.sizes) == {"tile": region.status.size}
    assert np.array_equal(tiles["mu_nu_stop"].values, region.tiles.stop[:, 1])


def test_borders_are_traced_within_what_is_proven(path: Path, printed: Printed, tmp_path: Path) -> None:
    result = scanengine.open_result(path)
    for region in result.traced_regions(0.9):
        low, high = result.proven_region(*region.axes).area
        assert low < region.area < high
        assert region.error is not None
        assert region.error < 2e-6
        error = result.area_error(region)
        assert error is not None
        assert 0.0 < error < 1e-4 * high
    region = result.region("eps_ee_uV", "mu_nu")
    turned = result.region("mu_nu", "eps_ee_uV")
    assert turned.area == pytest.approx(region.area)
    assert result.region("eps_ee_uV", "mu_nu", cl=0.8).error is None  # interpolated between points
    in_memory = scanengine.load(path.with_suffix(".toml")).run().region("eps_ee_uV", "mu_nu")
    assert np.array_equal(in_memory.pieces[0].outer, region.pieces[0].outer)
    records = json.loads(printed("limits", str(path), "--json", "--cl", "90"))["traced_regions"]
    areas = {tuple(each["axes"]): each["area"] for each in records}
    assert areas["eps_ee_uV", "mu_nu"] == region.area
    assert "regions by their traced borders (2 dof):" in printed("limits", str(path), "--cl", "90")
    import xarray

    points = xarray.open_dataset(path, group="profiles_exact/border_eps_ee_uV__mu_nu")
    assert points.sizes["point"] == sum(len(ring) for piece in region.pieces for ring in piece.rings)
    for name, change in (("mu_nu_at", 1e3), ("mu_nu_at", 1e-3), ("confidence_level", 1.0), ("ring", 1)):
        damaged = tmp_path / "damaged.h5"
        damaged.write_bytes(path.read_bytes())
        with h5py.File(damaged, "r+") as file:
            member = file[f"profiles_exact/border_eps_ee_uV__mu_nu/{name}"]
            values = np.asarray(member)
            values[0] += np.array(change).astype(values.dtype)
            member[...] = values
        with pytest.raises(scanengine.InputError, match=r"outside of the axis|is not closed|are not those"):
            scanengine.open_result(damaged)


def test_a_proof_is_gone_over_again_and_a_forged_one_is_caught(path: Path, printed: Printed, tmp_path: Path) -> None:
    said = printed("verify", str(path), "--proof", "25")
    assert "statements about proven tiles are confirmed by interval arithmetic" in said
    assert "not checked: the proven ends of intervals" in said
    (confirmed,) = (line for line in scanengine.verify(path, proof=25).found if "interval arithmetic" in line)
    assert int(confirmed.split()[0]) > 20
    with pytest.raises(scanengine.InputError, match="number of tiles"):
        scanengine.verify(path, proof=0)
    forged = tmp_path / "forged.h5"
    forged.write_bytes(path.read_bytes())
    with h5py.File(forged, "r+") as file:
        for name in ("eps_ee_uV__mu_nu", "eps_ee_uV__eps_ee_dV", "mu_nu__eps_ee_dV"):
            group = file[f"profiles_exact/tiles_{name}"]
            lower, upper = np.asarray(group["lower"]), np.asarray(group["upper"])
            lower[:], upper[:] = np.where(upper < 1e300, 1e6, lower), np.where(upper < 1e300, 1e7, upper)
            group["lower"][...], group["upper"][...] = lower, upper
    with pytest.raises(scanengine.InputError, match="is said to be outside of the region, and is not"):
        scanengine.verify(forged, proof="all")
    assert scanengine.verify(forged).found  # what is in it agrees, but for the proof


def test_a_lowest_chi2_that_is_said_to_be_higher_than_it_is_is_a_lie(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Even where the best fit of the file does not show it."""
    forged = tmp_path / "forged.h5"
    forged.write_bytes(path.read_bytes())
    with h5py.File(forged, "r+") as file:
        group = file["profiles_exact"]
        group.attrs["lowest_chi2"] = np.asarray(group.attrs["lowest_chi2"]) + 0.5
    monkeypatch.setattr("scanengine.inference.rechecking.Recheck.chi2_at", lambda *_: 1e6)
    with pytest.raises(scanengine.InputError, match=r"is said to be at least 0\.\d+, and is lower"):
        scanengine.verify(forged, proof=1)


def test_tiles_that_do_not_cover_their_plane_are_damage(path: Path, tmp_path: Path) -> None:
    for name, change in (("depth", 1), ("eps_ee_uV_index", 1), ("mu_nu_stop", 1e-3), ("upper", -1e6)):
        damaged = tmp_path / f"{name}.h5"
        damaged.write_bytes(path.read_bytes())
        with h5py.File(damaged, "r+") as file:
            member = file[f"profiles_exact/tiles_eps_ee_uV__mu_nu/{name}"]
            values = np.asarray(member)
            values[0] += np.array(change).astype(values.dtype)
            member[...] = values
        with pytest.raises(scanengine.InputError, match=r"do not cover it|above an upper one"):
            scanengine.open_result(damaged)


def test_the_command_line_counts_the_cells(path: Path, printed: Printed) -> None:
    found = json.loads(printed("limits", str(path), "--json", "--cl", "90"))
    assert found["status"] == "found"  # the ends of intervals lie between points
    assert {tuple(each["profile"]) for each in found["proven_at_points"]} >= {("mu_nu",), ("eps_ee_uV", "mu_nu")}
    assert all(each["undecided"] == 0 for each in found["proven_at_points"])
    regions = {tuple(each["axes"]): each for each in found["proven_regions"]}
    assert regions["eps_ee_uV", "mu_nu"]["area"][0] < regions["eps_ee_uV", "mu_nu"]["area"][1]
    assert len(regions["mu_nu",]["ends"]) == 1
    assert all(each["cl"] == 90.0 for each in found["proven_regions"])
    text = printed("limits", str(path), "--cl", "90")
    assert "none undecided" in text
    assert "proven, everywhere on each plane (2 dof):" in text
    assert "one piece with proven points in it" in text


def test_nothing_is_proven_of_other_scans(folder: Path) -> None:
    exact = scanengine.load(folder / "scan.toml", ["output.profile=exact", "output={keep='profiles',profile='exact'}"])
    result = exact.run()
    assert result.status == "found"
    assert result.decided() == []
    with pytest.raises(scanengine.InputError, match='profile = "proven"'):
        result.lower_bound("mu_nu")


def test_keys_of_proven_profiles_are_refused_elsewhere() -> None:
    for line, profile in (("enclosure = 1e-3", "proven"), ("confidence_levels = [90]", "exact")):
        (fault,) = faults_of(edited(("keep = ", f"{line}\nkeep = ")))
        assert f'profile = "{profile}" would do' in str(fault)
    exact = ("keep = ", 'profile = "exact"\nconfidence_levels = [95, 90]\nkeep = ')
    assert parse(edited(exact)).output.confidence_levels == (90.0, 95.0)
    assert parse(edited(("keep = ", 'profile = "exact"\nkeep = '))).output.confidence_levels == ()


def test_the_number_of_tiles_is_a_power_of_two() -> None:
    (fault,) = faults_of(edited(("keep = ", 'profile = "proven"\ntiles = 100\nkeep = ')))
    assert "64 or 128" in str(fault)
    (fault,) = faults_of(edited(("keep = ", "tiles = 64\nkeep = ")))
    assert 'profile = "proven" would do' in str(fault)
    proven = ("keep = ", 'profile = "proven"\nkeep = ')
    assert parse(edited(proven)).output.tiles == 256
    assert parse(edited()).output.tiles is None


def test_undecided_tiles_are_hatched_and_named(path: Path) -> None:
    result = scanengine.open_result(path)
    for figure in (result.plot("eps_ee_uV", "mu_nu"), result.plot()):
        hatched = [patch for axes in figure.axes for patch in axes.patches if patch.get_hatch()]
        assert hatched
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
        texts = [text.get_text() for legend in legends if legend is not None for text in legend.get_texts()]
        assert "undecided" in texts
    plain = result.plot("eps_ee_uV", "mu_nu", cl=0.95)  # at which nothing was decided
    assert not [patch for axes in plain.axes for patch in axes.patches if patch.get_hatch()]


def test_levels_are_sorted_and_have_a_default() -> None:
    proven = ("keep = ", 'profile = "proven"\nkeep = ')
    assert parse(edited(proven)).output.confidence_levels == (68.27, 90.0, 95.0)
    chosen = parse(edited(proven, ("keep = ", "confidence_levels = [95, 68.27, 95]\nkeep = ")))
    assert chosen.output.confidence_levels == (68.27, 95.0)
