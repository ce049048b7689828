"""Figures show what the regions are, say what they show, and come out of files byte for byte the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from scanengine import figures
from scanengine.errors import InputError
from scanengine.figures._words import limits
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import region
from scanengine.inference.intervals import Intervals, intervals
from scanengine.inputs.parameters import PARAMETERS

HIDDEN = ("eps_et_dV", "mu_nu")
SM = {"eps_ee_uV": 0.0, "eps_ee_dV": 0.0}
BASELINE_VERSION = (3, 11)
"""Another Matplotlib sets text differently, which outweighs any change that matters; redraw the baselines for a new one
with `pytest tests/figures/test_figures.py --mpl-generate-path=tests/baseline`, and look at them."""


def image(test: Callable[[], Figure]) -> Callable[[], Figure]:
    """Compare the figure that a test returns with its baseline, if this Matplotlib drew that."""
    compared = pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, tolerance=3, style="default")(test)
    other = mpl.__version_info__[:2] != BASELINE_VERSION
    return pytest.mark.skipif(other, reason="the baselines were drawn by another version of Matplotlib")(compared)


def axis(name: str, lo: float = -1.0, hi: float = 1.0, points: int = 61) -> Axis:
    known = PARAMETERS[name]
    return Axis(name, np.linspace(lo, hi, points), known.units, known.long_name, known.symbol)


def target(u: float, d: float, width: float, points: int = 101) -> ReducedGrid:
    """One count, quadratic in its weak charge: two parallel bands."""
    x, y = axis("eps_ee_uV", points=points), axis("eps_ee_dV", points=points)
    charge = 1.0 + u * x.values[:, None] + d * y.values[None, :]
    return ReducedGrid((x, y), ((charge**2 - 1.0) / width) ** 2, 0.0, HIDDEN)


def profile_grid(width: float = 0.1) -> ReducedGrid:
    x = axis("eps_ee_uV", points=101)
    return ReducedGrid((x,), (((x.values + 0.3) ** 2 - 0.09) / width) ** 2, 0.0, ("eps_ee_dV", *HIDDEN))


def gaussian(
    names: Mapping[str, tuple[float, float]],
) -> tuple[dict[str, ReducedGrid], dict[tuple[str, str], ReducedGrid]]:
    """Profiles and planes of a correlated Gaussian over some ranges, in closed form."""
    axes = [axis(name, *ends, points=31) for name, ends in names.items()]
    n = len(axes)
    root = np.eye(n) + 0.4 * np.sin(np.arange(n * n)).reshape(n, n)
    covariance = root @ root.T / 40.0

    def scaled(i: int) -> FloatArray:
        return np.linspace(-1.0, 1.0, axes[i].values.size)

    def others(*shown: str) -> tuple[str, ...]:
        return tuple(name for name in names if name not in shown)

    lines = {
        a.name: ReducedGrid((a,), scaled(i) ** 2 / covariance[i, i], 0.0, others(a.name)) for i, a in enumerate(axes)
    }
    planes = {}
    for i, y in enumerate(axes):
        for j, x in enumerate(axes[:i]):
            inverse = np.linalg.inv(covariance[np.ix_([j, i], [j, i])])
            points = np.stack(np.meshgrid(scaled(j), scaled(i), indexing="ij"))
            chi2 = np.einsum("aij,ab,bij->ij", points, inverse, points)
            planes[x.name, y.name] = ReducedGrid((x, y), chi2, 0.0, others(x.name, y.name))
    return lines, planes


FIVE = {
    "eps_ee_uV": (-0.5, 0.5),
    "eps_ee_dV": (-0.5, 0.5),
    "eps_et_dV": (-0.4, 0.4),
    "mu_nu": (-10.0, 10.0),
    "sin2_theta_w": (0.20, 0.26),
}


def words(figure: Figure) -> str:
    """Everything written in the legends of a figure."""
    found = []
    for legend in figure.legends:
        found += [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    return "\n".join(found)


@image
def test_plane_of_one_result() -> Figure:
    return figures.plane(
        [("Ne-20", target(3.0, 3.0, 0.3))], (0.6827, 0.90, 0.95), best_fit={"eps_ee_uV": 0.1, "eps_ee_dV": -0.1}, sm=SM
    )


@image
def test_overlay_of_targets_and_their_combination() -> Figure:
    ne, xe = target(3.0, 3.0, 0.25), target(3.2, 3.8, 0.3)
    return figures.plane([("Ne + Xe", replace(ne, chi2=ne.chi2 + xe.chi2)), ("Ne", ne), ("Xe", xe)], sm=SM)


@image
def test_annulus_and_island_on_a_log_axis() -> Figure:
    x, y = Axis("mu_nu", np.geomspace(0.1, 100.0, 91), "1e-10 mu_B", "", r"\mu_\nu"), axis("sin2_theta_w", 0.20, 0.26)
    u, v = np.log10(x.values)[:, None] - 0.4, (y.values[None, :] - 0.23) / 0.02
    ring = ((np.hypot(u / 0.8, v) - 0.8) / 0.1) ** 2
    island = (np.hypot(u - 1.35, v - 1.1) / 0.08) ** 2
    return figures.plane([("", ReducedGrid((x, y), np.minimum(ring, island), 0.0, (), (("eps_ee_uV", -0.25),)))])


@image
def test_profile_with_limits() -> Figure:
    return figures.profile([("", profile_grid())], (0.6827, 0.90, 0.95))


@image
def test_profiles_of_several_results() -> Figure:
    return figures.profile([("Ne + Xe", profile_grid(0.04)), ("Ne", profile_grid(0.1))], (0.90,))


@image
def test_corner_of_five_parameters() -> Figure:
    lines, planes = gaussian(FIVE)
    return figures.corner(lines, planes, (0.6827, 0.90), best_fit=dict.fromkeys(FIVE, 0.0) | {"sin2_theta_w": 0.23})


def test_a_corner_without_some_planes_leaves_their_panels_empty_and_labels_the_others() -> None:
    """Of (0, 1), (0, 2) and (1, 3): in each row the first panel has the label, in each column the last."""
    names = list(FIVE)[:4]
    lines, planes = gaussian({name: FIVE[name] for name in names})
    kept = [(names[a], names[b]) for a, b in ((0, 1), (0, 2), (1, 3))]
    figure = figures.corner(lines, {pair: planes[pair] for pair in kept})
    panels = {panel.get_subplotspec().num1: panel for panel in figure.axes}  # type: ignore[union-attr]
    assert sorted(panels) == [0, 4, 5, 8, 10, 13, 15]
    assert {place for place, panel in panels.items() if panel.get_xlabel()} == {8, 10, 13, 15}
    assert {place for place, panel in panels.items() if panel.get_ylabel()} == {0, 4, 8, 13}


def test_a_figure_states_level_dof_and_hidden_axes() -> None:
    said = words(figures.plane([("", target(3.0, 3.0, 0.3))]))
    assert r"90% C.L., 2 dof ($\Delta\chi^2 \leq 4.61$)" in said
    assert r"profiled over $\varepsilon_{e\tau}^{dV}$, $\mu_\nu$" in said
    said = words(figures.profile([("", profile_grid())], (0.90, 0.95)))
    assert r"90%, 95% C.L., 1 dof ($\Delta\chi^2 \leq 2.71,\ 3.84$)" in said
    lines, planes = gaussian(FIVE)
    said = words(figures.corner(lines, planes))
    assert r"Regions: 90% C.L., 2 dof ($\Delta\chi^2 \leq 4.61$)" in said
    assert r"Diagonal: 90% C.L., 1 dof ($\Delta\chi^2 \leq 2.71$)" in said
    assert "profiled over the other parameters" in said


def test_a_slice_states_where_it_lies_with_units() -> None:
    grid = replace(target(3.0, 3.0, 0.3), profiled=(), fixed=(("mu_nu", 5.0), ("mine", -0.5)))
    said = words(figures.plane([("", grid)]))
    assert r"at $\mu_\nu$ = $5$ $\times$ $10^{-10}\,\mu_\mathrm{B}$, mine = $-0.5$" in said


def test_results_that_hide_axes_differently_say_so_one_by_one() -> None:
    ne = target(3.0, 3.0, 0.3)
    said = words(figures.plane([("Ne", ne), ("Xe", replace(ne, profiled=("mu_nu",)))]))
    assert "Ne: profiled over" in said
    assert r"Xe: profiled over $\mu_\nu$" in said


def test_filled_pieces_are_the_pieces_of_the_region() -> None:
    grid = target(3.0, 3.0, 0.3)
    figure = figures.plane([("", grid)])
    (filled,) = [p for p in figure.axes[0].patches if isinstance(p, PathPatch) and to_rgba(p.get_facecolor())[3] > 0.0]
    rings = [ring for piece in region(grid, 0.90).pieces for ring in piece.rings]
    assert len(rings) == 2
    drawn = filled.get_path().to_polygons()
    assert all(np.array_equal(a, b) for a, b in zip(drawn, rings, strict=True))


def test_outlines_leave_out_the_edge_of_the_grid() -> None:
    figure = figures.plane([("", target(3.0, 3.0, 0.3))])
    (outline,) = [
        p for p in figure.axes[0].patches if isinstance(p, PathPatch) and to_rgba(p.get_facecolor())[3] == 0.0
    ]
    path = outline.get_path()
    assert path.codes is not None
    vertices = np.asarray(path.vertices)
    strokes = np.flatnonzero(path.codes == path.LINETO)
    middles = 0.5 * (vertices[strokes] + vertices[strokes - 1])
    assert (abs(middles) < 1.0).all()


def limit_of(name: str, chi2: FloatArray, lo: float, hi: float) -> str:
    x = axis(name, lo, hi, chi2.size)
    found: Intervals = intervals(ReducedGrid((x,), chi2, 0.0), 0.90)
    return limits(found, x)


def test_limits_are_written_as_a_physicist_writes_them() -> None:
    z = np.linspace(-1.0, 1.0, 201)
    level = 2.705543454095
    epsilon = r"\varepsilon_{ee}^{uV}"
    assert limit_of("eps_ee_uV", level * (z / 0.5) ** 2, -1.0, 1.0) == f"${{-0.500}} < {epsilon} < {{0.500}}$"
    assert limit_of("mu_nu", level * ((z + 1.0) / 0.5) ** 2, 0.0, 10.0) == (
        r"$\mu_\nu < {2.50}$ $\times$ $10^{-10}\,\mu_\mathrm{B}$"
    )
    assert limit_of("eps_ee_uV", level * ((z - 1.0) / 0.5) ** 2, -1.0, 1.0) == f"${epsilon} > {{0.500}}$"
    assert r"/ (10^{-32}\,\mathrm{cm}^2) <" in limit_of("r2_nu_mu", level * (z / 0.5) ** 2, -8.0, 8.0)
    two = level * ((abs(z) - 0.5) / 0.2) ** 2
    assert (
        limit_of("eps_ee_uV", two, -1.0, 1.0)
        == rf"${epsilon} \in [{{-0.700}},\,{{-0.300}}] \cup [{{0.300}},\,{{0.700}}]$"
    )
    assert limit_of("eps_ee_uV", 0.0 * z, -1.0, 1.0) == f"${epsilon}$: no limit within its axis"
    assert limit_of("eps_ee_uV", 0.0 * z + 9.0, -1.0, 1.0) == f"${epsilon}$: no grid point allowed"


def test_an_overlay_of_ranges_shows_them_all() -> None:
    wide = target(3.0, 3.0, 0.3)
    x, y = axis("eps_ee_uV", -2.0, 0.5), axis("eps_ee_dV", -0.5, 2.0)
    other = ReducedGrid((x, y), np.add.outer(x.values**2, y.values**2), 0.0)
    panel = figures.plane([("wide", wide), ("other", other)]).axes[0]
    assert panel.get_xlim() == (-2.0, 1.0)
    assert panel.get_ylim() == (-1.0, 2.0)


def test_a_region_that_is_empty_still_gives_a_figure(tmp_path: Path) -> None:
    grid = target(3.0, 3.0, 0.3)
    empty = replace(grid, chi2=grid.chi2 + 50.0)
    assert figures.save(figures.plane([("", empty)]), tmp_path / "empty.png").exists()
    line = replace(profile_grid(), chi2=np.full(101, np.inf))
    assert "no grid point allowed" in words(figures.profile([("", line)]))


@pytest.mark.parametrize("count", [2, 3, pytest.param(8, marks=pytest.mark.slow)])
def test_a_corner_has_a_panel_for_every_pair_and_its_text_covers_none(count: int) -> None:
    names = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w", "r2_nu_mu", "eps_mm_uV", "eps_mm_dV")
    lines, planes = gaussian(dict.fromkeys(names[:count], (-0.5, 0.5)))
    figure = figures.corner(lines, planes, (0.6827, 0.90, 0.95), best_fit=dict.fromkeys(names, 0.0))
    assert len(figure.axes) == count * (count + 1) // 2
    text = figure.legends[0].get_window_extent()
    assert not any(text.overlaps(panel.get_window_extent()) for panel in figure.axes)


def test_the_heading_covers_no_panel() -> None:
    results = (("scholberg2006/fig08 of 100 kg yr", 0.04), ("Ne", 0.1), ("Xe", 0.2))
    curves = [(name, profile_grid(width)) for name, width in results]
    drawn = [figures.profile(curves, cls) for cls in ((0.90,), (0.6827, 0.90, 0.95, 0.99))]
    drawn += [figures.plane([("Ne", target(3.0, 3.0, 0.3))], cls, sm=SM) for cls in ((0.90,), (0.68, 0.90, 0.95, 0.99))]
    for figure in drawn:
        heading = figure.legends[0].get_window_extent()
        assert heading.y0 > figure.axes[0].get_window_extent().y1
        assert heading.y1 <= figure.bbox.y1
        assert heading.x0 >= 0.0
        assert heading.x1 <= figure.bbox.x1


def test_wrong_input_is_an_input_error() -> None:
    grid, line = target(3.0, 3.0, 0.3), profile_grid()
    swapped = replace(grid, axes=grid.axes[::-1])
    lines, planes = gaussian(FIVE)
    planes = {pair: plane for pair, plane in planes.items() if "mu_nu" not in pair}
    with pytest.raises(InputError, match="at least one result"):
        figures.plane([])
    with pytest.raises(InputError, match="at least one confidence level"):
        figures.plane([("", grid)], ())
    with pytest.raises(InputError, match=r"write 0\.9"):
        figures.profile([("", line)], (90.0,))
    with pytest.raises(InputError, match="'b' is over eps_ee_dV, eps_ee_uV"):
        figures.plane([("a", grid), ("b", swapped)])
    with pytest.raises(InputError, match="Expected 2 axes to draw, found 1"):
        figures.plane([("", line)])
    with pytest.raises(InputError, match="best fit point has no value for eps_ee_dV"):
        figures.plane([("", grid)], best_fit={"eps_ee_uV": 0.0})
    with pytest.raises(InputError, match="these have none: mu_nu"):
        figures.corner(lines, planes)


def test_drawing_leaves_the_users_settings_alone(tmp_path: Path) -> None:
    with mpl.rc_context({"font.size": 31.0, "xtick.direction": "out"}):
        before = dict(mpl.rcParams)
        figures.save(figures.profile([("", profile_grid())]), tmp_path / "one.png")
        assert dict(mpl.rcParams) == before
    figures.save(figures.profile([("", profile_grid())]), tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_pyplot_is_never_imported() -> None:
    code = "import sys, scanengine.figures; raise SystemExit('matplotlib.pyplot' in sys.modules)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "PNG"])
def test_files_are_reproducible_to_the_byte_and_signed(tmp_path: Path, suffix: str) -> None:
    figure = figures.plane([("Ne", target(3.0, 3.0, 0.3))], sm=SM)
    first = figures.save(figure, tmp_path / f"first.{suffix}").read_bytes()
    again = figures.save(figure, tmp_path / f"again.{suffix}").read_bytes()
    redrawn = figures.plane([("Ne", target(3.0, 3.0, 0.3))], sm=SM)
    assert first == again == figures.save(redrawn, tmp_path / f"redrawn.{suffix}").read_bytes()
    assert b"scanengine" in first
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.{suffix}" for n in ("again", "first", "redrawn")]


def test_a_corner_file_is_reproducible(tmp_path: Path) -> None:
    lines, planes = gaussian({name: FIVE[name] for name in list(FIVE)[:3]})
    written = [figures.save(figures.corner(lines, planes), tmp_path / f"{i}.pdf").read_bytes() for i in range(2)]
    assert written[0] == written[1]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_a_figure_of_ours_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"figure.{suffix}"
    figures.save(figures.profile([("", profile_grid(0.1))]), path)
    before = path.read_bytes()
    figures.save(figures.profile([("", profile_grid(0.2))]), str(path))
    assert path.read_bytes() != before


def test_a_file_from_elsewhere_is_kept_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG of something dear")
    figure = figures.profile([("", profile_grid())])
    with pytest.raises(InputError, match="pass --overwrite"):
        figures.save(figure, path)
    assert path.read_bytes() == b"\x89PNG of something dear"
    figures.save(figure, path, overwrite=True)
    assert b"scanengine" in path.read_bytes()


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.png.gz"])
def test_other_formats_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.png, \.pdf, \.svg"):
        figures.save(figures.profile([("", profile_grid())]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    figure = figures.profile([("", profile_grid())])
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"nowhere.*cannot be written: No such file or directory"):
        figures.save(figure, tmp_path / "nowhere" / "figure.png")
    with pytest.raises(InputError, match=r"cannot be written: Not a directory"):
        figures.save(figure, tmp_path / "file" / "figure.png")
    with pytest.raises(InputError, match="is a directory"):
        figures.save(figure, tmp_path / "folder.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_save_that_fails_half_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = figures.save(figures.profile([("", profile_grid(0.1))]), tmp_path / "figure.png")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    figure = figures.profile([("", profile_grid(0.2))])
    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(InputError, match="No space left on device"):
        figures.save(figure, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
