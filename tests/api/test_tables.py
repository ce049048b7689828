"""Tables of limits, and borders of regions as numbers."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

from scanengine import InputError, load
from scanengine.api import Result, borders_csv, borders_hepdata, limits_table

pytestmark = pytest.mark.jit_only


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    axes = ["axes.eps_ee_uV={min=-1.2,max=0.8,points=41}", "axes.eps_ee_dV={min=-0.8,max=1.4,points=45}"]
    scan = load("scholberg2006/fig08", axes)
    return {"both": scan.run(), "Xe_only": scan.only("Xe").run()}


def test_csv_has_every_interval_with_all_digits(results: dict[str, Result]) -> None:
    lines = list(csv.DictReader(io.StringIO(limits_table(results, [0.9, 0.95], "csv"))))
    wanted = [
        (label, found.axis, 100.0 * found.cl, interval)
        for label, result in results.items()
        for found in result.limits([0.9, 0.95])
        for interval in found
    ]
    assert len(lines) == len(wanted)
    for label, axis, level, (low, high) in wanted:
        ends = ["" if end is None else repr(end) for end in (low, high)]
        (line,) = [
            each
            for each in lines
            if (each["result"], each["parameter"], round(float(each["cl_percent"]))) == (label, axis, round(level))
            and [each["low"], each["high"]] == ends
        ]
        assert line["dof"] == "1"
        assert float(line["best_fit"]) == results[label].best_fit[axis]


def test_markdown_has_a_line_for_each_parameter_of_each_result(results: dict[str, Result]) -> None:
    text = limits_table(results, 0.9)
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines()]
    assert lines[0] == ["parameter", "units", "result", "best fit", "90% C.L."]
    assert [line[:3] for line in lines[2:]] == [
        ["`eps_ee_uV`", "", "both"],
        ["`eps_ee_uV`", "", "Xe_only"],
        ["`eps_ee_dV`", "", "both"],
        ["`eps_ee_dV`", "", "Xe_only"],
    ]
    (first,) = results["both"].limits(0.9)[0]
    low, high = map(float, re.findall(r"-?\d+\.\d+", lines[2][4]))
    assert first.lo == pytest.approx(low, abs=0.005)
    assert first.hi == pytest.approx(high, abs=0.005)
    assert lines[3][4] == "no limit on the axis"  # of xenon alone a band runs through the plane


def test_latex_sets_symbols_and_escapes_names(results: dict[str, Result]) -> None:
    text = limits_table(results, 0.9, "latex")
    assert r"$\varepsilon_{ee}^{uV}$" in text
    assert r"Xe\_only" in text
    assert r"90\% C.L." in text
    assert {line.count("&") for line in text.splitlines() if line.endswith(r"\\")} == {3}
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0


def test_borders_are_those_of_the_region(results: dict[str, Result]) -> None:
    lines = list(csv.DictReader(io.StringIO(borders_csv(results["both"], cl=[0.68, 0.9]))))
    for level in (0.68, 0.9):
        for number, piece in enumerate(results["both"].region(cl=level).pieces, 1):
            points = [
                (float(line["eps_ee_uV"]), float(line["eps_ee_dV"]))
                for line in lines
                if (float(line["cl_percent"]), line["piece"], line["ring"]) == (100.0 * level, str(number), "0")
            ]
            assert np.array_equal(points, piece.outer)
            assert points[0] == points[-1]


def test_hepdata_has_as_many_values_in_each_column(results: dict[str, Result]) -> None:
    text = borders_hepdata(results["both"], cl=0.9)
    points = len(results["both"].region(cl=0.9).pieces[0].outer)
    columns = re.split(r"^- header:", text, flags=re.MULTILINE)[1:]
    assert len(columns) == 5
    rings = sum(len(ring) for piece in results["both"].region(cl=0.9).pieces for ring in piece.rings)
    assert [column.count("{value:") for column in columns] == [rings] * 5
    assert rings >= points
    assert r"\\varepsilon_{ee}^{dV}" in columns[4]


def test_what_is_no_table_is_said(results: dict[str, Result], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="markdown, latex, csv"):
        limits_table(results, 0.9, "html")
    with pytest.raises(InputError, match="at least one result"):
        limits_table({})
