"""The tests lie as the code does."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
LIBRARY = TESTS.parent / "scanengine"
OTHER = {"baseline", "docs", "faults", "kernels", "scans", "valleys"}
"""Folders that test no folder of the library, or hold what tests compare with."""
LOOSE = {"test_examples.py", "test_house.py"}


def test_each_folder_of_tests_is_one_of_the_library() -> None:
    folders = {folder.name for folder in TESTS.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert folders - OTHER <= {folder.name for folder in LIBRARY.iterdir() if folder.is_dir()}
    assert {file.name for file in TESTS.glob("test_*.py")} == LOOSE


def test_no_module_of_the_library_lies_loose() -> None:
    assert {file.name for file in LIBRARY.glob("*.py")} == {"__init__.py", "__main__.py", "errors.py"}
