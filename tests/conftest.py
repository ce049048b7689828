"""What every test shares: the same examples in every run, one thread of linear algebra in each process, tests that need
the compiler skipped where it is off, and an order in which two processes end at about the same time.
"""

from __future__ import annotations

import gc
import os
import sys

# Matrices are small here: more threads wait for each other most of their time, and take it from the other processes'
# work. To be set before NumPy and SciPy are imported; processes that tests start inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from numba.core import config
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from pathlib import Path

    from xdist.remote import Producer

    from tests.command_line import Command, Printed

# The first example may compile a kernel: no deadline. `fuzz/properties.py` draws other examples, by the second profile.
hypothesis.settings.register_profile("scanengine", deadline=None, derandomize=True)
hypothesis.settings.register_profile("campaign", deadline=None, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("scanengine")

_constants_of_imported_modules = providers._get_local_constants


def _constants() -> Constants:
    """Hypothesis also draws numbers that stand in the source files imported so far: others when a test runs alone."""
    settings = hypothesis.settings()
    return providers._local_constants if settings.derandomize else _constants_of_imported_modules()


providers._get_local_constants = _constants


SLOWEST = (
    *("driver/test_exact_profiles", "kernels/test_jit", "reproduce/test_published", "faults/test_workers"),
    *("benchmarks/test_exact_profiles", "bench/test_measure", "kernels/test_simd", "faults/test_kills"),
    *("figures/test_sheets", "response/test_integrals", "faults/test_disks", "faults/test_shards"),
    *("faults/test_signals", "faults/test_strangers", "faults/test_every_write", "reproduce/test_coherent"),
)
"""Files of tests that begin first, so that no process is left alone with one of them.

With two processes and nothing compiled yet, one compiles the largest kernels in the first of these files while the
other has one that needs none of them, and finds them compiled in what follows.
"""


SHARING = ("tests/reproduce",)
"""Folders whose files use the same exhibits, which are made once in a process."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite in a process for each of up to four processors, unless told how (`-n 0`)."""
    option = config.option
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not option.keyword
    by_one = option.usepdb or option.collectonly or option.benchmark_enable or option.mpl_generate_path
    a_worker = hasattr(config, "workerinput")  # it would start workers of its own, and these theirs
    if whole and not by_one and not a_worker and getattr(option, "numprocesses", 0) is None:
        option.numprocesses = min(4, os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Keep a file of tests in one process, which makes its fixtures once, and the order below."""
    if getattr(config.option, "dist", None) == "load":  # what `-n` means where nothing else is said
        config.option.dist = "loadfile"
    config.option.loadscopereorder = False


class _SharedResults(LoadFileScheduling):  # type: ignore[misc]
    """A process for each file of tests, and one for all files of a folder whose results they share."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        folder = file.rpartition("/")[0]
        return folder if folder in SHARING else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _SharedResults(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run `scanengine ARGUMENTS` in this process and in the test's folder: exit status, output, errors."""
    from scanengine import cli

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scanengine", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        written = capsys.readouterr()
        return int(stop.value.code or 0), written.out, written.err

    return run


@pytest.fixture
def printed(command: Command) -> Printed:
    """Run `scanengine ARGUMENTS` as `command` does, and return the output of one that succeeds."""

    def run(*arguments: str) -> str:
        status, output, errors = command(*arguments)
        assert status == 0, errors
        return output

    return run


def pytest_collection_finish() -> None:
    """Modules and tests live as long as the process: looking for garbage among them takes a tenth of the suite."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(f"{item.path.parent.name}/{item.path.stem}", len(place)))
    if config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("jit_only"):
                item.add_marker(pytest.mark.skip(reason="the JIT is disabled"))
