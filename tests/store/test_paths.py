"""Where a result may be written, and what stands in the way."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scanengine.errors import InputError, RunError
from scanengine.store import check_output, format_bytes, open_result, partial_path
from tests.store.results import (
    SHAPE,
    TILE,
    axes_of,
    chi2_of,
    minima_of,
    profiles_of,
    tiles_of,
    write_result,
    writer_for,
)


def test_an_existing_result_stays_without_overwrite(result: Path) -> None:
    before = result.read_bytes()
    with pytest.raises(InputError, match=r"out\.h5 exists: pass --overwrite to replace it, or -o to write elsewhere"):
        writer_for(result)
    assert result.read_bytes() == before


def test_overwrite_keeps_the_old_result_until_the_new_one_is_whole(result: Path) -> None:
    before = result.read_bytes()
    with writer_for(result, overwrite=True) as writer:
        assert result.read_bytes() == before
        assert writer.partial.exists()
    assert result.read_bytes() == before
    write_result(result, (3, 3), (2, 2), overwrite=True)
    assert open_result(result).shape == (3, 3)
    assert list(result.parent.iterdir()) == [result]


def test_a_leftover_that_is_no_unfinished_scan_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    partial_path(path).write_bytes(b"junk")
    with (
        pytest.raises(InputError, match=r"out\.partial\.h5 is damaged .*: pass --fresh to start again"),
        writer_for(path, overwrite=True),
    ):
        pass
    assert partial_path(path).read_bytes() == b"junk"
    write_result(path, fresh=True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_another_process_writes_is_neither_replaced_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    script = "import h5py, sys; f = h5py.File(sys.argv[1], 'w'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(partial_path(path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        for fresh in (False, True):
            busy = pytest.raises(InputError, match=r"out\.partial\.h5 is being written by another run: wait for it")
            with busy, writer_for(path, overwrite=True, fresh=fresh):
                pass
        partial = partial_path(path)
        partial.write_bytes(b"\x89HDF\r\n\x1a\n")
        with pytest.raises(InputError, match="is open for writing, by a running scan or another program"):
            open_result(partial)
        process.communicate("")


def test_a_result_that_appears_during_the_run_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with writer_for(path, keep="profiles") as writer:
        path.write_text("mine")
        writer.keep(lambda: minima_of(chi2_of(SHAPE)))
        for start, _ in tiles_of(SHAPE, TILE):
            writer.write(start, None)
        with pytest.raises(RunError, match="appeared during the run"):
            writer.finish(profiles_of(chi2_of(SHAPE), axes_of(SHAPE)))
    assert path.read_text() == "mine"
    assert writer.kept == partial_path(path)
    assert open_result(partial_path(path)).shape == SHAPE


@pytest.mark.parametrize("name", ["out.txt", "out", "out.nc", "out.partial.h5", ".h5"])
def test_the_name_of_a_result_ends_in_h5_or_hdf5(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends in \.h5 or \.hdf5"):
        check_output(tmp_path / name, 0)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no directory .*nowhere; create it, or write elsewhere"):
        check_output(tmp_path / "nowhere" / "out.h5", 0)


def test_a_directory_of_that_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "out.h5").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        check_output(tmp_path / "out.h5", 0, overwrite=True)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written; write elsewhere"):
        check_output(tmp_path / "out.h5", 0)


def test_a_directory_that_turns_out_read_only_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match="cannot be written: Read-only file system"), writer_for(tmp_path / "out.h5"):
        pass


def test_a_grid_larger_than_the_free_disk_is_refused_with_both_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=79_500_000_000))
    with pytest.raises(InputError, match=r"takes 1\.23 TB, but only 79\.5 GB are free"):
        check_output(tmp_path / "out.h5", 1_234_000_000_000)
    with pytest.raises(InputError, match=r"takes 8\.00 EB"):
        writer_for(tmp_path / "out.h5", (10_000,) * 4 + (100,), (1, 1, 1, 1, 100))
    assert not list(tmp_path.iterdir())


def test_room_taken_by_the_leftover_counts_as_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    partial_path(tmp_path / "out.h5").write_bytes(bytes(500))
    check_output(tmp_path / "out.h5", 1500, overwrite=True)
    with pytest.raises(InputError, match=r"takes 1\.50 kB, but only 1\.50 kB"):
        check_output(tmp_path / "out.h5", 1501, overwrite=True)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.00 kB"), (999_600, "1.00 MB"), (123_456_789, "123 MB")],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("thing", ["directory", "pipe", "link", "link to nothing", "link to itself"])
def test_what_is_no_file_in_the_place_of_the_unfinished_one_is_named_and_kept(
    tmp_path: Path, thing: str, fresh: bool
) -> None:
    """A pipe would be waited for, and a link lead elsewhere."""
    partial = tmp_path / "out.partial.h5"
    if thing == "directory":
        partial.mkdir()
    elif thing == "pipe":
        os.mkfifo(partial)
    else:
        (tmp_path / "there").write_text("precious")
        partial.symlink_to({"link": "there", "link to nothing": "nowhere"}.get(thing, partial.name))
    with pytest.raises(
        InputError, match=r"out\.partial\.h5, where .* is (a symbolic link|not a regular file): remove it"
    ):
        writer_for(tmp_path / "out.h5", fresh=fresh)
    assert os.path.lexists(partial)
