"""Scan files to begin with: new ones, copies of bundled ones, sources and includes by name, and missing data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanengine.api import Scan
from scanengine.definition import (
    Definition,
    copy_of_bundled,
    data_files,
    listing,
    new_scan,
    parse,
    read,
)
from scanengine.errors import DefinitionError, InputError
from scanengine.inputs.facilities import FACILITIES
from tests.scan_files import NEON_TEXT


def named(source: str, *overrides: str) -> Definition:
    return parse(f"{source}\n{NEON_TEXT}", overrides=overrides, require_axes=False)


def total(scan: Definition) -> float:
    return sum(record.counts for record in Scan(scan).events())


@pytest.mark.parametrize("source", FACILITIES)
@pytest.mark.parametrize("material", ["NaI", "Ge"])
def test_a_new_scan_is_sound_and_counts_in_each_bin(material: str, source: str) -> None:
    scan = parse(new_scan(material, source, 10.0))
    assert scan.notes == ()
    assert len(scan.axes) == 2
    events = Scan(scan).events()
    assert {record.bin.energy for record in events if record.counts > 0.0} == {record.bin.energy for record in events}


@pytest.mark.parametrize("source", ["leibstadt", "jsns2"])
def test_limits_of_a_new_scan_lie_within_its_axes(source: str) -> None:
    for found in Scan(parse(new_scan("Ge", source, 10.0))).run().limits(cl=0.9):
        assert found.intervals
        assert all(low is not None and high is not None for low, high in found)


def test_a_new_scan_with_what_it_has_in_comments_is_sound_too() -> None:
    text = new_scan("NaI", "sns", 10.0)
    bins = next(line for line in text.splitlines() if line.startswith("recoil_bins_keV"))
    response = [
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# quenching", "# resolution"))
    ]
    response += [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# threshold", "# bins"))]
    written = text.replace(bins, "").replace(
        "# [experiments.response]", "[experiments.response]\n" + "\n".join(response)
    )
    experiment = parse(written).experiments[0]
    assert experiment.reconstruction is not None
    assert experiment.binning.shape == (4,)


def test_names_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match='unknown source "sms", the nearest known one is sns'):
        new_scan("NaI", "sms", 1.0)
    with pytest.raises(InputError, match="unknown target"):
        new_scan("Unobtainium", "sns", 1.0)


@pytest.mark.parametrize("name", ["coherent/all-four", "coherent/vector-csi2021", "scholberg2006/fig08"])
def test_copies_of_bundled_scans_are_these(name: str, tmp_path: Path) -> None:
    copied = tmp_path / "copy.toml"
    copied.write_text(copy_of_bundled(name), encoding="utf-8")
    data = os.environ.get("SCANENGINE_DATA")
    if data_files(name).missing(Path(data) if data else None) is not None:
        assert data_files(copied).files == data_files(name).files
        return
    assert [e.name for e in read(copied).experiments] == [e.name for e in read(name).experiments]
    with pytest.raises(InputError, match="there is no bundled scan large/nsi5d: the nearest is large/nsi-5d"):
        copy_of_bundled("large/nsi5d")


def test_a_source_by_name_is_its_power_times_neutrinos_per_proton() -> None:
    flux = 1.4e6 / 1.602176634e-10 * 0.0848 / (4.0 * 3.141592653589793 * 2000.0**2)
    written = f'[source]\nkind = "stopped-pion"\nflux_per_cm2_s = {flux!r}\nreference_distance_m = 20.0'
    assert total(named('source = "sns"')) == pytest.approx(total(named(written)), rel=1e-12)
    assert flux == pytest.approx(4.3e7 / 3.0, rel=0.05)  # of all flavours at 20 m: arXiv:1803.09183


def test_keys_beside_the_name_take_the_place_of_its_own() -> None:
    sns = total(named('source = "sns"'))
    assert total(named('[source]\npreset = "sns"\nbeam_power_MW = 2.8')) == pytest.approx(2.0 * sns)
    assert total(named('source = "sns"', "source.beam_power_MW=2.8")) == pytest.approx(2.0 * sns)
    ess = 5.0 / 1.4 * 1.0 / 2.0 * 0.3 / 0.0848
    assert total(named('source = "sns"', "source=ess")) == pytest.approx(ess * sns)
    without_time = NEON_TEXT.replace("live_time_yr = 1.0\n", "")
    protons = '[source]\npreset = "sns"\nprotons_on_target = 1e23\n'
    assert parse(protons + without_time, require_axes=False).source.fluence
    with pytest.raises(DefinitionError, match=r'source.preset: found "snss", it must be .* \(the nearest is sns\)'):
        named('source = "snss"')


def test_experiments_name_facilities_without_a_table_of_sources() -> None:
    scan = parse(NEON_TEXT.replace("[[experiments]]", '[[experiments]]\nsource = "jsns2"'), require_axes=False)
    assert total(scan) == pytest.approx(total(named('source = "jsns2"')))
    with pytest.raises(DefinitionError, match='unknown source "jsns", the nearest known one is jsns2'):
        parse(NEON_TEXT.replace("[[experiments]]", '[[experiments]]\nsource = "jsns"'), require_axes=False)


def test_channels_are_all_flavours_of_the_source_by_default() -> None:
    channels = next(line for line in NEON_TEXT.splitlines() if line.startswith("channels"))
    scan = parse('source = "sns"\n' + NEON_TEXT.replace(channels, ""), require_axes=False)
    assert scan.experiments[0].channels == {"all": ("nu_mu", "nu_e", "nu_mubar")}
    assert total(scan) == pytest.approx(total(named('source = "sns"')))


def test_bundled_scans_are_included_by_name(tmp_path: Path) -> None:
    own = NEON_TEXT.replace('"Ne"', '"own"')
    text = f'include = ["large/nsi-5d"]\nsource = "sns"\n{own}'
    scan = parse(text, directory=tmp_path, require_axes=False)
    assert [e.name for e in scan.experiments] == ["own", *(e.name for e in read("large/nsi-5d").experiments)]
    with pytest.raises(DefinitionError, match=r"or a bundled scan, .*; the nearest bundled one is large/nsi-5d"):
        parse('include = ["large/nsi"]', directory=tmp_path)


def test_missing_data_is_one_message_with_all_files(tmp_path: Path) -> None:
    files = data_files("coherent/all-four")
    assert len(files.files) == 27
    with pytest.raises(DefinitionError) as caught:
        read("coherent/all-four", data=tmp_path)
    (fault,) = caught.value.faults
    message = str(fault)
    assert f"27 files are not in the data folder {tmp_path} (" in message
    for word in ("csi2021/brnPE.txt", "lar2020/bkgpdf.txt", "--data DIR", "10.5281/zenodo.1228631"):
        assert word in message
    (tmp_path / "csi2021").mkdir()
    (tmp_path / "csi2021" / "brnPE.txt").touch()
    told = listing(data_files("coherent/csi2021"), tmp_path)
    assert "  csi2021/brnPE.txt  (found)" in told
    assert "  csi2021/ninPE.txt  (missing)" in told
    assert listing(data_files("large/nsi-5d"), None) == "no data files are needed"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("eps_mumu_uV", "eps_mm_uV"),
        ("eps_etau_dV", "eps_et_dV"),
        ("eps_taumu_dV", "eps_mt_dV"),
        ("mu_nu_mu_bar", "mu_nu_mubar"),
        ("r2_emu", "r2_em"),
        ("r2_nu_e_bar", "r2_nu_ebar"),
    ],
)
def test_other_spellings_of_parameters(alias: str, name: str) -> None:
    axis = "{ min = 0.1, max = 0.5, points = 3 }"
    scan = named('source = "sns"', f"axes={{ {alias} = {axis} }}", f"axes.{alias}.points=4")
    assert [(axis.name, axis.values.size) for axis in scan.axes] == [(name, 4)]
    assert Scan(scan).chi2(**{alias: 0.2}) == Scan(scan).chi2(**{name: 0.2})
    tied = parse(f'source = "sns"\n{NEON_TEXT}[axes]\nx = {axis}\n[tied]\n{alias} = {{ x = 1.0 }}')
    assert name in tied.parameters.used


def test_other_spellings_of_flavours() -> None:
    for spelling in ("nu_mu_bar", "anti_nu_mu", "antinu_mu"):
        scan = parse('source = "sns"\n' + NEON_TEXT.replace("nu_mubar", spelling), require_axes=False)
        assert scan.experiments[0].channels["delayed"] == ("nu_e", "nu_mubar")


def test_a_key_that_begins_with_an_experiment_is_told_its_table() -> None:
    with pytest.raises(DefinitionError, match=r"there is no table Ne: write experiments\.Ne\.mass_kg"):
        named('source = "sns"', "Ne.mass_kg=3")
    with pytest.raises(DefinitionError, match=r'there is no table Ne: write "experiments\.Ne\.mass_kg"'):
        named('source = "sns"', 'axes={"Ne.mass_kg" = { values = [1, 2] }}')
