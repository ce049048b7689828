"""Beginning on the command line: new scan files, copies, data files, values of axes, and what was misspelt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Command
from tests.scan_files import SMALL


@pytest.fixture
def call(command: Command, tmp_path: Path) -> Command:
    """`command` in a folder that holds small.toml."""
    (tmp_path / "small.toml").write_text(SMALL)
    return command


def test_new_writes_a_scan_that_counts_and_replaces_none(call: Command, tmp_path: Path) -> None:
    assert call("new", "--target", "CsI", "--source", "ess")[0] == 0
    written = (tmp_path / "csi-ess.toml").read_text()
    status, out, _ = call("events", "csi-ess.toml")
    assert (status, "total" in out) == (0, True)
    status, _, err = call("new", "--target", "CsI", "--source", "ess", "--mass-kg", "3")
    assert (status, "csi-ess.toml already exists" in err) == (2, True)
    assert (tmp_path / "csi-ess.toml").read_text() == written
    assert call("new", "--target", "CsI", "--source", "ess", "--mass-kg", "3", "--overwrite")[0] == 0
    assert "mass_kg = 3\n" in (tmp_path / "csi-ess.toml").read_text()


def test_copy_puts_a_bundled_scan_here(call: Command, tmp_path: Path) -> None:
    assert call("copy", "coherent/vector-csi2021")[0] == 0
    assert 'include = ["coherent/csi2021"]' in (tmp_path / "vector-csi2021.toml").read_text()
    status, _, err = call("copy", "coherent/csi2020")
    assert (status, "the nearest is coherent/csi2021" in err) == (2, True)


def test_data_lists_the_files_that_a_scan_needs(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    status, out, _ = call("data", "coherent/lar2020")
    assert status == 0
    assert "  lar2020/bkgpdf.txt\n" in out
    assert "https://doi.org/10.5281/zenodo.3903810" in out
    assert call("data", "small.toml")[1] == "no data files are needed\n"


def test_events_at_a_value_of_an_axis_are_those_where_it_is_fixed(call: Command, tmp_path: Path) -> None:
    (tmp_path / "fixed.toml").write_text(SMALL.partition("[axes]")[0] + "[fixed]\neps_ee_uV = 0.2\n")
    status, out, _ = call("events", "small.toml", "--at", "eps_ee_uV=0.2", "--json")
    assert status == 0
    assert json.loads(out) == json.loads(call("events", "fixed.toml", "--json")[1])
    for wrong, words in (("eps_ee_uV", "it must be AXIS=VALUE"), ("mu_nu=1", "'mu_nu' is not an axis of this scan")):
        status, _, err = call("events", "small.toml", "--at", wrong)
        assert (status, words in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evnts", "small.toml"], "there is no command evnts: the nearest is events"),
        (["events", "smal.toml"], "the nearest file is small.toml"),
        (["events", "large/nsi-5"], "the nearest bundled one is large/nsi-5d"),
    ],
)
def test_what_is_misspelt_is_told_with_the_nearest(call: Command, arguments: list[str], words: str) -> None:
    status, _, err = call(*arguments)
    assert (status, words in err) == (2, True)


def test_help_has_a_short_option(call: Command) -> None:
    assert call("events", "-h") == call("events", "--help")
    assert "--at" in call("events", "-h")[1]
