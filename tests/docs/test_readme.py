"""Every example of the README and of the pages it leads to is run, in its order, and does what the text says."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from scanengine import cli, load, open_result
from scanengine.api import Scan
from scanengine.definition import bundled_scans, parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md"] + [
    ROOT / "docs" / f"{name}.md"
    for name in ("scan-files", "mediators", "validation", "python", "results", "nuisances", "coherent")
]
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", "\n".join(TEXTS.values()), re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def block(containing: str) -> str:
    """The one block of a scan file that has some text in it."""
    (found,) = [text for text in blocks("toml") if containing in text]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's scan file lies and its shell commands have been run."""
    path = tmp_path_factory.mktemp("readme")
    scan, *_ = blocks("toml")
    (path / "ne-xe.toml").write_text(scan, encoding="utf-8")
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("scanengine ")]
    assert len(commands) >= 5
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for command in commands:
            patch.setattr(sys, "argv", shlex.split(command, comments=True))
            with pytest.raises(SystemExit) as stop:
                cli.main()
            assert not stop.value.code, command
    return path


def test_the_scan_file_becomes_a_result_and_a_figure(folder: Path) -> None:
    result = open_result(folder / "ne-xe.h5")
    assert result.shape == (401, 441)
    assert (folder / "ne-xe.pdf").read_bytes().startswith(b"%PDF")
    assert len(result.region("eps_ee_uV", "eps_ee_dV", cl=0.90).pieces) == 2


def test_the_nuisances_are_those_of_an_experiment_with_a_response_and_a_background(tmp_path: Path) -> None:
    scan, nuisances = block("eps_ee_uV = {"), block("[[nuisances]]")
    detector = """
[[experiments]]
name = "CsI"
target = "CsI"
mass_kg = 14.6
live_time_yr = 1.0
distance_m = 19.3
channels = { all = ["nu_e", "nu_mubar", "nu_mu"] }
statistic = "poisson"
response = { quenching = 0.09, light_yield_PE_per_keVee = 13.0, resolution = { kind = "poisson" }, bins = [6, 10, 20] }
backgrounds = [{ name = "neutrons", counts = [3.0, 2.0] }]
"""
    (tmp_path / "up.txt").write_text("8 4.0\n15 2.0\n", encoding="utf-8")
    (tmp_path / "scan.toml").write_text(scan + detector + nuisances, encoding="utf-8")
    loaded = load(tmp_path / "scan.toml")
    assert [nuisance.name for nuisance in loaded.definition.nuisances] == ["flux", "spectrum", "quenching"]
    assert loaded.definition.nuisances[0].signals == ("Ne", "Xe", "CsI")


@pytest.mark.jit_only
def test_the_python_examples_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Result('Ne and Xe, delayed flux'" in printed
    assert "events expected in neon" in printed
    assert "90% C.L., 1 dof" in printed
    assert "Result('Ne and Xe, delayed flux': g2 (41)" in printed
    assert (folder / "plane.pdf").exists()


def test_the_readme_begins_with_the_two_commands() -> None:
    first, second = blocks("sh")[:2]
    assert first.strip() == "pip install . && scanengine run large/nsi-5d"
    assert second.strip() == 'pip install -e ".[test]" && pytest'


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"^[A-Z]{4,}$|@@", README, re.MULTILINE)


def test_the_readme_is_read_in_a_few_minutes() -> None:
    prose = re.sub(r"^```.*?^```|^\|.*?$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert len(prose.split()) < 1100


def test_every_page_that_is_named_is_there() -> None:
    for path, text in TEXTS.items():
        for link in re.findall(r"[^!]\[[^]]*]\(([^):#]+)\)", text):
            if "generated/" not in link:  # made with the site: see test_site.py
                assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_every_figure_that_is_shown_is_there() -> None:
    for path, text in TEXTS.items():
        for picture in re.findall(r"!\[[^]]*]\(([^)]+)\)", text):
            assert (path.parent / picture).is_file(), f"{path.name}: {picture}"
    assert "![" in README


def test_the_response_of_a_real_detector_can_take_the_place_of_a_window() -> None:
    scan, response = block("eps_ee_uV = {"), block("[experiments.time]")
    before, second = scan.split('[[experiments]]\nname = "Xe"')
    before = before.replace("recoil_window_keV = [10.0, inf] ", "# recoil_window_keV = [10.0, inf] ")
    definition = parse(f'{before}{response}\n[[experiments]]\nname = "Xe"{second}')
    assert definition.experiments[0].binning.shape == (12, 4)
    assert definition.experiments[0].binning.units == "PE"


def test_a_crystal_of_two_elements_has_a_background_above_its_threshold() -> None:
    scan = parse(block('source = "sns"'))  # it runs as it stands
    (crystal,) = scan.experiments
    assert crystal.binning.energy_edges.tolist() == [1.5, 2.0, 4.0, 8.0]
    kg_day = 100.0 * 365.25
    assert crystal.backgrounds["flat"].tolist() == pytest.approx([0.5 * kg_day * width for width in (0.5, 2.0, 4.0)])
    assert all(record.counts > 0.0 for record in Scan(scan).events())


def test_the_reference_of_a_template_is_that_of_the_bundled_scan() -> None:
    text = bundled_scans()["coherent/lar2020"].read_text(encoding="utf-8")
    assert all(line in text for line in block("[experiments.template_reference]").splitlines())


def test_the_reactor_can_take_the_place_of_the_bundled_one(tmp_path: Path) -> None:
    """The counts that the bundled scan's comments state, with thresholds of 160 and 180 eV."""
    reactor = block('kind = "reactor"')
    bundled = text = bundled_scans()["reactor/conus-plus"].read_text(encoding="utf-8")
    head, _, rest = text.partition("[experiments.template_reference]")
    text = head + rest[rest.index("[experiments.data]") :]
    start, end = text.index("[source]"), text.index("[physics]")
    text = (text[:start] + reactor + text[end:]).replace("signal_template", "# signal_template")
    text = text.replace('above_2_MeV = "huber2011"', 'above_2_MeV = "mueller2011"')
    for threshold, stated in ((0.16, 358), (0.18, 215)):
        found, _ = Scan(parse(text.replace("bins = [0.16, 1.0]", f"bins = [{threshold}, 1.0]"))).events()
        assert round(float(found.counts)) == stated
        assert f" {stated} " in bundled
    cut, _ = Scan(parse(text.replace('"extrapolated"', '"none"'))).events()
    assert "8% of the events" in bundled
    assert 1.0 - cut.counts / 358.0 == pytest.approx(0.08, abs=0.01)


def test_the_plane_of_a_mediator_is_that_of_a_bundled_scan() -> None:
    planes = [text.split("[mediators.zp]") for text in blocks("toml") if "[mediators.zp]" in text]
    assert len(planes) == 2  # of the README, and of the page on mediators
    for axes, mediator in planes:
        scan = parse(axes + blocks("toml")[0].partition("[axes]")[0] + "[mediators.zp]" + mediator)
        bundled = load("mediators/universal").definition
        assert [axis.name for axis in scan.axes] == [axis.name for axis in bundled.axes]
        assert all((a.values == b.values).all() for a, b in zip(scan.axes, bundled.axes, strict=True))
        assert scan.physics.mediators == bundled.physics.mediators
