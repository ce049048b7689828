"""The decorator: nothing is compiled before it is called; a cache that cannot serve stale physics nor be spoilt by
several processes at once; floating-point rules.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numba
import numpy as np
import pytest

import scanengine_kernels
from scanengine_kernels import _cache, _jit, _sources
from scanengine_kernels._jit import interpreted, jit, jit_uncached
from tests.kernels.forks import forks
from tests.naive import FloatArray

CALLEE = """
from ._jit import jit

@jit
def form_factor(q):
    return {value} * q
"""
CALLER = """
from ._jit import jit
from .callee import form_factor

@jit
def rate(q):
    return form_factor(q) + 1.0
"""
CALL = "from scanengine_kernels.caller import rate;print(rate(1.0), sum(rate.dispatcher.stats.cache_hits.values()))"
COMPILING = "compiling the kernels (once for this machine and version; about fifteen seconds)"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A kernel package in the place of ours, with the real decorator and a kernel that calls one in another file."""
    package = tmp_path / "scanengine_kernels"
    package.mkdir()
    for module in (_jit, _cache, _sources):
        shutil.copy(str(module.__file__), package)
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE.format(value=2.0))
    (package / "caller.py").write_text(CALLER)
    return package


def run(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that finds `tmp_path` first, with a user's cache of its own."""
    process = start(code, tmp_path, **environment)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def its_environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    return kept | home | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | more


def start(code: str, tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    """Start such a process."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=its_environment(tmp_path, **environment),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Forked(Protocol):
    def __call__(self, code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    """Run code like `run`, but in a process that has imported Numba before, which takes longer than all the rest."""
    if not hasattr(os, "fork"):
        yield run
        return
    with forks() as run_forked:

        def checked(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
            done = run_forked(code, tmp_path, its_environment(tmp_path, **environment))
            assert done.returncode == 0, done.stderr
            return done

        yield checked


@pytest.mark.jit_only
def test_compiled_code_is_used_again_in_a_new_process(forked: Forked, package: Path, tmp_path: Path) -> None:
    assert forked(CALL, tmp_path).stdout.split() == ["3.0", "0"]
    assert forked(CALL, tmp_path).stdout.split() == ["3.0", "1"]


@pytest.mark.jit_only
def test_editing_a_callee_in_another_file_changes_the_result(forked: Forked, package: Path, tmp_path: Path) -> None:
    assert forked(CALL, tmp_path).stdout.split()[0] == "3.0"
    (package / "callee.py").write_text(CALLEE.format(value=5.0))
    assert forked(CALL, tmp_path).stdout.split()[0] == "6.0"


WHERE = (
    "from scanengine_kernels import _cache; from scanengine_kernels.caller import rate; rate(1.0);"
    "print(_cache.cache_directory(), rate.dispatcher.stats.cache_path)"
)


@pytest.mark.jit_only
def test_cache_lies_under_the_version_of_numba_and_a_hash(forked: Forked, package: Path, tmp_path: Path) -> None:
    base = tmp_path / "chosen"
    directory, path = forked(WHERE, tmp_path, NUMBA_CACHE_DIR=str(base)).stdout.split()
    assert Path(directory) == base / "scanengine" / f"numba-{numba.__version__}"
    assert Path(path).parent == Path(directory)
    assert re.fullmatch(r"caller-[0-9a-f]{16}", Path(path).name)


@pytest.mark.jit_only
def test_a_copy_of_the_sources_finds_what_the_first_compiled(forked: Forked, package: Path, tmp_path: Path) -> None:
    base = str(tmp_path / "shared")
    assert forked(CALL, tmp_path, NUMBA_CACHE_DIR=base).stdout.split() == ["3.0", "0"]
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(package, elsewhere / package.name)
    shutil.rmtree(package)
    assert forked(CALL, elsewhere, NUMBA_CACHE_DIR=base).stdout.split() == ["3.0", "1"]


@pytest.mark.jit_only
def test_an_edit_elsewhere_leaves_what_is_compiled(forked: Forked, package: Path, tmp_path: Path) -> None:
    (package / "other.py").write_text(CALLEE.format(value=3.0))
    assert forked(CALL, tmp_path).stdout.split() == ["3.0", "0"]
    (package / "other.py").write_text(CALLEE.format(value=4.0))
    assert forked(CALL, tmp_path).stdout.split() == ["3.0", "1"]


def test_what_a_kernel_imports_is_in_its_hash() -> None:
    """As Python's own parser finds it, in every file of the package."""
    package = Path(_sources.__file__).parent
    for source in package.rglob("*.py"):
        imported: set[Path] = set()
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.name):
                named = package.parent.joinpath(*str(node.module).split("."))
                candidates = [named, *(named / alias.name for alias in node.names)]
            elif isinstance(node, ast.Import):
                candidates = [package.parent.joinpath(*alias.name.split(".")) for alias in node.names]
            else:
                continue
            imported |= {file for each in candidates if (file := each.with_suffix(".py")).is_file()}
            imported |= {file for each in candidates if (file := each / "__init__.py").is_file()}
        assert imported - {source} <= _sources._imports(source), source


@pytest.mark.jit_only
def test_cache_that_cannot_be_written_costs_one_warning_and_no_result(
    forked: Forked, package: Path, tmp_path: Path
) -> None:
    # A file in the place of the directory: permissions would not stop root.
    blocked = tmp_path / "file"
    blocked.touch()
    code = f"{CALL}; from scanengine_kernels import _cache; print(_cache.cache_directory())"
    done = forked(code, tmp_path, NUMBA_CACHE_DIR=str(blocked))
    assert done.stdout.split() == ["3.0", "0", "None"]
    assert done.stderr.count("cannot be kept") == 1
    assert str(blocked) in done.stderr
    assert done.stderr.count("at every start, as nothing can be kept") == 1


def cache_seen_by(forked: Forked, tmp_path: Path, base: Path) -> subprocess.CompletedProcess[str]:
    """What a new process says of a cache directory, and where it keeps its kernels."""
    return forked(
        "from scanengine_kernels import _cache; print(_cache.cache_directory())", tmp_path, NUMBA_CACHE_DIR=str(base)
    )


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.jit_only
def test_cache_is_the_users_alone(forked: Forked, package: Path, tmp_path: Path) -> None:
    directory = Path(cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip())
    assert [stat.S_IMODE(each.stat().st_mode) for each in (directory.parent, directory)] == [0o700, 0o700]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.jit_only
def test_cache_that_others_may_write_to_is_refused(forked: Forked, package: Path, tmp_path: Path) -> None:
    directory = Path(cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip())
    directory.chmod(0o777)
    done = cache_seen_by(forked, tmp_path, tmp_path / "base")
    assert done.stdout.strip() == "None"
    assert f"other users may write to {directory}" in done.stderr
    assert "a directory that you alone can write to" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.jit_only
def test_cache_whose_folder_was_open_is_closed_to_others(forked: Forked, package: Path, tmp_path: Path) -> None:
    directory = Path(cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip())
    directory.parent.chmod(0o775)
    assert cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip() == str(directory)
    assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.jit_only
def test_cache_of_another_user_is_refused(forked: Forked, package: Path, tmp_path: Path, level: int) -> None:
    directory = Path(cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip())
    theirs = (directory, directory.parent)[level]
    os.chown(theirs, 12345, -1)
    done = cache_seen_by(forked, tmp_path, tmp_path / "base")
    assert done.stdout.strip() == "None"
    assert f"{theirs} belongs to another user" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
@pytest.mark.jit_only
def test_cache_that_is_a_link_is_refused(forked: Forked, package: Path, tmp_path: Path) -> None:
    directory = Path(cache_seen_by(forked, tmp_path, tmp_path / "base").stdout.strip())
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    done = cache_seen_by(forked, tmp_path, tmp_path / "base")
    assert done.stdout.strip() == "None"
    assert "is a link or a file" in done.stderr


@pytest.mark.jit_only
def test_cache_that_fills_the_disk_costs_a_warning_and_no_result(forked: Forked, package: Path, tmp_path: Path) -> None:
    full = (
        "import numba.core.caching as c\n"
        "def save(*_): raise OSError(28, 'No space left on device')\n"
        "c.FunctionCache.save_overload = save\n"
    )
    done = forked(full + CALL, tmp_path)
    assert done.stdout.split() == ["3.0", "0"]
    assert "could not be kept" in done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.jit_only
def test_other_packages_keep_their_own_cache(forked: Forked, package: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import numba\n\n@numba.njit(cache=True)\ndef f(x):\n    return x\n")
    code = "from scanengine_kernels import caller; caller.rate(1.0); import other; other.f(1.0); print(other.f.stats)"
    assert f"cache_path={str(tmp_path / '__pycache__')!r}" in forked(code, tmp_path).stdout


@pytest.mark.jit_only
def test_locators_chosen_for_others_do_not_move_the_cache(package: Path, tmp_path: Path) -> None:
    code = "from scanengine_kernels.caller import rate; rate(1.0); print(rate.dispatcher.stats.cache_path)"
    done = run(code, tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="InTreeCacheLocator")
    assert done.stdout.startswith(str(tmp_path / "home"))


def test_python_runs_the_function_when_the_jit_is_disabled(package: Path, tmp_path: Path) -> None:
    code = "from scanengine_kernels import caller; print(type(caller.rate.dispatcher).__name__, caller.rate(1.0))"
    done = run(code, tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.stdout.split() == ["function", "3.0"]
    assert not (tmp_path / "home").exists()


@pytest.mark.jit_only
def test_an_index_outside_an_array_is_told_where_bounds_are_checked(package: Path, tmp_path: Path) -> None:
    """As CI has it in the kernels' tests; the decorator's own choice, not to check, gives way."""
    reads = "import numpy as np\nfrom ._jit import jit, jit_inline\n@{}\ndef {}(x, n):\n    return x[n]\n"
    (package / "reader.py").write_text(reads.format("jit", "read") + reads.format("jit_inline", "read_inline"))
    code = (
        "import numpy as np; from scanengine_kernels import reader\n"
        "for kernel in (reader.read, reader.read_inline):\n"
        "    try: print(kernel(np.zeros(3), 3))\n"
        "    except IndexError: print('outside')"
    )
    assert run(code, tmp_path, NUMBA_BOUNDSCHECK="1").stdout.split() == ["outside", "outside"]


def test_nothing_imports_numba_before_the_first_call(package: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from scanengine_kernels._jit import interpreted; from scanengine_kernels.caller import rate;"
        "print(interpreted(rate)(1.0), 'numba' in sys.modules); rate(1.0); print('numba' in sys.modules)"
    )
    assert run(code, tmp_path).stdout.split() == ["3.0", "False", "True"]


def test_python_runs_every_callee_too() -> None:
    assert interpreted(_twice_ratio)(1.0, 4.0) == 0.5
    with pytest.raises(ZeroDivisionError):  # not inf: this is Python
        interpreted(_twice_ratio)(1.0, 0.0)


@pytest.mark.jit_only
def test_functions_compiled_by_others_may_call_a_kernel() -> None:
    def foreign(x: float) -> float:
        return 3.0 * _ratio(x, 4.0)

    compiled: Any = numba.njit(foreign)
    assert compiled(2.0) == 1.5


@pytest.mark.jit_only
def test_threads_that_call_a_kernel_first_share_what_is_compiled() -> None:
    kernel: Any = jit_uncached(lambda x: x**3)
    with ThreadPoolExecutor(8) as pool:
        dispatchers = list(pool.map(lambda _: kernel.dispatcher, range(8)))
    assert len({id(dispatcher) for dispatcher in dispatchers}) == 1
    assert kernel(2.0) == 8.0


@pytest.mark.jit_only
def test_compiling_is_announced_once_and_only_where_it_happens(forked: Forked, package: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import numba\n\n@numba.njit\ndef f(x):\n    return x\n")
    others = "import other; from scanengine_kernels.caller import rate; rate.dispatcher; other.f(1.0)"
    assert forked(others, tmp_path).stderr == ""
    ours = f"{CALL}; rate(1)"  # compiled twice, for a float and for an integer
    assert forked(ours, tmp_path).stderr.splitlines() == [COMPILING]
    assert forked(ours, tmp_path).stderr == ""


@pytest.mark.jit_only
def test_one_process_at_a_time_adds_to_the_cache(forked: Forked, package: Path, tmp_path: Path) -> None:
    code = (
        "import fcntl, numba.core.caching as c\n"
        "def save(self, *_):\n"
        "    try: fcntl.flock(open(self.cache_path + '/lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "    except BlockingIOError: print('alone')\n"
        "c.FunctionCache.save_overload = save\n"
    )
    pytest.importorskip("fcntl")
    # of rate itself and of the callee
    assert forked(code + CALL, tmp_path).stdout.split() == ["alone", "alone", "3.0", "0"]


@pytest.mark.slow
@pytest.mark.jit_only
def test_processes_that_start_at_once_leave_a_whole_cache(package: Path, tmp_path: Path) -> None:
    """Each compiles the same kernels for arguments of its own: the index must end up with all of them, and no file
    twice.
    """
    kinds = ["1.0", "1", "True"]
    slowly = (  # between reading an index and replacing it, so that the others come in between if they can
        "import time, numba.core.caching as c\n"
        "save = c.IndexDataCacheFile._save_index\n"
        "c.IndexDataCacheFile._save_index = lambda *a: (time.sleep(0.7), save(*a))\n"
    )
    imports = "from scanengine_kernels.caller import rate;"
    processes = [start(f"{slowly}{imports} print(rate({kind}))", tmp_path) for kind in kinds]
    ended = [process.communicate() for process in processes]
    assert [float(out) for out, _ in ended] == [3.0] * 3, ended
    call = f"print(*(rate(kind) for kind in ({', '.join(kinds)})), sum(rate.dispatcher.stats.cache_hits.values()))"
    after = run(imports + call, tmp_path)
    assert after.stdout.split() == ["3.0"] * 3 + ["3"]
    assert after.stderr == ""


REAL_KERNEL = """
import numpy as np
from scanengine_kernels import response
knots, cubics = np.array([1.0, 2.0, 4.0]), np.array([[2.0, 3.0, -0.2, 0.01], [30.0, -4.0, 0.0, 0.0]])
tails, moments = np.array([[50.0, 30.0, 20.0], [36.0, 12.0, 5.0], [0.0, 0.0, 0.0]]), np.empty(3)
response.spectral_moments(2.5, np.array([[3.5, 3.0]]), knots, cubics, tails, np.zeros(3), moments)
print(*moments.tolist())
"""


@pytest.mark.slow
@pytest.mark.jit_only
def test_our_kernels_started_several_times_at_once_and_then_edited(tmp_path: Path) -> None:
    """Three processes with an empty cache; a fourth, which compiles nothing; one with an edited callee."""
    package = tmp_path / "scanengine_kernels"
    shutil.copytree(Path(scanengine_kernels.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    processes = [start(REAL_KERNEL, tmp_path) for _ in range(3)]
    ended = [process.communicate() for process in processes]
    warm = run(REAL_KERNEL, tmp_path)
    assert warm.stderr == ""
    by_python = numbers(run(REAL_KERNEL, tmp_path, NUMBA_DISABLE_JIT="1").stdout)
    for out in (*(out for out, _ in ended), warm.stdout):
        np.testing.assert_allclose(numbers(out), by_python, rtol=1e-14)

    callee = package / "interpolation.py"
    up_to, other = "if points[middle] <= x:", "if points[middle] <= 0.5 * x:"
    assert up_to in callee.read_text()
    callee.write_text(callee.read_text().replace(up_to, other))
    edited = run(REAL_KERNEL, tmp_path)
    assert edited.stderr.splitlines() == [COMPILING]
    edited_by_python = numbers(run(REAL_KERNEL, tmp_path, NUMBA_DISABLE_JIT="1").stdout)
    np.testing.assert_allclose(numbers(edited.stdout), edited_by_python, rtol=1e-14)
    assert np.all(np.abs(edited_by_python / by_python - 1.0) > 0.01)


def numbers(printed: str) -> FloatArray:
    return np.array([float(x) for x in printed.split()])


@jit
def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator


@jit
def _twice_ratio(numerator: float, denominator: float) -> float:
    return 2.0 * _ratio(numerator, denominator)


@jit
def _there_and_back(x: float, step: float) -> float:
    return (x + step) - x


@jit
def _is_nan(x: float) -> bool:
    return bool(np.isnan(x))


@pytest.mark.jit_only
def test_division_by_zero_is_infinite() -> None:
    assert _ratio(1.0, 0.0) == np.inf


def test_sums_are_not_reassociated() -> None:
    assert _there_and_back(1e16, 1.0) == 0.0


def test_nan_is_seen() -> None:
    assert _is_nan(np.nan)
