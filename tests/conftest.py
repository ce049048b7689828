"""What every test shares: Hypothesis without a deadline, and tests that need the compiler skipped where it is off."""

from __future__ import annotations

import os

import hypothesis
import pytest
from numba.core import config

# The first example may compile a kernel: no deadline. On a CI machine a failure must come back in the next run.
hypothesis.settings.register_profile("scanengine", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("scanengine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("jit_only"):
                item.add_marker(pytest.mark.skip(reason="the JIT is disabled"))
