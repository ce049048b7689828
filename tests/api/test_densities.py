"""Posterior densities of scans: by quadrature, in files and memory, by shards and workers, resumed and verified."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.integrate import dblquad, quad

import scanengine
from scanengine import api
from scanengine.definition import parse
from scanengine.errors import InputError, Interrupted
from scanengine.scan.grid_scan import GridScan, how_to_run
from scanengine.scan.to_file import run_to_file
from tests.api.test_scan import THREE
from tests.command_line import Command
from tests.scan_files import SMALL, definition, experiment

TEXT = SMALL[: SMALL.index("[axes]")] + "[axes]\n" + THREE + "[output]\nmarginals = true\n"


def scan_of(text: str = TEXT, **changes: object) -> api.Scan:
    return api.Scan(parse(text, overrides=[f"{key.replace('__', '.')}={value}" for key, value in changes.items()]))


@pytest.fixture(scope="module")
def result() -> api.Result:
    return scan_of().run()


def assert_same(found: api.Result, wanted: api.Result) -> None:
    ours, theirs = found.marginals, wanted.marginals
    assert ours is not None
    assert theirs is not None
    for kind in ("lines", "planes", "half_lines", "half_planes"):
        one, other = getattr(ours, kind), getattr(theirs, kind)
        assert set(one) == set(other)
        for name in one:
            assert np.array_equal(one[name], other[name]), (kind, name)
    assert (ours.log_mean, ours.log_mean_half, ours.omitted) == (theirs.log_mean, theirs.log_mean_half, theirs.omitted)


def test_lines_and_planes_are_integrals_of_the_grid(result: api.Result) -> None:
    likelihood = np.exp(-0.5 * (result.chi2 - result.minimum))
    steps = [np.gradient(axis.values) for axis in result.axes]
    for step in steps:
        step[[0, -1]] *= 0.5
    whole = np.einsum("ijk,i,j,k", likelihood, *steps)
    line = result.marginal("eps_ee_dV")
    assert np.allclose(line.density, np.einsum("ijk,i,k->j", likelihood, steps[0], steps[2]) / whole, rtol=1e-9)
    assert line.integrated == ("eps_ee_uV", "mu_nu")
    plane = result.marginal("mu_nu", "eps_ee_uV")
    assert [axis.name for axis in plane.axes] == ["mu_nu", "eps_ee_uV"]
    right = np.einsum("ijk,j->ki", likelihood, steps[1]) / whole
    assert np.allclose(plane.density, right, rtol=1e-9, atol=1e-12 * right.max())


def test_against_quadrature() -> None:
    """chi2 by itself, integrated adaptively over both other axes at some values of the third."""
    ends = {"eps_ee_uV": (-0.35, 0.35), "mu_nu": (0.0, 20.0), "sin2_theta_w": (0.15, 0.3)}
    axes = {
        name: {"min": lo, "max": hi, "points": n}
        for (name, (lo, hi)), n in zip(ends.items(), (41, 33, 37), strict=True)
    }
    both = [experiment(systematic=0.1), experiment(name="B", target="Xe132")]
    scan = api.Scan(definition(both, axes=axes, output={"marginals": True}))
    line = scan.run().marginal("eps_ee_uV")

    def integral(eps: float) -> float:
        def likelihood(mu: float, sin2: float) -> float:
            return math.exp(-0.5 * scan.chi2(eps_ee_uV=eps, mu_nu=mu, sin2_theta_w=sin2))

        return float(dblquad(likelihood, *ends["sin2_theta_w"], *ends["mu_nu"], epsabs=0.0, epsrel=1e-5)[0])

    at = [8, 20, 27]
    right = np.array([integral(float(line.axes[0].values[i])) for i in at])
    found = line.density[at]
    assert np.allclose(found / found[1], right / right[1], atol=line.error, rtol=2e-3)
    assert line.error < 0.02


def test_a_scan_of_two_axes_has_its_grid_for_a_plane(tmp_path: Path) -> None:
    scan = scan_of(SMALL + "[output]\nmarginals = true\n")
    for result in (scan.run(), scan.run(tmp_path / "two.h5"), scanengine.open_result(tmp_path / "two.h5")):
        plane = result.marginal("eps_ee_dV", "eps_ee_uV")
        likelihood = np.exp(-0.5 * result.chi2).T
        assert np.allclose(plane.density / plane.density.max(), likelihood / likelihood.max(), rtol=1e-9)
        areas = [np.gradient(axis.values) for axis in plane.axes]
        for area in areas:
            area[[0, -1]] *= 0.5
        assert areas[0] @ plane.density @ areas[1] == pytest.approx(1.0)
        assert plane.integrated == ()
        assert result.credible_region(cl=0.9).area > 0.0


def test_a_scan_of_one_axis(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index("eps_ee_dV")] + "[output]\nmarginals = true\n"
    axis = "{ min = -0.05, max = 0.08, points = 161 }"
    scan = scan_of(text, axes__eps_ee_uV=axis)
    result = scan.run(tmp_path / "one.h5")
    line = result.marginal("eps_ee_uV")
    chi2 = np.array([scan.chi2(eps_ee_uV=x) for x in line.axes[0].values.tolist()])
    right = np.exp(-0.5 * (chi2 - chi2.min()))
    assert np.allclose(line.density / line.density.max(), right, rtol=1e-8, atol=1e-12)
    whole = quad(lambda x: math.exp(-0.5 * scan.chi2(eps_ee_uV=x)), -0.05, 0.08)[0] / 0.13
    assert result.marginals is not None
    assert result.marginals.log_mean == pytest.approx(math.log(whole), abs=1e-3)


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_files_threads_and_workers_give_the_same(result: api.Result, tmp_path: Path, keep: str) -> None:
    scan = scan_of(output__keep=keep)
    by_workers = scan.run(tmp_path / "workers.h5", executor="processes:2")
    assert_same(by_workers, scan.run(tmp_path / "threads.h5", threads=2))
    assert_same(by_workers, scanengine.open_result(tmp_path / "workers.h5"))
    assert by_workers.marginals is not None
    assert result.marginals is not None
    assert by_workers.marginals.log_mean == pytest.approx(result.marginals.log_mean, abs=1e-12)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.grid.tiling._TINY_POINTS", 64)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_merged_shards_are_the_whole(tmp_path: Path, keep: str) -> None:
    scan = scan_of(output__keep=keep)
    whole = scan.run(tmp_path / "whole.h5")
    shards = [scan.run_shard(tmp_path / "parts.h5", number, 3) for number in (3, 1, 2)]
    assert_same(scanengine.merge(tmp_path / "parts.h5", shards), whole)
    if keep == "grid":
        assert_same(scanengine.merge(tmp_path / "parts.h5", shards, virtual=True, overwrite=True), whole)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_a_scan_that_was_interrupted_goes_on(tmp_path: Path, keep: str) -> None:
    scan = scan_of(output__keep=keep)
    whole = scan.run(tmp_path / "whole.h5")

    def stop(done: int, _: int) -> None:
        if done > 1000:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="resumes from there"):
        scan.run(tmp_path / "again.h5", progress=stop)
    with h5py.File(tmp_path / "again.partial.h5") as partial:
        assert 0 < partial["running/sums_over"][1] == partial["done"][()].sum() < partial["done"].size
    assert_same(scan.run(tmp_path / "again.h5"), whole)


@pytest.mark.usefixtures("small_tiles")
def test_sums_that_lack_a_tile_are_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt between a tile and its sums: what was there before stands, or nothing, and never a double count."""
    from scanengine.driver.marginals import Summing

    scan, add, calls = scan_of(), Summing.add, iter(range(1000))
    whole = scan.run(tmp_path / "whole.h5")

    def interrupted(self: Summing, sums: Any, tile: Any) -> None:
        if next(calls) == 7:
            sums.begin()
            raise KeyboardInterrupt
        add(self, sums, tile)

    monkeypatch.setattr(Summing, "add", interrupted)
    with pytest.raises(Interrupted):
        scan.run(tmp_path / "again.h5")
    monkeypatch.setattr(Summing, "add", add)
    assert_same(scan.run(tmp_path / "again.h5"), whole)


def test_sums_of_other_tiles_than_are_there_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.grid.tiling._TINY_POINTS", 64)
    scan = scan_of()

    def stop(done: int, _: int) -> None:
        if done > 1000:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        scan.run(tmp_path / "out.h5", progress=stop)
    with h5py.File(tmp_path / "out.partial.h5", "r+") as partial:
        partial["running/sums_over"][1] += 1
    with pytest.raises(InputError, match="damaged"):
        scan.run(tmp_path / "out.h5")


@pytest.mark.usefixtures("small_tiles")
def test_a_left_shard_counts_once(tmp_path: Path) -> None:
    """Two workers have done the same tiles, and both shards are there."""
    scan = scan_of()
    whole = scan.run(tmp_path / "whole.h5")
    part = scan.run_shard(tmp_path / "out.h5", 1, 2)
    folder = tmp_path / "out.shards"
    folder.mkdir()
    for name in ("0-9-00000000.h5", "0-9-11111111.h5"):
        shutil.copy(part, folder / name)
    scan.run_shard(tmp_path / "other.h5", 1, 3).rename(folder / "1-9-22222222.h5")
    assert_same(scan.run(tmp_path / "out.h5"), whole)


def test_chosen_planes_and_exact_profiles(result: api.Result, tmp_path: Path) -> None:
    chosen = scan_of(output__keep="profiles", output__planes='[["eps_ee_uV", "eps_ee_dV"]]').run(tmp_path / "a.h5")
    assert chosen.marginals is not None
    assert set(chosen.marginals.planes) == {("eps_ee_uV", "eps_ee_dV")}
    assert set(chosen.marginals.lines) == {"eps_ee_uV", "eps_ee_dV"}
    density = result.marginal("eps_ee_uV", "eps_ee_dV").density
    assert np.allclose(chosen.marginal("eps_ee_uV", "eps_ee_dV").density, density, rtol=1e-9)
    exact = scan_of(output__profile="exact").run(tmp_path / "b.h5")
    assert np.allclose(exact.marginal("mu_nu").density, result.marginal("mu_nu").density, rtol=1e-9)
    assert exact.marginal("mu_nu").axes[0].values.size == 7, "on the points of the grid, whatever the profiles are on"


def test_an_outer_axis_is_one_like_others(tmp_path: Path) -> None:
    key = "experiments.A.mass_kg"
    axes = {key: {"min": 20.0, "max": 60.0, "points": 5}, "eps_ee_uV": {"min": -0.5, "max": 0.5, "points": 41}}
    result = api.Scan(definition(axes=axes, output={"marginals": True})).run(tmp_path / "outer.h5")
    likelihood = np.exp(-0.5 * (result.chi2 - result.minimum))
    right = np.sum(likelihood * np.array([0.5, 1.0, 1.0, 1.0, 0.5])[:, None], axis=0)
    found = result.marginal("eps_ee_uV").density
    assert np.allclose(found / found.max(), right / right.max(), rtol=1e-9)
    assert result.marginal(key).axes[0].values.size == 5


def test_what_lies_above_delta_chi2_max_is_bounded(tmp_path: Path) -> None:
    scan = scan_of(output__keep="profiles", output__delta_chi2_max=20.0)
    result, whole = scan.run(tmp_path / "some.h5"), scan_of().run()
    assert result.marginals is not None
    assert whole.marginals is not None
    assert 0.0 < result.marginals.omitted < 1.0
    missing = 1.0 - math.exp(result.marginals.log_mean - whole.marginals.log_mean)
    assert -1e-12 <= missing <= result.marginals.omitted
    found = scanengine.open_result(tmp_path / "some.h5").credible_intervals(0.9)
    assert any("delta_chi2_max" in w for w in found[0].warnings) == (result.marginals.omitted > 0.02)


def test_a_density_of_a_chi2_lost_in_rounding_is_refused() -> None:
    """chi2 is 2e11 all over these axes, known to about 20."""
    result = scanengine.load(
        "scholberg2006/fig08",
        [
            "output.marginals=true",
            "axes.eps_ee_uV={ min = 50.0, max = 60.0, points = 11 }",
            "axes.eps_ee_dV={ min = -0.8, max = 1.4, points = 11 }",
        ],
    ).run()
    for ask in (result.credible_intervals, result.credible_region, lambda: result.marginal("eps_ee_uV")):
        with pytest.raises(InputError, match=r"No posterior density of .* known to \+-.* in double precision"):
            ask()


def test_without_marginals_there_are_none(tmp_path: Path) -> None:
    result = scan_of(output__marginals="false").run(tmp_path / "without.h5")
    assert result.marginals is None
    for ask in (lambda: result.marginal("mu_nu"), result.credible_intervals, lambda: result.plot(marginal=True)):
        with pytest.raises(InputError, match=r"run it with output\.marginals = true"):
            ask()
    with h5py.File(tmp_path / "without.h5") as file:
        assert "marginals" not in file


def test_other_readers_find_them(result: api.Result, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    scan_of().run(tmp_path / "out.h5")
    with xarray.open_dataset(tmp_path / "out.h5", group="marginals") as found:
        density = found["density_eps_ee_uV__mu_nu"]
        assert density.dims == ("eps_ee_uV", "mu_nu")
        assert np.array_equal(found["mu_nu"], result.axes[2].values)
        assert np.allclose(density, result.marginal("eps_ee_uV", "mu_nu").density, rtol=1e-9)
        assert density.attrs["units"] == "(1e-10 mu_B)^-1"
        assert float(found["density_mu_nu"].integrate("mu_nu")) == pytest.approx(1.0)
    ours = result.to_xarray()
    assert np.array_equal(ours["marginal_mu_nu"], result.marginal("mu_nu").density)
    assert np.array_equal(ours["marginal_half_eps_ee_uV__mu_nu"], result.marginal("eps_ee_uV", "mu_nu").half)


@pytest.fixture(scope="module", params=["grid", "profiles"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / f"{request.param}.h5"
    scan_file = path.with_suffix(".toml")
    scan_file.write_text(TEXT)
    scanengine.load(scan_file, [f"output.keep={request.param}"]).run(path)
    return path


def test_verify_takes_them_again(sound: Path) -> None:
    found = scanengine.verify(sound)
    assert any("marginals too" in each for each in found.found)
    assert not any("marginals" in each for each in found.unchecked)


@pytest.mark.parametrize(
    ("member", "factor"),
    [
        ("density_mu_nu", 1.001),
        ("density_eps_ee_uV__mu_nu", 1.001),
        ("half_mu_nu", 1.001),
        ("half_eps_ee_uV__mu_nu", 1.01),
    ],
)
def test_verify_finds_a_density_that_is_not_the_grids(sound: Path, tmp_path: Path, member: str, factor: float) -> None:
    path = Path(shutil.copy(sound, tmp_path))
    with h5py.File(path, "r+") as file:
        density = file["marginals"][member][()]
        density[np.unravel_index(density.argmax(), density.shape)] *= factor
        file["marginals"][member][...] = density
    with pytest.raises(InputError, match="marginal"):
        scanengine.verify(path)


def test_negative_densities_and_missing_ones_are_damage(sound: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sound, tmp_path))
    with h5py.File(path, "r+") as file:
        file["marginals/half_mu_nu"][0] = -1.0
    with pytest.raises(InputError, match="no densities"):
        scanengine.open_result(path)
    with h5py.File(path, "r+") as file:
        del file["marginals/half_mu_nu"]
    with pytest.raises(InputError, match="half_mu_nu"):
        scanengine.open_result(path)


def test_credible_intervals_are_a_table_and_shown(result: api.Result) -> None:
    found = result.credible_intervals([0.68, 0.9])
    assert [(each.axis, each.cl) for each in found][:2] == [("eps_ee_uV", 0.68), ("eps_ee_uV", 0.9)]
    assert found.records()[0].keys() >= {"parameter", "credibility", "low", "high", "low_error", "high_error"}
    html = result._repr_html_()
    assert "posterior, prior flat within the axes" in html
    for shown in (
        result.marginal("mu_nu"),
        result.marginal("mu_nu", "eps_ee_uV"),
        result.credible_region("mu_nu", "eps_ee_uV"),
    ):
        picture = shown._repr_png_()
        assert picture is not None
        assert picture.startswith(b"\x89PNG")


def test_figures_say_what_they_are(result: api.Result) -> None:
    for names in ((), ("mu_nu",), ("mu_nu", "eps_ee_dV")):
        figure = result.plot(*names, marginal=True, cl=[0.68, 0.9])
        written = " ".join(legend.get_title().get_text() for legend in figure.legends)
        assert "Marginal posterior, flat prior within the axes" in written
        assert "68%, 90% credible" in written
        assert "C.L." not in written
    with pytest.raises(InputError, match="leave out the slice"):
        result.plot("mu_nu", marginal=True, at={"eps_ee_uV": 0.0})


def test_on_the_command_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "three.toml").write_text(TEXT)
    status, out, _ = command("info", "three.toml")
    assert "posterior densities of every axis and pair of axes, prior flat within the axes" in out
    assert command("run", "three.toml", "--no-figure")[0] == 0
    assert "half the points change them by up to" in command("info", "three.h5")[1]
    status, out, err = command("limits", "three.h5", "--marginal", "--cl", "90")
    assert status == 0
    assert "90% credible (highest posterior density, prior flat within the axes):" in out
    assert "mu_nu in [" in out
    status, out, _ = command("limits", "three.h5", "--marginal", "--json", "--cl", "68,90")
    record = json.loads(out)
    assert record["prior"] == "flat within the axes"
    assert [each["credibility"] for each in record["intervals"][:2]] == [68.0, 90.0]
    assert len(record["intervals"][0]["errors"]) == len(record["intervals"][0]["intervals"])
    for axes in ([], ["--axes", "mu_nu"], ["--axes", "mu_nu,eps_ee_uV"]):
        status, out, err = command("plot", "three.h5", "--marginal", *axes, "-o", "m.png", "--overwrite")
        assert status == 0, err
        assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    status, _, err = command("plot", "three.h5", "--marginal", "--slice", "mu_nu=3")
    assert status == 2
    assert "--marginal draws one result" in err


def test_more_memory_is_asked_for(tmp_path: Path) -> None:
    grid = GridScan(scan_of(output__keep="profiles").problem)
    assert grid.sums_bytes == 32 * (21 * 23 + 21 * 7 + 23 * 7)
    with pytest.raises(InputError, match="of memory"):
        how_to_run(grid, 1, None, 30_000, overwrite=False, fresh=False)
    how = how_to_run(grid, 1, None, 80_000, overwrite=False, fresh=False)
    run_to_file(grid, tmp_path / "out.h5", how)
