"""What every test shares: Hypothesis without a deadline, tests that need the compiler skipped where it is off, and an
order in which two processes end at about the same time.
"""

from __future__ import annotations

import os

import hypothesis
import pytest
from numba.core import config

# The first example may compile a kernel: no deadline. On a CI machine a failure must come back in the next run.
hypothesis.settings.register_profile("scanengine", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("scanengine")


SLOWEST = (
    *("test_bench", "test_simd", "test_profiling", "test_jit", "test_kills", "test_published", "test_workers"),
    *("test_figure_sheets", "test_response", "test_disks", "test_shards", "test_signals", "test_strangers"),
)
"""Files of tests that begin first, so that no process is left alone with one of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: SLOWEST.index(item.path.stem) if item.path.stem in SLOWEST else len(SLOWEST))
    if config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("jit_only"):
                item.add_marker(pytest.mark.skip(reason="the JIT is disabled"))
