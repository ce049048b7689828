"""The decorator: a cache that cannot serve stale physics, its fallback, its floating-point rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scanengine_kernels import _jit
from scanengine_kernels._jit import jit

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
CALL = "from kernels_copy.caller import rate; print(rate(1.0), sum(rate.stats.cache_hits.values()))"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A kernel package of its own, with the real decorator and a kernel that calls one in another file."""
    package = tmp_path / "kernels_copy"
    package.mkdir()
    shutil.copy(_jit.__file__, package)
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE.format(value=2.0))
    (package / "caller.py").write_text(CALLER)
    return package


def run(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that finds `tmp_path` first, with a user's cache of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    home = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | home | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.mark.jit_only
def test_compiled_code_is_used_again_in_a_new_process(package: Path, tmp_path: Path) -> None:
    assert run(CALL, tmp_path).stdout.split() == ["3.0", "0"]
    assert run(CALL, tmp_path).stdout.split() == ["3.0", "1"]


@pytest.mark.jit_only
def test_editing_a_callee_in_another_file_changes_the_result(package: Path, tmp_path: Path) -> None:
    assert run(CALL, tmp_path).stdout.split()[0] == "3.0"
    (package / "callee.py").write_text(CALLEE.format(value=5.0))
    assert run(CALL, tmp_path).stdout.split()[0] == "6.0"


@pytest.mark.jit_only
def test_cache_lies_under_the_source_hash_and_is_cold_until_the_first_call(package: Path, tmp_path: Path) -> None:
    code = (
        "from kernels_copy import _jit; from kernels_copy.caller import rate; print(_jit.cache_directory());"
        "print(_jit.is_cold()); rate(1.0); print(_jit.is_cold(), rate.stats.cache_path)"
    )
    base = tmp_path / "chosen"
    directory, before, after, path = run(code, tmp_path, NUMBA_CACHE_DIR=str(base)).stdout.split()
    assert (before, after) == ("True", "False")
    assert Path(directory).parent == base / "scanengine"
    assert len(Path(directory).name) == 16
    assert Path(path).parent == Path(directory)


@pytest.mark.jit_only
def test_cache_that_cannot_be_written_costs_one_warning_and_no_result(package: Path, tmp_path: Path) -> None:
    # A file in the place of the directory: permissions would not stop root.
    blocked = tmp_path / "file"
    blocked.touch()
    code = f"{CALL}; from kernels_copy import _jit; print(_jit.cache_directory(), _jit.is_cold())"
    done = run(code, tmp_path, NUMBA_CACHE_DIR=str(blocked))
    assert done.stdout.split() == ["3.0", "0", "None", "True"]
    assert done.stderr.count("cannot be kept") == 1
    assert str(blocked) in done.stderr


@pytest.mark.jit_only
def test_other_packages_keep_their_own_cache(package: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import numba\n\n@numba.njit(cache=True)\ndef f(x):\n    return x\n")
    code = "from kernels_copy import caller; caller.rate(1.0); import other; other.f(1.0); print(other.f.stats)"
    assert f"cache_path={str(tmp_path / '__pycache__')!r}" in run(code, tmp_path).stdout


@pytest.mark.jit_only
def test_locators_chosen_for_others_do_not_move_the_cache(package: Path, tmp_path: Path) -> None:
    code = "from kernels_copy.caller import rate; rate(1.0); print(rate.stats.cache_path)"
    done = run(code, tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="InTreeCacheLocator")
    assert done.stdout.startswith(str(tmp_path / "home"))


def test_function_comes_back_as_it_is_when_the_jit_is_disabled(package: Path, tmp_path: Path) -> None:
    code = "from kernels_copy import _jit, caller; print(type(caller.rate).__name__, caller.rate(1.0), _jit.is_cold())"
    done = run(code, tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.stdout.split() == ["function", "3.0", "False"]
    assert not (tmp_path / "home").exists()


@jit
def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator


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
