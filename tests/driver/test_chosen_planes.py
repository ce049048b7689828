"""Scans of which only some planes are wanted: what is found, kept, drawn, and said of what is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path

import h5py
import numpy as np
import pytest

import scanengine
from scanengine import api
from scanengine.driver.chosen_planes import HiddenMinimum
from scanengine.errors import InputError, Interrupted
from scanengine.grid import tiling
from scanengine.scan.grid_scan import GridScan
from scanengine.store import open_result
from tests.command_line import Command
from tests.naive import FloatArray

POINTS = {"eps_ee_uV": 9, "eps_ee_dV": 8, "eps_et_dV": 5, "mu_nu": 6, "sin2_theta_w": 7}
OVERRIDES = [f"axes.{name}.points={points}" for name, points in POINTS.items()]
PROFILES = [*OVERRIDES, "output.keep=profiles", "output.profile=grid"]
PLANE = ("eps_ee_uV", "mu_nu")
ONE = f'output.planes=[["{PLANE[0]}", "{PLANE[1]}"]]'
TWO = 'output.planes=[["eps_ee_uV", "mu_nu"], ["eps_ee_dV", "eps_ee_uV"]]'


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small grids as if they were large."""
    monkeypatch.setattr("scanengine.chi2.squares.SMALL_SQUARES", 0)


def run(*overrides: str, output: Path | None = None) -> api.Result:
    return load(*overrides).run(output)


def load(*overrides: str) -> scanengine.Scan:
    return scanengine.load("large/nsi-5d", [*PROFILES, *overrides])


def assert_close(found: api.Result, whole: api.Result) -> None:
    """What is there is the same as of all planes."""
    for names in (*((name,) for name in found.shown), *found.planes):
        ours, theirs = found.profile(*names).chi2, whole.profile(*names).chi2
        # infinite in both where only the tiles near the minimum were looked at
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)
    assert found.best_fit == whole.best_fit


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        pytest.param(["output.profile=exact"], marks=pytest.mark.slow),
        ["output.delta_chi2_max=30"],
        ["statistic.kind=poisson", *(f"experiments.{name}.systematic=0" for name in ("Ne", "Ar", "Ge", "Xe"))],
    ],
    ids=["grid", "exact", "within a height", "poisson"],
)
@pytest.mark.jit_only
def test_chosen_planes_are_those_of_the_whole_scan(overrides: list[str], tmp_path: Path) -> None:
    whole = run(*overrides)
    assert whole.planes == tuple(open_result(run(*overrides, output=tmp_path / "all.h5").path).profiles.planes)  # type: ignore[arg-type]
    for number, chosen in enumerate((ONE, TWO)):
        found = run(*overrides, chosen, output=tmp_path / f"{number}.h5")
        assert found.planes == ((("eps_ee_uV", "eps_ee_dV"),) if number else ()) + (PLANE,)
        assert found.shown == (("eps_ee_uV", "eps_ee_dV", "mu_nu") if number else PLANE)
        assert_close(found, whole)
        in_memory = run(*overrides, chosen)
        assert in_memory.planes == found.planes
        assert np.array_equal(in_memory.profile(*PLANE).chi2, found.profile(*PLANE).chi2)


def test_numpy_keeps_the_same_planes_of_a_small_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    large = run(TWO)
    monkeypatch.setattr("scanengine.chi2.squares.SMALL_SQUARES", 1000 * prod(POINTS.values()))
    small = run(TWO)
    assert small.planes == large.planes
    assert_close(small, large)


def test_the_plane_of_two_axes_may_be_chosen() -> None:
    overrides = ["output.keep=profiles", *(f"axes.eps_ee_{q}V.points=9" for q in "ud")]
    whole = scanengine.load("scholberg2006/fig07", overrides).run()
    first, second = whole.shown
    chosen = scanengine.load("scholberg2006/fig07", [*overrides, f'output.planes=[["{second}", "{first}"]]']).run()
    assert np.array_equal(chosen.profile(first, second).chi2, whole.profile(first, second).chi2)


def test_the_file_says_which_planes_it_has(tmp_path: Path) -> None:
    path = tmp_path / "one.h5"
    run(ONE, output=path)
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 3
        assert list(file.attrs["planes"]) == ["eps_ee_uV__mu_nu"]
        profiles = {name for name in file["profiles"] if name.startswith("chi2_")}
        assert profiles == {"chi2_eps_ee_uV", "chi2_mu_nu", "chi2_eps_ee_uV__mu_nu"}
    for damage in (["mu_nu__eps_ee_uV"], ["eps_ee_uV__mu_nu", "X__Y"]):
        with h5py.File(path, "r+") as file:
            file.attrs["planes"] = damage
        with pytest.raises(InputError, match="the attribute planes"):
            open_result(path)
    with h5py.File(path, "r+") as file:
        file.attrs["planes"] = ["eps_ee_uV__eps_ee_dV"]
    with pytest.raises(InputError, match="profiles/chi2_eps_ee_dV is missing"):
        open_result(path)


def test_another_profile_than_those_kept_is_refused_by_name() -> None:
    result = run(TWO)
    with pytest.raises(
        InputError,
        match="profile of mu_nu and eps_ee_dV was not kept, only those of eps_ee_uV and eps_ee_dV, eps_ee_uV and mu_nu",
    ):
        result.profile("mu_nu", "eps_ee_dV")
    with pytest.raises(InputError, match="of eps_et_dV was not kept, only those of eps_ee_uV, eps_ee_dV, mu_nu"):
        result.profile("eps_et_dV")
    with pytest.raises(InputError, match="a region needs two axes: name two of eps_ee_uV, eps_ee_dV, mu_nu"):
        result.region()
    assert [found.axis for found in result.limits(0.9)] == ["eps_ee_uV", "eps_ee_dV", "mu_nu"]
    assert "2 of 10 planes" in repr(result)


def test_a_single_plane_is_what_the_scan_shows() -> None:
    result = run(ONE)
    assert result.region().axes == PLANE
    assert len(result.plot().axes) == 1


def test_the_corner_figure_has_the_panels_of_the_planes_that_are_there() -> None:
    assert len(run(TWO).plot().axes) == 3 + 2


def test_the_command_line_says_what_is_there(command: Command) -> None:
    overrides = [argument for item in (*PROFILES, TWO) for argument in ("--set", item)]
    status, out, err = command("run", "large/nsi-5d", *overrides, "-o", "two.h5")
    assert status == 0, err
    assert "eps_et_dV, sin2_theta_w: not in any plane of output.planes" in out
    status, out, _ = command("limits", "two.h5", "--json")
    assert {entry["parameter"] for entry in json.loads(out)["intervals"]} == {"eps_ee_uV", "eps_ee_dV", "mu_nu"}
    for file in (["two.h5"], ["large/nsi-5d", *overrides]):
        _, out, _ = command("info", *file)
        assert "planes: eps_ee_uV and eps_ee_dV, eps_ee_uV and mu_nu" in out
    status, _, err = command("plot", "two.h5", "--axes", "sin2_theta_w,mu_nu")
    assert status == 2
    assert "the profile of sin2_theta_w and mu_nu was not kept" in err
    assert command("plot", "two.h5", "-o", "corner.png")[0] == 0


def test_two_planes_take_less_memory_than_ten() -> None:
    with pytest.raises(InputError, match="its profiles"):
        load().run(memory_bytes=4_000)
    assert load(ONE).run(memory_bytes=4_000).planes == (PLANE,)


@pytest.mark.jit_only
def test_a_pass_goes_on_where_it_stopped_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "UNBUFFERED_TILE_POINTS", 500)
    scan = load(ONE)
    assert GridScan(scan.problem).one_pass is not None
    done: list[int] = []
    fill = HiddenMinimum.fill

    def counted(self: HiddenMinimum, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        done.append(chi2.size)
        if len(done) == stop:
            raise KeyboardInterrupt
        fill(self, values, chi2)

    stop = 0
    monkeypatch.setattr(HiddenMinimum, "fill", counted)
    whole = scan.run(tmp_path / "whole.h5", threads=1)
    every = len(done)
    done.clear()
    stop = every // 2
    with pytest.raises(Interrupted, match=r"out\.pass\.partial\.h5 holds .* tiles, and the same command resumes"):
        scan.run(tmp_path / "out.h5", threads=1)
    assert {path.name for path in tmp_path.iterdir()} == {"whole.h5", "out.pass.partial.h5"}
    done.clear()
    stop = 0
    result = scan.run(tmp_path / "out.h5")
    assert 0 < len(done) < every
    assert {path.name for path in tmp_path.iterdir()} == {"whole.h5", "out.h5"}
    for pair in whole.planes:
        assert np.array_equal(result.profile(*pair).chi2, whole.profile(*pair).chi2)
    assert result.best_fit == whole.best_fit
