"""What every test shares: the same examples in every run, tests that need the compiler skipped where it is off, and an
order in which two processes end at about the same time.
"""

from __future__ import annotations

import os

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from numba.core import config

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
    *("test_measure", "test_simd", "test_exact_profiles", "test_jit", "test_kills", "test_published", "test_workers"),
    *("test_sheets", "test_integrals", "test_disks", "test_shards", "test_signals", "test_strangers"),
)
"""Files of tests that begin first, so that no process is left alone with one of them."""


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: SLOWEST.index(item.path.stem) if item.path.stem in SLOWEST else len(SLOWEST))
    if config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("jit_only"):
                item.add_marker(pytest.mark.skip(reason="the JIT is disabled"))
