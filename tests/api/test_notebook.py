"""What a notebook shows, and what pandas makes of limits and counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scanengine
from scanengine import InputError, Result, Scan
from scanengine.definition import parse
from scanengine.grid.calibration import Calibration
from tests.scan_files import SMALL, definition

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def scan() -> Scan:
    return Scan(parse(SMALL))


@pytest.fixture(scope="module")
def result(scan: Scan) -> Result:
    return scan.run()


def test_a_result_is_its_figure_with_its_limits(result: Result) -> None:
    assert (result._repr_png_() or b"").startswith(PNG)
    page = result._repr_html_()
    assert "data:image/png;base64,iVBOR" in page
    assert "<b>Two axes</b>" in page
    assert "eps_ee_uV in [" in page
    assert "90% C.L." in page


def test_a_result_without_a_figure_says_why(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InputError("chi2 is lost in <rounding>")

    copied = scanengine.api.Result.__copy__(result)
    monkeypatch.setattr(type(copied), "plot", refuse)
    monkeypatch.setattr(type(copied), "limits", refuse)
    assert copied._repr_png_() is None
    assert "lost in &lt;rounding&gt;" in copied._repr_html_()


def test_regions_calibrations_and_figures_are_pictures(result: Result) -> None:
    assert (result.region(cl=0.9)._repr_png_() or b"").startswith(PNG)
    shown: Any = result.plot()
    assert shown._repr_png_().startswith(PNG)
    axes = (result.axes[0],)
    delta = (axes[0].values / 0.3) ** 2
    critical = np.full((1, delta.size), 2.7)
    found = Calibration(axes, delta, (0.9,), critical, 0.1 * critical, 100, 1)
    assert (found._repr_png_() or b"").startswith(PNG)


def test_a_scan_is_what_it_counts_and_scans(scan: Scan) -> None:
    page = scan._repr_html_()
    total = sum(e.counts for e in scan.events() if (e.experiment, e.channel) == ("Ne", "prompt"))
    assert f"{total:.6g}" in page
    assert "Xe132" in page
    assert page.count("<table>") == 2
    nuisances = [{"name": "flux", "width": 0.1, "signal": "all"}]
    assert (
        "flux" in Scan(definition(axes={"mu_nu": {"min": 0, "max": 9, "points": 3}}, nuisances=nuisances))._repr_html_()
    )


def test_limits_are_a_table(result: Result) -> None:
    pd = pytest.importorskip("pandas")
    limits = result.limits([0.6827, 0.9])
    by_pandas = pd.DataFrame(limits)
    assert list(by_pandas["axis"]) == ["eps_ee_uV"] * 2 + ["eps_ee_dV"] * 2
    assert by_pandas["intervals"][1] == limits[1].intervals
    table = limits.to_dataframe()
    assert list(table.columns) == ["parameter", "units", "cl", "dof", "best_fit", "low", "high", "cut_by_axis"]
    assert len(table) == sum(len(found) for found in limits)
    first = table.iloc[0]
    assert (first["low"], first["high"]) == limits[0].intervals[0]
    assert [tuple(interval) for interval in limits[0]] == [tuple(interval) for interval in limits[0].intervals]


def test_counts_are_a_table(scan: Scan) -> None:
    pytest.importorskip("pandas")
    table = scan.events(eps_ee_uV=0.1).to_dataframe()
    assert table["counts"].sum() == pytest.approx(scan.counts(eps_ee_uV=0.1).sum(), rel=1e-12)
    assert list(table.columns) == ["experiment", "channel", "flavour", "recoil", "low", "high", "units", "counts"]


def test_without_pandas_it_is_said(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        result.limits().to_dataframe()
