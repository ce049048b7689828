"""The look of a figure: axes of one's own, widths, colours, ranges, further lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import scanengine
from scanengine import InputError, Result, Scan
from scanengine.api import draw_upper_limits
from scanengine.definition import parse
from scanengine.figures import Look
from tests.scan_files import SMALL


@pytest.fixture(scope="module")
def result() -> Result:
    return Scan(parse(SMALL)).run()


def entries(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("names", [(), ("eps_ee_uV",)])
def test_axes_of_ones_own_keep_one_legend(result: Result, names: tuple[str, ...]) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    drawn = scanengine.plot({"light": result, "heavy": result}, *names, ax=left)
    assert drawn is figure
    assert not right.has_data()
    assert entries(left) == ["light", "heavy"]
    left.plot([0.0, 0.5], [0.0, 0.5], label="mine")
    left.legend()
    assert sorted(entries(left)) == ["heavy", "light", "mine"]
    result.plot(ax=right, legend=False)
    assert right.get_legend() is None


def test_a_figure_is_as_wide_as_a_column_or_two(result: Result) -> None:
    assert result.plot().get_size_inches()[0] == pytest.approx(3.4)
    assert result.plot(width="double").get_size_inches()[0] == pytest.approx(7.0)
    assert result.plot("eps_ee_uV", width=5.0).get_size_inches()[0] == pytest.approx(5.0)


def test_ranges_scales_and_colours(result: Result) -> None:
    more: Any = {"x_range": (-0.5, 0.5), "colours": ["red"], "x_label": "coupling", "y_label": r"$\chi^2$ above"}
    (axes,) = result.plot("eps_ee_uV", y_log=True, y_range=(1e-3, None), **more).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("coupling", r"$\chi^2$ above")
    assert (axes.get_yscale(), axes.get_ylim()[0], axes.get_xlim()) == ("log", 1e-3, (-0.5, 0.5))
    assert "red" in [line.get_color() for line in axes.get_lines()]
    (plane,) = result.plot(cl=[0.68, 0.9], colours=["red"]).axes
    fills = {to_hex(patch.get_facecolor()) for patch in plane.patches}
    wanted = set(Look(colours=["red"]).fills(2))
    assert len(wanted) == 2
    assert wanted < fills


def test_further_lines_are_in_the_legend(result: Result) -> None:
    figure = scanengine.plot(result, curves={"DUNE": ([-1.0, 0.5], np.array([-0.5, 1.0]))})
    (legend,) = figure.legends
    assert "DUNE" in [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ({"ax": 3}, "ax must be axes of Matplotlib: found 3"),
        ({"width": "wide"}, 'width must be "single", "double" or 2 to 20 inches: found \'wide\''),
        ({"colours": ["nope"]}, "colours must be names that Matplotlib knows.*found 'nope'"),
        ({"x_range": (1.0, 0.0)}, "x_range must be two rising numbers: the panel would go from 1 to 0"),
        ({"y_range": 3}, "y_range must be two numbers, or None for an end: found 3"),
        ({"y_log": True, "y_range": (-1.0, 1.0)}, "y_range must be two rising numbers above zero"),
        ({"curves": {"a": ([1.0], [1.0, 2.0])}}, "the curve 'a' has 1 x and 2 y"),
        ({"curves": {"a": "text"}}, "the curve 'a' must be two arrays of numbers"),
        ({"color": "red"}, "plot has no keyword 'color': it takes ax, width, colours"),
    ],
)
def test_what_cannot_be_drawn(result: Result, style: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        scanengine.plot(result, **style)


def test_upper_limits_beside_those_of_others() -> None:
    axes = {"g_zp": {"min": 1e-6, "max": 1e-3, "points": 21, "spacing": "log"}}
    axes["mediators.zp.mass_MeV"] = {"min": 1.0, "max": 10.0, "points": 2, "spacing": "log"}
    result = scanengine.load("mediators/universal", {"axes": axes}).run()
    figure = Figure()
    own = figure.add_subplot()
    line = ([1.0, 10.0], [1e-4, 2e-4])
    plane: Any = {"axis": "g_zp", "against": "mediators.zp.mass_MeV"}
    assert draw_upper_limits({"": result}, **plane, ax=own, curves={"theirs": line}, y_range=(1e-5, None)) is figure
    assert entries(own) == ["excluded", "theirs"]
    assert own.get_ylim() == (1e-5, 1e-3)
    assert own.get_yscale() == "log"


def test_a_corner_figure_has_its_own_look() -> None:
    three = Scan(parse(SMALL + "mu_nu = { min = 0.0, max = 30.0, points = 3 }\n")).at(
        {"axes.eps_ee_uV.points": 11, "axes.eps_ee_dV.points": 11}
    )
    with pytest.raises(InputError, match="a corner figure has a look of its own, without width: name one axis or two"):
        three.run().plot(width="double")
