"""The processor's instructions that a result was computed with are in the file, and said where they change."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine.grid.profiles import RunningMinima
from scanengine.store import absorb, open_result
from scanengine.store.instructions import UNKNOWN, instruction_set
from scanengine.store.writer import GridWriter
from tests.store.results import SHAPE, TILE, chi2_of, profiles_of, tiles_of, writer_for

OTHER = "sparc64 of another machine"


def fill(writer: GridWriter, tiles: slice) -> None:
    """Write some tiles, with minima over the whole grid."""
    chi2 = chi2_of(SHAPE)
    profiles = profiles_of(chi2, writer.plan.axes)
    planes = np.concatenate([plane.ravel() for plane in profiles.planes.values()])
    index = tuple(int(i) for i in np.unravel_index(chi2.argmin(), SHAPE))
    minima = RunningMinima(planes, np.concatenate(list(profiles.lines.values())), profiles.minimum, index)
    for start, where in list(tiles_of(SHAPE, TILE))[tiles]:
        if not writer.is_done(start):
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
    writer.keep(lambda: minima)
    writer.checkpoint()


def recorded(path: Path) -> list[str]:
    """What a file says."""
    with h5py.File(path) as file:
        return list(file.attrs["instruction_sets"])


def begun(path: Path) -> None:
    """Begin a file, and stop after two tiles."""
    with writer_for(path) as writer:
        fill(writer, slice(2))


def finished(path: Path) -> None:
    """Go on with it to the end."""
    with writer_for(path) as writer:
        fill(writer, slice(None))
        writer.finish(profiles_of(chi2_of(SHAPE), writer.plan.axes))


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="scanengine")


def test_result_has_the_instructions_of_this_machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begun(tmp_path / "a.h5")
    finished(tmp_path / "a.h5")
    assert recorded(tmp_path / "a.h5") == [instruction_set()]
    assert open_result(tmp_path / "a.h5").attributes["instruction_sets"] == (instruction_set(),)
    assert "computed with" not in caplog.text


def test_run_that_goes_on_with_others_says_so_once_and_keeps_both(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path / "a.h5")
    monkeypatch.setattr("scanengine.store.writer.instruction_set", lambda: OTHER)
    begun(tmp_path / "a.h5")
    assert caplog.text.count(f"computed with {instruction_set()} and {OTHER}, which may round otherwise") == 1
    finished(tmp_path / "a.h5")
    assert recorded(tmp_path / "a.h5") == [instruction_set(), OTHER]
    assert caplog.text.count("computed with") == 1


@pytest.mark.parametrize("damage", ["missing", "a number"])
def test_older_file_counts_as_one_of_unknown_instructions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    begun(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.partial.h5", "r+") as file:
        del file.attrs["instruction_sets"]
        if damage == "a number":
            file.attrs["instruction_sets"] = 1.5
    finished(tmp_path / "a.h5")
    assert recorded(tmp_path / "a.h5") == [UNKNOWN, instruction_set()]
    assert "computed with" in caplog.text


def test_shard_of_another_machine_is_named_in_the_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanengine.store.partial.instruction_set", lambda: OTHER)
    monkeypatch.setattr("scanengine.store.writer.instruction_set", lambda: OTHER)
    with writer_for(tmp_path / "shard.h5") as writer:
        fill(writer, slice(None))
        shard = writer.finish_shard(1, 1)
    monkeypatch.undo()
    caplog.set_level(logging.INFO, logger="scanengine")
    with writer_for(tmp_path / "a.h5") as writer:
        absorb(writer, shard)
        writer.finish(profiles_of(chi2_of(SHAPE), writer.plan.axes))
    assert recorded(tmp_path / "a.h5") == [instruction_set(), OTHER]
    assert f"{instruction_set()} and {OTHER}" in caplog.text


def test_what_the_environment_asks_for_is_part_of_it() -> None:
    code = "from scanengine.store.instructions import instruction_set; print(instruction_set())"

    def under(**environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    plain = under()
    assert plain == instruction_set()
    assert under(NUMBA_CPU_NAME="nehalem") == f"{plain} NUMBA_CPU_NAME=nehalem"
