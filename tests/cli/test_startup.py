"""What a small scan does without: Numba and its compiler, SciPy, and HDF5 where there is no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scanengine
from scanengine.chi2.squares import ChiSquaredPolynomial

SMALL = "scholberg2006/fig07"


def imported(code: str, tmp_path: Path) -> set[str]:
    """Which of the slow packages a new process has imported when it has run the code."""
    slow = ("numba", "scipy", "numpy.ma", "h5py", "matplotlib", "contourpy", "jinja2", "typer", "rich")
    code += f"\nimport sys; print('imported', *(name for name in {slow} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "empty")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert not (tmp_path / "empty").exists()
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_importing_the_package_imports_nothing_slow(tmp_path: Path) -> None:
    assert imported("import scanengine; scanengine.__version__", tmp_path) == set()


@pytest.mark.parametrize("call", ["run()", "events()", "chi2(eps_ee_uV=0.1)", "estimate()"])
def test_small_scan_in_memory(call: str, tmp_path: Path) -> None:
    files = {"h5py"} if call == "estimate()" else set()  # it compresses a tile, to say how large the file will be
    assert imported(f"import scanengine; scanengine.load('{SMALL}').{call}", tmp_path) == files


def test_small_scan_to_a_file_with_its_limits(tmp_path: Path) -> None:
    code = f"import scanengine; scanengine.load('{SMALL}').run('out.h5').limits()"
    assert imported(code, tmp_path) <= {"h5py", "contourpy"}


def test_command_line(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv = ['scanengine', 'run', '{SMALL}', '--no-figure', '-o', 'out.h5', "
        "'--set', 'axes.eps_ee_uV.max=20', '--set', 'axes.eps_ee_uV.min=-20',"
        "'--set', 'axes.eps_ee_dV.max=20', '--set', 'axes.eps_ee_dV.min=-20']\n"
        "import contextlib, io; from scanengine.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()): main()"
    )
    assert imported(code, tmp_path) <= {"h5py", "contourpy", "typer"}
    assert (tmp_path / "out.h5").exists()


@pytest.mark.jit_only
def test_grid_just_too_large_is_compiled_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = [f"axes.{name}.points=181" for name in ("eps_ee_uV", "eps_ee_dV")]
    scan = scanengine.load(SMALL, overrides)
    assert isinstance(scan.problem.evaluator, ChiSquaredPolynomial)
    squares = 181**2 * len(scan.problem.evaluator.residuals)
    monkeypatch.setattr("scanengine.chi2.squares.SMALL_SQUARES", squares)
    scan = scanengine.load(SMALL, overrides)
    assert not scan.problem.compiled
    small = scan.run()
    monkeypatch.setattr("scanengine.chi2.squares.SMALL_SQUARES", squares - 1)
    scan = scanengine.load(SMALL, overrides)
    assert scan.problem.compiled
    compiled = scan.run()
    difference = np.abs(small.chi2 - compiled.chi2) / (1.0 + compiled.chi2)
    assert 0.0 < difference.max() < 1e-11
    # many grid points have chi2 = 0, up to rounding
    assert max(small.minimum, compiled.minimum) < 1e-20
    for axis in ("eps_ee_uV", "eps_ee_dV"):
        np.testing.assert_allclose(small.profile(axis).chi2, compiled.profile(axis).chi2, rtol=1e-11, atol=1e-11)
