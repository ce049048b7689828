"""How far a command is: a bar on a terminal, a line now and then in a log, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scanengine.cli import streams
from scanengine.errors import on_one_line

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

_LOG_SECONDS = 10.0


@contextmanager
def progress(title: str, what: str = "points") -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error: a bar on a terminal, now and then a line in a log."""
    if sys.stderr.isatty():
        from rich.progress import TaskProgressColumn, TimeRemainingColumn

        with _bar(TaskProgressColumn(), TimeRemainingColumn()) as bar:
            task = bar.add_task(on_one_line(title))
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = last = time.monotonic()
    first = 0

    def log(done: int, total: int) -> None:
        nonlocal began, last, first
        now = time.monotonic()
        if not first:  # the first tile may have waited for the compiler
            began, first = now, done
        if now - last > _LOG_SECONDS and done > first:
            last = now
            left = (now - began) * (total - done) / (done - first)
            print(f"{done / total:.1%} of {total:.3g} {what}, about {left:.0f} s left", file=sys.stderr)

    yield log


@contextmanager
def steps(what: str, names: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Show on standard error which of some named steps runs: a bar on a terminal, a line for each in a log."""
    if sys.stderr.isatty():
        from rich.progress import MofNCompleteColumn, TimeElapsedColumn

        with _bar(MofNCompleteColumn(), TimeElapsedColumn()) as bar:
            task = bar.add_task(what, total=len(names))
            yield lambda done: bar.update(task, completed=done, description=on_one_line(names[done]))
            bar.update(task, completed=len(names), description=what)
        return
    yield lambda done: print(f"{done + 1} of {len(names)}: {names[done]}", file=sys.stderr)


@contextmanager
def _bar(*columns: ProgressColumn) -> Iterator[Progress]:
    """Draw a bar on standard error; what is printed to a terminal meanwhile stands above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    description = TextColumn("{task.description}", markup=False)  # brackets are the title's own
    console = Console(file=streams.terminal())
    with Progress(description, BarColumn(), *columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        streams.escape_beside_a_bar()
        yield bar
