"""Ctrl-C and SIGTERM, sent for real: the end is soon, clean and told in a sentence, and the run goes on from there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from scanengine.store import open_unfinished
from tests.faults.nursery import Nursery, environment
from tests.faults.scans import assert_same, write_scan

RUN = ("run", "scan.toml", "--no-figure")
KEPT = r"error: interrupted after \d+ of 7209 points \(.*%\); scan\.partial\.h5 holds (\d+) of 27 tiles, and the same"


def wait_for(condition: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.005)


def begun(partial: Path) -> bool:
    """Whether an unfinished file holds tiles already."""
    unfinished = open_unfinished(partial) if partial.exists() else None
    return unfinished is not None and unfinished.done > 2


@pytest.fixture(scope="module")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_scan(folder)
    assert nursery.run(folder, *RUN)[0] == 0
    return folder / "scan.h5"


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_it_kept_and_goes_on_from_there(
    nursery: Nursery, whole: Path, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    write_scan(tmp_path)
    child = nursery.start(tmp_path, *RUN, pause=0.03)
    wait_for(lambda: begun(tmp_path / "scan.partial.h5"))
    for _ in range(times):
        os.kill(child.pid, number)
        time.sleep(0.01)
    assert child.wait() == 1
    printed = (tmp_path / "printed").read_text()
    assert "Traceback" not in printed
    found = re.search(KEPT, printed) or re.search(r"interrupted; scan\.partial\.h5 holds (\d+) of 27 tiles", printed)
    assert found, printed
    unfinished = open_unfinished(tmp_path / "scan.partial.h5")
    assert unfinished is not None
    assert unfinished.done == int(found[1]) > 2
    status, printed = nursery.run(tmp_path, *RUN)
    assert status == 0
    assert f"note: scan.partial.h5: going on after {found[1]} of 27 tiles" in printed
    assert_same(tmp_path / "scan.h5", whole)


@pytest.mark.parametrize("milliseconds", [0, 60, 150, 300, 500])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_the_start_is_quiet(tmp_path: Path, number: signal.Signals, milliseconds: int) -> None:
    """Before the command line can listen, Python itself ends; it must not show where."""
    write_scan(tmp_path)
    command = [sys.executable, "-m", "scanengine", *RUN, "--set", "axes.eps_ee_uV.points=20001"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        time.sleep(0.05 + milliseconds / 1000)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    if process.returncode == 1:
        assert re.search(r"error: interrupted|KeyboardInterrupt\n$", errors)
    else:  # before the first line of ours
        assert process.returncode in {-number, 0}
    if milliseconds > 300:
        assert "Traceback" not in errors
    assert "bug" not in errors


@pytest.mark.jit_only
def test_sigterm_while_the_kernels_are_compiled_does_not_wait_for_them(tmp_path: Path) -> None:
    write_scan(tmp_path, "4")
    script = (
        "import sys; from tests.faults.nursery import arrange; arrange(compiled=True); "
        "import scanengine.__main__ as m; "
        f"sys.argv = ['scanengine', *{RUN}]; m.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(NUMBA_CACHE_DIR=str(tmp_path / "cold")),
        text=True,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert "compiling the kernels" in process.stderr.readline()
        wait_for((tmp_path / "scan.partial.h5").exists)
        time.sleep(0.5)
        began = time.monotonic()
        process.terminate()
        errors = process.communicate(timeout=30)[1]
        seconds = time.monotonic() - began
    assert process.returncode == 1
    assert "error: interrupted" in errors
    assert "nothing was kept" in errors
    assert "Traceback" not in errors
    assert seconds < 4.0
    assert not (tmp_path / "scan.partial.h5").exists()


def processes_of(group: int) -> set[int]:
    """The processes of a group that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, rest = stat.read_text().rpartition(") ")
            state, _, its_group = rest.split()[:3]
            if int(its_group) == group and state != "Z":
                found.add(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", ["batch system", "twice", "killed parent"])
def test_a_pool_of_processes_ends_with_its_parent(tmp_path: Path, how: str) -> None:
    """A batch system signals the workers as well; a parent that is killed can tell them nothing."""
    write_scan(tmp_path)
    script = (
        "import sys; from tests.faults.nursery import arrange; import scanengine.__main__ as m\n"
        "if __name__ == '__main__':\n"
        f"    arrange(points=64); sys.argv = ['scanengine', *{RUN}, '--executor', 'processes:2', "
        "'--set', 'axes.eps_ee_uV.points=40001']; m.main()\n"
    )
    (tmp_path / "script.py").write_text(script)
    with subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        wait_for(lambda: list(tmp_path.glob("scan.shards/*")))
        assert len(processes_of(process.pid)) >= 3
        if how == "killed parent":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGTERM)
        if how == "twice":
            time.sleep(0.02)
            os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        wait_for(lambda: not processes_of(process.pid), 10)
    assert "Traceback" not in errors
    if how != "killed parent":
        assert process.returncode == 1
        assert re.search(r"error: interrupted.*; (scan\.partial\.h5 holds \d+ of \d+ tiles|nothing was kept)", errors)
