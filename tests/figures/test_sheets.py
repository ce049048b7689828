"""Sheets show curves, profiles and regions in panels of one size, with every label once and no words upon data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from scanengine import figures
from scanengine.errors import InputError
from scanengine.figures import Area, Band, Line, Panel, Points
from scanengine.figures._items import Scale
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import region

BASELINE_VERSION = (3, 11)
"""As in test_figures: redraw with `pytest tests/figures/test_sheets.py --mpl-generate-path=tests/baseline`."""
NAMES = (r"$^{20}$Ne", r"$^{40}$Ar", r"$^{76}$Ge", r"$^{132}$Xe")
CHARGES = ((3.0, 3.0), (3.1, 3.3), (3.2, 3.6), (3.2, 3.9))
U, D = r"$\varepsilon_{ee}^{uV}$", r"$\varepsilon_{ee}^{dV}$"


def image(test: Callable[[], Figure]) -> Callable[[], Figure]:
    """Compare the figure that a test returns with its baseline, if this Matplotlib drew that."""
    compared = pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, tolerance=3, style="default")(test)
    other = mpl.__version_info__[:2] != BASELINE_VERSION
    return pytest.mark.skipif(other, reason="the baselines were drawn by another version of Matplotlib")(compared)


def target(u: float, d: float, width: float, points: int = 101) -> ReducedGrid:
    """One count, quadratic in its weak charge: two parallel bands."""
    x = Axis("eps_ee_uV", np.linspace(-1.0, 1.0, points), "1", "", r"\varepsilon_{ee}^{uV}")
    y = Axis("eps_ee_dV", np.linspace(-1.0, 1.0, points), "1", "", r"\varepsilon_{ee}^{dV}")
    charge = 1.0 + u * x.values[:, None] + d * y.values[None, :]
    return ReducedGrid((x, y), ((charge**2 - 1.0) / width) ** 2, 0.0)


def line_of(name: str, best: float, width: float) -> ReducedGrid:
    x = Axis(name, np.linspace(0.20, 0.28, 81), "1", "", r"\sin^2\theta_W")
    return ReducedGrid((x,), ((x.values - best) / width) ** 2, 0.0)


def disc(radius: float) -> FloatArray:
    turn = np.linspace(0.0, 2.0 * np.pi, 181)[:-1]
    return radius * np.column_stack([np.cos(turn), np.sin(turn)])


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for found in figure.legends for text in found.get_texts()]


def outlines(axes: Axes) -> list[PathPatch]:
    return [p for p in axes.patches if isinstance(p, PathPatch) and to_rgba(p.get_facecolor())[3] == 0.0]


@image
def test_spectra_on_log_axes() -> Figure:
    recoil_keV = np.geomspace(0.5, 200.0, 200)
    lines = tuple(
        Line(recoil_keV, 3e4 * a * (1.0 - recoil_keV / end).clip(0.0) / (1.0 + recoil_keV / 20.0), name, i)
        for i, (name, a, end) in enumerate(zip(NAMES, (0.1, 0.2, 1.0), (150.0, 80.0, 15.0), strict=False))
    )
    panel = Panel(
        (*lines, Band(10.0, 100.0, "window")),
        x_label=r"$T$ [keV]",
        y_label=r"$\mathrm{d}N/\mathrm{d}T$ [keV$^{-1}$ t$^{-1}$ yr$^{-1}$]",
        x_scale="log",
        y_scale="log",
        y_range=(1.0, None),
    )
    return figures.sheet([[panel]], heading=["stopped pions, 20 m"])


@image
def test_stacked_panels_share_their_x_axis() -> Figure:
    q = np.linspace(0.0, 2.0, 201)
    helm, point = np.exp(-1.7 * q**2), 1.0 / (1.0 + q**2) ** 3
    upper = Panel(
        (Line(q, helm, "Helm"), Line(q, point, "dipole", 1)), x_label=r"$q$ [fm$^{-1}$]", y_label=r"$F^2(q^2)$"
    )
    lower = replace(upper, items=(Line(q, 1e-5 * (helm - point), "", 2),), y_label="difference")
    return figures.sheet([[upper], [lower]], share_x=True)


@image
def test_profiles_of_four_targets_and_two_models() -> Figure:
    def panel(title: str, scale: float) -> Panel:
        drawn: list[Line] = []
        for i, name in enumerate(NAMES):
            grid = line_of("sin2_theta_w", 0.2312 + 0.002 * i, 0.004 * scale * (1 + i))
            drawn.append(Line.of_profile(grid, name, i, dashes=0))
            shifted = replace(grid, chi2=grid.chi2 * 0.7)
            drawn.append(Line.of_profile(shifted, "", i, dashes=1))
        return Panel(
            (*drawn, Line.key("BCS", 0), Line.key("zero momentum", 1)),
            title=title,
            x_label=r"$\sin^2\theta_W$",
            y_label=r"$\Delta\chi^2$",
            y_range=(0.0, 8.0),
            levels=((2.71, "90%"),),
        )

    names = (("prompt, 1 keV", "prompt, 10 keV"), ("delayed, 1 keV", "delayed, 10 keV"))
    rows = [[panel(title, 1.0 + i + 0.5 * j) for j, title in enumerate(row)] for i, row in enumerate(names)]
    return figures.sheet(rows, heading=[figures.statement((0.90,), 1)])


@image
def test_planes_of_four_targets() -> Figure:
    def panel(title: str, width: float) -> Panel:
        areas = (
            Area.allowed(target(*charge, width), 0.90, label=name, stroke=i)
            for i, (name, charge) in enumerate(zip(NAMES, CHARGES, strict=True))
        )
        marked = Points(np.zeros(1), np.zeros(1), "SM")
        return Panel((*areas, marked), title=title, x_label=U, y_label=D)

    rows = [[panel(f"{width:g}", width) for width in row] for row in ((0.1, 0.2), (0.3, 0.5))]
    return figures.sheet(rows, heading=[figures.statement((0.90,), 2), "100 kg yr at 20 m"])


@image
def test_nested_systematics_with_a_foreign_disc_and_a_parabola() -> Figure:
    grids = [target(3.0, 3.3, width) for width in (0.1, 0.3, 0.6)]
    nested = [
        Area.allowed(grid, 0.90, label=f"{percent}%", fill=i)
        for i, (grid, percent) in enumerate(zip(grids, (0, 10, 20), strict=True))
    ]
    x = np.linspace(-1.2, 1.2, 101)
    parabola = np.column_stack([x, 1.5 * x**2 - 0.6])
    foreign = (
        Area((disc(0.35),), "reactor", "hatch", 4, dashes=0),
        Area((parabola,), "beta decay", None, 1),
        Area((disc(0.2) + 0.6,), "collider", "grey", None),
    )
    panel = Panel((*nested, *foreign), x_label=U, y_label=D)
    return figures.sheet([[panel]], heading=[figures.statement((0.90,), 2)])


def curve(label: str = "a", stroke: int = 0, dashes: int | None = None) -> Line:
    x = np.linspace(1.0, 5.0, 41)
    return Line(x, x**2, label, stroke, dashes)


DRAWN = (
    test_spectra_on_log_axes,
    test_stacked_panels_share_their_x_axis,
    test_profiles_of_four_targets_and_two_models,
    test_planes_of_four_targets,
    test_nested_systematics_with_a_foreign_disc_and_a_parabola,
)


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_panels_are_of_one_size_and_no_words_meet(draw: Callable[[], Figure]) -> None:
    figure = draw()
    sizes = np.array([panel.get_window_extent().size for panel in figure.axes])
    assert np.ptp(sizes, axis=0) == pytest.approx(0.0, abs=1e-6)
    taken = [panel.get_tightbbox() for panel in figure.axes]
    taken += [found.get_window_extent() for found in figure.legends]
    for i, box in enumerate(taken):
        assert box is not None
        assert box.x0 >= 0.0
        assert box.y0 >= 0.0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in taken[:i] if other is not None)


def ticks(panel: Axes, which: str) -> list[str]:
    """The numbers on one side of a panel that are seen, after checking that none runs into the next."""
    side = panel.xaxis if which == "x" else panel.yaxis
    ends = sorted(side.get_view_interval())
    seen = [label for label in side.get_ticklabels(which="both") if label.get_text() and label.get_visible()]
    shown = [label for label in seen if ends[0] <= label.get_position()["xy".index(which)] <= ends[1]]
    boxes = [label.get_window_extent() for label in shown]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    return [label.get_text() for label in shown]


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("scale", "lo", "hi"),
    [
        ("linear", 0.2, 0.28),
        ("linear", -1250.0, -1000.0),
        ("linear", -1e-5, 3e-5),
        ("linear", 1e9, 1.00001e9),
        ("log", 1e-45, 1e-38),
        ("log", 1e-12, 1e12),
        ("log", 5.0, 60.0),
        ("log", 2.1e-3, 4.9e-3),
        ("log", 3.2e7, 2.9e9),
    ],
)
def test_numbers_along_axes_do_not_meet(columns: int, scale: Scale, lo: float, hi: float) -> None:
    ends = np.array([lo, hi])
    panel = Panel((Line(ends, ends),), "x", "y", x_scale=scale, y_scale=scale, y_range=(lo, hi))
    for axes in figures.sheet([[panel] * columns]).axes:
        assert len(ticks(axes, "x")) >= 2
        assert len(ticks(axes, "y")) >= 2


def test_a_short_log_axis_is_labelled_in_plain_numbers() -> None:
    line = Line(np.array([5.0, 60.0]), np.array([2e-5, 3e-4]))
    (axes,) = figures.sheet([[Panel((line,), x_scale="log", y_scale="log")]]).axes
    assert ticks(axes, "x") == ["$5$", "$10$", "$20$", "$50$"]
    assert r"$5 \times 10^{-5}$" in ticks(axes, "y")


def test_width_follows_the_columns() -> None:
    panel = Panel((curve(),))
    widths = [figures.sheet([[panel] * n]).get_size_inches()[0] for n in (1, 2, 3)]
    assert widths == [3.4, 7.0, 7.0]


def test_every_label_is_in_the_legend_once_and_in_order() -> None:
    band = Band(2.0, 3.0, "window")
    one, two = Panel((curve("b", 1), curve("", 2), band)), Panel((curve("a"), curve("b", 1), Line.key("dashed", 1)))
    figure = figures.sheet([[one, two]], heading=["first line", "second line"])
    assert legend(figure) == ["b", "window", "a", "dashed"]
    assert figure.legends[0].get_title().get_text() == "first line\nsecond line"
    assert figures.sheet([[Panel((curve(""),))]]).legends == []
    words_only = figures.sheet([[Panel((curve(""),))]], heading=["words only"])
    assert words_only.legends[0].get_window_extent().y0 > words_only.axes[0].get_window_extent().y1


def test_a_border_and_a_curve_of_one_stroke_share_their_entry() -> None:
    disc_panel = Panel((Area((disc(1.0),), "Ne", stroke=1),))
    assert legend(figures.sheet([[disc_panel, Panel((curve("Ne", 1),))]])) == ["Ne"]


def test_a_curve_is_drawn_as_given_and_broken_where_it_is_not_finite() -> None:
    x, y = np.arange(6.0), np.array([1.0, 2.0, np.nan, 3.0, np.inf, 4.0])
    (axes,) = figures.sheet([[Panel((Line(x, y),))]]).axes
    (drawn,) = axes.lines
    assert np.array_equal(drawn.get_xdata(), x)
    assert np.array_equal(drawn.get_ydata(), [1.0, 2.0, np.nan, 3.0, np.nan, 4.0], equal_nan=True)
    assert axes.get_xlim() == (0.0, 5.0)
    assert axes.get_ylim()[1] < 5.0


def test_curves_differ_without_colour_by_dashes_or_else_by_markers() -> None:
    def looks(dashes: int | None) -> set[tuple[object, ...]]:
        (axes,) = figures.sheet([[Panel(tuple(curve(f"{i}", i, dashes) for i in range(7)))]]).axes
        return {(tuple(line._dash_pattern[1] or ()), line.get_marker()) for line in axes.lines}  # type: ignore[attr-defined]

    assert len(looks(None)) == 7
    assert len({dashes for dashes, _ in looks(None)}) == 7
    assert len(looks(1)) == 7
    assert len({dashes for dashes, _ in looks(1)}) == 1


def test_a_profile_goes_through_its_grid() -> None:
    grid = line_of("sin2_theta_w", 0.2312, 0.004)
    line = Line.of_profile(grid, "Ne", 2)
    at_nodes = np.isin(line.x, grid.axes[0].values)
    assert at_nodes.sum() == grid.axes[0].values.size
    np.testing.assert_allclose(line.y[at_nodes], grid.delta_chi2, rtol=1e-12, atol=1e-12)


def test_ranges_hold_what_is_drawn() -> None:
    x = np.array([1.0, 10.0, 100.0])
    (linear, log, cut) = figures.sheet(
        [
            [
                Panel((Line(x, x),), levels=((200.0, "high"),)),
                Panel((Line(x, np.array([0.0, 1e-3, 10.0])),), x_scale="log", y_scale="log"),
                Panel((Line(x, x),), x_range=(0.0, 50.0), y_range=(-2.0, None)),
            ]
        ]
    ).axes
    assert linear.get_xlim() == (1.0, 100.0)
    assert linear.get_ylim() == pytest.approx((0.0, 200.0 + 0.05 * 199.0))
    assert log.get_ylim() == pytest.approx((1e-3 * 1e4**-0.05, 10.0 * 1e4**0.05))
    assert cut.get_ylim() == pytest.approx((-2.0, 10.45))


def test_the_grids_of_its_areas_set_the_range_of_a_panel() -> None:
    plane = Area.allowed(target(3.0, 3.0, 0.3), 0.90)
    (axes,) = figures.sheet([[Panel((plane, Area((disc(7.0),), "far", 0)))]]).axes
    assert axes.get_xlim() == axes.get_ylim() == (-1.0, 1.0)
    (axes,) = figures.sheet([[Panel((Area((disc(7.0),), "far", 0),))]]).axes
    assert axes.get_xlim() == (-7.0, 7.0)


def test_filled_areas_are_the_region_and_its_border_leaves_out_the_grid() -> None:
    grid = target(3.0, 3.0, 0.3)
    (axes,) = figures.sheet([[Panel((Area.allowed(grid, 0.90, fill=0),))]]).axes
    (filled,) = [p for p in axes.patches if p not in outlines(axes)]
    rings = [ring for piece in region(grid, 0.90).pieces for ring in piece.rings]
    assert all(np.array_equal(a, b) for a, b in zip(filled.get_path().to_polygons(), rings, strict=True))
    (border,) = outlines(axes)
    path = border.get_path()
    assert path.codes is not None
    strokes = np.flatnonzero(path.codes == path.LINETO)
    vertices = np.asarray(path.vertices)
    assert (abs(0.5 * (vertices[strokes] + vertices[strokes - 1])) < 1.0).all()


def test_a_polygon_is_closed_whether_or_not_its_first_point_is_repeated() -> None:
    ring = disc(1.0)
    for given in (ring, np.concatenate((ring, ring[:1]))):
        (axes,) = figures.sheet([[Panel((Area((given,)),))]]).axes
        (border,) = outlines(axes)
        (drawn,) = border.get_path().to_polygons()
        assert np.array_equal(drawn, np.concatenate((ring, ring[:1])))


def test_inner_tones_are_darker_and_lie_above() -> None:
    widths = (0.6, 0.1, 0.3)
    areas = [Area.allowed(target(3.0, 3.0, w), 0.90, fill=i) for w, i in zip(widths, (2, 0, 1), strict=True)]
    (axes,) = figures.sheet([[Panel(tuple(areas))]]).axes
    filled = sorted((p for p in axes.patches if p not in outlines(axes)), key=lambda p: p.get_zorder())
    brightness = [sum(to_rgba(p.get_facecolor())[:3]) for p in filled]
    assert all(below > above for below, above in pairwise(brightness))
    assert len(brightness) == 3


def test_hatching_has_the_colour_of_its_stroke_and_no_fill() -> None:
    (axes,) = figures.sheet([[Panel((Area((disc(1.0),), "other", "hatch", 2),))]]).axes
    hatched = next(p for p in axes.patches if p.get_hatch())
    assert to_hex(hatched.get_edgecolor()) == "#009e73"
    assert to_rgba(hatched.get_facecolor())[3] == 0.0


def test_a_band_ends_at_its_abscissae_or_at_the_panel() -> None:
    bands = (Band(2.0, 3.0, "window"), Band(4.5, np.inf, "excluded", "hatch"))
    (axes,) = figures.sheet([[Panel((curve(), *bands))]]).axes
    spans = [patch.get_window_extent().transformed(axes.transData.inverted()) for patch in axes.patches]
    assert [(span.x0, span.x1) for span in spans] == [pytest.approx((2.0, 3.0)), pytest.approx((4.5, 5.0))]
    assert axes.get_xlim() == (1.0, 5.0)


def test_points_outside_the_panel_are_not_drawn_upon_its_labels() -> None:
    points = Points(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 9.0]), "data", 3)
    (axes,) = figures.sheet([[Panel((points,), x_range=(0.5, 3.0), y_range=(0.0, 5.0))]]).axes
    assert np.array_equal(axes.lines[0].get_xydata(), [[1.0, 1.0]])


def test_bars_of_points_reach_to_their_ends_and_are_within_the_axes() -> None:
    ends = np.array([[0.5, 1.5], [1.5, 2.5]]), np.array([[-3.0, 0.5], [2.0, 7.0]])
    points = Points(np.array([1.0, 2.0]), np.array([0.0, 1.0]), "data", 3, *ends)
    (axes,) = figures.sheet([[Panel((points,))]]).axes
    drawn = [segment.tolist() for bars in axes.collections for segment in bars.get_segments()]  # type: ignore[attr-defined]
    assert drawn == [
        [[0.5, 0.0], [1.5, 0.0]],
        [[1.5, 1.0], [2.5, 1.0]],
        [[1.0, -3.0], [1.0, 2.0]],
        [[2.0, 0.5], [2.0, 7.0]],
    ]
    assert axes.get_xlim()[0] <= 0.5
    assert axes.get_ylim()[0] < -3.0
    assert axes.get_ylim()[1] > 7.0
    with pytest.raises(InputError, match=r"two ends of a bar for each of 2 points, found \(2, 1\)"):
        replace(points, x_ends=np.zeros((2, 1)))


def test_levels_are_lines_with_their_words_at_the_right_end() -> None:
    (axes,) = figures.sheet([[Panel((curve(),), levels=((2.71, "90%"), (4.0, "95%")))]]).axes
    assert [text.get_text() for text in axes.texts] == ["90%", "95%"]
    assert {float(line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2} == {2.71, 4.0}  # type: ignore[arg-type,index]
    assert all(text.get_window_extent().x0 > axes.get_window_extent().x1 for text in axes.texts)


def test_only_the_lowest_of_panels_that_share_an_axis_carries_its_numbers() -> None:
    upper = Panel((curve(),), "q", "upper")
    lower = replace(upper, items=(replace(curve(), x=np.linspace(0.5, 9.0, 41)),))
    top, bottom = figures.sheet([[upper], [lower]], share_x=True).axes
    assert top.get_xlim() == bottom.get_xlim() == (0.5, 9.0)
    assert (top.get_xlabel(), bottom.get_xlabel()) == ("", "q")
    assert ticks(top, "x") == []
    assert len(ticks(bottom, "x")) > 3
    apart = figures.sheet([[upper], [lower]]).axes
    assert [panel.get_xlabel() for panel in apart] == ["q", "q"]
    assert apart[0].get_xlim() == (1.0, 5.0)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_files_of_sheets_are_reproducible_to_the_byte(tmp_path: Path, suffix: str) -> None:
    def draw() -> Figure:
        hatched = Area((disc(1.0) + 3.0,), "other", "hatch", 4)
        marked = curve("marked", 2, 1)
        return figures.sheet([[Panel((curve(), marked, hatched, Band(1.0, 2.0)), "x", "y")]], heading=["90% C.L."])

    figure = draw()
    written = [figures.save(drawn, tmp_path / f"{i}.{suffix}") for i, drawn in enumerate((figure, figure, draw()))]
    first, again, redrawn = (path.read_bytes() for path in written)
    assert first == again == redrawn


def test_the_statement_names_level_degrees_of_freedom_and_height() -> None:
    assert figures.statement((0.90,), 2) == r"90% C.L., 2 dof ($\Delta\chi^2 \leq 4.61$)"


def wrong_panels(panel: Panel, *changes: dict[str, object]) -> Sequence[Sequence[Panel]]:
    return [[replace(panel, **change)] for change in changes]  # type: ignore[arg-type]


def test_wrong_sheets_are_input_errors() -> None:
    panel = Panel((curve(),), title="yields")
    dark = Line(np.array([1.0, 2.0]), np.array([0.0, -1.0]), "dark")
    for rows, sentence in (
        ([], r"equally many panels, found \[\]"),
        ([[]], r"equally many panels, found \[0\]"),
        ([[panel], [panel, panel]], r"found \[1, 2\]"),
        (wrong_panels(panel, {"items": ()}), "'yields' has nothing to draw"),
        (wrong_panels(panel, {"items": (Band(0.0, 1.0),)}), "x axis of the panel 'yields' has nothing to take"),
        (wrong_panels(panel, {"x_range": (3.0, 2.0)}), "would go from 3 to 2; give two ends in rising order"),
        (wrong_panels(panel, {"x_range": (0.0, 2.0), "x_scale": "log"}), "two ends above zero"),
        (wrong_panels(panel, {"items": (curve(), dark), "y_scale": "log"}), "'dark' has nothing positive"),
        (wrong_panels(panel, {"items": (dark,), "y_scale": "log", "y_range": (1.0, 2.0)}), "'dark' has nothing pos"),
        (wrong_panels(panel, {}, {"items": (curve("a", 3),)}), "label 'a' stands for two looks"),
        (wrong_panels(panel, {"items": (curve("too long" * 20),)}), "too long for a figure 3.4 in wide"),
        (wrong_panels(panel, {"title": "too long" * 20}), "leave no room"),
    ):
        with pytest.raises(InputError, match=sentence):
            figures.sheet(rows)
    with pytest.raises(InputError, match="need the same x_scale"):
        figures.sheet(wrong_panels(panel, {}, {"x_scale": "log"}), share_x=True)


def test_wrong_items_are_input_errors() -> None:
    two, three = np.arange(2.0), np.arange(3.0)
    for build, sentence in (
        (lambda: Line(two, three, "Ne"), r"line 'Ne' needs as many x as y in one dimension, found \(2,\) and \(3,\)"),
        (lambda: Points(disc(1.0), disc(1.0)), r"found \(180, 2\)"),
        (lambda: Line(two, two, "Ne", 7), "'Ne' has stroke 7, but 0 to 6 exist"),
        (lambda: Line(two, two, "Ne", 0, 4), "'Ne' has dashes 4, but 0 to 3 exist"),
        (lambda: Line.of_profile(target(3.0, 3.0, 0.3)), "grid of one axis, but this has 2"),
        (lambda: Area((disc(1.0)[:2],), "far"), r"polygons of shape \(k, 2\).* found \(2, 2\)"),
        (lambda: Area((disc(np.nan),), "far"), "finite values"),
        (lambda: Area((disc(1.0),), "far", None, None), "'far' would not be seen"),
        (lambda: Area((disc(1.0),), "far", -1), r"fill -1; use a tone \(0, 1"),
        (lambda: Area.allowed(target(3.0, 3.0, 0.3), 90.0), r"write 0\.9"),
        (lambda: Band(2.0, 2.0, "window"), "band 'window' needs x_lo < x_hi, found 2 and 2"),
    ):
        with pytest.raises(InputError, match=sentence):
            build()
