"""Figures of several results, scans and files: what the command line draws, the Python interface draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import scanengine
from scanengine import InputError, Scan, figures
from scanengine.api import drawing, save_calibration
from scanengine.grid.axes import FloatArray
from tests.scan_files import SMALL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    (tmp_path / "small.toml").write_text(SMALL)
    return scanengine.load(tmp_path / "small.toml", ["axes.eps_ee_uV.points=21", "axes.eps_ee_dV.points=23"])


@pytest.fixture
def heavier(scan: Scan) -> Scan:
    path = scan.definition.path or ""
    return scanengine.load(path, [*scan.definition.overrides, "experiments.Xe.mass_kg=1000", 'title="Heavier"'])


def labels(figure: Figure) -> list[str]:
    """The texts of all legends."""
    legends = [legend for axes in figure.axes if (legend := axes.get_legend()) is not None] + figure.legends
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_results_scans_and_files_are_drawn_over_each_other(scan: Scan, heavier: Scan, tmp_path: Path) -> None:
    result = scan.run(tmp_path / "light.h5")
    said = labels(scanengine.plot([tmp_path / "light.h5", heavier]))
    assert any("light" in text for text in said)
    assert any("Heavier" in text for text in said)
    named = labels(scanengine.plot({"one": result, "other": heavier.run()}, "eps_ee_uV"))
    assert any("one" in text for text in named)
    assert any("other" in text for text in named)


def test_one_result_is_drawn_as_it_draws_itself(scan: Scan) -> None:
    result = scan.run()
    drawn = drawing([result], cl=[0.68, 0.9])
    (grid,) = drawn.grids
    np.testing.assert_array_equal(grid.chi2, result.profile("eps_ee_uV", "eps_ee_dV").chi2)
    assert labels(drawn.figure) == labels(result.plot(cl=[0.68, 0.9]))


def test_a_slice_of_several(scan: Scan, heavier: Scan) -> None:
    (grid,) = drawing([scan, heavier], "eps_ee_uV", at={"eps_ee_dV": 0.1}).grids
    assert [name for name, _ in grid.fixed] == ["eps_ee_dV"]
    np.testing.assert_array_equal(grid.chi2, scan.run().slice("eps_ee_uV", at={"eps_ee_dV": 0.1}).chi2)


def test_each_experiment_alone(scan: Scan) -> None:
    for what in (scan, scan.run()):
        said = labels(scanengine.plot(what, "eps_ee_uV", targets=True))
        assert [any(name in text for text in said) for name in ("combined", "Ne", "Xe")] == [True] * 3


def test_files_of_the_same_name_are_told_apart_by_their_folders(scan: Scan, tmp_path: Path) -> None:
    paths = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "out.h5")
        scan.run(paths[-1])
    said = labels(scanengine.plot(paths, "eps_ee_uV"))
    assert [any(folder in text for text in said) for folder in ("first", "second")] == [True, True]
    with pytest.raises(InputError, match=r"out\.h5 is given twice"):
        scanengine.plot([paths[0], paths[0]])


@pytest.mark.jit_only
def test_a_calibration_has_its_own_figure(scan: Scan, tmp_path: Path) -> None:
    few = ["axes.eps_ee_uV.points=5", "axes.eps_ee_dV.points=5"]
    calibration = scanengine.load(scan.definition.path or "", few).calibrate(pseudo_experiments=20, threads=1)
    path = save_calibration(calibration, tmp_path / "calibrated.h5")
    drawn = drawing(path)
    assert drawn.grids == []
    assert labels(drawn.figure) == labels(figures.calibration(calibration))
    with pytest.raises(InputError, match="a calibration is drawn as it is"):
        scanengine.plot(calibration, targets=True)


@pytest.mark.parametrize(
    ("what", "names", "more", "words"),
    [
        ([], (), {}, "nothing to draw"),
        ({}, (), {}, "nothing to draw"),
        (3, (), {}, "a result, a scan or a result file can be drawn, or several of them: found 3"),
        ([3], (), {}, "a result, a scan or a result file can be drawn: found 3"),
        ("twice", (), {}, "Two axes is given twice"),
        ("two", (), {"targets": True}, "a single result"),
        ("one", (), {"targets": True, "at": {"eps_ee_dV": 0.1}}, "leave out the slice"),
        ("two", ("mu_nu",), {}, "has no axis 'mu_nu'"),
        ("two", ("eps_ee_uV", "eps_ee_dV", "mu_nu"), {}, "only planes and profiles can be overlaid"),
        ("one", (), {"cl": 90}, "confidence level"),
    ],
)
def test_what_does_not_go_together(
    what: object, names: tuple[str, ...], more: dict[str, object], words: str, scan: Scan, heavier: Scan
) -> None:
    given = {"one": scan, "two": [scan, heavier], "twice": [scan, scan]}
    chosen = given[what] if isinstance(what, str) else what
    with pytest.raises(InputError, match=words):
        scanengine.plot(chosen, *names, **more)  # type: ignore[arg-type]


@pytest.mark.jit_only
def test_experiments_of_a_given_cross_section_are_those_of_its_scan(scan: Scan) -> None:
    import numba

    @numba.njit
    def constant(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
        return float(parameters[-1]) * 1e-40

    axes = "axes={ scale = { min = 1.0, max = 3.0, points = 3 } }"
    own = scanengine.load(scan.definition.path or "", axes, cross_section=constant)
    (grid,) = drawing(own, targets=True).grids
    np.testing.assert_array_equal(grid.chi2, own.run().profile("scale").chi2)
    with pytest.raises(
        InputError, match="with a cross-section of its own, which a result does not hold: give the scan"
    ):
        scanengine.plot(own.run(), targets=True)


def test_axes_are_known_by_their_other_spellings(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL.replace("eps_ee_dV", "eps_mumu_dV"))
    result = scanengine.load(tmp_path / "small.toml", ["axes.eps_mumu_dV.points=5", "axes.eps_ee_uV.points=6"]).run()
    (grid,) = drawing(result, "eps_mumu_dV", at={"eps_ee_uV": 0.0}).grids
    assert [axis.name for axis in grid.axes] == ["eps_mm_dV"]
    np.testing.assert_array_equal(result.profile("eps_mumu_dV").chi2, result.profile("eps_mm_dV").chi2)
    assert result.slice("eps_ee_uV", at={"eps_mumu_dV": 0.0}).fixed[0][0] == "eps_mm_dV"
    with pytest.raises(InputError, match="one axis or two different ones"):
        result.profile("eps_mumu_dV", "eps_mm_dV")
