"""How long a new process takes to its first result, beside what the imports alone take.

`pytest benchmarks/test_startup.py --benchmark-enable --benchmark-only` prints the times. `test_limit` imports what
every scan needs; what a verb takes beyond it is ours. The kernels are compiled once before the first of these, and
Python's own byte code is kept, as an installed package has it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SMALL = "scholberg2006/fig07"
RUN_SMALL = f"import scanengine; scanengine.load('{SMALL}').run()"
RUN_LARGE = (
    f"import scanengine; scanengine.load('{SMALL}', ['axes.eps_ee_uV.points=2048', 'axes.eps_ee_dV.points=2048']).run()"
)


@pytest.fixture(scope="module", autouse=True)
def byte_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("byte-code")))
        yield


def new_process(benchmark: Any, *arguments: str) -> None:
    def process() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    benchmark.pedantic(process, rounds=7, warmup_rounds=1)


@pytest.mark.parametrize("modules", ["numpy", "numpy, pydantic, periodictable", "numba"])
@pytest.mark.benchmark(group="a new process")
def test_limit(benchmark: Any, modules: str) -> None:
    new_process(benchmark, "-c", f"import {modules}")


@pytest.mark.parametrize("code", [RUN_SMALL, RUN_LARGE], ids=["401 x 401", "2048 x 2048"])
@pytest.mark.benchmark(group="a new process")
def test_python_interface(benchmark: Any, code: str) -> None:
    new_process(benchmark, "-c", code)


@pytest.mark.parametrize("verb", [["list"], ["info", SMALL], ["events", SMALL]], ids=lambda verb: verb[0])
@pytest.mark.benchmark(group="a new process")
def test_command_line(benchmark: Any, verb: list[str]) -> None:
    new_process(benchmark, "-m", "scanengine", *verb)


@pytest.mark.benchmark(group="a new process")
def test_command_line_with_a_result_file(benchmark: Any, tmp_path: Path) -> None:
    output = tmp_path / "out.h5"
    new_process(benchmark, "-m", "scanengine", "run", SMALL, "--no-figure", "--overwrite", "-o", str(output))
    assert output.exists()
