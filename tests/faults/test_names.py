"""Names that change hands in mid-run: what is not ours is neither served as a result nor removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.scans import assert_same, write_scan
from tests.faults.waiting import wait_for

LOST = "error: out/scan.partial.h5 is not the file that this run writes any more: it was moved, removed or replaced"


def as_file(path: Path) -> None:
    path.write_text("precious")


def as_link(path: Path) -> None:
    (path.parent / "precious").write_text("precious")
    path.symlink_to("precious")


THINGS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "file": as_file,
    "directory": Path.mkdir,
    "pipe": os.mkfifo,
    "link": as_link,
}


def meanwhile(nursery: Nursery, folder: Path, change: Callable[[Path], object], *more: str) -> tuple[int, str]:
    """Run a scan to out/scan.h5 and do something in mid-run; give exit status and what was printed."""
    write_scan(folder)
    (folder / "out").mkdir()
    child = nursery.start(folder, "run", "scan.toml", "--no-figure", "-o", "out/scan.h5", *more, hold=12)
    wait_for(lambda: list(folder.glob("held-*")), child.alive)
    change(folder / "out")
    (folder / "go").touch()
    status, printed = child.wait(), (folder / "printed").read_text()
    assert "Traceback" not in printed
    assert "bug" not in printed
    return status, printed


@pytest.mark.parametrize("thing", THINGS)
def test_what_takes_the_place_of_the_unfinished_file_is_left_alone(
    nursery: Nursery, tmp_path: Path, thing: str
) -> None:
    def replace(out: Path) -> None:
        (out / "scan.partial.h5").unlink()
        THINGS[thing](out / "scan.partial.h5")

    status, printed = meanwhile(nursery, tmp_path, replace)
    assert status == 1
    assert LOST in printed
    assert not (tmp_path / "out" / "scan.h5").exists()
    found = tmp_path / "out" / "scan.partial.h5"
    assert os.path.lexists(found) == (thing != "nothing")
    if thing in {"file", "link"}:
        assert found.read_text() == "precious"


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "removed"])
def test_a_folder_that_goes_in_mid_run_ends_it_soon(nursery: Nursery, tmp_path: Path, moved: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    status, printed = meanwhile(nursery, tmp_path, lambda out: out.rename(elsewhere) if moved else shutil.rmtree(out))
    assert status == 1
    assert LOST in printed
    if moved:  # and what was finished is there
        status, printed = nursery.run(tmp_path, "run", "scan.toml", "--no-figure", "-o", "elsewhere/scan.h5")
        assert status == 0, printed
        assert "resuming after" in printed


def test_a_file_that_is_touched_as_if_the_clock_went_back_is_the_same(nursery: Nursery, tmp_path: Path) -> None:
    status, printed = meanwhile(nursery, tmp_path, lambda out: os.utime(out / "scan.partial.h5", (1, 1)))
    assert status == 0, printed
    assert nursery.run(tmp_path, "run", "scan.toml", "--no-figure", "-o", "whole.h5")[0] == 0
    assert_same(tmp_path / "out" / "scan.h5", tmp_path / "whole.h5")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_file_that_someone_makes_shorter_never_becomes_the_result(
    nursery: Nursery, tmp_path: Path, share: float
) -> None:
    def shorten(out: Path) -> None:
        os.truncate(out / "scan.partial.h5", int(share * (out / "scan.partial.h5").stat().st_size))

    status, printed = meanwhile(nursery, tmp_path, shorten)
    assert status == 1
    assert "error: out/scan.partial.h5 became shorter while this run wrote it: something else has changed it" in printed
    assert "resumes from there" not in printed
    assert not (tmp_path / "out" / "scan.h5").exists()
    status, printed = nursery.run(tmp_path, "run", "scan.toml", "--no-figure", "-o", "out/scan.h5")
    assert status == 2
    assert re.search(r"out/scan\.partial\.h5 is .*: pass --fresh to start again", printed)


@pytest.mark.parametrize("thing", ["file", "directory", "pipe", "link"])
def test_a_result_that_appears_in_mid_run_is_left_alone(nursery: Nursery, tmp_path: Path, thing: str) -> None:
    status, printed = meanwhile(nursery, tmp_path, lambda out: THINGS[thing](out / "scan.h5"))
    assert status == 1
    assert "out/scan.h5 appeared during the run and is left alone: the whole result is out/scan.partial.h5" in printed
    found = tmp_path / "out" / "scan.h5"
    shutil.rmtree(found) if thing == "directory" else found.unlink()
    status, printed = nursery.run(tmp_path, "run", "scan.toml", "--no-figure", "-o", "out/scan.h5")
    assert status == 0, printed
