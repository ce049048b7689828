"""Regions and intervals have the pieces, areas and ends that analytic chi2 functions prescribe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import region
from scanengine.inference.intervals import Interval, intervals
from scanengine.inference.levels import delta_chi2, percent

LEVEL = 4.605170185988092
Function = Callable[[FloatArray, FloatArray], FloatArray]


def axis(name: str, points: int = 41, lo: float = -1.0, hi: float = 1.0) -> Axis:
    return Axis(name, np.linspace(lo, hi, points))


def over(x: Axis, y: Axis, chi2: Function, minimum: float = 0.0) -> ReducedGrid:
    return ReducedGrid((x, y), chi2(*np.meshgrid(x.values, y.values, indexing="ij")), minimum)


def on(chi2: Function, points: int = 41) -> ReducedGrid:
    return over(axis("eps_ee_uV", points), axis("eps_ee_dV", points), chi2)


def ellipse(a: float, b: float, tilt: float = 0.0) -> Function:
    """Delta chi2 that reaches the 90% level of 2 dof on an ellipse of semi-axes a and b."""
    c, s = math.cos(tilt), math.sin(tilt)
    return lambda x, y: LEVEL * (((c * x + s * y) / a) ** 2 + ((c * y - s * x) / b) ** 2)


def band(half_width: float, *, upper: float = 0.0, slope: tuple[float, float] = (4.0, 5.0)) -> Function:
    """Two parallel bands a distance `upper` apart (one if it is zero), as one count gives for two NSI."""
    norm = math.hypot(*slope)

    def chi2(x: FloatArray, y: FloatArray) -> FloatArray:
        distance = (slope[0] * x + slope[1] * y) / norm
        nearest = np.minimum(abs(distance - upper / 2.0), abs(distance + upper / 2.0))
        return np.asarray(LEVEL * (nearest / half_width) ** 2)

    return chi2


def line(chi2: FloatArray, x: Axis | None = None) -> ReducedGrid:
    return ReducedGrid((x or axis("eps_ee_uV", chi2.size),), chi2, 0.0)


@pytest.mark.parametrize(
    ("cl", "dof", "level"),
    [(0.90, 1, 2.7055), (0.90, 2, 4.6052), (0.6827, 1, 1.0000), (0.95, 2, 5.9915), (0.95, 3, 7.8147)],
)
def test_levels_are_the_tabulated_ones(cl: float, dof: int, level: float) -> None:
    assert delta_chi2(cl, dof) == pytest.approx(level, abs=1e-4)


@pytest.mark.parametrize("cl", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_a_level_outside_zero_to_one_is_an_input_error(cl: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        delta_chi2(cl, 2)


def test_a_level_in_per_cent_is_recognised() -> None:
    with pytest.raises(InputError, match=r"for 90% write 0\.9"):
        delta_chi2(90.0, 2)


def test_degrees_of_freedom_begin_at_one() -> None:
    with pytest.raises(InputError, match="at least 1"):
        delta_chi2(0.9, 0)


def test_percent_keeps_what_the_user_wrote() -> None:
    assert [percent(cl) for cl in (0.9, 0.6827, 0.9973)] == ["90%", "68.27%", "99.73%"]


@pytest.mark.parametrize("tilt", [0.0, 0.4, 1.1])
def test_the_area_of_an_ellipse_is_right_to_a_per_cent(tilt: float) -> None:
    found = region(on(ellipse(0.6, 0.3, tilt)), 0.90)
    assert len(found.pieces) == 1
    assert found.area == pytest.approx(math.pi * 0.6 * 0.3, rel=0.01)
    assert found.warnings == ()
    assert found.dof == 2
    assert found.level == pytest.approx(LEVEL)


@given(x0=st.floats(-0.3, 0.3), y0=st.floats(-0.3, 0.3))
def test_the_area_does_not_depend_on_where_the_grid_points_fall(x0: float, y0: float) -> None:
    shape = ellipse(0.5, 0.4)
    found = region(on(lambda x, y: shape(x - x0, y - y0)), 0.90)
    assert found.area == pytest.approx(math.pi * 0.5 * 0.4, rel=0.01)


def test_two_degenerate_bands_are_two_closed_pieces_at_their_distance() -> None:
    found = region(on(band(0.08, upper=0.7), 81), 0.90)
    assert len(found.pieces) == 2
    for piece in found.pieces:
        assert np.array_equal(piece.outer[0], piece.outer[-1])
        assert piece.holes == ()
        distance = piece.outer @ np.array([4.0, 5.0]) / math.hypot(4.0, 5.0)
        assert abs(distance) == pytest.approx(0.35, abs=0.0801)


def test_every_vertex_of_a_straight_band_lies_on_its_border_or_on_the_edge() -> None:
    found = region(on(band(0.15)), 0.90)
    outer = found.pieces[0].outer
    inside = outer[(abs(outer) < 1.0).all(axis=1)]
    assert abs(inside @ np.array([4.0, 5.0])) / math.hypot(4.0, 5.0) == pytest.approx(0.15, abs=1e-12)


def test_an_annulus_is_one_piece_with_a_hole() -> None:
    found = region(on(lambda x, y: LEVEL * ((np.hypot(x, y) - 0.6) / 0.2) ** 2, 81), 0.90)
    (piece,) = found.pieces
    (hole,) = piece.holes
    assert np.array_equal(hole[0], hole[-1])
    assert piece.area == pytest.approx(math.pi * (0.8**2 - 0.4**2), rel=0.01)
    assert found.warnings == ()


def test_islands_are_separate_pieces() -> None:
    def islands(x: FloatArray, y: FloatArray) -> FloatArray:
        centres = ((-0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (0.5, -0.5))
        distances = np.min([np.hypot(x - a, y - b) for a, b in centres], axis=0)
        return np.asarray(LEVEL * (distances / 0.2) ** 2)

    found = region(on(islands, 81), 0.90)
    assert len(found.pieces) == 4
    assert found.area == pytest.approx(4.0 * math.pi * 0.2**2, rel=0.02)


def test_delta_chi2_counts_from_the_global_minimum_not_from_the_lowest_point_shown() -> None:
    grid = on(lambda x, y: 3.0 + ellipse(0.5, 0.5)(x, y))
    assert region(grid, 0.90).area == pytest.approx(math.pi * 0.25 * (1.0 - 3.0 / LEVEL), rel=0.01)
    assert region(replace(grid, minimum=3.0), 0.90).area == pytest.approx(math.pi * 0.25, rel=0.01)
    (interval,) = intervals(line(np.linspace(-1.0, 1.0, 41) ** 2 * 20.0 + 1.0), 0.90)
    assert interval.hi == pytest.approx(math.sqrt((2.7055 - 1.0) / 20.0), rel=0.01)


def test_a_region_is_closed_along_the_edge_and_says_which_it_touches() -> None:
    found = region(on(lambda x, y: ellipse(0.5, 0.5)(x - 1.0, y)), 0.90)
    assert found.area == pytest.approx(math.pi * 0.25 / 2.0, rel=0.01)
    assert found.warnings == ("The 90% region touches eps_ee_uV = 1, the upper end: extend the axis.",)


def test_a_plane_allowed_everywhere_is_the_whole_plane() -> None:
    found = region(on(lambda x, y: 0.0 * x * y), 0.90)
    assert found.area == pytest.approx(4.0)
    assert len(found.warnings) == 4


def test_a_magnetic_moment_that_begins_at_zero_needs_no_extension() -> None:
    x, y = replace(axis("mu_nu", lo=0.0), even=True), axis("eps_ee_uV")
    assert region(over(x, y, ellipse(0.5, 0.5)), 0.90).warnings == ()
    found = intervals(line(LEVEL * (x.values / 0.5) ** 2, x), 0.90)
    assert found.intervals[0].lo is None
    assert found.warnings == ()


@pytest.mark.parametrize("slope", [(4.0, 5.0), (1.0, 0.0), (0.0, 1.0), (1.0, -1.0), (1.0, 6.0)])
@pytest.mark.parametrize(("steps", "narrow"), [(1.2, True), (1.8, True), (2.3, False), (4.0, False)])
def test_a_band_is_narrow_below_two_grid_steps_at_any_angle(
    slope: tuple[float, float], steps: float, narrow: bool
) -> None:
    found = region(on(band(0.5 * steps * 0.05, slope=slope)), 0.90)
    assert any("narrower than two grid steps" in text for text in found.warnings) is narrow


@pytest.mark.parametrize("slope", [(4.0, 5.0), (1.0, 0.0), (0.0, 1.0), (1.0, -1.0), (1.0, 6.0)])
def test_the_points_a_narrow_band_is_said_to_need_resolve_it(slope: tuple[float, float]) -> None:
    chi2 = band(0.5 * 1.4 * 0.05, slope=slope)
    (advice,) = [text for text in region(on(chi2), 0.90).warnings if "narrower" in text]
    points = {name: int(count) for count, name in re.findall(r"(\d+) points on (\w+)", advice)}
    x, y = (axis(name, points.get(name, 41)) for name in ("eps_ee_uV", "eps_ee_dV"))
    assert 41 < max(x.values.size, y.values.size) < 100
    assert not any("narrower" in text for text in region(over(x, y, chi2), 0.90).warnings)


def test_a_band_along_an_axis_asks_for_points_across_it_only() -> None:
    (advice,) = [text for text in region(on(band(0.03, slope=(0.0, 1.0))), 0.90).warnings if "narrower" in text]
    assert re.search(r"use about \d+ points on eps_ee_dV\.", advice)
    assert "points on eps_ee_uV" not in advice


@pytest.mark.parametrize("tilt", [0.0, 0.4, math.pi / 4.0])
def test_the_tips_of_a_slender_ellipse_are_not_a_narrow_band(tilt: float) -> None:
    assert region(on(ellipse(0.9, 0.08, tilt)), 0.90).warnings == ()


def test_a_corner_cut_off_by_the_edge_is_not_a_narrow_band() -> None:
    found = region(on(lambda x, y: ellipse(0.4, 0.4)(x - 1.2, y - 1.2)), 0.90)
    assert not any("narrower" in text for text in found.warnings)
    assert len(found.warnings) == 2


def test_a_band_that_falls_apart_is_called_narrow() -> None:
    found = region(on(band(0.01)), 0.90)
    assert len(found.pieces) > 3
    assert any("narrower than two grid steps" in text for text in found.warnings)


def test_an_empty_region_says_so() -> None:
    found = region(on(lambda x, y: 9.0 + ellipse(0.5, 0.5)(x, y)), 0.90)
    assert found.pieces == ()
    assert found.area == 0.0
    assert len(found.warnings) == 1
    assert "the smallest delta chi2 is 9, the level 4.605" in found.warnings[0]


def test_infinite_chi2_is_excluded_and_nan_left_out_with_a_word() -> None:
    grid = on(lambda x, y: np.where(x > 0.5, np.inf, ellipse(0.8, 0.4)(x, y)))
    found = region(grid, 0.90)
    assert len(found.pieces) == 1
    assert found.pieces[0].outer[:, 0].max() < 0.55
    assert found.warnings == ()

    grid = on(lambda x, y: np.where((abs(x) < 0.06) & (abs(y) < 0.06), np.nan, ellipse(0.8, 0.4)(x, y)))
    found = region(grid, 0.90)
    assert len(found.pieces[0].holes) == 1
    assert "chi2 is not a number (NaN) at 9 of the 1681 grid points over eps_ee_uV, eps_ee_dV." in found.warnings


def test_nothing_finite_is_an_empty_region_and_no_interval() -> None:
    assert region(on(lambda x, y: np.full_like(x * y, np.nan)), 0.90).pieces == ()
    assert len(intervals(line(np.full(9, np.nan)), 0.90)) == 0


def test_float32_planes_give_the_same_region() -> None:
    grid = on(ellipse(0.6, 0.3))
    single = replace(grid, chi2=grid.chi2.astype(np.float32))
    assert region(single, 0.90).area == pytest.approx(region(grid, 0.90).area, rel=1e-5)


def test_a_log_axis_is_interpolated_in_the_logarithm() -> None:
    x = Axis("mu_nu", np.geomspace(0.1, 10.0, 41))
    y = axis("eps_ee_uV")
    found = region(over(x, y, lambda x, y: ellipse(0.6, 0.6)(np.log10(x), y)), 0.90)
    outer = found.pieces[0].outer
    assert np.hypot(np.log10(outer[:, 0]), outer[:, 1]) == pytest.approx(0.6, abs=0.002)
    assert x.is_log_spaced
    assert not y.is_log_spaced
    (interval,) = intervals(line(np.log10(x.values) ** 2 * 2.7055434540954164 * 4.0, x), 0.90)
    assert interval == pytest.approx((10.0**-0.5, 10.0**0.5))


def test_unequal_steps_are_measured_in_steps() -> None:
    x = Axis("eps_ee_uV", np.sort(np.concatenate((np.linspace(-1.0, 1.0, 11), np.linspace(-0.019, 0.019, 21)))))
    found = region(over(x, axis("eps_ee_dV"), ellipse(0.02, 0.5)), 0.90)
    assert found.warnings == ()
    assert found.area == pytest.approx(math.pi * 0.02 * 0.5, rel=0.03)


def test_a_grid_of_the_wrong_kind_is_an_input_error() -> None:
    with pytest.raises(InputError, match="two axes"):
        region(line(np.zeros(5)), 0.90)
    with pytest.raises(InputError, match="one axis"):
        intervals(on(ellipse(0.5, 0.5)), 0.90)
    with pytest.raises(InputError, match=r"shape \(4,\)"):
        intervals(ReducedGrid((axis("eps_ee_uV", 5),), np.zeros(4), 0.0), 0.90)


def test_a_region_is_summed_up_in_its_repr() -> None:
    text = repr(region(on(ellipse(0.5, 0.5)), 0.90))
    assert text == "Region(eps_ee_uV, eps_ee_dV: 90% C.L., 2 dof, delta chi2 <= 4.605; pieces: 1, warnings: 0)"


@given(centre=st.floats(-0.2, 0.2), sigma=st.floats(0.08, 0.4))
def test_the_ends_on_a_parabola_are_exact(centre: float, sigma: float) -> None:
    x = axis("eps_ee_uV")
    found = intervals(line(((x.values - centre) / sigma) ** 2, x), 0.90)
    (interval,) = found
    half = math.sqrt(delta_chi2(0.90, 1)) * sigma
    assert interval == pytest.approx((centre - half, centre + half), abs=1e-4 * 0.05)
    assert found.warnings == ()


def test_the_ends_on_a_quartic_are_exact_to_a_ten_thousandth_of_a_step() -> None:
    x = axis("eps_ee_uV", 101)
    quartic = ((x.values + 0.35) ** 2 - 0.35**2) ** 2 / 0.03**2
    found = intervals(line(quartic, x), 0.90)
    root = 0.03 * math.sqrt(delta_chi2(0.90, 1))
    outer, inner = math.sqrt(0.35**2 + root), math.sqrt(0.35**2 - root)
    expected = [(-0.35 - outer, -0.35 - inner), (-0.35 + inner, -0.35 + outer)]
    for interval, ends in zip(found, expected, strict=True):
        assert interval == pytest.approx(ends, abs=3e-4 * 0.02)


def test_an_end_that_leaves_the_axis_is_none_and_said() -> None:
    x = axis("eps_ee_uV")
    found = intervals(line((x.values - 1.0) ** 2 * 10.0, x), 0.90)
    assert found.intervals[0].hi is None
    assert found.intervals[0].lo == pytest.approx(1.0 - math.sqrt(0.27055), abs=1e-3)
    assert found.warnings == ("The 90% interval touches eps_ee_uV = 1, the upper end: extend the axis.",)
    assert intervals(line(np.zeros(9)), 0.90).intervals == (Interval(None, None),)


def test_a_narrow_interval_says_how_many_points_would_do() -> None:
    x = axis("eps_ee_uV")
    sigma = 0.02
    found = intervals(line((x.values / sigma) ** 2, x), 0.90)
    (advice,) = found.warnings
    points = int(re.findall(r"about (\d+) points", advice)[0])
    fine = axis("eps_ee_uV", points)
    assert intervals(line((fine.values / sigma) ** 2, fine), 0.90).warnings == ()


def test_an_interval_that_no_point_falls_into_is_empty_and_said() -> None:
    x = axis("eps_ee_uV", 40)
    found = intervals(line((x.values / 0.005) ** 2, x), 0.90)
    assert len(found) == 0
    assert "No grid point over eps_ee_uV lies in the 90% interval" in found.warnings[0]


def test_missing_points_of_a_line_are_bridged_with_a_word() -> None:
    x = axis("eps_ee_uV", 101)
    chi2 = (x.values / 0.2) ** 2
    whole = intervals(line(chi2, x), 0.90)
    gaps = chi2.copy()
    gaps[[10, 50]] = np.nan
    found = intervals(line(gaps, x), 0.90)
    assert found.intervals[0] == pytest.approx(whole.intervals[0], abs=1e-6)
    assert found.warnings == ("chi2 is not a number (NaN) at 2 of the 101 grid points over eps_ee_uV.",)


@pytest.mark.parametrize("points", [121, 181, 241])
@pytest.mark.parametrize("slope", [0.12, 0.2])
def test_the_pointed_end_of_a_resolved_region_is_no_band_that_falls_apart(points: int, slope: float) -> None:
    """A wedge along a diagonal, which is thinner than a step near its tip however many the points."""

    def wedge(x: FloatArray, y: FloatArray) -> FloatArray:
        along, across = (x + y) / math.sqrt(2.0) + 0.9, (x - y) / math.sqrt(2.0) - 0.011
        half_width = slope * np.maximum(along, 1e-9)
        return np.asarray(LEVEL * (across / half_width) ** 2 + np.where(along < 0.0, 100.0, 0.0))

    found = region(on(wedge, points), 0.90)
    assert not any("narrower" in text for text in found.warnings)


def test_a_narrow_band_beside_a_resolved_region_is_still_said() -> None:
    def both(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.minimum(ellipse(0.3, 0.3)(x + 0.6, y + 0.6), band(0.01, slope=(1.0, -1.1))(x - 0.02, y))

    assert any("narrower than two grid steps" in text for text in region(on(both, 61), 0.90).warnings)


def test_a_border_along_the_edge_of_a_log_axis_lies_on_it() -> None:
    x, y = Axis("m", np.geomspace(1.0, 1e3, 31)), Axis("g", np.geomspace(1e-6, 1e-2, 41))
    chi2 = np.broadcast_to((y.values / 1e-4) ** 2, (31, 41)).copy()
    (piece,) = region(ReducedGrid((x, y), chi2, 0.0), 0.90).pieces
    assert (piece.outer[:, 0].min(), piece.outer[:, 0].max()) == (x.values[0], x.values[-1])
    assert piece.outer[:, 1].min() == y.values[0]
