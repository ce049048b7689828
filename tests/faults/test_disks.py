"""Disks that fill up, files that may not grow, folders that turn read-only: finished tiles are kept, and told."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from scanengine.errors import RunError
from scanengine.store import open_result, open_unfinished
from tests.faults.nursery import Nursery, environment
from tests.faults.scans import assert_honest, assert_same, write_scan
from tests.faults.waiting import PATIENCE_SECONDS, begun, wait_for
from tests.store.results import SHAPE, write_result

RUN = ("run", "scan.toml", "--no-figure")
NOISE = ("--set", "output.compression=none", "--set", "axes.eps_ee_uV.points=4001")
"""A grid of 2.8 MB, in tiles of 89 x 40 points: it takes a while and room."""


@pytest.fixture(scope="module")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_scan(folder)
    status, printed = nursery.run(folder, *RUN, *NOISE, points=3560, checkpoint_seconds=0.02)
    assert status == 0, printed
    return folder / "scan.h5"


@pytest.fixture
def child(nursery: Nursery) -> Callable[..., tuple[int, str]]:
    """Run the command line in a process that did something before; give its status and what it printed."""

    def run(folder: Path, before: str, *arguments: str) -> tuple[int, str]:
        status, printed = nursery.run(folder, *RUN, *NOISE, *arguments, before=before, points=3560)
        return status, no_bug(printed)

    return run


def no_bug(printed: str) -> str:
    assert "Traceback" not in printed
    assert "bug" not in printed
    return printed


def process(folder: Path, before: str, *arguments: str, under: Sequence[str] = ()) -> tuple[int, str]:
    """Run the command line in a new process, under another; return its status and errors."""
    script = (
        "import os, shutil, sys; from tests.faults.nursery import arrange\n"
        f"{before}\narrange(0.0, points=3560); sys.argv = ['scanengine', *{[*RUN, *NOISE, *arguments]}]\n"
        "from scanengine.__main__ import main; main()"
    )
    done = subprocess.run(
        [*under, sys.executable, "-c", script],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, no_bug(done.stderr)


@pytest.mark.parametrize("kilobytes", [3, 60, 500, 1500, 2800])
def test_a_file_that_may_not_grow_keeps_what_was_committed(
    child: Callable[..., tuple[int, str]], whole: Path, tmp_path: Path, kilobytes: int
) -> None:
    write_scan(tmp_path)
    limit = 1000 * kilobytes
    status, errors = child(
        tmp_path, f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {resource.RLIM_INFINITY}))"
    )
    partial = tmp_path / "scan.partial.h5"
    if kilobytes < 100:  # not even the header, or not one tile
        assert status in {1, 2}
        assert re.search(r"error: scan(\.partial)?\.h5 (could not|cannot) be written: File too large", errors)
        assert not partial.exists()
        assert not list(tmp_path.glob("*.new*"))
    else:
        assert status == 1
        kept = re.search(
            r"File too large; it holds (\d+) of 101 tiles, and the same command resumes from there", errors
        )
        assert kept, errors
        unfinished = open_unfinished(partial)
        assert unfinished is not None
        assert unfinished.done == int(kept[1]) == assert_honest(partial, whole)
    status, errors = child(tmp_path, "")
    assert status == 0
    assert_same(tmp_path / "scan.h5", whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, of which the run wants to leave 4 for its end."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("room", [True, False], ids=["told in time", "found out"])
def test_a_full_disk_keeps_what_was_committed(whole: Path, small_disk: Path, room: bool) -> None:
    """A disk may fill up between the moment it was asked for its room and the one it is written to."""
    write_scan(small_disk)
    (small_disk / "other").write_bytes(bytes(1_000_000 if room else 6_400_000))
    blind = "from types import SimpleNamespace; shutil.disk_usage = lambda _: SimpleNamespace(free=10**12)"
    status, errors = process(
        small_disk,
        "from scanengine.store.writer import GridWriter; from pathlib import Path; write = GridWriter.write\n"
        "def fill(self, start, prepared):\n"
        "    if start[0] > 1000 and not Path('more').exists(): Path('more').write_bytes(bytes(1_500_000))\n"
        "    write(self, start, prepared)\n"
        "GridWriter.write = fill"
        if room
        else blind,
    )
    assert status == 1
    kept = re.search(r"the disk is full; it holds (\d+) of 101 tiles, and the same command resumes from there", errors)
    assert kept, errors
    assert assert_honest(small_disk / "scan.partial.h5", whole) >= int(kept[1]) > 0
    for name in ("other", "more"):
        (small_disk / name).unlink(missing_ok=True)
    (small_disk / "more").touch()
    status, errors = process(small_disk, blind)
    assert status == 0, errors
    assert_same(small_disk / "scan.h5", whole)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(small_disk: Path) -> None:
    write_scan(small_disk)
    status, errors = process(small_disk, "", "--set", "axes.eps_ee_uV.points=20001")
    assert status == 2
    assert "the file takes" in errors
    assert "are free in" in errors
    assert [path.name for path in small_disk.iterdir()] == ["scan.toml"]


@pytest.fixture
def under(tmp_path: Path) -> Iterator[list[str]]:
    """The command that takes from root the privilege to write where it may not."""
    found = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if found and (shutil.which("setpriv") is None or subprocess.run([*found, "true"], check=False).returncode):
        pytest.skip("root may write everywhere here")
    yield found
    tmp_path.chmod(0o755)


def test_a_folder_that_turns_read_only_costs_no_tile(whole: Path, tmp_path: Path, under: list[str]) -> None:
    write_scan(tmp_path)
    close = (
        "from scanengine.store.writer import GridWriter; write = GridWriter.write\n"
        "def lock_out(self, start, prepared):\n"
        "    if start[0] > 1000: os.chmod('.', 0o555)\n"
        "    write(self, start, prepared)\n"
        "GridWriter.write = lock_out"
    )
    status, errors = process(tmp_path, close, under=under)
    assert status == 1
    assert re.search(
        r"scan\.partial\.h5 could not be written: Permission denied; it holds 101 of 101 tiles, and the same", errors
    )
    status, errors = process(tmp_path, "", under=under)
    assert status == 2
    assert "the directory . cannot be written; write elsewhere with -o" in errors
    tmp_path.chmod(0o755)
    status, errors = process(tmp_path, "", under=under)
    assert status == 0
    assert_same(tmp_path / "scan.h5", whole)


@pytest.mark.slow
def test_a_folder_that_turns_read_only_before_the_first_tile(tmp_path: Path, under: list[str]) -> None:
    write_scan(tmp_path)
    stop = (
        "from scanengine.store.writer import GridWriter\n"
        "def stop(self, start, prepared):\n"
        "    os.chmod('.', 0o555)\n"
        "    raise KeyboardInterrupt\n"
        "GridWriter.write = stop"
    )
    status, errors = process(tmp_path, stop, under=under)
    assert status == 1
    assert "error: interrupted" in errors
    tmp_path.chmod(0o755)
    status, errors = process(tmp_path, "", under=under)
    assert status == 0, errors


def test_two_runs_to_one_output_and_the_first_is_unharmed(nursery: Nursery, whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    first = nursery.start(tmp_path, *RUN, *NOISE, points=3560, hold=12)
    wait_for(lambda: begun(tmp_path / "scan.partial.h5"), first.alive)
    # the users of some file systems switch off the locks of HDF5
    for locking, more in {"TRUE": [], "FALSE": ["--overwrite"], "BEST_EFFORT": ["--fresh"]}.items():
        status, errors = process(tmp_path, f"os.environ['HDF5_USE_FILE_LOCKING'] = '{locking}'", *more)
        assert status == 2
        assert "error: scan.partial.h5 is being written by another run: wait for it, or use -o" in errors
    unfinished = open_unfinished(tmp_path / "scan.partial.h5")
    assert unfinished is not None
    assert unfinished.running
    (tmp_path / "go").touch()
    assert first.wait() == 0
    assert_same(tmp_path / "scan.h5", whole)


@pytest.mark.slow
def test_many_runs_that_begin_at_once_make_one_result(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    script = (
        "import sys; import scanengine.api, scanengine.cli, scanengine.store\n"
        "from tests.faults.nursery import arrange\n"
        "arrange(0.02, points=3560, hold=12)\n"
        f"from scanengine.__main__ import main; sys.argv = ['scanengine', *{[*RUN, *NOISE]}]\n"
        "print('ready', flush=True); sys.stdin.readline(); main()"
    )
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment(),
            text=True,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        for _ in range(4)
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    wait_for(lambda: sum(run.poll() is not None for run in runs) > 2)
    (tmp_path / "go").touch()
    errors = [run.communicate(timeout=PATIENCE_SECONDS)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2, 2, 2], errors
    assert sum("is being written by another run" in each for each in errors) == 3
    assert_same(tmp_path / "scan.h5", whole)
    assert sorted(path.name for path in tmp_path.iterdir() if "held" not in path.name) == ["go", "scan.h5", "scan.toml"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EINVAL])
def test_a_disk_that_fails_to_keep_the_final_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """When the disk is back the file may have the name of an unfinished one again. Some systems cannot do it at all."""
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    if number == errno.EINVAL:
        write_result(tmp_path / "out.h5")
    else:
        with pytest.raises(RunError, match=r"out\.h5 is whole, but .* may have the name .*out\.partial\.h5 again"):
            write_result(tmp_path / "out.h5")
    assert open_result(tmp_path / "out.h5").shape == SHAPE
