"""Standard output and error as they are in the world: closed, full, of few characters, or left by their reader.

What is printed is never lost with an exception in the midst of the work, and never gives a terminal orders.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from scanengine import errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = range(3)
"""File descriptors of input, output and errors."""


class _Sink(io.RawIOBase):
    """Bytes written to a stream for as long as it takes them: its first error is kept, and what follows let go."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def write(self, data: ReadableBuffer) -> int:
        if self.error is None:
            try:
                while (written := self._raw.write(data)) is None:  # a terminal or pipe that does not wait
                    select.select([], [self._raw], [])
            except OSError as error:
                self.error = error
            else:
                return int(written)
        return memoryview(data).nbytes


class _Printed(io.TextIOWrapper):
    """Text written with control characters as escapes, and those that the encoding has not."""

    def write(self, text: str) -> int:
        self.write_as_it_is(errors.on_lines(text))
        return len(text)

    def write_as_it_is(self, text: str) -> int:
        return super().write(text)


class _AsItIs:
    """A stream for what moves the cursor on purpose."""

    def __init__(self, stream: _Printed) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write_as_it_is(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Escaped:
    """A stream put in the place of standard output or error by others, which hears of no control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(errors.on_lines(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Print through streams that cannot fail, until the end of the block."""
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    try:
        sys.stdout, sys.stderr = _guard(sys.stdout), _guard(sys.stderr, by_line=True)
        yield
    finally:
        _flush()
        sys.stdout, sys.stderr = before


def end(status: int) -> int:
    """Write what was printed; return the exit status, which is 1 if standard output did not take all of a good end.

    A reader who has gone needs no word; of another fault standard error is told.
    """
    _flush()
    error = _error(sys.stdout)
    if error is None:
        return status
    if error.errno != errno.EPIPE:
        print(f"error: standard output cannot be written: {error.strerror or error}", file=sys.stderr)
        _flush()
    return status or 1


def terminal() -> TextIO:
    """Return standard error for what moves the cursor on purpose: it takes control characters as they are."""
    return cast("TextIO", _AsItIs(sys.stderr)) if isinstance(sys.stderr, _Printed) else sys.stderr


def escape_beside_a_bar() -> None:
    """Escape control characters in what is printed while a progress bar has put itself before the streams.

    The bar puts back what was there before it, whatever is there now.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Printed):
            setattr(sys, name, _Escaped(stream))


def _open_what_is_closed() -> None:
    """Give closed standard streams to nobody: the next file that is opened would be printed into."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _guard(stream: TextIO | None, *, by_line: bool = False) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    buffer = getattr(stream, "buffer", None)
    if buffer is None:  # not a file: put there by a program that runs the command line within itself
        return cast("TextIO", _Escaped(stream))
    with suppress(OSError, ValueError):
        stream.flush()
    sink = _Sink(getattr(buffer, "raw", buffer))
    by_line = by_line or sink.isatty()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return _Printed(io.BufferedWriter(sink), encoding, "backslashreplace", line_buffering=by_line)


def _error(stream: TextIO) -> OSError | None:
    return stream.buffer.raw.error if isinstance(stream, _Printed) else None  # type: ignore[attr-defined]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
