"""Every public name has a docstring with an example, and does what the example says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import scanengine

NAMES = [name for name in scanengine.__all__ if name not in ("ScanengineError", "RunError", "Interrupted")]
"""Errors that a user does not provoke have no example."""


@pytest.mark.jit_only
@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_is_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = getattr(scanengine, name).__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, {"scanengine": scanengine}, name, None, None)
    assert example.examples
    failed = doctest.DocTestRunner(verbose=False).run(example).failed
    assert not failed, capsys.readouterr().out
