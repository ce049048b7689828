"""A line that shows how far a scan is, in a notebook and on a terminal."""

from __future__ import annotations

import sys
import types

import pytest

from scanengine import Scan
from scanengine.api.progress import told
from scanengine.definition import parse
from tests.scan_files import SMALL


def test_a_run_tells_until_it_is_done(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    scan = Scan(parse(SMALL))
    scan.run(progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("\rTwo axes: 100% of 7.21e+03 points\n")
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    scan.run(progress=True)
    assert capsys.readouterr().out.endswith("100% of 7.21e+03 points\n")
    scan.run(progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_line_says_how_long_it_will_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 1.0, 1.1, 2.0, 3.0))
    monkeypatch.setattr("scanengine.api.progress.time.monotonic", lambda: next(clock))
    line = told(True, "Title", "pseudo-experiments")
    assert line is not None
    for done in (100, 150, 200, 1000):
        line(done, 1000)
    lines = capsys.readouterr().err.split("\r")[1:]
    assert lines[0] == "Title: 10% of 1e+03 pseudo-experiments"
    assert lines[1] == "Title: 20% of 1e+03 pseudo-experiments, about 8 s left"
    assert lines[2].startswith("Title: 100% of 1e+03 pseudo-experiments ")
    assert len(lines) == 3


def test_a_function_is_called_as_it_is() -> None:
    seen: list[tuple[int, int]] = []
    Scan(parse(SMALL)).run(progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7209, 7209)
    assert told(None, "") is None
