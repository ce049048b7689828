"""The command line as its user sees it: exit status, standard output and standard error."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine import load, open_result
from scanengine.definition import bundled_scans
from tests.command_line import Command
from tests.scan_files import SMALL


@pytest.fixture
def call(command: Command, tmp_path: Path) -> Command:
    """`command` in a folder that holds small.toml."""
    (tmp_path / "small.toml").write_text(SMALL)
    return command


def test_run_writes_the_result_prints_limits_and_draws(call: Command, tmp_path: Path) -> None:
    status, out, _ = call("run", "small.toml")
    assert status == 0
    assert "81 x 89 = 7,209 grid points" in out
    assert "best fit: chi2 = " in out
    assert "90% C.L., 1 dof (delta chi2 = 2.706)" in out
    assert (tmp_path / "small.h5").exists()
    assert (tmp_path / "small.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.partial*"))


def test_a_run_in_the_way_of_a_file_says_how_to_overwrite_it(call: Command) -> None:
    assert call("run", "small.toml", "--no-figure")[0] == 0
    status, out, err = call("run", "small.toml", "--no-figure")
    assert (status, out) == (2, "")
    assert "--overwrite" in err
    assert call("run", "small.toml", "--no-figure", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("experiments.Ne.mass_kg=-5", "-5"),
        ("experiments.Ne.target=Qq", "Qq"),
        ("axes.eps_ee_uV.points=1", "1"),
        ("fixed.eps_eta_dV=1", "eps_et_dV"),
        ("sauce.kind=1", "source"),
    ],
)
def test_a_wrong_scan_is_a_sentence_status_2_and_no_file(
    call: Command, tmp_path: Path, override: str, fragment: str
) -> None:
    status, out, err = call("run", "small.toml", "--set", override)
    assert (status, out) == (2, "")
    assert f"error: --set {override}: " in err
    assert fragment in err
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.toml"]


def test_every_fault_of_a_file_is_reported_with_its_line(call: Command, tmp_path: Path) -> None:
    text = SMALL.replace("mass_kg = 100.0", "mass_kg = true", 1).replace("points = 81", "points = 0")
    (tmp_path / "bad.toml").write_text(text)
    status, _, err = call("run", "bad.toml")
    assert status == 2
    assert "bad.toml:9: experiments.Ne.mass_kg" in err
    assert "bad.toml:24: axes.eps_ee_uV.points" in err


def test_events_json_is_a_flat_list_of_records(call: Command) -> None:
    status, out, err = call("events", "small.toml", "--json")
    assert (status, err) == (0, "")
    records = json.loads(out)
    keys = ("bin", "channel", "counts", "experiment", "flavour", "recoil")
    assert {tuple(sorted(record)) for record in records} == {keys}
    assert {record["recoil"] for record in records} == {"nucleus"}
    assert len(records) == 2 * 3 + 2
    assert records[0]["bin"] == [10.0, 30.0]
    assert records[-1]["bin"] == [10.0, None]
    # Scholberg 2006: 1 t yr of neon above 10 keV; a tenth of it here, the window cut at 200 keV, above T_max
    muons = sum(record["counts"] for record in records if record["flavour"] == "nu_mu")
    assert muons == pytest.approx(220.5226, rel=1e-6)


def test_events_need_no_axes_and_use_fixed_values(call: Command, tmp_path: Path) -> None:
    (tmp_path / "counting.toml").write_text(SMALL[: SMALL.index("[axes]")])

    def total(*arguments: str) -> float:
        status, out, _ = call("events", "counting.toml", "--json", *arguments)
        assert status == 0
        return float(sum(record["counts"] for record in json.loads(out)))

    assert total("--set", "fixed.mu_nu=10") > total()
    status, _, err = call("run", "counting.toml")
    assert status == 2
    assert "axes" in err


def test_events_without_json_is_a_table_with_the_total(call: Command) -> None:
    status, out, _ = call("events", "small.toml")
    assert status == 0
    assert "recoil energy [keV]" in out
    assert out.splitlines()[-1].startswith("total")


def test_what_a_target_was_understood_as_is_shown(call: Command) -> None:
    told = "target Ge76O2: Ge76 33.33%, O16 66.5%, O17 0.02557%, O18 0.1363% of the atoms"
    override = "experiments.Ne.target=Ge76O2"
    for verb in ("events", "info"):
        status, out, _ = call(verb, "small.toml", "--set", override)
        assert status == 0
        assert told in out
    call("run", "small.toml", "--no-figure", "-o", "oxide.h5", "--set", override)
    status, out, _ = call("info", "oxide.h5")
    assert status == 0
    assert told in out
    with h5py.File("oxide.h5") as file:
        assert file.attrs["targets"][0] == f"Ne: {told}"
    assert open_result("oxide.h5").targets[0] == f"Ne: {told}"


def test_limits_json_follows_the_contract(call: Command) -> None:
    call("run", "small.toml", "--no-figure")
    status, out, _ = call("limits", "small.h5", "--json", "--cl", "90")
    assert status == 0
    found = json.loads(out)
    assert set(found) == {"minimum", "best_fit", "intervals", "status"}
    assert found["status"] == "grid"
    assert set(found["best_fit"]) == {"eps_ee_uV", "eps_ee_dV"}
    assert found["minimum"] == pytest.approx(0.0, abs=1e-9)
    first = found["intervals"][0]
    assert (first["parameter"], first["cl"], first["dof"]) == ("eps_ee_uV", 90.0, 1)
    for lo, hi in first["intervals"]:
        assert lo is None or hi is None or lo < hi


def test_limits_gives_an_end_that_leaves_the_axis_as_null(call: Command) -> None:
    call("run", "small.toml", "--no-figure", "--set", "axes.eps_ee_dV.max=0.05", "--set", "axes.eps_ee_dV.points=80")
    _, out, _ = call("limits", "small.h5", "--json", "--cl", "90")
    intervals = {entry["parameter"]: entry["intervals"] for entry in json.loads(out)["intervals"]}
    assert intervals["eps_ee_dV"][-1][1] is None


def test_default_levels_are_68_90_and_95(call: Command) -> None:
    call("run", "small.toml", "--no-figure")
    _, out, _ = call("limits", "small.h5", "--json")
    levels = [entry["cl"] for entry in json.loads(out)["intervals"] if entry["parameter"] == "eps_ee_uV"]
    assert levels == [68.27, 90.0, 95.0]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plot_writes_the_same_bytes_twice(call: Command, tmp_path: Path, suffix: str) -> None:
    call("run", "small.toml", "--no-figure")
    assert call("plot", "small.h5", "-o", f"a.{suffix}", "--cl", "68,90")[0] == 0
    assert call("plot", "small.h5", "-o", f"b.{suffix}", "--cl", "68,90")[0] == 0
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_plot_draws_a_profile_a_slice_targets_and_an_overlay(call: Command, tmp_path: Path) -> None:
    call("run", "small.toml", "--no-figure")
    call("run", "small.toml", "--no-figure", "-o", "heavy.h5", "--set", "experiments.Ne.mass_kg=1000")
    for name, options in {
        "profile": ["--axes", "eps_ee_uV"],
        "slice": ["--axes", "eps_ee_uV", "--slice", "eps_ee_dV=0.1"],
        "targets": ["--targets"],
    }.items():
        status, _, err = call("plot", "small.h5", "-o", f"{name}.png", *options)
        assert status == 0, err
        assert (tmp_path / f"{name}.png").exists()
    assert call("plot", "small.h5", "heavy.h5", "-o", "overlay.png")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["plot", "small.h5", "--axes", "mu_nu"], "mu_nu"),
        (["plot", "small.h5", "--cl", "ninety"], "ninety"),
        (["plot", "small.h5", "--cl", "100"], "100"),
        (["plot", "small.h5", "--cl", "0.9"], "--cl 0.9: confidence levels are in per cent, for 0.9 write 90"),
        (["limits", "small.h5", "--cl", "90,2"], "did you mean 2 standard deviations? Write 95.449974"),
        (["plot", "small.h5", "-o", "figure.jpeg"], ".jpeg"),
        (["plot", "small.h5", "--axes", "eps_ee_uV", "--slice", "eps_ee_dV=7"], "eps_ee_dV"),
        (["plot", "small.h5", "--axes", "eps_ee_uV", "--slice", "eps_ee_dV"], "eps_ee_dV"),
        (["limits", "absent.h5"], "absent.h5"),
        (["info", "absent.h5"], "absent.h5"),
        (["info", "large/nsi-6d"], "large/nsi-5d"),
        (["run", "small.toml", "-o", "nowhere/out.h5"], "nowhere"),
        (["run", "small.toml", "--threads", "0"], "at least one thread"),
        (["run", "small.toml", "--no-figure", "-o", 250 * "x" + ".h5"], "File name too long"),
        (["run", "small.toml", "--no-figure", "-o", 245 * "x" + ".h5"], "File name too long"),
        (["plot", "small.h5", "-o", 245 * "x" + ".png"], "File name too long"),
        (["calibrate", "small.toml", "-o", 245 * "x" + ".json"], "File name too long"),
        (["calibrate", "small.toml", "-o", 245 * "x" + ".h5"], "File name too long"),
        (["info", 300 * "x" + ".h5"], "File name too long"),
        (["verify", 300 * "x" + ".h5"], "File name too long"),
    ],
)
def test_wrong_input_is_a_sentence_and_status_2(call: Command, arguments: list[str], fragment: str) -> None:
    call("run", "small.toml", "--no-figure")
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert fragment in err
    assert "Traceback" not in err


def test_a_foreign_or_truncated_result_is_named_as_such(call: Command, tmp_path: Path) -> None:
    call("run", "small.toml", "--no-figure")
    whole = (tmp_path / "small.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("not HDF5")
    for verb in ("plot", "info", "limits"):
        assert call(verb, "half.h5")[0] == 2
        status, _, err = call(verb, "text.h5")
        assert status == 2
        assert "not a result of scanengine" in err


def test_info_estimates_a_scan_and_describes_a_result(call: Command) -> None:
    status, out, _ = call("info", "small.toml")
    assert status == 0
    for fragment in ("Ne, delayed", "7,209 grid points", "57.7 kB", "time: about"):
        assert fragment in out
    call("run", "small.toml", "--no-figure")
    status, out, _ = call("info", "small.h5")
    assert status == 0
    assert "eps_ee_uV: 81 points from -1.2 to 0.8" in out
    status, out, _ = call(
        "info", "solar/xenon-nsi", "--set", "axes.eps_ee_dV.points=3", "--set", "axes.eps_et_dV.points=3"
    )
    assert "Xe: 4000 kg, 5 yr, 4 bins" in out  # and no distance to the Sun


def test_list_names_every_bundled_scan(call: Command) -> None:
    status, out, _ = call("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == sorted(bundled_scans())


def test_schema_is_json_with_units_and_all_tables(call: Command) -> None:
    status, out, _ = call("schema")
    assert status == 0
    assert {"source", "physics", "experiments", "axes", "fixed", "tied", "output"} <= set(json.loads(out)["properties"])


def test_keep_profiles_stores_no_grid(call: Command) -> None:
    call("run", "small.toml", "--no-figure", "--set", "output.keep=profiles")
    result = open_result("small.h5")
    assert not result.has_grid
    assert result.profile("eps_ee_uV", "eps_ee_dV").chi2.shape == (81, 89)


def test_ctrl_c_ends_with_a_word_about_what_was_kept(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanengine import api  # noqa: F401  (so that the driver is imported before it is changed)
    from scanengine.store.disk.blocks import Block
    from scanengine.store.writer import GridWriter

    write = GridWriter.write

    def write_then_stop(self: GridWriter, start: tuple[int, ...], prepared: Block | None) -> None:
        write(self, start, prepared)
        raise KeyboardInterrupt

    monkeypatch.setattr(GridWriter, "write", write_then_stop)
    status, _, err = call("run", "small.toml", "--set", "axes.eps_ee_uV.points=8001")
    assert status == 1
    assert "interrupted" in err
    assert "small.partial.h5 holds" in err
    assert (tmp_path / "small.partial.h5").exists()
    assert not (tmp_path / "small.h5").exists()


def test_a_bug_is_a_sentence_too(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("scanengine.cli.events.load_scan", broken)
    status, _, err = call("events", "small.toml")
    assert status == 1
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_the_result_opens_in_xarray_with_named_and_unit_carrying_coordinates(call: Command) -> None:
    import xarray as xr

    call("run", "small.toml", "--no-figure", "--set", "axes.mu_nu={ min = 0, max = 20, points = 5 }")
    with xr.open_dataset("small.h5", engine="h5netcdf") as dataset:
        assert dataset.chi2.dims == ("eps_ee_uV", "eps_ee_dV", "mu_nu")
        assert dataset.mu_nu.attrs["units"] == "1e-10 mu_B"
        assert dataset.chi2.attrs["minimum"] == pytest.approx(float(dataset.chi2.min()))
        assert np.isfinite(dataset.chi2).all()


def test_results_of_one_name_from_two_folders_are_both_drawn(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanengine import figures

    drawn: list[list[str]] = []
    plane = figures.plane

    def recorded(curves: list[tuple[str, object]], *arguments: object, **options: object) -> object:
        drawn.append([label for label, _ in curves])
        return plane(curves, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("scanengine.figures._reduced.plane", recorded)
    (tmp_path / "other").mkdir()
    call("run", "small.toml", "--no-figure")
    call("run", "small.toml", "--no-figure", "-o", "other/small.h5")
    assert call("plot", "small.h5", "other/small.h5", "-o", "both.png")[0] == 0
    assert drawn == [["small.h5", "other/small.h5"]]
    assert call("plot", "small.h5", "small.h5", "-o", "twice.png")[0] == 2


def test_a_figure_in_the_way_is_found_before_the_scan(call: Command, tmp_path: Path) -> None:
    (tmp_path / "small.png").write_bytes(b"a photograph")
    status, _, err = call("run", "small.toml")
    assert status == 2
    assert "small.png exists and was not drawn by scanengine" in err
    assert not (tmp_path / "small.h5").exists()


def test_ctrl_c_while_drawing_says_that_the_result_is_whole(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanengine import api

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "drawing", interrupted)
    status, _, err = call("run", "small.toml")
    assert status == 1
    assert "small.h5 is complete" in err
    assert open_result(tmp_path / "small.h5").has_grid
    status, _, err = call("plot", "small.h5")
    assert (status, err) == (1, "error: interrupted\n")


def test_a_degenerate_minimum_is_named(call: Command) -> None:
    only_neon = SMALL.replace('target = "Xe132"', 'target = "Ne20"')
    Path("neon.toml").write_text(only_neon)
    # the Standard Model lies between the grid's points, others on the line of equal chi2
    values = "values = [-0.3, -0.1, 0.1, 0.3]"
    axes = [f"--set=axes.eps_ee_{quark}V={{ {values} }}" for quark in "ud"]
    status, out, _ = call("run", "neon.toml", "--no-figure", *axes)
    assert status == 0
    assert "the Standard Model fits equally well: there are several equal minima" in out


REAL = """
title = "Photo-electrons and time"
[sources.sns]
kind = "stopped-pion"
protons_on_target = 1.0e23
neutrinos_per_proton = 0.08
[[experiments]]
name = "CsI"
source = "sns"
target = "CsI"
mass_kg = 14.6
distance_m = 19.3
channels = { all = ["nu_mu", "nu_e"] }
[experiments.response]
quenching = 0.0878
light_yield_PE_per_keVee = 13.348
resolution = { kind = "poisson" }
bins = [6, 10, 20]
[experiments.time]
bins_us = [0.0, 1.0, 6.0]
prompt = { file = "{data}/shares.txt", columns = ["time_us", "counts"] }
delayed = [0.1, 0.8]
"""


def test_events_of_a_real_detector_have_times_and_units(call: Command, tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(REAL)
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "shares.txt").write_text("0.5 0.9\n3.0 0.1\n")
    status, out, err = call("events", "real.toml", "--json", "--data", "release")
    assert (status, err) == (0, "")
    records = json.loads(out)
    assert [record["bin"] for record in records[:4]] == [[6, 10], [6, 10], [10, 20], [10, 20]]
    assert [record["time_bin_us"] for record in records[:4]] == [[0, 1], [1, 6], [0, 1], [1, 6]]
    assert {record["units"] for record in records} == {"PE"}
    prompt = [record["counts"] for record in records if record["flavour"] == "nu_mu"]
    assert prompt[0] == pytest.approx(9.0 * prompt[1], rel=1e-12)
    status, out, _ = call("events", "real.toml", "--data", "release")
    assert status == 0
    assert "6 to 10 PE, 0 to 1 us" in out


def test_absence_of_the_data_says_how_to_name_the_folder(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    (tmp_path / "real.toml").write_text('data_from = "example.org has them"\n' + REAL)
    status, _, err = call("events", "real.toml")
    assert status == 2
    assert "the file shares.txt must be in a data folder, and none is named" in err
    assert "--data DIR or the environment variable SCANENGINE_DATA; example.org has them" in err


def test_a_scan_of_a_real_detector_agrees_with_its_counts(call: Command, tmp_path: Path) -> None:
    axes = SMALL[SMALL.index("[axes]") :]
    shares = '{ file = "{data}/shares.txt", columns = ["time_us", "counts"] }'
    (tmp_path / "real.toml").write_text(REAL.replace(shares, "[0.9, 0.1]") + axes)
    status, _, err = call("run", "real.toml", "-o", "real.h5", "--no-figure")
    assert (status, "error" in err) == (0, False)
    result, scan = open_result(tmp_path / "real.h5"), load(tmp_path / "real.toml")
    place = (12, 70)
    at = {axis.name: float(axis.values[i]) for axis, i in zip(result.axes, place, strict=True)}
    assert result.chi2[place] == pytest.approx(scan.chi2(**at), rel=1e-9)
