"""Scan files that include others."""

from __future__ import annotations

from pathlib import Path

import pytest

import scanengine
from scanengine.errors import DefinitionError

NEON = """
title = "Ne"
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1e7
reference_distance_m = 20
[statistic]
kind = "poisson"
[[experiments]]
name = "Ne"
target = "Ne20"
mass_kg = 10
live_time_yr = 1
distance_m = 20
recoil_window_keV = [10, inf]
channels = { "all" = ["nu_e"] }
[[experiments.backgrounds]]
name = "dust \\"b\\""
counts = [2.5]
[experiments.data]
counts = [4]
[[nuisances]]
name = "flux"
width = 0.1
signal = "all"
[[nuisances]]
name = "Ne-dust"
width = 0.5
background = ['Ne.dust "b"']
"""
XENON = NEON.replace("Ne20", "Xe132").replace("Ne", "Xe").replace("1e7", "2e7").replace("poisson", "gaussian")
BOTH = """
title = "both"
include = ["ne.toml", "xe.toml"]
[[nuisances]]
name = "flux"
width = 0.2
signal = "all"
[axes]
mu_nu = { min = 0, max = 20, points = 11 }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ne.toml").write_text(NEON)
    (tmp_path / "xe.toml").write_text(XENON)
    (tmp_path / "both.toml").write_text(BOTH)
    return tmp_path


def test_experiments_come_with_their_source_statistic_and_nuisances(folder: Path) -> None:
    both = scanengine.load(folder / "both.toml")
    definition = both.definition
    assert [experiment.name for experiment in definition.experiments] == ["Ne", "Xe"]
    assert [nuisance.name for nuisance in definition.nuisances] == ["flux", "Ne-dust", "Xe-dust"]
    assert definition.nuisances[0].width == 0.2
    assert definition.nuisances[0].signals == ("Ne", "Xe")
    assert [definition.statistic_of(name).kind for name in ("Ne", "Xe")] == ["poisson", "gaussian"]
    for name in ("ne", "xe"):
        alone = scanengine.load(folder / f"{name}.toml", "nuisances.flux.width=0.2")
        (experiment,) = alone.definition.experiments
        together = [event for event in both.events() if event.experiment == experiment.name]
        assert [event.counts for event in together] == pytest.approx([event.counts for event in alone.events()])
        assert both.only(experiment.name).chi2(mu_nu=0.0) == pytest.approx(alone.chi2(), abs=1e-9)


def test_a_nuisance_of_all_stays_with_its_own_file(folder: Path) -> None:
    (folder / "xe.toml").write_text(XENON.replace('name = "flux"', 'name = "Xe-flux"'))
    (folder / "both.toml").write_text(
        BOTH.replace("[[nuisances]]", "[[nuisances]]\nbackground = ['Ne.dust \"b\"']", 1).replace('"flux"', '"other"')
    )
    signals = {each.name: each.signals for each in scanengine.load(folder / "both.toml").definition.nuisances}
    assert signals == {"other": ("Ne", "Xe"), "flux": ("Ne",), "Ne-dust": (), "Xe-flux": ("Xe",), "Xe-dust": ()}


@pytest.mark.jit_only
def test_a_result_is_read_without_the_included_files(folder: Path) -> None:
    scan = scanengine.load(folder / "both.toml", "experiments.Xe.mass_kg=5")
    scan.run(folder / "out.h5")
    at = scan.chi2(mu_nu=9.0)
    for name in ("ne", "xe", "both"):
        (folder / f"{name}.toml").unlink()
    read = scanengine.Scan(scanengine.open_result(folder / "out.h5").definition)
    assert read.chi2(mu_nu=9.0) == at


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["ne.toml", "xe.toml"]', '"ne.toml"', "both.toml:3: include: it must be a list of scan files"),
        ('"ne.toml"', '"../ne.toml"', "both.toml:3: include: found .../ne.toml., it must be a scan file in the same"),
        ('"ne.toml"', '"both.toml"', "include: found .both.toml., which is this file itself"),
        ('"ne.toml"', '"xe.toml"', "include: found .xe.toml. twice"),
        ('"ne.toml"', '"no.toml"', "include: cannot read .*no.toml"),
        ("[[nuisances]]", "[experiments]\nname = 1\n[[nuisances]]", "include: experiments beside it must be tables"),
        ("[axes]", "[sources.xe]\n[axes]", "include: xe has a source .xe., of which name there is another"),
    ],
)
def test_what_is_wrong_with_an_include_is_said(folder: Path, old: str, new: str, said: str) -> None:
    (folder / "both.toml").write_text(BOTH.replace(old, new, 1))
    with pytest.raises(DefinitionError, match=said):
        scanengine.load(folder / "both.toml")


@pytest.mark.parametrize(
    ("addition", "said"),
    [
        ("[fixed]\nmu_nu = 1.0\n", "include: xe has .fixed., which is not taken over"),
        ('[physics]\nkinematics = "full"\n', "include: ne and xe have different .physics."),
        ("[[axes]]\n", "xe.toml:.*axes"),
    ],
)
def test_what_is_wrong_with_an_included_file_is_said(folder: Path, addition: str, said: str) -> None:
    (folder / "xe.toml").write_text(XENON + addition)
    with pytest.raises(DefinitionError, match=said):
        scanengine.load(folder / "both.toml")


def test_files_that_include_each_other_are_told(folder: Path) -> None:
    (folder / "ne.toml").write_text('include = ["both.toml"]\n')
    with pytest.raises(DefinitionError, match=r"ne\.toml:1: include: found .both\.toml., which is this file"):
        scanengine.load(folder / "both.toml")


def test_include_cannot_be_set(folder: Path) -> None:
    with pytest.raises(DefinitionError, match="include: found among overrides"):
        scanengine.load(folder / "ne.toml", 'include=["xe.toml"]')


def test_each_file_is_read_once_however_many_include_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanengine.definition import include, scan_file
    from scanengine.definition.reading.bundled import read_text

    (tmp_path / "layer19a.toml").write_text(NEON)
    (tmp_path / "layer19b.toml").write_text(XENON)
    for layer in range(19):
        for half in "ab":
            included = [f"layer{layer + 1}{other}.toml" for other in "ab"]
            (tmp_path / f"layer{layer}{half}.toml").write_text(f'title = "x"\ninclude = {included}\n')
    (tmp_path / "both.toml").write_text(BOTH.replace("ne.toml", "layer0a.toml").replace("xe.toml", "layer0b.toml"))
    reads: list[Path] = []

    def counted(path: Path) -> str:
        reads.append(path)
        return read_text(path)

    for module in (include, scan_file):
        monkeypatch.setattr(module, "read_text", counted)
    with pytest.raises(DefinitionError) as caught:
        scanengine.load(tmp_path / "both.toml")
    assert len(reads) == len(set(reads)) <= 41
    assert len(caught.value.faults) <= 4


def test_a_long_chain_of_files_is_a_fault(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"f{number}.toml").write_text(f'title = "x"\ninclude = ["f{number + 1}.toml"]\n')
    with pytest.raises(DefinitionError, match="more than 20 files include one another"):
        scanengine.load(tmp_path / "f0.toml")


def test_keys_of_included_files_are_set(folder: Path) -> None:
    changes = (
        '[set]\n"experiments.Ne.mass_kg" = 20\n"sources.xe.flux_per_cm2_s" = 1e7\n"nuisances.Ne-dust.width" = 0.1\n'
    )
    (folder / "both.toml").write_text(BOTH + changes)
    changed = scanengine.load(folder / "both.toml").definition
    assert changed.experiments[0].mass_kg == 20.0
    assert changed.nuisances[1].width == 0.1
    counts = [
        sum(event.counts for event in scanengine.load(folder / "both.toml").only(name).events())
        for name in ("Ne", "Xe")
    ]
    alone = [sum(event.counts for event in scanengine.load(folder / f"{name}.toml").events()) for name in ("ne", "xe")]
    assert counts == pytest.approx([2.0 * alone[0], 0.5 * alone[1]])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('"experiments.Neon.mass_kg" = 2', "both.toml:10: set: there is no experiment .Neon., the file has Ne and Xe"),
        ("experiments.Ne.mass_kg = 2", "set: it must be a table of dotted keys in quotes"),
        ('"experiments.Ne" = 2', "set: this names a whole experiment"),
        ('"experiments.Ne.mass_kg" = -2', "mass_kg: found -2"),
    ],
)
def test_what_is_wrong_with_set_is_said(folder: Path, lines: str, said: str) -> None:
    (folder / "both.toml").write_text(f"{BOTH}[set]\n{lines}\n")
    with pytest.raises(DefinitionError, match=said):
        scanengine.load(folder / "both.toml")


def test_set_needs_something_included_and_no_template_that_would_cancel(folder: Path) -> None:
    (folder / "ne.toml").write_text(NEON + '[set]\n"experiments.Ne.mass_kg" = 2\n')
    with pytest.raises(DefinitionError, match="set: it changes keys of what `include` names, and nothing is included"):
        scanengine.load(folder / "ne.toml")
    (folder / "ne.toml").write_text(NEON.replace("mass_kg = 10", "mass_kg = 10\nsignal_template = [3.0]"))
    (folder / "both.toml").write_text(BOTH + '[set]\n"experiments.Ne.mass_kg" = 2\n')
    with pytest.raises(DefinitionError, match=r"set: experiments\.0\.mass_kg: .* the signal of Ne is a template"):
        scanengine.load(folder / "both.toml")
