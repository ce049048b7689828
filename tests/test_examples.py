"""What Hypothesis draws in the suite: the same everywhere, whatever has run before."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn() -> list[float]:
    """The examples of a property."""
    found: list[float] = []

    @given(st.lists(st.floats(0.0, 1e6), max_size=20))
    def note(numbers: list[float]) -> None:
        found.extend(numbers)

    note()
    return found


def test_examples_are_the_same_again_and_after_other_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = drawn()
    assert len(before) > 500
    module = tmp_path / "numbers_of_a_module.py"
    module.write_text("\n".join(f"N_{n} = {n + 0.123456789}" for n in range(1000)))
    spec = importlib.util.spec_from_file_location("numbers_of_a_module", module)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "numbers_of_a_module", made)
    spec.loader.exec_module(made)
    assert drawn() == before


def test_no_example_is_kept_for_another_run() -> None:
    assert settings().derandomize
    assert settings().database is None
