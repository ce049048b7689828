"""The explorer in a real browser: dragged, clicked, read, and compared with chi2 as Python has it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from scanengine import InputError, load
from scanengine.api import Scan
from scanengine.definition import parse
from scanengine.grid.axes import FloatArray
from tests.browser import CHROMIUM, WHY_SKIPPED, Page, browser
from tests.export.test_files import MASS, over_masses
from tests.likelihood.test_constraints import FALLING_KNOWN, FLAT_KNOWN, FLUX, scan_of

pytestmark = pytest.mark.jit_only

AXES = [
    "axes.eps_ee_uV={min=-1.2,max=0.8,points=5}",
    "axes.eps_ee_dV={min=-0.8,max=1.4,points=5}",
    "axes.mu_nu={min=0.01,max=20.0,points=5,spacing='log'}",
]


@pytest.fixture(scope="module")
def scan() -> Scan:
    return load("scholberg2006/fig08", AXES)


@pytest.fixture(scope="module")
def html(scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scan.explore(tmp_path_factory.mktemp("explorer") / "page.html")


@pytest.fixture(scope="module")
def opened(html: Path) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip(WHY_SKIPPED)
    with browser(html.parent) as page:
        yield page


@pytest.fixture
def page(opened: Page, html: Path) -> Page:
    opened.errors.clear()
    opened.requested.clear()
    opened.open(html)
    drawn(opened)
    return opened


def drawn(page: Page) -> None:
    """Wait until the last thing asked for is drawn."""
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait("(({ run, began }) => run !== undefined && run === began)(document.getElementById('plot').dataset)")


def choose_up(page: Page, number: int) -> None:
    """Choose what is shown upwards: an axis by its number, or with -1 Delta chi2."""
    page.run(
        "((y, value) => { y.value = value; y.dispatchEvent(new Event('change')); })"
        f"(document.getElementById('y'), '{number}')"
    )


def place(page: Page, across: float, up: float) -> tuple[float, float]:
    """Where in the window the shares of the axes lie."""
    box = page.run(
        "(() => { const b = document.querySelector('#plot .frame rect').getBoundingClientRect();"
        " return [b.left, b.top, b.width, b.height] })()"
    )
    left, top, width, height = box
    return left + across * width, top + (1.0 - up) * height


def read(page: Page) -> dict[str, Any]:
    """The numbers of the readout."""
    drawn(page)
    found: dict[str, Any] = json.loads(
        page.run(
            "JSON.stringify({"
            "chi2: Number(document.querySelector('#readout p').dataset.chi2),"
            "delta: Number(document.querySelector('#readout p').dataset.deltaChi2),"
            "values: Object.fromEntries([...document.querySelectorAll('#readout td[data-name]')]"
            ".map((cell) => [cell.dataset.name, Number(cell.dataset.value)]))})"
        )
    )
    return found


def profiled(scan: Scan, x: dict[str, float], hidden: str) -> float:
    """chi2 minimised over one hidden axis, by SciPy from many starts."""
    (axis,) = [each for each in scan.definition.axes if each.name == hidden]
    low, high = float(axis.values[0]), float(axis.values[-1])

    def chi2(v: FloatArray) -> float:
        return scan.chi2(**x, **{hidden: float(v[0])})

    starts = np.linspace(low, high, 3).tolist()
    return min(float(minimize(chi2, [start], bounds=[(low, high)], tol=1e-13).fun) for start in starts)


def test_the_page_needs_nothing_else(page: Page, html: Path) -> None:
    assert page.errors == []
    assert page.requested == [html.resolve().as_uri()]
    assert html.stat().st_size < 1_000_000


def test_a_click_reads_chi2_profiled_over_what_is_hidden(page: Page, scan: Scan) -> None:
    for across, up in [(0.42, 0.48), (0.75, 0.2), (0.1, 0.9)]:
        page.click(*place(page, across, up))
        found = read(page)
        x = {name: found["values"][name] for name in ("eps_ee_uV", "eps_ee_dV")}
        assert found["chi2"] == pytest.approx(profiled(scan, x, "mu_nu"), rel=1e-6, abs=1e-6)
        assert found["chi2"] == pytest.approx(scan.chi2(**x, mu_nu=found["values"]["mu_nu"]), rel=1e-9, abs=1e-9)
        expected: dict[str, float] = {}
        for each in scan.events(**x, mu_nu=found["values"]["mu_nu"]):
            key = f"signal, {each.experiment}, {each.channel}"
            expected[key] = expected.get(key, 0.0) + each.counts
        shown = {name: value for name, value in found["values"].items() if name.startswith("signal")}
        assert shown == pytest.approx(expected, rel=1e-6)


def test_a_hidden_parameter_is_held_where_its_slider_is_dragged(page: Page, scan: Scan) -> None:
    page.click(*place(page, 0.5, 0.5))
    page.run("document.querySelector('.hidden-parameter input[type=checkbox]').click()")
    for share in (300, 900):
        page.run(
            "(() => { const slider = document.querySelector('.hidden-parameter input[type=range]');"
            f" slider.value = {share}; slider.dispatchEvent(new Event('input')); }})()"
        )
        found = read(page)
        assert found["values"]["mu_nu"] == pytest.approx(0.01 * 2000.0 ** (share / 1000), rel=1e-9)
        x = {name: found["values"][name] for name in ("eps_ee_uV", "eps_ee_dV", "mu_nu")}
        assert found["chi2"] == pytest.approx(scan.chi2(**x), rel=1e-9)
        assert f"{found['values']['mu_nu']:.3g}"[:3] in page.run("document.getElementById('key').textContent")


def test_regions_are_those_of_the_profile(page: Page, scan: Scan) -> None:
    inside = (
        "(([x, y]) => [...document.querySelectorAll('#plot .region')].map((path) => path.isPointInFill("
        "Object.assign(document.getElementById('plot').createSVGPoint(), { x, y }))))"
    )
    frame = page.run(
        "(() => { const r = document.querySelector('#plot .frame rect');"
        " return ['x', 'y', 'width', 'height'].map((k) => Number(r.getAttribute(k))) })()"
    )
    checked = [0, 0]
    for across, up in np.random.default_rng(5).uniform(0.0, 1.0, (2000, 2)).tolist():
        u, d = (axis.values for axis in scan.definition.axes[:2])
        x = {"eps_ee_uV": float(u[0] + across * (u[-1] - u[0])), "eps_ee_dV": float(d[0] + up * (d[-1] - d[0]))}
        if scan.chi2(**x, mu_nu=0.01) > 15.0 or sum(checked) > 24:
            continue
        shown = page.run(f"{inside}([{frame[0] + across * frame[2]}, {frame[1] + (1.0 - up) * frame[3]}])")
        delta = profiled(scan, x, "mu_nu")
        for k, height in enumerate([5.9915, 4.6052, 2.2957]):  # 95, 90, 68.27%
            if abs(delta - height) > 0.05 * height:  # not where the grid's own curve decides
                assert shown[k] == (delta < height), (x, delta)
                checked[shown[k]] += 1
    assert min(checked) > 4


def test_keys_move_the_cross_and_what_is_read_is_announced(page: Page) -> None:
    page.run("document.getElementById('plot').focus()")
    page.press("ArrowRight")
    first = read(page)
    page.press("ArrowRight", shift=True)
    second = read(page)
    step = second["values"]["eps_ee_uV"] - first["values"]["eps_ee_uV"]
    assert step == pytest.approx(0.1 * 2.0)
    assert page.run("document.getElementById('readout').getAttribute('aria-live')") == "polite"


def test_other_axes_and_single_experiments(page: Page, scan: Scan) -> None:
    page.run(
        "(() => { const y = document.getElementById('y'); y.value = '2'; y.dispatchEvent(new Event('change')); })()"
    )
    drawn(page)
    assert page.run("document.getElementById('log-y').checked")
    page.run("document.querySelectorAll('#overlays input')[1].click()")
    page.click(*place(page, 0.45, 0.5))
    found = read(page)
    assert found["values"]["mu_nu"] == pytest.approx(0.01 * 2000.0**0.5, rel=0.02)
    alone = scan.only("Xe")
    x = {name: found["values"][name] for name in ("eps_ee_uV", "mu_nu")}
    assert found["values"]["Xe"] == pytest.approx(profiled(alone, x, "eps_ee_dV"), rel=1e-6, abs=1e-6)
    assert page.run("document.querySelectorAll('#plot .outline').length") == 1
    assert page.errors == []


def test_a_line_is_a_profile(page: Page) -> None:
    page.run(
        "(() => { const y = document.getElementById('y'); y.value = '-1'; y.dispatchEvent(new Event('change')); })()"
    )
    drawn(page)
    assert page.run("document.querySelectorAll('#plot .level').length") == 3
    assert page.errors == []


def test_every_control_has_a_name_and_all_fits_a_phone(page: Page) -> None:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"checkbox", "slider", "spinbutton", "button", "combobox", "application"}
    controls = [node for node in nodes if node.get("role", {}).get("value") in roles]
    assert len(controls) >= 12
    assert all(node["name"]["value"] for node in controls)
    page.resize(360, 740)
    assert page.run("document.documentElement.scrollWidth") <= 360


def test_what_is_saved_is_a_scan_file_of_the_plane(page: Page, scan: Scan) -> None:
    page.run("document.querySelector('.hidden-parameter input[type=checkbox]').click()")
    drawn(page)
    page.run(
        "window.saved = [];"
        "URL.createObjectURL = (blob) => { blob.text().then((text) => window.saved.push(text)); return '#' };"
        "document.getElementById('save-scan').click(); document.getElementById('save-svg').click()"
    )
    page.wait("window.saved.length === 2")
    toml, svg = sorted(page.run("window.saved"), key=lambda text: text.startswith("<svg"))
    assert set(tomllib.loads(toml)["axes"]) == {"eps_ee_uV", "eps_ee_dV"}
    read_back = Scan(parse(toml))
    held = tomllib.loads(toml)["fixed"]["mu_nu"]
    at = {"eps_ee_uV": 0.2, "eps_ee_dV": -0.3}
    assert read_back.chi2(**at) == pytest.approx(scan.chi2(**at, mu_nu=held), rel=1e-12)
    assert svg.startswith("<svg")
    assert "prefers-color-scheme" not in svg


def test_nuisances_are_fitted_where_one_clicks(opened: Page, tmp_path: Path) -> None:
    poisson = Scan(scan_of([FLUX, FALLING_KNOWN | {"width": [0.1, 0.4]}, FLAT_KNOWN]))
    opened.open(poisson.explore(tmp_path / "poisson.html"))
    drawn(opened)
    opened.click(*place(opened, 0.7, 0.5))
    found = read(opened)
    at = {"eps_ee_uV": found["values"]["eps_ee_uV"]}
    assert found["chi2"] == pytest.approx(poisson.chi2(**at), rel=1e-9)
    pulls = {each.name: each.pull for each in poisson.fit_at(**at).nuisances}
    assert {name: found["values"][name] for name in pulls} == pytest.approx(pulls, abs=1e-6)
    for spectrum in poisson.spectra(**at):
        shown = found["values"][f"fitted, {spectrum.experiment}, {spectrum.channel}"]
        assert shown == pytest.approx(float(spectrum.total.sum()), rel=1e-6)
    assert opened.errors == []


def test_an_outer_axis_is_a_slider_over_its_values(opened: Page, tmp_path: Path) -> None:
    masses = over_masses()
    opened.open(masses.explore(tmp_path / "masses.html"))
    drawn(opened)
    opened.click(*place(opened, 0.6, 0.7))
    for k, mass in enumerate((3.0, 30.0, 300.0)):
        opened.run(
            f"(() => {{ const slider = document.querySelector('[data-name=\"{MASS}\"] input');"
            f" slider.value = {k}; slider.dispatchEvent(new Event('input')); }})()"
        )
        found = read(opened)
        assert found["values"][MASS] == mass
        x = {name: found["values"][name] for name in (MASS, "g_zp", "eps_ee_uV")}
        assert found["chi2"] == pytest.approx(masses.chi2(**x), rel=1e-9)
    opened.run(
        "window.saved = []; URL.createObjectURL = (blob) => { blob.text().then((text) => window.saved.push(text));"
        " return '#' }; document.getElementById('save-scan').click()"
    )
    opened.wait("window.saved.length === 1")
    (toml,) = opened.run("window.saved")
    assert tomllib.loads(toml)["mediators"]["zp"]["mass_MeV"] == 300.0
    at = {"g_zp": 1e-5, "eps_ee_uV": 0.2}
    assert Scan(parse(toml)).chi2(**at) == pytest.approx(masses.chi2(**at, **{MASS: 300.0}), rel=1e-12)
    assert opened.errors == []


def test_a_page_is_not_written_over_another(scan: Scan, html: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists"):
        scan.explore(html)
    with pytest.raises(InputError, match=r"ends in \.html"):
        scan.explore(tmp_path / "page.htm")
