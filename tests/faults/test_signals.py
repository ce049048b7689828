"""Ctrl-C and SIGTERM, sent for real: the end is soon, clean and told in a sentence, and the run goes on from there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scanengine.store import open_unfinished
from tests.faults.nursery import Nursery, environment
from tests.faults.scans import assert_same, write_scan
from tests.faults.waiting import PATIENCE_SECONDS, processes_of, wait_for

RUN = ("run", "scan.toml", "--no-figure")
KEPT = r"error: interrupted after \d+ of 7209 points \(.*%\); scan\.partial\.h5 holds (\d+) of 27 tiles, and the same"


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
    child = nursery.start(tmp_path, *RUN, hold=12)
    wait_for(lambda: list(tmp_path.glob("held-*")), child.alive)
    for _ in range(times):
        child.kill(number)
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
    assert f"note: scan.partial.h5: resuming after {found[1]} of 27 tiles" in printed
    assert_same(tmp_path / "scan.h5", whole)


@pytest.mark.parametrize("place", ["write of HDF5", "end of an object", "weak reference", "end of the run"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_where_python_would_swallow_it_comes_later(
    nursery: Nursery, tmp_path: Path, number: signal.Signals, place: str
) -> None:
    write_scan(tmp_path)
    script = (
        "import os, weakref\n"
        "from scanengine.store import GridWriter; from scanengine.store.disk import committed\n"
        "write = GridWriter.write; put = committed._write_all\n"
        "class Dying:\n"
        f"    def __del__(self): os.kill(os.getpid(), {number}); str()\n"
        "class Watched: pass\n"
        "def put_and_interrupt(file, data):\n"
        f"    committed._write_all = put; os.kill(os.getpid(), {number}); put(file, data)\n"
        "def interrupt(self, start, prepared):\n"
        "    write(self, start, prepared)\n"
        "    if self.tiles_written == 12:\n"
        f"        {{'write of HDF5': in_hdf5, 'end of an object': Dying, 'weak reference': weakly, "
        f"'end of the run': twice}}['{place}']()\n"
        "def twice():\n"
        "    original = GridWriter.discard\n"
        "    def discard(self):\n"
        f"        os.kill(os.getpid(), {number}); original(self)\n"
        f"    GridWriter.discard = discard; os.kill(os.getpid(), {number})\n"
        "def in_hdf5(): committed._write_all = put_and_interrupt\n"
        "def weakly():\n"
        "    watched = Watched(); known = weakref.WeakValueDictionary(a=watched)\n"
        "    known._pending_removals = Killing(); known._iterating.add(1)\n"
        "class Killing(list):\n"
        f"    def append(self, item): os.kill(os.getpid(), {number})\n"
        "GridWriter.write = interrupt\n"
    )
    status, printed = nursery.run(tmp_path, *RUN, before=script, pause=0.002)
    assert status == 1, printed
    assert "Traceback" not in printed
    found = re.search(r"error: interrupted.*; scan\.partial\.h5 holds (\d+) of 27 tiles, and the same", printed)
    assert found, printed
    assert int(found[1]) >= 8


@pytest.mark.parametrize("milliseconds", [0, 60, 150, 300, 500])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_the_start_ends_the_run(tmp_path: Path, number: signal.Signals, milliseconds: int) -> None:
    """Before the command line can listen, Python itself ends, and shows where."""
    write_scan(tmp_path)
    command = [sys.executable, "-m", "scanengine", *RUN, "--set", "axes.eps_ee_uV.points=20001"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        time.sleep(0.05 + milliseconds / 1000)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    if process.returncode == 1:
        assert re.search(r"error: interrupted|KeyboardInterrupt\n$", errors)
    else:  # before the first line of ours, or after the last
        assert process.returncode in {-number, 0}
    assert "bug" not in errors


@pytest.mark.parametrize("module", ["scanengine.cli", "typer", "numpy", "pydantic", "scanengine.api", "h5py"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_modules_are_imported_is_quiet(tmp_path: Path, number: signal.Signals, module: str) -> None:
    write_scan(tmp_path)
    script = (
        "import os, sys; from importlib.abc import MetaPathFinder\n"
        "class Interrupting(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == '{module}':\n"
        "            sys.meta_path.remove(self)\n"
        f"            os.kill(os.getpid(), {number})\n"
        "import scanengine.__main__ as m\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        f"sys.argv = ['scanengine', *{RUN}]; m.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    if done.returncode == -signal.SIGTERM:  # nobody listens yet
        assert module in {"scanengine.cli", "typer"}
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("error: interrupted")
    assert "Traceback" not in done.stderr


@pytest.mark.jit_only
def test_sigterm_while_the_kernels_are_compiled_does_not_wait_for_them(tmp_path: Path) -> None:
    write_scan(tmp_path, "4")
    script = (
        "import sys, threading; from tests.faults.nursery import arrange; arrange(compiled=True)\n"
        "from numba.core.dispatcher import Dispatcher; compile = Dispatcher.compile\n"
        "def endlessly(self, signature):\n"
        "    done = compile(self, signature)\n"
        "    if threading.current_thread() is not threading.main_thread():\n"
        "        print('compiled', flush=True); threading.Event().wait()\n"
        "    return done\n"
        "Dispatcher.compile = endlessly\n"
        "import scanengine.__main__ as m\n"
        f"sys.argv = ['scanengine', *{RUN}]; m.main()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), text=True, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout is not None
        assert "compiled" in process.stdout.readline()
        wait_for((tmp_path / "scan.partial.h5").exists, lambda: process.poll() is None)
        process.terminate()
        errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert process.returncode == 1
    assert "error: interrupted" in errors
    assert "nothing was kept" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "scan.partial.h5").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    "how", ["killed parent", *(pytest.param(each, marks=pytest.mark.slow) for each in ("batch system", "twice"))]
)
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
        wait_for(lambda: list(tmp_path.glob("scan.shards/*")), lambda: process.poll() is None)
        assert len(processes_of(process.pid)) >= 3
        if how == "killed parent":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGTERM)
        if how == "twice":
            time.sleep(0.02)
            os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        wait_for(lambda: not processes_of(process.pid))
    assert "Traceback" not in errors
    if how != "killed parent":
        assert process.returncode == 1
        assert re.search(r"error: interrupted.*; (scan\.partial\.h5 holds \d+ of \d+ tiles|nothing was kept)", errors)
