"""Standard output and error that are closed, full, of few characters or left: the work is done, and the end is told."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scanengine import errors
from scanengine.cli import streams
from tests.scan_files import SMALL


class Broken(io.RawIOBase):
    """A stream that takes some bytes and no more."""

    def __init__(self, number: int, room: int) -> None:
        super().__init__()
        self.number, self.room, self.taken = number, room, b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if not self.room:
            raise OSError(self.number, os.strerror(self.number))
        part = bytes(data)[: self.room]
        self.room -= len(part)
        self.taken += part
        return len(part)


Put = Callable[[str, io.RawIOBase, str], None]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    def put(name: str, raw: io.RawIOBase, encoding: str) -> None:
        stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding)
        monkeypatch.setattr(sys, name, stream)

    return put


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EPIPE, ""),
        (errno.ENOSPC, "error: standard output cannot be written: No space left on device\n"),
        (errno.EIO, "error: standard output cannot be written: Input/output error\n"),
    ],
)
def test_output_that_is_not_taken_ends_no_work_but_is_told(put: Put, number: int, told: str) -> None:
    out, err = Broken(number, 5), Broken(errno.EIO, 10_000)
    put("stdout", out, "utf-8")
    put("stderr", err, "utf-8")
    with streams.guarded():
        sys.stdout.write("one, two\n")
        sys.stdout.flush()
        sys.stdout.write("three\n")
        sys.stdout.flush()
        assert streams.end(0) == 1
        assert streams.end(2) == 2
    assert out.taken == b"one, "
    assert err.taken.decode() == 2 * told


def test_errors_that_nobody_takes_end_nothing(put: Put) -> None:
    out = Broken(errno.EIO, 10_000)
    put("stdout", out, "utf-8")
    put("stderr", Broken(errno.ENOSPC, 0), "utf-8")
    with streams.guarded():
        sys.stderr.write("a warning\n")
        sys.stdout.write("a result\n")
        assert streams.end(0) == 0
    assert out.taken == b"a result\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp437"])
def test_what_an_encoding_has_not_is_an_escape(put: Put, encoding: str) -> None:
    out = Broken(errno.EIO, 10_000)
    put("stdout", out, encoding)
    said = "\U0001f600 \u4e2d \xe9 \udc80 \x1b]0;x\x07 \u202e"
    with streams.guarded():
        sys.stdout.write(said)
    shown = out.taken.decode(encoding)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b]0;x\x07 \u202e" in shown
    assert r"\udc80" in shown
    assert ("\U0001f600" in shown) == (encoding == "utf-8")


def test_streams_are_put_back(put: Put) -> None:
    put("stdout", Broken(errno.EPIPE, 0), "utf-8")
    before = sys.stdout, sys.stderr
    with streams.guarded():
        sys.stdout.write("lost\n")
    assert (sys.stdout, sys.stderr) == before


KEPT = (
    *("m\u03bd\u00b2 \u4e2d\u6587", "10\u2009kg", "\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f52c"),
    "$\\frac{$ [red] <b>",
)
CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
DIRECTIONS = (0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
ORDERS = (*CONTROLS, *DIRECTIONS, 0xAD, 0x2028, 0xFEFF, 0xD800, 0xE0041)


def test_text_keeps_its_letters_and_gives_no_orders() -> None:
    for kept in KEPT:
        assert errors.on_one_line(kept) == errors.on_lines(kept) == kept
    for code in ORDERS:
        shown = errors.on_one_line(f"a{chr(code)}b")
        assert shown.isprintable()
        assert shown.startswith("a\\")
        assert (errors.on_lines(chr(code)) == chr(code)) == (chr(code) in "\n\t")


PLACES = {
    "closed": ({}, [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"], 0),
    "full": ({}, [">/dev/full", ">/dev/full 2>&1"], 1),
    "errors full": ({}, ["2>/dev/full"], 0),
    "ascii": ({"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}, [""], 0),
    "left": ({}, ["| true; exit ${PIPESTATUS[0]}"], 1),
}


@pytest.mark.jit_only
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full device is Linux's")
@pytest.mark.parametrize("place", [pytest.param(p, marks=[] if p == "full" else pytest.mark.slow) for p in PLACES])
def test_a_scan_is_done_and_drawn_whatever_takes_what_it_prints(tmp_path: Path, place: str) -> None:
    variables, redirections, status = PLACES[place]
    (tmp_path / "a.toml").write_text(SMALL.replace("Two axes", r"\U0001F600 \u001b[2J"), encoding="utf-8")
    for redirection in redirections:
        command = f"{sys.executable} -m scanengine run a.toml --overwrite {redirection}"
        for made in ("a.h5", "a.png"):
            (tmp_path / made).unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert b"bug" not in done.stderr
        assert b"Traceback" not in done.stderr
        assert (tmp_path / "a.h5").exists()
        assert (tmp_path / "a.png").exists()


IMPORT = "import scanengine_kernels, numba, numba.np.ufunc.parallel"


@pytest.mark.jit_only
@pytest.mark.parametrize("threads", ["0", "-1"])
def test_numba_is_given_threads_whatever_its_variable_says(threads: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={**os.environ, "NUMBA_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
